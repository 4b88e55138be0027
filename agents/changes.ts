/**
 * Does an answer list just the files that its run changed? Pure. The list is `changes:` in a `yaml` fence, such as the handover:
 *
 *   changes:
 *     - { path: src/users/query.ts, kind: create }      kind: create, modify, delete; a rename is a delete and a create
 *
 * Both directions are looked at: what is listed was changed in this way, and what was changed is listed. No change at all is `changes: []`.
 */

import type { FileChange } from '#core/scope.ts';
import { readDocument, type DocumentRead } from '#prompt-spec/safe-yaml.ts';
import type { AnswerShape, Fence } from './check-answer.ts';
import type { Flaw } from './contract.ts';

const KINDS = ['create', 'modify', 'delete'] as const;
type Kind = (typeof KINDS)[number];
type Listed = { readonly path: string; readonly kind: Kind; readonly line: number; readonly column: number };

/** A handover is a page: a longer block is none, and all of them together are no longer. They are read on the daemon's own time. */
const LISTS_MAX = 262_144;
const FORM = '`- { path: src/a.ts, kind: create | modify | delete }`';

const kindOf = ({ change }: Pick<FileChange, 'change'>): Kind => (change === 'mode' ? 'modify' : change);

/** @param changed null: nobody knows what was changed, so only the form is looked at */
export function changesFlaws(answer: AnswerShape, changed: readonly Pick<FileChange, 'path' | 'change'>[] | null): Flaw[] {
  const lists = answer.fences.filter((fence) => fence.word === 'yaml' && /^changes:/m.test(fence.text) && fence.text.length <= LISTS_MAX);
  const [first] = lists;
  if (first === undefined)
    return [
      {
        line: 0,
        column: 0,
        message: `the answer lacks a \`changes:\` list of each file that you changed, each ${FORM}, in a fenced block that opens with \`\`\`yaml (nothing changed: \`changes: []\`)`,
      },
    ];
  const flaws: Flaw[] = [];
  const listed = new Map<string, Listed>();
  let length = 0;
  for (const fence of lists) {
    length += fence.text.length;
    if (length > LISTS_MAX)
      return [
        {
          line: fence.line,
          column: 1,
          message: `the lists under \`changes:\` have more than ${String(LISTS_MAX)} characters together: write one list, in one block`,
        },
      ];
    for (const one of listIn(fence, flaws)) {
      const earlier = listed.get(one.path);
      if (earlier === undefined) listed.set(one.path, one);
      else flaws.push({ line: one.line, column: one.column, message: `${one.path} is listed already, in line ${String(earlier.line)}` });
    }
  }
  if (flaws.length > 0 || changed === null) return flaws;
  const really = new Map(changed.map((one) => [one.path, kindOf(one)]));
  for (const { path, kind, line, column } of listed.values()) {
    const found = really.get(path);
    if (found === kind) continue;
    const message =
      found === undefined
        ? `${path} is listed as ${kind}, and it was not changed`
        : `${path} is listed as ${kind}, and it was changed by ${found}`;
    flaws.push({ line, column, message });
  }
  for (const [path, kind] of really)
    if (!listed.has(path))
      flaws.push({ line: first.line, column: 1, message: `${path} was changed (${kind}), and it is not listed under \`changes:\`` });
  return flaws;
}

function listIn(fence: Fence, flaws: Flaw[]): Listed[] {
  const read = readDocument(fence.text, fence.line + 1);
  const tell = (path: readonly string[], message: string): void => {
    flaws.push({ ...placeIn(read, fence, path), message });
  };
  for (const { line, column, message, found, mend } of read.faults)
    flaws.push({ line, column: column + fence.indent, message: `${message}: ${found} (${mend})` });
  if (read.faults.length > 0) return [];
  const list = fieldOf(read.value, 'changes');
  if (!Array.isArray(list)) {
    tell(['changes'], `\`changes\` is a list, each ${FORM}; nothing changed: \`changes: []\``);
    return [];
  }
  return list.flatMap((one: unknown, index): Listed[] => {
    const at = ['changes', String(index)];
    const [path, kind] = [fieldOf(one, 'path'), fieldOf(one, 'kind')];
    const known = KINDS.find((name) => name === kind);
    if (typeof path === 'string' && path !== '' && known !== undefined)
      return [{ path: path.replace(/^(?:\.\/)+/, ''), kind: known, ...placeIn(read, fence, at) }];
    tell(at, `an entry of \`changes\` is ${FORM}`);
    return [];
  });
}

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;

function placeIn(read: DocumentRead, fence: Fence, path: readonly string[]): { readonly line: number; readonly column: number } {
  const spot = read.spotOf(path);
  return spot === null ? { line: fence.line, column: 1 } : { line: spot.key.line, column: spot.key.column + fence.indent };
}
