/**
 * What must be true after any story, whatever was killed, filled or started twice. Looks from outside only: in/, out/, archive/, that work/ is empty,
 * the history through plain git, and `docket verify`.
 *
 *   each dropped prompt -> one name in in/ (`.processed`; one that is not valid: `.rejected` and an error page, no record), its bytes untouched
 *                       -> `_result.md` byte for byte as a start of the tool printed it, `_evidence.json` that owns up to each start
 *                       -> one submission and one answer in history, with the hashes of these very bytes
 *   nothing else in in/, out/, archive/ and work/; git status and fsck clean; docket verify finds nothing
 *
 * A finding is `lost` (a prompt, answer or record is missing), `doubled` (there twice, or its tool was started more often than allowed), `wrong` (other
 * bytes, other end) or `left` (something lies where nothing should). Invariant: a story that went well has no findings, and no story hides one.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Statement } from '#core/evidence.ts';
import { DOCKET, type Rig } from '#test/support/rig.ts';
import { answerOf, ROLES, type Dropped, type Started, type Story } from './story.ts';

export type FindingKind = 'lost' | 'doubled' | 'wrong' | 'left';
export type Finding = { readonly kind: FindingKind; readonly what: string };
export type Verdict = {
  readonly prompts: number;
  readonly starts: number;
  readonly findings: readonly Finding[];
  count(kind: FindingKind): number;
};
export type Allowed = {
  /** How often the tool may be started for one prompt: more than once only where a run itself was ended. */
  readonly startsMax?: number | ((stem: string) => number);
  /** A tool failed on its own account (its disk was full too): the raw output of that attempt lies in archive/. */
  readonly hasFailedAttempts?: boolean;
  /** Folders of roles on a file system in user space: names may carry the job's id, and work/ has its mark (docs/folders.md). */
  readonly foreign?: ReadonlySet<string>;
};

const VERIFY_MS_MAX = 900_000;

type Committed = {
  readonly prompt: string;
  readonly status: string;
  readonly result: string;
  readonly evidence: string;
  readonly job: string;
};

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** As `git hash-object` does it. */
const blobId = (bytes: Uint8Array): string =>
  createHash('sha1')
    .update(`blob ${String(bytes.length)}\0`)
    .update(bytes)
    .digest('hex');
const listed = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

function committed(rig: Rig): Committed[] {
  const keys = ['Prompt-SHA256', 'Docket-Status', 'Result-SHA256', 'Evidence-SHA256', 'Docket-Job'];
  const format = keys.map((key) => `%(trailers:key=${key},valueonly,separator=%x2c)`).join('%x09');
  return rig
    .git('log', `--format=${format}`)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [prompt = '', status = '', result = '', evidence = '', job = ''] = line.split('\t');
      return { prompt, status, result, evidence, job };
    });
}

/** Path in the tip -> blob. */
function tip(rig: Rig): ReadonlyMap<string, string> {
  const lines = rig.git('ls-tree', '-r', '-z', '--format=%(objectname)%x09%(path)', 'HEAD').split('\0');
  return new Map(
    lines.filter((line) => line !== '').map((line) => [line.slice(line.indexOf('\t') + 1), line.slice(0, line.indexOf('\t'))] as const),
  );
}

/** The daemon must have been stopped. */
export function judge(story: Story, { startsMax = 1, hasFailedAttempts = false, foreign = new Set() }: Allowed = {}): Verdict {
  const { rig, dropped } = story;
  const findings: Finding[] = [];
  const find = (kind: FindingKind, what: string): void => void findings.push({ kind, what });
  const starts = story.starts();
  const ask = <T>(read: (rig: Rig) => T, otherwise: T): T => {
    try {
      return read(rig);
    } catch (error) {
      find('wrong', `the history cannot be read: ${String(error)}`);
      return otherwise;
    }
  };
  const records = Map.groupBy(ask(committed, []), ({ prompt }) => prompt);
  const files = ask(tip, new Map<string, string>());
  const startsOf = Map.groupBy(starts, ({ stem }) => stem);

  for (const one of dropped) {
    const ofIt = records.get(sha256(one.text)) ?? [];
    judgePrompt(rig, one, foreign.has(one.folder), find);
    if (one.end === 'rejected') {
      judgeRejected(rig, one, { starts: startsOf.get(one.stem) ?? [], records: ofIt }, find);
      continue;
    }
    const most = typeof startsMax === 'number' ? startsMax : startsMax(one.stem);
    const known = { starts: startsOf.get(one.stem) ?? [], startsMax: most, records: ofIt, files, isForeign: foreign.has(one.folder) };
    judgeAnswer(rig, one, known, find);
    for (const status of ['submitted', 'answered']) {
      const count = ofIt.filter((record) => record.status === status).length;
      if (count !== 1) find(count === 0 ? 'lost' : 'doubled', `${one.stem}: ${String(count)} records "${status}" in history`);
    }
    const others = ofIt.filter(({ status }) => status !== 'submitted' && status !== 'answered');
    for (const { status } of others) find('wrong', `${one.stem}: a record "${status}" in history`);
  }
  const known = new Set(dropped.map(({ text }) => sha256(text)));
  for (const [hash, [record]] of records)
    if (!known.has(hash)) find('wrong', `history has a record of a prompt that nobody dropped: ${JSON.stringify(record)}`);
  judgeFolders(rig, dropped, { hasFailedAttempts, foreign }, find);
  judgeHistory(rig, find);
  return {
    prompts: dropped.length,
    starts: starts.length,
    findings,
    count: (kind) => findings.filter((finding) => finding.kind === kind).length,
  };
}

