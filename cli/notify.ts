/** `docket notify`: what people are told about and how; `docket notify test` sends one, so that it is known to arrive. */

import type { Command } from 'commander';
import type { Workspace } from '#core/settings.ts';
import { makeNotify } from '#daemon/notify.ts';
import { hostName } from '#platform/system.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { notifyPlan, type NotifyPlan } from './notify-ways.ts';
import { commonOf, log, openWorkspace } from './open.ts';
import { clock } from './parts.ts';

export function addNotify(program: Command, io: Io): void {
  program
    .command('notify')
    .description('say what people are told about, and how; `notify test` sends one')
    .argument('[test]', 'test: send a notice by every way that is on')
    .addHelpText(
      'after',
      '\nA notice holds feature, role, revision, state, job and host: never what a prompt or an answer says.\nExit code 1 when a way did not take the test.\n\nExamples:\n  docket notify\n  docket notify test',
    )
    .action(async (what: string | undefined, _options: Common, command: Command) => {
      if (what !== undefined && what !== 'test') throw new CliError('docket notify takes nothing, or test', EXIT.wrongUse);
      const common = commonOf(command);
      const workspace = await openWorkspace(io, common);
      const ring = io.isTerminal ? (): void => void process.stdout.write('\u0007') : null;
      const plan = await notifyPlan(workspace, io.env, clock, ring);
      await (what === 'test' ? test(io, common, workspace, plan) : tell(io, common, plan));
    });
}

/** `told about: review, failed; by: bell, webhook https://…` */
export function planWords({ on, ways }: NotifyPlan): string {
  const about = on.length === 0 ? 'nothing (notify.on is empty)' : on.join(', ');
  return `told about: ${about}; by: ${ways.length === 0 ? 'no way that is on here' : ways.map(({ name }) => name).join(', ')}`;
}

async function tell(io: Io, common: Common, plan: NotifyPlan): Promise<void> {
  const data = { on: plan.on, ways: plan.ways.map(({ name }) => name), faults: plan.faults };
  show(io, common, data, [planWords(plan), ...plan.faults].join('\n'));
  if (plan.faults.length > 0) io.setExitCode(EXIT.notWell);
  await Promise.resolve();
}

async function test(io: Io, common: Common, { settings }: Workspace, { on, ways, faults }: NotifyPlan): Promise<void> {
  const notify = makeNotify({ clock, log, host: hostName(), on, ways, windowMs: settings['notify.window'] });
  const told = await notify.test();
  await notify.close();
  const lines = [
    ...told.map(({ way, fault }) => `${way}: ${fault ?? 'taken'}`),
    ...faults,
    ...(told.length === 0 && faults.length === 0
      ? ['no way is on: notify.bell (on a terminal), notify.desktop, notify.command, notify.webhook']
      : []),
    ...(on.length === 0 ? ['notify.on is empty, so nothing but this test is told'] : []),
  ];
  show(io, common, { told, faults, on }, lines.join('\n'));
  if (faults.length > 0 || told.some(({ fault }) => fault !== null)) io.setExitCode(EXIT.notWell);
}
