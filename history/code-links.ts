/**
 * Which files a recorded answer produced, for the hooks of the code repository: read from the history without a lock, a database or a running daemon.
 *
 * A file counts as produced when its SHA-256 is that of a file in the evidence's `filesChanged`, of the result itself, or of a fenced block in the
 * result. Nothing is written here, and a history that is being written is read as it was at its tip.
 */

import { createHash } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import { isSha256, parseFeature, parsePromptName, parseRoleName, type Sha256 } from '#core/names.ts';
import type { Fs, Log } from '#core/ports.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { addressOf, standingOf, STRICT_RULE, type ReviewRule, type Standing } from '#core/verdict.ts';
import { evidenceFile, materialPath, promptFile, resultFile } from './layout.ts';
import { listIn, openStatement, textIn } from './loose-json.ts';
import { parseMessage, parseRecord } from './message.ts';
import { decodeCommit, isOid, type Oid } from './objects.ts';
import { openObjects, type ObjectStore } from './read-objects.ts';
import { readTip } from './ref.ts';
import { makeReviews } from './reviews.ts';
import { readStatement } from './statement.ts';
import { isPlaceholder } from './tombstone.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';

/** An answer, as a trailer names it. */
export type CodeLink = {
  /** `FEAT-123/ui@2`, or `FEAT-123/ui/filter-panel@2` for a prompt with a name. */
  readonly record: string;
  /** SHA-256 of the record's commit message: its hash in the chain. */
  readonly hash: Sha256;
  /** SHA-256 of every file that this answer produced. */
  readonly files: readonly Sha256[];
};

export type LinksRead = {
  readonly tip: Oid;
  /** Newest first. */
  readonly links: readonly CodeLink[];
  /** True: what was known before stands below these. False: these are all that is known. */
  readonly isOnTop: boolean;
  /** False: the walk ended at its limit. */
  readonly isWhole: boolean;
};

/** Shorter blocks (`npm test`) are in many files that no answer produced. */
const BLOCK_BYTES_MIN = 32;
const BLOCKS_MAX = 200;
const FILES_MAX = 2_000;
const TEXT_BYTES_MAX = 32_000_000;
const EMPTY = createHash('sha256').digest('hex');

const sha256 = (bytes: Uint8Array | string): Sha256 => createHash('sha256').update(bytes).digest('hex') as Sha256;

export const recordName = ({ feature, role, name, revision }: Identity): string =>
  `${feature}/${role}${name === null ? '' : `/${name}`}@${String(revision)}`;

/** What `recordName` wrote; null for every other text. */
export function parseRecordName(text: string): Identity | null {
  const parts = /^([^/@]+)\/([^/@]+)(?:\/([^/@]+))?@([1-9][0-9]{0,8})$/.exec(text);
  const feature = parseFeature(parts?.[1] ?? '');
  const role = parseRoleName(parts?.[2] ?? '');
  const name = parts?.[3] === undefined ? null : parsePromptName(parts[3]);
  if (parts === null || !feature.ok || !role.ok || name?.ok === false) return null;
  return { feature: feature.value.id, role: role.value, name: name === null ? null : name.value, revision: Number(parts[4]) };
}

/** The bytes of a commit object behind its headers: exactly what is hashed. */
export function recordHash(commit: Buffer): Sha256 {
  const end = commit.indexOf('\n\n');
  return sha256(end < 0 ? '' : commit.subarray(end + 2));
}

