/** The three ways a prompt comes into an inbox, each answering when it began (monotonic, ms). */

import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectControl } from '#cli/open.ts';
import { spoolOf } from '#cli/parts.ts';
import { loadWorkspace } from '#cli/workspace.ts';
import { parseRoleFolder, parseRoleName, parseStem } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import { makeFs } from '#platform/files.ts';
import { FOLDERS, type Prompt } from './prompts.ts';

const silent: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => silent };
const must = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

/** Longer than a tick of the file system's clock: a file renamed within the tick of its last write cannot be told from one written in place. */
const TICK_MS = 20;

/** A whole file elsewhere on the file system, a moment later one rename. */
export async function dropByRename(staging: string, inbox: string, prompt: Prompt): Promise<number> {
  const whole = path.join(staging, `${prompt.stem}.md`);
  writeFileSync(whole, prompt.text);
  await pause(TICK_MS);
  const startMs = performance.now();
  renameSync(whole, path.join(inbox, `${prompt.stem}.md`));
  return startMs;
}

/** As an editor or `cat > in/x.md` does: docket waits until it is settled. */
export function dropInPlace(inbox: string, prompt: Prompt): number {
  const startMs = performance.now();
  writeFileSync(path.join(inbox, `${prompt.stem}.md`), prompt.text);
  return startMs;
}

/** What `docket add` does once the program has started: a durable drop, then a poke over the control socket. */
export async function makeAdder(root: string): Promise<{ drop(prompt: Prompt): Promise<number>; close(): void }> {
  const workspace = must(await loadWorkspace({ cwd: root, rootFlag: null, env: {}, flags: {}, fs: makeFs() }));
  const roles = FOLDERS.map((folder) => ({ folder: must(parseRoleFolder(folder)).folder, name: must(parseRoleName(folder.slice(3))) }));
  const spool = spoolOf(workspace, roles, silent);
  const control = await connectControl(workspace);
  if (control === null) throw new Error('the daemon does not answer on its control socket');
  return {
    async drop(prompt) {
      const startMs = performance.now();
      await spool.drop(must(parseRoleName(prompt.role)), must(parseStem(prompt.stem)), prompt.text);
      await control.ask('poke');
      return startMs;
    },
    close() {
      control.close();
    },
  };
}
