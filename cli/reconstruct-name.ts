/** Which record of a history is meant, and which history: for verbs that need no workspace. */

import path from 'node:path';
import { isJobId, parseFeature, parsePromptName, parseRoleName, printable } from '#core/names.ts';
import type { FeatureId, PromptName } from '#core/names.ts';
import { openReader, type HistoryReader } from '#history/export-reader.ts';
import { roleKey } from '#history/log.ts';
import type { WantedRecord } from '#history/reconstruct-find.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { openWorkspace } from './open.ts';

const FORM = /^([^/@]+)\/([^/@]+)(?:\/([^/@]+))?(?:@([1-9][0-9]{0,8}))?$/;

/** @param words `FEAT-123 architect@2`, `FEAT-123/ui/filter-panel@1`, or a job id. Throws CliError 2. */
export function wantedRecord(words: readonly string[]): WantedRecord {
  const text = words.join('/');
  const wrong = (why: string): CliError =>
    new CliError(`${JSON.stringify(printable(words.join(' ')))} names no record: ${why}; give FEATURE role@revision, FEATURE/role/name@revision, or a job id`, EXIT.wrongUse); // prettier-ignore
  if (isJobId(text)) return { job: text };
  const parts = FORM.exec(text);
  if (parts === null) throw wrong('it has another form');
  const feature = parseFeature(parts[1] ?? '');
  if (!feature.ok) throw wrong(feature.error);
  const role = parseRoleName(roleKey(parts[2] ?? ''));
  if (!role.ok) throw wrong(role.error);
  const name = parts[3] === undefined ? null : parsePromptName(parts[3]);
  if (name?.ok === false) throw wrong(name.error);
  const place: { feature: FeatureId; name: PromptName | null } = { feature: feature.value.id, name: name?.value ?? null };
  return { ...place, role: role.value, revision: parts[4] === undefined ? null : Number(parts[4]) };
}

export type HistoryFlag = { readonly history?: string };

/** The clone that `--history` names, else the workspace's own history; only read. Throws CliError with words. */
export async function withReader<T>(
  io: Io,
  common: Common,
  { history }: HistoryFlag,
  act: (reader: HistoryReader, dir: string) => Promise<T>,
): Promise<T> {
  const dir = history === undefined ? (await openWorkspace(io, common)).history : path.resolve(io.cwd, history);
  const words = (error: unknown): unknown =>
    ['EHISTORY', 'EMISSING', 'ENOENT', 'ENOTDIR', 'EACCES'].includes(String((error as { code?: unknown }).code))
      ? new CliError(`the history ${printable(dir, 1_000)} cannot be read: ${(error as Error).message}`, EXIT.environment)
      : error;
  let reader: HistoryReader;
  try {
    reader = await openReader(makeFs(), makeDigest(), dir, history === undefined);
  } catch (error) {
    throw words(error);
  }
  try {
    return await act(reader, dir);
  } catch (error) {
    throw (error as { code?: unknown }).code === 'EHISTORY' ? words(error) : error;
  } finally {
    await reader.close();
  }
}
