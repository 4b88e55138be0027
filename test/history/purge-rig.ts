/** What the tests of purging share: a history with a secret in it, and a look at every byte that is left. */

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { makeHistory } from '#history/history.ts';
import type { HistoryOptions } from '#history/history.ts';
import type { Submission } from '#core/history.ts';
import { spellingsOf } from '#history/purge-spellings.ts';
import { answer, collect, submission, value, type Rig } from './rig.ts';

/** Made of parts, so that no secret stands in the repository. */
export const secretText = (): string => ['sk', 'live', '9f8Q2', 'x7LmZ', '"quoted"'].join('-');

export const why = { reason: 'a key leaked', person: 'Ada' };

export type Opened = ReturnType<typeof makeHistory>;

export async function opened(rig: Rig, more: Partial<HistoryOptions> = {}): Promise<Opened> {
  const history = makeHistory(rig.options(more));
  await history.open();
  return history;
}

export type Filled = { readonly leaked: Submission; readonly clean: Submission };

/** Some records around one whose prompt, answer, brief and raw output hold the secret. */
export async function fill(history: Opened, secret: string): Promise<Filled> {
  const clean = submission({ feature: 'FEAT-1' });
  const leaked = submission({ feature: 'FEAT-2', prompt: `Use ${secret} to log in.\n` });
  const later = submission({ feature: 'FEAT-3' });
  value(await history.submit(clean));
  value(await history.record(answer(clean)));
  value(await history.submit(leaked));
  const attempts = [{ name: 'a1_stdout.txt', bytes: Buffer.from(JSON.stringify({ text: `said ${secret}` })) }];
  value(await history.record(answer(leaked, { result: `I used ${secret}.\n`, materials: [`brief with ${secret}`], attempts })));
  value(await history.submit(later));
  value(await history.record(answer(later)));
  return { leaked, clean };
}

/** Paths of all files below a folder. */
export function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const facts = lstatSync(file);
    if (facts.isDirectory()) yield* filesBelow(file);
    else if (facts.isFile()) yield file;
  }
}

/** Where the secret is, in any spelling: in the bytes of files, and in the objects that git can still read. */
export function traces(rig: Rig, secret: string, folder: string = rig.root): string[] {
  const spellings = spellingsOf(Buffer.from(secret));
  const found = [...filesBelow(folder)].filter((file) => spellings.some((spelling) => readFileSync(file).includes(spelling)));
  const objects = rig.gitBytes('cat-file', '--batch-all-objects', '--batch', '--unordered');
  if (spellings.some((spelling) => objects.includes(spelling))) found.push('an object of the repository');
  return found;
}

export const messagesOf = (rig: Rig, tip = 'main'): string => rig.git('log', '--format=%B%x00', tip);

export async function recordOf(history: Opened, job: string): Promise<Awaited<ReturnType<typeof collect<Record_>>>[number]> {
  const [record] = await collect(history.records({ job }));
  if (record === undefined) throw new Error(`no record of ${job}`);
  return record;
}
type Record_ = ReturnType<Opened['records']> extends AsyncIterable<infer One> ? One : never;
