/**
 * One hook of the code repository: the program that hooks/run.js loads. Few imports, because a person waits for it: what a hook needs beyond the
 * first look is loaded when it is needed.
 *
 * Exit code: 0 git goes on, 1 it stops, 3 docket broke. What a break means decides the shell (hooks/shim.sh): pre-commit stops, the others go on and
 * note it; pre-push under `hooks.require_approval: refuse` stops by itself.
 */

import path from 'node:path';
import { codeOf } from '#platform/file-facts.ts';
import { repositoryPlaces, type Places } from '#platform/git-hooks.ts';
import type { HookAnswer, HookCall } from './hook-call.ts';

const HOOKS: Readonly<Record<string, () => Promise<(call: HookCall) => Promise<HookAnswer>>>> = {
  'pre-commit': async () => (await import('./hook-commit.ts')).preCommit,
  'commit-msg': async () => (await import('./hook-commit.ts')).commitMsg,
  'post-commit': async () => (await import('./hook-commit.ts')).postCommit,
  'pre-push': async () => (await import('./hook-push.ts')).prePush,
};

const err = (text: string): void => void process.stderr.write(`${text}\n`);

async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}

/** Words, not a stack: a module that is not there means that `npm ci` was not run. */
function words(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (code === 'ERR_MODULE_NOT_FOUND') return `docket is not complete (npm ci in its folder): ${message.split('\n')[0] ?? ''}`;
  return code === 'ENOENT' && message.includes('spawn') ? 'there is no program git in the PATH of this hook' : message;
}

/** As the shell found them, which is sooner than to ask git again. */
function placesHere(cwd: string): Places | null {
  const { env } = process;
  const [gitDir, commonDir] = [env['DOCKET_HOOK_GIT_DIR'], env['DOCKET_HOOK_COMMON_DIR']];
  if (gitDir === undefined || commonDir === undefined) return repositoryPlaces(env, cwd);
  return { top: cwd, gitDir: path.resolve(cwd, gitDir), commonDir: path.resolve(cwd, commonDir) };
}

/** A push that could not be looked at does not pass where approval is required. */
async function mustApprove(): Promise<boolean> {
  try {
    const places = placesHere(process.cwd());
    const { hookSettings } = await import('./hook-settings.ts');
    return places !== null && (await hookSettings(places)).approval === 'refuse';
  } catch {
    return false;
  }
}

async function run(): Promise<number> {
  const [hook = '', ...args] = process.argv.slice(2);
  const load = HOOKS[hook];
  if (load === undefined) {
    err(`docket: there is no hook ${JSON.stringify(hook)}`);
    return 3;
  }
  try {
    const cwd = process.cwd();
    const places = placesHere(cwd);
    const act = await load();
    if (places === null) throw new Error('this is no work tree of git');
    const call = { env: process.env, cwd, args, places, parent: process.env['DOCKET_HOOK_PARENT'] ?? '', err, readInput };
    return (await act(call)) === 'go on' ? 0 : 1;
  } catch (error) {
    err(`docket: the ${hook} hook could not do its work: ${words(error)}`);
    return hook === 'pre-push' && (await mustApprove()) ? 1 : 3;
  }
}

process.exitCode = await run();
