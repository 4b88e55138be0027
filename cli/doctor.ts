/** `docket doctor`: everything docket needs of this machine and this workspace, a line each, with the next step where one is needed. Changes nothing. */

import type { Command } from 'commander';
import { describeFault } from '#core/fault.ts';
import type { Workspace } from '#core/settings.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeSockets } from '#platform/socket.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { makeSecretScan } from '#policy/secret-scan.ts';
import { committed } from './committed.ts';
import { lookAtOwners, lookAtPublished, lookAtSettings } from './doctor-bounds.ts';
import { bad, guarded, well, type Check, type State } from './doctor-checks.ts';
import { lookAtDaemon, lookAtJournal, lookAtKeeper } from './doctor-daemon.ts';
import { lookAtHistory } from './doctor-history.ts';
import { lookAtClock, lookAtGit, lookAtNode, lookAtScanner, lookAtWatches } from './doctor-machine.ts';
import { lookAtNotify } from './doctor-notify.ts';
import { lookAtQueues } from './doctor-queues.ts';
import { lookAtProfiles, lookAtRoles, lookAtRunners } from './doctor-runners.ts';
import { lookAtScope } from './doctor-scope.ts';
import { lookAtRelease } from './doctor-release.ts';
import { lookAtReview } from './doctor-review.ts';
import { lookAtSharing } from './doctor-sharing.ts';
import { lookAtSigning } from './doctor-signing.ts';
import { EXIT, paint, show, type Common, type Io } from './io.ts';
import { withRunners } from './offer.ts';
import { commonOf, log } from './open.ts';
import { packageRoot } from './package.ts';
import { clock, runnerPorts, spoolOf } from './parts.ts';
import { lookAtSandbox } from './sandbox.ts';
import { loadWorkspace } from './workspace.ts';
import { lookAtSecrets } from './workspace-secrets.ts';

type Options = Common & { readonly deep?: boolean; readonly releaseKey?: string };

const SCAN_MS = 20_000;

export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('check the environment: tools, folders, history, what runs')
    .option('--deep', 'read every object of the history and every page of the journal (may take minutes)')
    .option(
      '--release-key <fingerprint>',
      "the key that docket's own scripts and hooks must be signed with, such as SHA256:…, from elsewhere",
    )
    .addHelpText(
      'after',
      '\nEach line is ok, warn or bad, with the next step. Nothing is changed, no prompt is sent.\nExit code 0 when nothing is bad, else 1.\n\nExamples:\n  docket doctor\n  docket doctor --deep\n  docket doctor --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { deep, releaseKey } = command.opts<Options>();
      const checks = await examine(io, common, deep === true, releaseKey ?? null);
      const count = (state: State): number => checks.filter((check) => check.state === state).length;
      const data = { ok: count('bad') === 0, bad: count('bad'), warnings: count('warn'), checks };
      show(io, common, data, [...checks.map((check) => words(io, check)), '', summary(io, count('bad'), count('warn'))].join('\n'));
      if (count('bad') > 0) io.setExitCode(EXIT.notWell);
    });
}

async function examine(io: Io, common: Common, isDeep: boolean, releaseKey: string | null): Promise<readonly Check[]> {
  const fs = makeFs();
  const loaded = await loadWorkspace({ cwd: io.cwd, rootFlag: common.root ?? null, env: io.env, flags: {}, fs, committed });
  const workspace = loaded.ok ? loaded.value : null;
  const machine = [
    ...(await guarded('node', async () => Promise.resolve(lookAtNode()))),
    ...(await guarded('git program', async () => lookAtGit(askProgram))),
    ...(await guarded('release', async () => lookAtRelease(fs, packageRoot(), releaseKey))),
    ...(await guarded('inotify', async () => lookAtWatches(fs))),
    ...(await guarded('clock', async () => lookAtClock(fs, clock, workspace?.state ?? null, makeDigest().uuid()))),
    ...(await guarded('secret scanner', async () =>
      lookAtScanner(makeSecretScan({ deadlineMs: workspace?.settings['limits.secret_scan'] ?? SCAN_MS })),
    )),
  ];
  if (!loaded.ok) {
    const faults = loaded.error.map((fault) =>
      bad(
        'workspace',
        `${fault.file}: ${describeFault(fault).split('\n')[0] ?? ''}; found ${fault.found}, expected ${fault.expected}`,
        fault.mend,
      ),
    );
    return [...machine, ...faults];
  }
  return [...machine, ...(await examineWorkspace(io, loaded.value, isDeep))];
}

