/** Ports and requests for tests of runners. */

import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunnerPorts } from '#agents/runner.ts';
import type { JobId } from '#core/names.ts';
import type { RunRequest } from '#core/run.ts';
import { makeFs } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { askProgram, findProgram } from '#platform/process.ts';
import { linkTo, realPath } from '#platform/soft-link.ts';
import { makeSandbox } from '#tools/sandbox.ts';

const HTTP_CALL = fileURLToPath(new URL('../../cli/http-call.ts', import.meta.url));
const ACP_CALL = fileURLToPath(new URL('../../cli/acp-call.ts', import.meta.url));

/** @param env besides PATH, which is the system's own folders */
export const makeRunnerPorts = (env: Readonly<Record<string, string>>): RunnerPorts => ({
  fs: makeFs(),
  ask: askProgram,
  find: findProgram,
  hashFile,
  linkTo,
  env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
  httpCall: { program: process.execPath, args: [HTTP_CALL] },
  acpCall: { program: process.execPath, args: [ACP_CALL] },
  ownBinFolders: [],
});

/** The same with a sandbox around what is started, where this machine has one. @param state docket's own, absolute */
export function withSandbox(ports: RunnerPorts, state: string): RunnerPorts {
  const places = {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    state,
    readOnly: [],
    engines: [],
    hidden: [],
    temporary: ['/tmp'],
    real: realPath,
  };
  return { ...ports, sandbox: makeSandbox('auto', places, ports) };
}

/** @param name of the attempt's folder below `folder` */
export async function makeRequest(folder: string, name: string, brief = '# Brief\n\nSay hi.\n'): Promise<RunRequest> {
  const cwd = path.join(folder, 'code');
  await mkdir(cwd, { recursive: true });
  const briefFile = path.join(folder, `${name}.brief.md`);
  await writeFile(briefFile, brief);
  return {
    job: 'abcdefghijklmnop' as JobId,
    attempt: 1,
    // Never the same twice: the keeper ends every process that carries a run's id.
    runId: randomUUID(),
    dir: path.join(folder, name),
    briefFile,
    brief,
    cwd,
    model: null,
    access: 'read-only',
    limits: { timeoutMs: 60_000, idleMs: 60_000, outputBytes: 1_000_000, answerBytes: 100_000, turns: 10, budgetUsd: 1 },
    roleFile: 'agents/01-architect/role.yaml',
  };
}
