/**
 * What differs between two texts, line by line, as a unified diff: the shortest edit by Myers, "An O(ND) Difference Algorithm" (1986).
 * Texts that differ in more lines than the limit are not compared line by line; the words say so.
 */

const EDITS_MAX = 2_000;
const CONTEXT = 3;

type Step = { readonly sign: ' ' | '-' | '+'; readonly line: string };

/** A line keeps its end, so that a last line without one differs from one with it. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** Null: more than EDITS_MAX lines differ. */
function steps(before: readonly string[], after: readonly string[]): Step[] | null {
  const max = Math.min(before.length + after.length, EDITS_MAX);
  const trace: Int32Array[] = [];
  const reach = new Int32Array(2 * max + 3);
  const at = (k: number): number => k + max + 1;
  for (let edits = 0; edits <= max; edits++) {
    trace.push(reach.slice(at(-edits - 1), at(edits + 1) + 1));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reach[at(k - 1)] ?? 0) < (reach[at(k + 1)] ?? 0));
      let x = down ? (reach[at(k + 1)] ?? 0) : (reach[at(k - 1)] ?? 0) + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x++;
      reach[at(k)] = x;
      if (x >= before.length && x - k >= after.length) return walkBack(before, after, trace, edits);
    }
  }
  return null;
}

function walkBack(before: readonly string[], after: readonly string[], trace: readonly Int32Array[], edits: number): Step[] {
  const path: Step[] = [];
  let x = before.length;
  let y = after.length;
  for (let d = edits; d >= 0; d--) {
    const row = trace[d] ?? new Int32Array();
    // Row d begins at diagonal -d - 1.
    const reached = (k: number): number => row[k + d + 1] ?? 0;
    const k = x - y;
    const down = k === -d || (k !== d && reached(k - 1) < reached(k + 1));
    const fromX = d === 0 ? 0 : down ? reached(k + 1) : reached(k - 1) + 1;
    const fromY = d === 0 ? 0 : fromX - k;
    while (x > fromX && y > fromY) {
      path.push({ sign: ' ', line: before[x - 1] ?? '' });
      x--;
      y--;
    }
    if (d === 0) break;
    if (down) path.push({ sign: '+', line: after[--y] ?? '' });
    else path.push({ sign: '-', line: before[--x] ?? '' });
  }
  return path.toReversed();
}

const shown = ({ sign, line }: Step): string => (line.endsWith('\n') ? `${sign}${line}` : `${sign}${line}\n\\ No newline at end of file\n`);

function hunk(all: readonly Step[], from: number, to: number): string {
  const count = (until: number, sign: '-' | '+'): number =>
    all.slice(0, until).filter((step) => step.sign === ' ' || step.sign === sign).length;
  const part = all.slice(from, to);
  const size = (sign: '-' | '+'): number => part.filter((step) => step.sign === ' ' || step.sign === sign).length;
  const place = (sign: '-' | '+'): string => `${String(count(from, sign) + (size(sign) === 0 ? 0 : 1))},${String(size(sign))}`;
  return `@@ -${place('-')} +${place('+')} @@\n${part.map(shown).join('')}`;
}

export type TextDiff = { readonly text: string; readonly added: number; readonly removed: number };

/** Null: they are the same. */
export function diffText(before: string, after: string, names: { readonly before: string; readonly after: string }): TextDiff | null {
  if (before === after) return null;
  const head = `--- ${names.before}\n+++ ${names.after}\n`;
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const all = steps(old, fresh);
  if (all === null)
    return { text: `${head}@@ more than ${String(EDITS_MAX)} lines differ: look at both @@\n`, added: fresh.length, removed: old.length };
  const changed = all.flatMap(({ sign }, index) => (sign === ' ' ? [] : [index]));
  const hunks: { from: number; to: number }[] = [];
  for (const index of changed) {
    const last = hunks.at(-1);
    if (last !== undefined && index - CONTEXT <= last.to) last.to = Math.min(all.length, index + 1 + CONTEXT);
    else hunks.push({ from: Math.max(0, index - CONTEXT), to: Math.min(all.length, index + 1 + CONTEXT) });
  }
  return {
    text: `${head}${hunks.map(({ from, to }) => hunk(all, from, to)).join('')}`,
    added: all.filter(({ sign }) => sign === '+').length,
    removed: all.filter(({ sign }) => sign === '-').length,
  };
}