async function examineWorkspace(io: Io, workspace: Workspace, isDeep: boolean): Promise<readonly Check[]> {
  const fs = makeFs();
  const ports = { fs, clock, locks: makeKernelLocks(), sockets: makeSockets(), openDatabase, ask: askProgram };
  const { roles, checks } = await lookAtRoles(fs, workspace).catch((error: unknown) => ({
    roles: [],
    checks: [
      bad(
        'roles',
        `could not be read: ${error instanceof Error ? error.message : String(error)}`,
        'look at the permissions of agents/ and prompt-spec/',
      ),
    ],
  }));
  return [
    well('workspace', `${workspace.app} in ${workspace.root}`),
    ...checks,
    ...(await guarded('settings', async () => lookAtSettings(workspace))),
    ...(await guarded('owners', async () => lookAtOwners(fs, workspace.queues, roles))),
    ...(await guarded('published', async () => lookAtPublished(fs, spoolOf(workspace, roles, log), workspace.queues, roles))),
    ...(await guarded('secrets in files', async () => lookAtSecrets(fs, workspace))),
    ...(await guarded('queues', async () => lookAtQueues(fs, workspace, roles, makeDigest().uuid()))),
    ...(await guarded('history', async () => lookAtHistory(ports, workspace, isDeep))),
    ...(await guarded('signing', async () => lookAtSigning(fs, workspace))),
    ...(await guarded('review', async () => lookAtReview(fs, workspace, roles))),
    ...(await guarded('daemon', async () => lookAtDaemon(ports, workspace))),
    ...(await guarded('keeper', async () => lookAtKeeper(ports, workspace))),
    ...(await guarded('shared limits', async () => lookAtSharing(ports, workspace, io.env))),
    ...(await guarded('journal', async () => lookAtJournal(ports, workspace, isDeep))),
    ...(await guarded('notices', async () => lookAtNotify(workspace, io.env))),
    ...(await guarded('sandbox', async () => [await lookAtSandbox(workspace, runnerPorts(io.env))])),
    ...(await guarded('runners', async () =>
      withRunners(io, workspace, async (runners) => [
        ...(await lookAtRunners(workspace, roles, runners)),
        lookAtProfiles(runners),
        lookAtScope(workspace, roles, runners),
      ]),
    )),
  ];
}

const COLORS: Readonly<Record<State, 'green' | 'yellow' | 'red'>> = { ok: 'green', warn: 'yellow', bad: 'red' };

const words = (io: Io, { check, state, found, next }: Check): string =>
  `${paint(io, COLORS[state], state.padEnd(4))}  ${check.padEnd(26)}  ${found}${next === null ? '' : `\n      ${''.padEnd(26)}  ${paint(io, 'bold', 'next:')} ${next}`}`;

const plural = (count: number, word: string): string => `${String(count)} ${word}${count === 1 ? '' : 's'}`;

const summary = (io: Io, badCount: number, warnCount: number): string =>
  badCount > 0
    ? paint(io, 'red', `${String(badCount)} bad${warnCount > 0 ? `, ${plural(warnCount, 'warning')}` : ''}`)
    : paint(io, 'green', warnCount > 0 ? `nothing is bad, ${plural(warnCount, 'warning')}` : 'all is well');
