/**
 * What the queues of a worktree hold that is not at its end, or not recorded. From the names in the folders, as they are; nothing is written, no daemon is asked.
 * Whatever cannot be read becomes words, and words are a reason to keep the worktree.
 */

import path from 'node:path';
import { parseRoleFolder, printable } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { hashFile } from '#platform/hash-file.ts';
import { makeDigest } from '#platform/digest.ts';
import { isPromptName, isTemporaryName, parseEndedName, shownName } from '#spool/layout.ts';
import { namesOf, type QueueFacts } from '#worktrees/cleanup-facts.ts';
import { CliError, type Io } from './io.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { noCounts, verifyFolders } from './verify-folders.ts';
import { isInside, SETTINGS_FILE } from './workspace.ts';

export type QueueLook = {
  readonly queues: QueueFacts | null;
  /** Null: the folder is no workspace. */
  readonly workspace: Workspace | null;
  readonly unknown: readonly string[];
  /** Newest change of a name in in/ and out/, milliseconds; 0: none. */
  readonly touchedMs: number;
};

const CHILD = /^\.docket-child-/;
const GONE = /^\.clean-/;
type Found = {
  waiting: string[];
  held: string[];
  inFlight: string[];
  unrecorded: string[];
  failed: number;
  rejected: number;
  ended: number;
  touchedMs: number;
};
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** @param folder of the worktree @param inner where the workspace stands below it, as in the primary checkout */
export async function lookAtQueues(io: Io, fs: Fs, folder: string, inner: string): Promise<QueueLook> {
  const root = path.join(folder, inner);
  const nothing = { queues: null, workspace: null, unknown: [], touchedMs: 0 };
  if ((await fs.facts(path.join(root, SETTINGS_FILE)).catch(() => null)) === null) {
    const left = (await fs.facts(path.join(root, 'queues', '.docket')).catch(() => null)) !== null;
    return left ? { ...nothing, unknown: [`${root} has queues and no ${SETTINGS_FILE}, so nobody can read them`] } : nothing;
  }
  try {
    return await withSources(io, { root }, async (sources) => lookInside(sources, fs, folder));
  } catch (error) {
    if (!(error instanceof CliError) && codeOf(error) === '') throw error;
    return { ...nothing, unknown: [`its queues cannot be read: ${(error as Error).message}`] };
  }
}

async function lookInside(sources: Sources, fs: Fs, folder: string): Promise<QueueLook> {
  const { workspace } = sources;
  const isOwn = isInside(folder, workspace.queues);
  const none = { queues: null, workspace: isOwn ? workspace : null, unknown: [], touchedMs: 0 };
  if (!isOwn || (await fs.facts(workspace.queues)) === null) return none;
  const found: Found = { waiting: [], held: [], inFlight: [], unrecorded: [], failed: 0, rejected: 0, ended: 0, touchedMs: 0 };
  const known = new Set<string>([...sources.roles.values()].map((role) => role.folder));
  for (const { name, kind } of await fs.list(workspace.queues)) {
    if (name === null || kind !== 'folder' || !parseRoleFolder(name).ok) continue;
    await lookAtRole(fs, workspace.queues, name, known.has(name), found);
  }
  if (found.ended > 0) await compare(sources, found);
  const { waiting, held, inFlight, unrecorded, failed, rejected, touchedMs } = found;
  return {
    queues: {
      folder: workspace.queues,
      waiting: namesOf(waiting),
      held: namesOf(held),
      inFlight: namesOf(inFlight),
      unrecorded: namesOf(unrecorded),
      failed,
      rejected,
    },
    workspace,
    unknown: [],
    touchedMs,
  };
}

async function lookAtRole(fs: Fs, queues: string, role: string, isKnown: boolean, found: Found): Promise<void> {
  const at = (inner: string): string => path.join(queues, role, inner);
  const names = async (inner: string): Promise<Awaited<ReturnType<Fs['list']>>> => {
    const facts = await fs.facts(at(inner));
    if (facts === null) return [];
    found.touchedMs = Math.max(found.touchedMs, inner === 'work' ? 0 : Number(facts.mtimeNs / 1_000_000n));
    return fs.list(at(inner));
  };
  for (const { raw, name } of await names('in')) {
    const ended = name === null ? null : parseEndedName(name);
    const shown = `${role}/${shownName(raw)}`;
    if (isPromptName(raw)) found.waiting.push(shown);
    else if (name !== null && CHILD.test(name)) found.inFlight.push(shown);
    else if (ended?.suffix === 'held') found.held.push(shown);
    else if (ended?.suffix === 'rejected') found.rejected++;
    else if (ended !== null) {
      found.ended++;
      if (ended.suffix !== 'processed') found.failed++;
    }
  }
  for (const { name } of await names('work'))
    if (name === null || !(GONE.test(name) || isTemporaryName(name))) found.inFlight.push(`${role}/work/${printable(name ?? '?')}`);
  const out = new Set((await names('out')).map(({ name }) => name ?? '?'));
  found.ended += out.size;
  for (const name of out) {
    const isAlone = name.endsWith('_result.md') && !out.has(name.replace(/_result\.md$/, '_evidence.json'));
    if (isAlone || (!isKnown && /_(?:result\.md|evidence\.json)$/.test(name))) found.unrecorded.push(`${role}/out/${printable(name)}`);
  }
  if ((await fs.facts(at('archive'))) !== null) found.ended++;
}

/** As `docket verify` compares the folders with the history; every finding is something that only lies here. */
async function compare(sources: Sources, found: Found): Promise<void> {
  const history = await sources.history();
  const purged = (await history?.purged()) ?? [];
  const findings = verifyFolders({
    fs: sources.fs,
    digest: makeDigest(),
    spool: sources.spool,
    layout: sources.layout,
    hashFile,
    roles: [...sources.roles.values()],
    history,
    purged: new Map(purged.map(({ placeholderSha256, sha256 }) => [placeholderSha256, sha256])),
    counts: noCounts(),
    step: () => undefined,
  });
  for await (const { path: file, message } of findings)
    found.unrecorded.push(`${path.relative(sources.workspace.queues, file)}: ${printable(message, 300)}`);
}
