/** Recipes of hostile inputs as real entries of an inbox, and what may become of each. Format of a recipe: hostile.ts. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { bytesOfParts, recipes, type Recipe } from '#test/support/hostile.ts';
import { promptText, ROOT } from '#test/support/rig.ts';

/** `accept`: answered and recorded. `reject`: stays, with words. `ignore`: stays as it is, nobody speaks of it. */
export type Fate = 'accept' | 'reject' | 'ignore';

/** What SPEC.md decides, from its tables. */
const policies = new Map(
  [...readFileSync(path.join(ROOT, 'prompt-spec', 'SPEC.md'), 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, id, fate]) => [
    id ?? '',
    fate ?? '',
  ]),
);

const WORDS: Readonly<Record<string, readonly Fate[]>> = {
  accept: ['accept'],
  'accept-verbatim': ['accept'],
  'accept-both': ['accept'],
  'accept-later': ['accept'],
  reject: ['reject'],
  ignore: ['ignore'],
  'reject-or-ignore': ['reject', 'ignore'],
  either: ['accept', 'reject'],
};

export function rightFates(recipe: Recipe): readonly Fate[] {
  return [recipe.expect, ...(recipe.allow ?? [])].flatMap((word) => {
    const policy = /^policy:(\w+)$/.exec(word)?.[1];
    const fates = WORDS[policy === undefined ? word : (policies.get(policy) ?? '')];
    if (fates === undefined) throw new Error(`${recipe.id}: ${word} is nothing that can become of an input`);
    return fates;
  });
}

/** A recipe's bytes with a revision of their own, so that all of them can be answered in one history. */
export function bytesWithRevision(recipe: Recipe, revision: number): Buffer {
  const text = Buffer.from(bytesOfParts(recipe.parts ?? [])).toString('latin1');
  return Buffer.from(text.replace(/\nrevision: [12]\n/, `\nrevision: ${String(revision)}\n`), 'latin1');
}

/** More names than the recipes have. */
const named = (id: string, name: string, why: string): Recipe => ({
  id,
  area: 'file',
  kind: 'file',
  name,
  expect: 'accept',
  allow: ['reject'],
  why,
  parts: [{ t: promptText({ feature: 'FEAT-123', revision: 2 }) }],
});
const MORE: readonly Recipe[] = [
  named('name-newline', 'two\nlines.md', 'a newline in a name'),
  named('name-dash', '--root=canary.md', 'reads like an option'),
  named('name-escape', '\u001b]0;owned\u0007\u001b[31mred.md', 'terminal escapes in a name'),
  named('name-c1', '\u009b31m.md', 'a C1 control character in a name'),
  named('name-rtl', '\u202egpj.md', 'reads backwards'),
  named('name-longest', `${'n'.repeat(252)}.md`, 'the longest name that a file system takes'),
  named('name-substitution', '$(touch canary)`touch canary`.md', 'shell substitution'),
];

export const allRecipes = (): readonly Recipe[] => [...recipes(), ...MORE];

export type Placed = { readonly name: string };

/** Puts it under its final name in one step, with a ctime later than its mtime: settled at once. */
function enter(inbox: string, name: string, bytes: Uint8Array, mode = 0o600, mtime = Date.now() / 1000 - 1): void {
  const temporary = path.join(inbox, '.hostile.tmp');
  writeFileSync(temporary, bytes);
  chmodSync(temporary, mode);
  utimesSync(temporary, mtime, mtime);
  linkSync(temporary, path.join(inbox, name));
  unlinkSync(temporary);
}

/** Makes the entry that a recipe describes. @param elsewhere a folder of the same file system */
export function place(recipe: Recipe, bytes: Uint8Array, inbox: string, elsewhere: string): Placed {
  const name = recipe.name ?? `${recipe.id}.md`;
  const target = path.join(inbox, name);
  switch (recipe.script ?? recipe.kind ?? 'file') {
    case 'dir':
      mkdirSync(target);
      for (const [child, text] of Object.entries(recipe.children ?? {})) writeFileSync(path.join(target, child), text);
      break;
    case 'symlink':
      symlinkSync(recipe.target ?? '/', target);
      break;
    case 'fifo':
      if (spawnSync('mkfifo', [target]).status !== 0) throw new Error('mkfifo failed');
      break;
    case 'rename-in':
      writeFileSync(path.join(elsewhere, 'outside.md'), bytes);
      renameSync(path.join(elsewhere, 'outside.md'), target);
      break;
    case 'mtime':
      enter(inbox, name, bytes, 0o600, recipe.mtime);
      break;
    case 'clock-back':
      enter(inbox, name, bytes, 0o600, Date.parse('2001-01-01T00:00:00Z') / 1000);
      break;
    case 'file':
    case 'same-name-twice':
    case 'history-locked':
      enter(inbox, name, bytes, recipe.mode);
      break;
    default:
      throw new Error(`${recipe.id}: cannot make a ${recipe.script ?? recipe.kind ?? ''}`);
  }
  return { name };
}

/** The name of everything below a folder; links are not followed. */
export const namesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name, ...namesBelow(path.join(folder, entry.name))] : [entry.name],
  );

// eslint-disable-next-line no-control-regex -- these are the characters that must not be there
export const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
