/**
 * How the newest answers stand, counted by role: from the commits of the history, each read once. What was read is kept in a file by the commit that it
 * is true of, so that the next look, of whatever process, reads only what came after.
 *
 *   none, torn, or of a commit that is not below the tip -> all commits are read -> kept -> the newer ones are read and added
 *
 * Invariants: it decides nothing (daemon/acceptance.ts does), it only counts, and standingOf is who makes a standing of verdicts; the file may be deleted at
 * any time. A commit that is no record of docket's own in front of what is known (a merge, a purge) makes it read all again: their order is not time's.
 */

import type { History, LogEntry } from '#core/history.ts';
import { NO_STANDINGS, type StandingCounts } from '#core/glance.ts';
import { isSha256, parseFeature, parsePromptName, parseRoleName, type RoleName, type Sha256 } from '#core/names.ts';
import type { Clock, Fs } from '#core/ports.ts';
import type { Identity } from '#core/prompt.ts';
import type { Role } from '#core/role.ts';
import { ruleOf, standingOf, VERDICTS, type Said, type Standing, type VerdictWord } from '#core/verdict.ts';

type Word = { readonly email: string; readonly verdict: VerdictWord; readonly result: Sha256; readonly at: string };
/** The newest answered revision of a series. */
type Row = { readonly revision: number; result: Sha256 | null; words: readonly Word[] };
type Rows = Map<string, Row>;
/** `closed`: features whose last word is that they are closed, in small letters. */
type Known = { readonly tip: string; readonly rows: Rows; readonly closed: Set<string> };

export type Board = {
  /** By role name; roles without an answer are not in it. Throws what the history throws. */
  standings(): Promise<ReadonlyMap<RoleName, StandingCounts>>;
};

export type BoardPorts = {
  readonly history: Pick<History, 'log'>;
  readonly fs: Pick<Fs, 'readBounded' | 'writeDerived' | 'rename' | 'unlink'>;
  /** Where it is kept. */
  readonly file: string;
  readonly roles: ReadonlyMap<RoleName, Role>;
  /** review.unreviewed_roles */
  readonly listed: readonly string[];
  /** Who wrote the prompt and what became of the code decide too (daemon/acceptance.ts); asked of what would be accepted without them. Null: not there. */
  readonly standing: (identity: Identity) => Promise<Standing | null>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
};

const FILE_BYTES_MAX = 256_000_000;
const VERSION = 2;
/** Files of the code may change without a word: how answers that changed some stand is asked again after this time. */
const ASKED_MS = 10_000;
/** Written anew after so many commits: a walk over fewer costs less than writing. */
const NEW_COMMITS = 2_000;

const isWord = (text: string): text is VerdictWord => (VERDICTS as readonly string[]).includes(text);
const emailIn = (reviewer: string): string => /<([^<>]*)>\s*$/.exec(reviewer)?.[1] ?? reviewer;

/** What a commit of docket says of an answer; null: of none. Undefined: it is no record of docket's. */
function saidBy({
  trailers,
  at,
}: LogEntry): { key: string; revision: number; result: Sha256 | null; word: Word | null } | null | undefined {
  const { 'Docket-Feature': feature = '', 'Docket-Role': role = '', 'Docket-Name': name = '', 'Docket-Verdict': verdict } = trailers;
  const status = trailers['Docket-Status'];
  if (status === undefined && verdict === undefined) return undefined;
  const result = trailers['Result-SHA256'] ?? '';
  const revision = Number(trailers['Docket-Revision'] ?? Number.NaN);
  if (!Number.isSafeInteger(revision) || !isSha256(result)) return null;
  const key = `${role} ${feature.toLowerCase()} ${name}`;
  if (verdict === undefined) return status === 'answered' ? { key, revision, result, word: null } : null;
  if (!isWord(verdict)) return null;
  return { key, revision, result: null, word: { email: emailIn(trailers['Docket-Reviewer'] ?? ''), verdict, result, at } };
}

/** @param fresh newest first; what they say is put into the rows, the oldest first */
function apply(rows: Rows, fresh: readonly NonNullable<ReturnType<typeof saidBy>>[]): void {
  for (const { key, revision, result, word } of fresh.toReversed()) {
    const row = rows.get(key);
    if (row === undefined || revision > row.revision) rows.set(key, { revision, result, words: word === null ? [] : [word] });
    else if (revision === row.revision) {
      row.result = result ?? row.result;
      if (word !== null) row.words = [...row.words, word];
    }
  }
}

/** Null: there is none that can be used. */
async function readKept({ fs, file }: BoardPorts): Promise<Known | null> {
  try {
    const data: unknown = JSON.parse(new TextDecoder().decode((await fs.readBounded(file, FILE_BYTES_MAX)).bytes));
    if (typeof data !== 'object' || data === null || !('v' in data) || data.v !== VERSION) return null;
    const { tip, rows, closed } = data as unknown as {
      readonly tip: string;
      readonly closed: readonly string[];
      readonly rows: readonly [string, number, Sha256 | null, Row['words']?][];
    };
    return {
      tip,
      rows: new Map(rows.map(([key, revision, result, words = []]) => [key, { revision, result, words }])),
      closed: new Set(closed),
    };
  } catch {
    return null;
  }
}

