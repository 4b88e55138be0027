/** The AI tools that are on this machine, and the question which of them shall answer. Nothing is sent anywhere to find out. */

import path from 'node:path';
import { isCancel, select } from '@clack/prompts';
import { AUTO, makeRunners, type Runners } from '#agents/registry.ts';
import { describe } from '#core/failure.ts';
import { printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '#platform/system.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { profilesOf } from './open.ts';
import { runnerPorts } from './parts.ts';
import { programGate, programsOf } from './programs.ts';

export const OFFLINE = 'offline';

export type Tool = {
  /** As it is written after `runner:`. */
  readonly name: string;
  readonly version: string | null;
  readonly program: string | null;
  /** Installed and, as far as it says, logged in. */
  readonly isReady: boolean;
  /** Why it is not. */
  readonly reason: string | null;
};

export type Question = {
  readonly message: string;
  readonly options: readonly { readonly value: string; readonly label: string; readonly hint: string }[];
  readonly initialValue: string;
};
/** Null: the person does not want to answer. */
export type Asker = (question: Question) => Promise<string | null>;

/** The runners of a workspace, to be asked only: with a state folder that is thrown away, as some tools make files in it when they are asked. */
export async function withRunners<T>(io: Io, workspace: Workspace, act: (runners: Runners) => Promise<T>): Promise<T> {
  const fs = makeFs();
  const state = path.join(temporaryFolder(), `docket-look-${makeDigest().uuid()}`);
  await fs.makeFolder(state, 0o700);
  try {
    const gate = programGate(workspace, programsOf(workspace), false);
    return await act(makeRunners({ ...workspace, state }, await profilesOf(workspace), { ...runnerPorts(io.env), ...gate }));
  } finally {
    await fs.removeTree(state);
  }
}

/** All tools that are installed, in the order of the registry; those whose program is missing are left out. */
export async function findTools(runners: Runners): Promise<readonly Tool[]> {
  const tools: Tool[] = [];
  for (const name of runners.names()) {
    const runner = name === AUTO || name === OFFLINE ? undefined : runners.get(name);
    const fit = await runner?.check();
    if (runner === undefined || fit === undefined || (!fit.ok && fit.error.kind === 'missing-program')) continue;
    const { version, program } = await runner.facts();
    tools.push({ name, version, program, isReady: fit.ok, reason: fit.ok ? null : describe(fit.error) });
  }
  return tools;
}

export const describeTool = (tool: Tool): string => `${tool.name}${tool.version === null ? '' : ` ${printable(tool.version, 40)}`}`;

const onTerminal: Asker = async ({ message, options, initialValue }) => {
  const answer = await select({ message, options: [...options], initialValue });
  return isCancel(answer) ? null : answer;
};

/** Asks on the terminal. Throws CliError 130 when the person leaves. */
export async function askRunner(tools: readonly Tool[], ask: Asker = onTerminal): Promise<string> {
  const choice = await ask({
    message: 'Who shall answer? (runner: in docket.yaml; nothing is sent now)',
    options: [
      ...tools.map((tool) => ({
        value: tool.name,
        label: describeTool(tool),
        hint: tool.isReady ? printable(tool.program ?? '') : 'not logged in yet: prompts wait until it is',
      })),
      { value: OFFLINE, label: 'offline', hint: 'no AI is called: the answer is the complete brief, ready to paste into any chat' },
      ...(tools.length > 0
        ? [{ value: AUTO, label: 'auto', hint: 'the first tool that is installed and logged in when the daemon starts' }]
        : []),
    ],
    initialValue: tools.find((tool) => tool.isReady)?.name ?? OFFLINE,
  });
  if (choice === null) throw new CliError('left without an answer; nothing was made', EXIT.stopped);
  return choice;
}

/** Is the tool that would be called not there yet? */
export const isMissing = (runner: string, tools: readonly Tool[]): boolean =>
  runner !== OFFLINE && !tools.some((tool) => tool.isReady && (runner === AUTO || tool.name === runner));
