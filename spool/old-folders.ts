/**
 * Jobs in flight of docket 0.1, which kept all of a job in work/<job>/: origin.json, claimed, prompt, job.json, record.json, publish/, final.json.
 * Taken over into the ledger at the first look of a process:
 *
 *   lines written -> claimed, private copies and a long or still needed prompt moved out -> the old records removed
 *
 * Invariant: the old records go last, and each step finds its own effect, so a takeover that was cut short is done again.
 */

import path from 'node:path';
import type { FinalFile, JobFile } from '#core/job.ts';
import { isJobId, type JobId, type RoleFolder } from '#core/names.ts';
import { isPrivateName, PROMPT } from './layout.ts';
import { pack, type Line } from './ledger-lines.ts';
import { codeOf, unlinkIfThere, type Parts } from './parts.ts';
import { LINE_BYTES, readPrompt } from './read.ts';
import { isFinalFile, isHex, isJobFile, isText, readJson, type Json } from './records.ts';

const PUBLISH = 'publish';
const RECORDS = ['origin.json', 'job.json', 'record.json', 'final.json', 'prompt'] as const;
const OLD: ReadonlySet<string> = new Set([...RECORDS, PUBLISH, 'claimed']);

export async function takeOverOldFolders(parts: Parts, folder: RoleFolder): Promise<void> {
  for (const { name, kind } of await parts.fs.list(parts.layout.work(folder))) {
    if (name === null || kind !== 'folder' || !isJobId(name)) continue;
    const dir = path.join(parts.layout.work(folder), name);
    const names = await namesIn(parts, dir);
    if (!names.some((one) => OLD.has(one))) continue;
    await takeOver(parts, folder, name, names);
    parts.log.info('a job in flight of an older docket was taken over', { job: name });
  }
}

async function namesIn(parts: Parts, dir: string): Promise<readonly string[]> {
  try {
    return (await parts.fs.list(dir)).flatMap(({ name }) => (name === null ? [] : [name]));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function takeOver(parts: Parts, folder: RoleFolder, id: JobId, names: readonly string[]): Promise<void> {
  const { fs, layout } = parts;
  const paths = layout.job(folder, id);
  const ledger = parts.ledgerOf(folder);
  const lines = (await ledger.entry(id)) === null ? await linesOf(parts, paths.dir, id) : [];
  if (lines.length > 0) await ledger.append(lines, 'safety');
  const moved: [string, string][] = [[path.join(paths.dir, 'claimed'), paths.claimed]];
  if (!names.includes('claimed') || (await isLong(parts, paths.dir))) moved.push([path.join(paths.dir, PROMPT), paths.prompt]);
  for (const name of await namesIn(parts, path.join(paths.dir, PUBLISH))) {
    const own = newName(name);
    if (isPrivateName(own)) moved.push([path.join(paths.dir, PUBLISH, name), paths.own(own)]);
  }
  for (const [from, to] of moved) if ((await fs.facts(from)) !== null) await fs.rename(from, to);
  await parts.sync(layout.work(folder), 'safety');
  for (const name of RECORDS) await unlinkIfThere(fs, path.join(paths.dir, name));
  await fs.removeTree(path.join(paths.dir, PUBLISH));
  if ((await namesIn(parts, paths.dir)).every((name) => name.startsWith('.docket-'))) await fs.removeTree(paths.dir);
}

/** `0-_evidence.json` -> `0_evidence.json` */
const newName = (name: string): string => name.replace('-_', '_');

const isLong = async (parts: Parts, dir: string): Promise<boolean> =>
  ((await parts.fs.facts(path.join(dir, PROMPT)))?.sizeBytes ?? 0) > LINE_BYTES;

async function linesOf(parts: Parts, dir: string, id: JobId): Promise<readonly Line[]> {
  const read = async (name: string): Promise<Json | null> => readJson(parts.fs, path.join(dir, name));
  const [origin, job, final] = [await read('origin.json'), await read('job.json'), await read('final.json')];
  const lines: Line[] = [];
  if (origin !== null && isHex(origin['nameHex']) && isText(origin['claimedAt']))
    lines.push({ do: 'claim', id, name: origin['nameHex'], at: origin['claimedAt'] });
  if (job === null || !isJobFile(job)) return lines;
  const file = job as unknown as JobFile;
  const bytes = await readPrompt(parts, path.join(dir, PROMPT));
  const isWhole = bytes !== null && parts.digest.sha256(bytes) === file.sha256;
  if (file.sha256 === null || isWhole)
    lines.push({ do: 'read', job: file, bytes: bytes === null || bytes.length > LINE_BYTES ? null : pack(bytes) });
  const ended = final === null ? null : renamed(final);
  if (ended !== null) lines.push({ do: 'final', id, final: ended, note: await read('record.json'), blobs: [] });
  return lines;
}

function renamed(final: Json): FinalFile | null {
  const { files } = final;
  if (!Array.isArray(files)) return null;
  const changed: Json = {
    ...final,
    files: (files as readonly Json[]).map((file) => ({ ...file, private: newName(String(file['private']).replace(`${PUBLISH}/`, '')) })),
  };
  return isFinalFile(changed) ? (changed as unknown as FinalFile) : null;
}
