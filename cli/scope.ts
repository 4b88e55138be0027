/** The scope of a workspace's runs: the settings' part of the declaration, and who looks at what was changed. */

import path from 'node:path';
import { decideScope, baseRules, scopeRules } from '#policy/scope.ts';
import { makeScopeWatch, type ScopeWatch } from '#policy/scope-watch.ts';
import { inputOfOther } from '#policy/streams.ts';
import type { AskProgram } from '#core/ports.ts';
import type { Stream } from '#core/prompt.ts';
import type { Before, ScopeRules, TreePort } from '#core/scope.ts';
import type { Workspace } from '#core/settings.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import { makeFs } from '#platform/files.ts';
import { makeTreePort } from '#platform/tree-facts.ts';
import { readRecords } from '#worktrees/records.ts';
import { codeTree, isCodeClean } from './code.ts';

type Base = Pick<ScopeRules, 'forbidden' | 'protected'>;
export type WorkspaceScope = {
  /** The declaration that holds for a prompt; the same object for the same one when the prompt says nothing. */
  readonly rules: (access: ScopeRules['access'], scope: unknown, stream: Stream | null) => ScopeRules;
  readonly watch: ScopeWatch;
  /** As JSON, made once for all runs that share it. */
  readonly textOf: (before: Before) => string;
  readonly diff: TreePort['diff'];
  /** The state of git (platform/git-state.ts). */
  readonly stateOf: (folder: string) => Promise<Readonly<Record<string, string>> | null>;
  /** What is written down of this work tree; null: docket did not make it, or the file cannot be read. */
  readonly record: () => Promise<WorktreeRecord | null>;
  readonly isClean: () => Promise<boolean>;
};

/** docket.yaml, docket.local.yaml and the queues, as they lie in the working folder; its signs mean themselves. */
function ownPaths({ root, code, queues }: Workspace): string[] {
  const places = [path.join(root, 'docket.yaml'), path.join(root, 'docket.local.yaml'), queues];
  const inside = places
    .map((one) => path.relative(code, one))
    .filter((one) => one !== '' && !one.startsWith('..') && !path.isAbsolute(one));
  return inside.map((one) =>
    one
      .split(path.sep)
      .join('/')
      .replaceAll(/[*?[\]{}()!+@|]/g, '?'),
  );
}

export const baseOf = (workspace: Workspace): Base => baseRules(workspace.settings, ownPaths(workspace));

/** The work tree's stream goes before the prompt's: a prompt of the other one is refused (policy/streams.ts). */
export const workspaceRules = (workspace: Workspace): WorkspaceScope['rules'] =>
  rulesMaker(baseOf(workspace), (stream) => inputOfOther(workspace.settings, workspace.work?.stream ?? stream));

/** @param unreadOf what a prompt of this stream may neither read nor change */
export function rulesMaker(base: Base, unreadOf: (stream: Stream | null) => readonly string[] = () => []): WorkspaceScope['rules'] {
  const makers = new Map<Stream | null, (access: ScopeRules['access'], scope: unknown) => ScopeRules>();
  return (access, scope, stream) => {
    const make = makers.get(stream) ?? makerOf(base, unreadOf(stream));
    makers.set(stream, make);
    return make(access, scope);
  };
}

function makerOf(base: Base, unread: readonly string[]): (access: ScopeRules['access'], scope: unknown) => ScopeRules {
  const whole = { ...base, forbidden: [...base.forbidden, ...unread] };
  const rulesOf = (access: ScopeRules['access'], scope: unknown): ScopeRules => ({
    ...scopeRules(whole, access, scope),
    ...(unread.length === 0 ? {} : { unread }),
  });
  const plain = { 'read-only': rulesOf('read-only', null), worktree: rulesOf('worktree', null) };
  return (access, scope) => {
    const made = rulesOf(access, scope);
    return made.files === null ? plain[access] : made;
  };
}

/** @param real a path with its links resolved */
export async function scopeOf(workspace: Workspace, ask: AskProgram, real: (path: string) => Promise<string>): Promise<WorkspaceScope> {
  const tree = makeTreePort(ask);
  const unwatched: ScopeRules = {
    access: 'worktree',
    files: null,
    create: null,
    forbidden: workspace.settings['policy.unwatched_paths'],
    protected: [],
  };
  const ownFolders = await Promise.all([workspace.queues, workspace.history].map(async (one) => real(one).catch(() => one)));
  const texts = new WeakMap<Before, string>();
  return {
    rules: workspaceRules(workspace),
    watch: makeScopeWatch(tree, {
      filesMax: workspace.settings['limits.scope_files'],
      hashBytesMax: workspace.settings['limits.scope_hash_bytes'],
      ownFolders,
      isUnwatched: (relative) => unwatched.forbidden.length > 0 && decideScope(unwatched, relative, 'modify').verdict === 'forbidden',
    }),
    textOf(before) {
      const text = texts.get(before) ?? JSON.stringify(before);
      texts.set(before, text);
      return text;
    },
    diff: tree.diff,
    stateOf: async (folder) => tree.git(folder),
    record: async () => recordOf(workspace.code, real),
    isClean: async () => isCodeClean(ask, workspace.code),
  };
}

async function recordOf(code: string, real: (path: string) => Promise<string>): Promise<WorktreeRecord | null> {
  const tree = await codeTree(code);
  if (tree === null) return null;
  for (const { record } of await readRecords(makeFs(), tree.common))
    if (record.ok && (await real(record.value.folder).catch(() => null)) === tree.top) return record.value;
  return null;
}

const listed = (patterns: readonly string[]): string => (patterns.length === 0 ? 'nothing' : patterns.join(', '));

/** One line for `docket preview`. */
export function scopeWords({ access, files, create, forbidden, protected: guarded, unread = [] }: ScopeRules): string {
  const apart = unread.length === 0 ? '' : `; the other stream's input may not be read: ${listed(unread)}`;
  if (access === 'read-only') return `scope: nothing may be changed (the role has access: read-only)${apart}`;
  const declared =
    files === null || create === null ? 'whatever lies in the working folder' : `files ${listed(files)}; create ${listed(create)}`;
  return `scope: ${declared}; never ${listed(forbidden)}; only when named without a wildcard: ${listed(guarded)}${apart}`;
}
