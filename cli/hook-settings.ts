/**
 * What a hook must know of the workspace, without the second that a full load would cost: read once, kept beside the hooks, and read again when
 * docket.yaml or docket.local.yaml has other bytes. The environment does not count: a security setting comes from the files.
 */

import path from 'node:path';
import { HOOK_SETTINGS } from '#core/settings-hooks.ts';
import type { Places } from '#platform/git-hooks.ts';
import { readText, replaceText } from '#platform/light-files.ts';

export type HookSettings = {
  /** The folder with docket.yaml; null: there is no workspace here. */
  readonly root: string | null;
  readonly history: string | null;
  /** From the top of the work tree; null: outside. */
  readonly queues: string | null;
  readonly approval: string;
  readonly scanBytes: number;
  readonly scanTotalBytes: number;
  readonly linkCommits: number;
  readonly pushCommits: number;
  /** Why docket.yaml could not be used; null: it could, or there is none. */
  readonly fault: string | null;
};

/** Without a workspace. */
export const NO_WORKSPACE: HookSettings = {
  root: null,
  history: null,
  queues: 'queues',
  approval: HOOK_SETTINGS['hooks.require_approval'].default,
  scanBytes: HOOK_SETTINGS['hooks.scan_bytes'].default,
  scanTotalBytes: HOOK_SETTINGS['hooks.scan_total_bytes'].default,
  linkCommits: HOOK_SETTINGS['hooks.link_commits'].default,
  pushCommits: HOOK_SETTINGS['hooks.push_commits'].default,
  fault: null,
};

/** Folder of what belongs to the hooks of a repository, in the folder that its worktrees share. */
export const hookFolder = (places: Pick<Places, 'commonDir'>): string => path.join(places.commonDir, 'docket');
export const installedFile = (places: Pick<Places, 'commonDir'>): string => path.join(hookFolder(places), 'hooks.json');
export const linksFile = (places: Pick<Places, 'commonDir'>): string => path.join(hookFolder(places), 'links.jsonl');
export const skipsFile = (places: Pick<Places, 'commonDir'>): string => path.join(hookFolder(places), 'skips.tsv');
export const toldFile = (places: Pick<Places, 'commonDir'>): string => path.join(hookFolder(places), 'skips.told');
export const settingsCache = (places: Pick<Places, 'commonDir'>): string => path.join(hookFolder(places), 'settings.json');

const SMALL_BYTES_MAX = 1_048_576;

/** Null when it is not there, or no plain file of a sane size. */
export const textOf = (file: string, maxBytes = SMALL_BYTES_MAX): string | null => readText(file, maxBytes);

/** A repository that cannot be written to costs time, and nothing else. */
export function keepIfPossible(file: string, text: string): void {
  try {
    replaceText(file, text);
  } catch {
    // Made again by the next one that can.
  }
}

export type Installed = {
  readonly v: 1;
  /** The workspace from the top of the work tree. */
  readonly workspace: string;
  /** Where the hooks were written; null: a framework calls them. */
  readonly folder: string | null;
  readonly madeFolder: boolean;
};

export function readInstalled(places: Pick<Places, 'commonDir'>): Installed | null {
  try {
    const found = JSON.parse(textOf(installedFile(places)) ?? 'null') as Installed | null;
    return found?.v === 1 && typeof found.workspace === 'string' ? found : null;
  } catch {
    return null;
  }
}

/** The folder with docket.yaml: as this work tree has it, else as the main one has. */
function workspaceOf(places: Places): string | null {
  const inner = readInstalled(places)?.workspace ?? '.';
  for (const top of [places.top, path.dirname(places.commonDir)]) {
    const root = path.resolve(top, inner);
    if (textOf(path.join(root, 'docket.yaml')) !== null) return root;
  }
  return null;
}

export async function hookSettings(places: Places): Promise<HookSettings> {
  const root = workspaceOf(places);
  if (root === null) return NO_WORKSPACE;
  const texts = ['docket.yaml', 'docket.local.yaml'].map((name) => textOf(path.join(root, name)));
  // The texts themselves: to load what makes a hash of them would take longer than to compare them.
  const key = JSON.stringify([2, import.meta.url, root, places.top, texts]);
  const cached = cachedSettings(places, key);
  if (cached !== null) return cached;
  const settings = await loadThem(places, root);
  // A read-only repository only costs time.
  if (settings.fault === null) keepIfPossible(settingsCache(places), `${JSON.stringify({ key, settings })}\n`);
  return settings;
}

function cachedSettings(places: Places, key: string): HookSettings | null {
  try {
    const found = JSON.parse(textOf(settingsCache(places), 2 * SMALL_BYTES_MAX) ?? 'null') as {
      key?: unknown;
      settings?: HookSettings;
    } | null;
    return found?.key === key ? (found.settings ?? null) : null;
  } catch {
    return null;
  }
}

async function loadThem(places: Places, root: string): Promise<HookSettings> {
  const [{ loadWorkspace }, { makeFs }] = await Promise.all([import('./workspace.ts'), import('#platform/files.ts')]);
  const loaded = await loadWorkspace({ cwd: root, rootFlag: root, env: {}, flags: {}, fs: makeFs() });
  // Nobody can say what it would allow: the strictest of what it may say.
  if (!loaded.ok) return { ...NO_WORKSPACE, approval: 'refuse', fault: 'docket.yaml cannot be used: `docket config` tells why' };
  const { settings, queues, history } = loaded.value;
  const inner = path.relative(places.top, queues).split(path.sep).join('/');
  return {
    root,
    history,
    queues: inner === '..' || inner.startsWith('../') ? null : inner,
    approval: settings['hooks.require_approval'],
    scanBytes: settings['hooks.scan_bytes'],
    scanTotalBytes: settings['hooks.scan_total_bytes'],
    linkCommits: settings['hooks.link_commits'],
    pushCommits: settings['hooks.push_commits'],
    fault: null,
  };
}