type Find = (kind: FindingKind, what: string) => void;

const ID = /\.[a-z0-9]{16}(?=[._])/;
/** Without the job's id, where a name may carry it. */
const plain = (name: string, isForeign: boolean): string => (isForeign ? name.replace(ID, '') : name);

function judgePrompt(rig: Rig, { stem, folder, text, end }: Dropped, isForeign: boolean, find: Find): void {
  const names = listed(rig.in(folder)).filter((name) => name.startsWith(`${stem}.`));
  if (names.length === 0) find('lost', `${stem}: in none of its names in ${folder}/in`);
  if (names.length > 1) find('doubled', `${stem}: ${names.join(', ')} in ${folder}/in`);
  const [name] = names;
  if (name === undefined) return;
  if (plain(name, isForeign) !== `${stem}.${end}`)
    find(name === `${stem}.md` ? 'lost' : 'wrong', `${stem}: ended as ${name}${errorOf(rig, folder, stem)}`);
  if (readFileSync(path.join(rig.in(folder), name), 'utf8') !== text) find('wrong', `${stem}: ${name} has other bytes than were dropped`);
}

/** Nothing was sent anywhere, nothing is recorded; beside it lies why. */
function judgeRejected(rig: Rig, { stem, folder }: Dropped, { starts, records }: Pick<Known, 'starts' | 'records'>, find: Find): void {
  if (starts.length > 0) find('wrong', `${stem}: it was rejected, and its tool was started`);
  if (records.length > 0) find('wrong', `${stem}: it was rejected, and history has ${String(records.length)} records of it`);
  const names = listed(rig.out(folder)).filter((name) => name.replace(ID, '').startsWith(`${stem}_`));
  if (names.map((name) => name.replace(ID, '')).join() !== `${stem}_error.md`)
    find(names.length === 0 ? 'lost' : 'wrong', `${stem}: it was rejected, and beside it lies ${names.join(', ')}`);
}

const errorOf = (rig: Rig, folder: string, stem: string): string => {
  const file = path.join(rig.out(folder), `${stem}_error.md`);
  return existsSync(file) ? `: ${readFileSync(file, 'utf8').slice(0, 600)}` : '';
};

type Known = {
  readonly starts: readonly Started[];
  readonly startsMax: number;
  readonly records: readonly Committed[];
  readonly files: ReadonlyMap<string, string>;
  readonly isForeign: boolean;
};

function judgeAnswer(rig: Rig, one: Dropped, { starts, startsMax, records, files, isForeign }: Known, find: Find): void {
  const { stem, folder, feature } = one;
  if (starts.length === 0) find('lost', `${stem}: its tool was never started`);
  if (starts.length > startsMax) find('doubled', `${stem}: its tool was started ${String(starts.length)} times`);
  const placeOf = (name: string): string => {
    const found = listed(rig.out(folder)).filter((other) => plain(other, isForeign) === name);
    if (found.length > 1) find('doubled', `${stem}: ${found.join(', ')}`);
    return path.join(rig.out(folder), found[0] ?? name);
  };
  const at = { result: placeOf(`${stem}_result.md`), evidence: placeOf(`${stem}_evidence.json`) };
  for (const file of Object.values(at)) if (!existsSync(file)) find('lost', `${stem}: no ${path.basename(file)}`);
  if (!existsSync(at.result) || !existsSync(at.evidence)) return;
  const result = readFileSync(at.result);
  const evidence = readFileSync(at.evidence);
  if (!starts.some(({ nonce }) => answerOf(one, nonce) === result.toString('utf8')))
    find('wrong', `${stem}: its result is not what a start of the tool printed (${String(result.length)} bytes)`);
  const told = (JSON.parse(evidence.toString('utf8')) as Statement).predicate.attempts.reduce((sum, attempt) => sum + attempt.starts, 0);
  // It may tell one more than there was: a start that died before its first line. Never fewer.
  if (told < starts.length) find('wrong', `${stem}: its evidence tells ${String(told)} starts, there were ${String(starts.length)}`);
  if (told > startsMax) find('doubled', `${stem}: its evidence tells ${String(told)} starts`);
  const answer = records.find(({ status }) => status === 'answered');
  if (answer === undefined) return;
  if (answer.result !== sha256(result)) find('wrong', `${stem}: the record has the hash of another result`);
  if (answer.evidence !== sha256(evidence)) find('wrong', `${stem}: the record has the hash of another evidence`);
  const home = `${feature}/${folder}/${stem}`;
  const expected = { 'prompt_v1.md': Buffer.from(one.text), 'result_v1.md': result, 'evidence_v1.json': evidence };
  for (const [name, bytes] of Object.entries(expected)) {
    const blob = files.get(`${home}/${name}`);
    if (blob === undefined) find('lost', `${stem}: history has no ${home}/${name}`);
    else if (blob !== blobId(bytes)) find('wrong', `${stem}: ${home}/${name} in history has other bytes than the file`);
  }
}