/** What cannot be written is worked out again by the next who looks. */
async function keep({ fs, file }: BoardPorts, { tip, rows, closed }: Known): Promise<void> {
  const list = [...rows].map(([key, { revision, result, words }]) =>
    words.length === 0 ? [key, revision, result] : [key, revision, result, words],
  );
  const draft = `${file}.new`;
  try {
    await fs.writeDerived(draft, `${JSON.stringify({ v: VERSION, tip, closed: [...closed], rows: list })}\n`, 0o600);
    await fs.rename(draft, file);
  } catch {
    await fs.unlink(draft).catch(() => undefined);
  }
}

export function makeBoard(ports: BoardPorts): Board {
  let known: Known | null = null;
  let isKept = false;
  let sinceKept = 0;
  const asked = new Map<string, { readonly version: string; readonly standing: Standing; readonly atMs: number }>();
  let turn: Promise<unknown> = Promise.resolve();

  async function look(): Promise<Pick<Known, 'rows' | 'closed'>> {
    if (known === null) {
      known = await readKept(ports);
      isKept = known !== null;
    }
    const before: Known | null = known;
    const fresh: NonNullable<ReturnType<typeof saidBy>>[] = [];
    const ends: LogEntry[] = [];
    let tip: string | null = null;
    let read = 0;
    let isReached = false;
    let isPlain = true;
    for await (const entry of ports.history.log({})) {
      tip ??= entry.commit;
      if (isPlain && entry.commit === before?.tip) {
        isReached = true;
        break;
      }
      read++;
      const said = saidBy(entry);
      if (isClosing(entry)) ends.push(entry);
      else if (said === undefined) isPlain = false;
      if (said !== undefined && said !== null) fresh.push(said);
    }
    if (tip === null) return { rows: new Map(), closed: new Set() };
    const rows: Rows = isReached && before !== null ? before.rows : new Map();
    const closed: Set<string> = isReached && before !== null ? before.closed : new Set();
    apply(rows, fresh);
    for (const { trailers } of ends.toReversed()) {
      const feature = (trailers['Docket-Feature'] ?? '').toLowerCase();
      if (trailers['Docket-Closing'] === 'closed') closed.add(feature);
      else closed.delete(feature);
    }
    known = { tip, rows, closed };
    sinceKept += read;
    if (!isKept || !isReached || sinceKept >= NEW_COMMITS) {
      await keep(ports, known);
      isKept = true;
      sinceKept = 0;
    }
    return { rows, closed };
  }

  async function standing(key: string, { revision, words }: Row, result: Sha256, role: Role): Promise<Standing> {
    const rule = ruleOf(role, ports.listed);
    if (words.length === 0) return rule.review === 'none' ? 'unreviewed' : 'awaiting';
    const said = standingOf(rule, words.map(saidOf), { resultSha256: result, author: null });
    if (said !== 'accepted' || (role.emits !== 'changes' && rule.authorMayApprove)) return said;
    const [, featureText = '', nameText = ''] = key.split(' ');
    const feature = parseFeature(featureText);
    const name = nameText === '' ? null : parsePromptName(nameText);
    if (!feature.ok || name?.ok === false) return said;
    const version = `${String(revision)} ${String(words.length)}`;
    const before = asked.get(key);
    const nowMs = ports.clock.monotonicMs();
    if (before?.version === version && nowMs - before.atMs < ASKED_MS) return before.standing;
    const identity = { feature: feature.value.id, role: role.name, name: name?.value ?? null, revision };
    const found = (await ports.standing(identity)) ?? said;
    asked.set(key, { version, standing: found, atMs: nowMs });
    return found;
  }

  async function count(): Promise<ReadonlyMap<RoleName, StandingCounts>> {
    const counts = new Map<RoleName, Record<Standing, number>>();
    const { rows, closed } = await look();
    for (const [key, row] of rows) {
      const role = parseRoleName(key.slice(0, key.indexOf(' ')));
      const asks = role.ok ? ports.roles.get(role.value) : undefined;
      // A role that is not installed any more: nobody can say what it asks of its reviewers. A verdict about what is not there: nothing is counted.
      if (asks === undefined || row.result === null) continue;
      const mine = counts.get(asks.name) ?? { ...NO_STANDINGS };
      const stands = await standing(key, row, row.result, asks);
      // A closed feature takes no verdict, so nothing of it awaits one.
      const isOver = (stands === 'awaiting' || stands === 'lapsed') && closed.has(key.split(' ')[1] ?? '');
      if (!isOver) mine[stands] += 1;
      counts.set(asks.name, mine);
    }
    return counts;
  }

  return {
    async standings() {
      const mine = turn.then(count);
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** A closing or a reopening: it says nothing of an answer. */
const isClosing = ({ subject }: LogEntry): boolean => /^ai\([^)]*\): (?:closed|reopened)\b/.test(subject);

const saidOf = ({ email, verdict, result }: Word): Said => ({
  by: { name: '', email },
  verdict,
  result_sha256: result,
  code: { head: null, files: [] },
});