/** Contents of the fenced blocks (CommonMark 0.31, 4.5), each with its last line ended, as a file has it. */
export function fencedBlocks(markdown: string): string[] {
  const blocks: string[] = [];
  let open: { readonly fence: string; readonly indent: number } | null = null;
  let lines: string[] = [];
  for (const line of markdown.split(/\r?\n/)) {
    const fence = /^( {0,3})(`{3,}|~{3,})(.*)$/.exec(line);
    if (open === null) {
      if (fence === null || (fence[2]?.startsWith('`') === true && fence[3]?.includes('`') === true)) continue;
      open = { fence: fence[2] ?? '', indent: fence[1]?.length ?? 0 };
      lines = [];
    } else if (fence?.[2]?.startsWith(open.fence) === true && fence[3]?.trim() === '') {
      if (blocks.push(`${lines.join('\n')}\n`) >= BLOCKS_MAX) return blocks;
      open = null;
    } else {
      lines.push(open.indent === 0 ? line : line.replace(new RegExp(`^ {0,${String(open.indent)}}`), ''));
    }
  }
  return blocks;
}

/** `predicate.filesChanged[].sha256` of an evidence. */
function filesChanged(evidence: string): Sha256[] {
  let found: unknown;
  try {
    found = JSON.parse(evidence);
  } catch {
    return [];
  }
  const { predicate } = (found ?? {}) as { predicate?: { filesChanged?: unknown } };
  const list: readonly unknown[] = Array.isArray(predicate?.filesChanged) ? predicate.filesChanged : [];
  return list.slice(0, FILES_MAX).flatMap((one) => {
    const hash = (one as { sha256?: unknown } | null)?.sha256;
    return typeof hash === 'string' && isSha256(hash) ? [hash] : [];
  });
}

async function folderOf(snapshot: Snapshot, { feature, role, name }: Identity): Promise<string | null> {
  for (const top of snapshot.featureFolders(feature)) {
    const folder = await snapshot.roleFolder(top, role);
    if (folder !== null) return name === null ? `${top}/${folder}` : `${top}/${folder}/${name}`;
  }
  return null;
}

/** Null when the file is not there: it was purged, or is longer than a result may be. */
async function textAt(store: ObjectStore, snapshot: Snapshot, path: string): Promise<string | null> {
  const blob = await snapshot.file(path);
  if (blob === null) return null;
  const bytes = await store.readType(blob, 'blob').catch(() => null);
  return bytes === null || bytes.length > TEXT_BYTES_MAX ? null : bytes.toString('utf8');
}

async function linkOf(store: ObjectStore, snapshot: Snapshot, bytes: Buffer): Promise<CodeLink | null> {
  const facts = parseRecord(parseMessage(decodeCommit(bytes).message).trailers);
  if (facts?.status !== 'answered') return null;
  const files = new Set<Sha256>();
  if (facts.resultSha256 !== null) files.add(facts.resultSha256);
  const folder = await folderOf(snapshot, facts.identity);
  if (folder !== null) {
    const evidence = await textAt(store, snapshot, `${folder}/${evidenceFile(facts.identity.revision)}`);
    for (const hash of evidence === null ? [] : filesChanged(evidence)) files.add(hash);
    const result = await textAt(store, snapshot, `${folder}/${resultFile(facts.identity.revision)}`);
    for (const block of result === null ? [] : fencedBlocks(result)) if (block.length >= BLOCK_BYTES_MIN) files.add(sha256(block));
  }
  files.delete(EMPTY as Sha256);
  return { record: recordName(facts.identity), hash: recordHash(bytes), files: [...files] };
}

/**
 * Links of what was recorded since `known`, or of the newest commits when that is null or not below the tip by first parents.
 * @param commitsMax so many commits are looked at, at most
 */
export async function readLinks(fs: Fs, history: string, known: Oid | null, commitsMax: number): Promise<LinksRead | null> {
  const gitDir = `${history}/.git`;
  const tip = await readTip(fs, gitDir);
  if (tip === null) return null;
  const store = openObjects(fs, gitDir);
  try {
    const snapshot = await openSnapshot(store, decodeCommit(await store.readType(tip, 'commit')).tree);
    const links: CodeLink[] = [];
    const seen = new Set<Oid>();
    const waiting: Oid[] = [tip];
    let isOnTop = false;
    let isMerged = false;
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
      if (at === known && !isMerged) {
        isOnTop = true;
        continue;
      }
      if (seen.has(at)) continue;
      if (seen.size >= commitsMax) return { tip, links, isOnTop: false, isWhole: false };
      seen.add(at);
      const bytes = await store.readType(at, 'commit');
      const link = await linkOf(store, snapshot, bytes);
      if (link !== null) links.push(link);
      const { parents } = decodeCommit(bytes);
      // Both chains of a merge are walked whole: what is known may lie on either.
      isMerged ||= parents.length > 1;
      waiting.push(...parents);
    }
    return { tip, links, isOnTop, isWhole: true };
  } finally {
    await store.close();
  }
}

export type Approval = 'approved' | 'refused' | 'none' | 'unknown';

/**
 * What people decided about these answers, as core/verdict.ts has it; `none` while a verdict is awaited (or has lapsed), `unknown` when there is no such
 * answer here. By the role as it was when it answered; `review: none` is not taken from there, as only the committed settings may allow it.
 */
export async function readApprovals(fs: Fs, history: string, records: readonly string[]): Promise<ReadonlyMap<string, Approval>> {
  const found = new Map<string, Approval>(records.map((record) => [record, 'unknown']));
  const gitDir = `${history}/.git`;
  const commit = await readTip(fs, gitDir);
  if (commit === null || !isOid(commit)) return found;
  const store = openObjects(fs, gitDir);
  try {
    const snapshot = await openSnapshot(store, decodeCommit(await store.readType(commit, 'commit')).tree);
    const digest = { sha256 };
    const reviews = makeReviews({ store, digest, log: QUIET }, { fs, gitDir, stateDir: `${gitDir}/docket` }, null);
    for (const record of found.keys()) {
      const identity = parseRecordName(record);
      const folder = identity === null ? null : await folderOf(snapshot, identity);
      if (identity === null || folder === null) continue;
      const { feature, role, revision } = identity;
      const result = await snapshot.file(`${folder}/${resultFile(revision)}`);
      if (result === null) continue;
      const mine = (await reviews.verdicts({ commit, snapshot }, { feature, role })).filter(
        (one) => identityKey(one.identity) === identityKey(identity),
      );
      const evidence = await textAt(store, snapshot, `${folder}/${evidenceFile(revision)}`);
      const prompt = await textAt(store, snapshot, `${folder}/${promptFile(revision)}`);
      const rule = ruleIn(await roleText(store, snapshot, evidence));
      const judgeable = { resultSha256: hashOfResult(await store.readType(result, 'blob'), evidence), author: authorIn(prompt) };
      found.set(
        record,
        APPROVALS[
          standingOf(
            rule,
            mine.map(({ verdict }) => verdict),
            judgeable,
          )
        ],
      );
    }
  } finally {
    await store.close();
  }
  return found;
}

/** Of a result whose content was purged: what its evidence says. */
function hashOfResult(bytes: Buffer, evidence: string | null): Sha256 {
  const subjects = isPlaceholder(bytes) && evidence !== null ? (readStatement(evidence)?.subjects ?? []) : [];
  const stated = subjects.find(({ name }) => name.startsWith('result_'))?.sha256 ?? '';
  return isSha256(stated) ? stated : sha256(bytes);
}

const APPROVALS: Readonly<Record<Standing, Approval>> = {
  accepted: 'approved',
  unreviewed: 'approved',
  awaiting: 'none',
  lapsed: 'none',
  'changes-requested': 'refused',
  rejected: 'refused',
  held: 'refused',
};

const nothing = (): void => undefined;
/** What is wrong with a review file is told by the daemon and by `verify`. */
const QUIET: Pick<Log, 'warn'> = { warn: nothing };

/** The role.yaml that the answer was made with, by its hash in the evidence. */
async function roleText(store: ObjectStore, snapshot: Snapshot, evidence: string | null): Promise<string | null> {
  const opened = evidence === null ? null : openStatement(evidence);
  const hash = opened === null ? null : textIn(listIn(opened.predicate, 'materials').find((one) => one['role'] === 'role') ?? {}, 'sha256');
  return hash !== null && isSha256(hash) ? textAt(store, snapshot, materialPath(hash)) : null;
}

/** Two lines of a role.yaml that was checked when it was used. */
function ruleIn(role: string | null): ReviewRule {
  if (role === null) return STRICT_RULE;
  const reviewers = Number(/^reviewers:[ \t]*([1-9][0-9]?)[ \t]*(?:#.*)?$/m.exec(role)?.[1] ?? 1);
  const own = /^author_may_approve:[ \t]*(true|false)\b/m.exec(role)?.[1];
  return { review: 'required', reviewers, authorMayApprove: own === undefined ? reviewers === 1 : own === 'true' };
}

/** `author:` of the front matter. */
function authorIn(prompt: string | null): string | null {
  const header = /^---\r?\n([\s\S]*?)\r?\n---/.exec(prompt ?? '')?.[1] ?? '';
  return addressOf(/^author:[ \t]*["']?(.+?)["']?[ \t]*$/m.exec(header)?.[1]);
}
