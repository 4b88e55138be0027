/**
 * The configuration of one repository, its own file alone: by the git program, which is there nearly always and costs this process nothing; else by
 * isomorphic-git, whose 20 MB a daemon would carry for as long as it runs.
 */

import * as fs from 'node:fs';
import path from 'node:path';
import { askProgram } from './ask.ts';
import { gitEnvironment } from './git.ts';

const ASK_TIMEOUT_MS = 10_000;

/** All values of a key, in the order of the file. Sections and names are the same in upper and lower case. */
export type Configuration = (key: string) => readonly string[];

/** git-config(1), `--list -z`: `<key in lower case> LF <value> NUL`, without LF where no value is written, which means true. */
async function byProgram(file: string): Promise<Configuration | null> {
  const args = ['config', '--no-includes', '--file', file, '--list', '-z'];
  const answer = await askProgram('git', args, { env: gitEnvironment(), timeoutMs: ASK_TIMEOUT_MS }).catch(() => null);
  if (answer?.code !== 0) return null;
  const rows = answer.stdout.split('\0').map((row): [key: string, value: string] => {
    const end = row.indexOf('\n');
    return end < 0 ? [row, 'true'] : [row.slice(0, end), row.slice(end + 1)];
  });
  return (key) => rows.filter(([name]) => name === key.toLowerCase()).map(([, value]) => value);
}

/** @param gitDir with the file `config` in it; without one every key is empty */
export async function readConfiguration(gitDir: string, keys: readonly string[]): Promise<Configuration> {
  const told = await byProgram(path.join(gitDir, 'config'));
  if (told !== null) return told;
  const git = await import('isomorphic-git');
  const values = new Map<string, readonly string[]>();
  for (const key of keys) values.set(key, ((await git.getConfigAll({ fs, gitdir: gitDir, path: key })) as unknown[]).map(String));
  return (key) => values.get(key) ?? [];
}