/** Nothing but what belongs to the prompts. */
type Kept = { readonly hasFailedAttempts: boolean; readonly foreign: ReadonlySet<string> };

function judgeFolders(rig: Rig, dropped: readonly Dropped[], { hasFailedAttempts, foreign }: Kept, find: Find): void {
  for (const { folder } of ROLES) {
    const mine = dropped.filter((one) => one.folder === folder);
    const own = new Set(mine.map(({ stem }) => stem));
    const isForeign = foreign.has(folder);
    const rejected = new Set(mine.filter(({ end }) => end === 'rejected').map(({ stem }) => `${stem}_error.md`));
    for (const name of listed(rig.in(folder)))
      if (!own.has(plain(name, isForeign).replace(/\.[a-z]+$/, ''))) find('left', `${folder}/in/${name}`);
    for (const name of listed(rig.out(folder)).map((one) => plain(one, isForeign)))
      if (!own.has(name.replace(/_(?:result\.md|evidence\.json)$/, '')) && !rejected.has(name)) find('left', `${folder}/out/${name}`);
    for (const name of listed(path.join(rig.queues, folder, 'work')))
      if (!isForeign || name !== '.docket-home') find('left', `${folder}/work/${name}`);
    if (hasFailedAttempts) continue;
    const archived = globSync('**/*', { cwd: path.join(rig.queues, folder, 'archive') });
    for (const name of archived)
      if (statSync(path.join(rig.queues, folder, 'archive', name)).isFile()) find('left', `${folder}/archive/${name}`);
  }
}

function judgeHistory(rig: Rig, find: Find): void {
  const ask = (name: string, kind: FindingKind, ...args: string[]): void => {
    try {
      const said = rig.git(name, ...args).trim();
      if (said !== '') find(kind, `git ${name}: ${said.split('\n').slice(0, 5).join('; ')}`);
    } catch (error) {
      find('wrong', String(error));
    }
  };
  ask('status', 'left', '--porcelain');
  // A commit that was written and did not become the tip is harmless, and nothing points to it.
  ask('fsck', 'wrong', '--full', '--strict', '--no-dangling');
  for (const name of globSync(['*.lock', 'refs/**/*.lock', 'objects/**/tmp_*'], { cwd: path.join(rig.history, '.git') }))
    find('left', `history/.git/${name}`);
  // Its own call: thousands of prompts on a busy machine take longer than any other verb may.
  const verified = spawnSync(process.execPath, [DOCKET, 'verify', '--json'], {
    cwd: rig.root,
    env: rig.env,
    encoding: 'utf8',
    timeout: VERIFY_MS_MAX,
    maxBuffer: 64_000_000,
  });
  if (verified.status !== 0)
    find(
      'wrong',
      `docket verify ended with ${String(verified.status ?? verified.signal)}: ${verified.stdout.slice(0, 2_000)}${verified.stderr}`,
    );
}

/** Fails with all that was found, not with the first. */
export function assertRight(verdict: Verdict, seed: number): void {
  const { findings } = verdict;
  const shown = findings.slice(0, 40).map(({ kind, what }) => `${kind}: ${what}`);
  const more = findings.length > shown.length ? [`… and ${String(findings.length - shown.length)} more`] : [];
  assert.equal(findings.length, 0, `\n${[...shown, ...more].join('\n')}\n(DOCKET_FAULTS_SEED=${String(seed)})`);
}
