/**
 * Workspaces that an earlier docket left, as it left them (made by scripts/compat-fixtures.ts): test/compat/<generation>/<name>.tar.gz.
 * Invariant: an archive that is here must load for ever; none is ever changed.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** One for each version of the journal (store/migrations), which guards the queue folders too. */
export const GENERATIONS = ['v1', 'v2', 'v3'] as const;
export type Generation = (typeof GENERATIONS)[number];

/** Names of the archives of a generation, without their ending. */
export const fixturesOf = (generation: string): readonly string[] =>
  readdirSync(path.join(import.meta.dirname, generation))
    .filter((name) => name.endsWith('.tar.gz'))
    .map((name) => name.slice(0, -'.tar.gz'.length))
    .toSorted();

/** Puts `app/`, `app-ai-history/` and `starts` (when the tool was started) into a folder; what is there already stays. */
export function unpack(generation: string, name: string, folder: string): void {
  const archive = path.join(import.meta.dirname, generation, `${name}.tar.gz`);
  const { status, stderr, error } = spawnSync('tar', ['-C', folder, '--no-same-owner', '-xpzf', archive], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar could not unpack ${archive}: ${stderr}`, { cause: error });
}
