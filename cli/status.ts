/** `docket status`: one screen. Is a daemon up, what does it do, what waits for a person. Answers from the folders when none runs. */

import type { Command } from 'commander';
import { makeFs } from '#platform/files.ts';
import { readHolder } from './holder.ts';
import { readPauses } from './pauses.ts';
import { circuitWords, heldWords, laneWords } from './lane-words.ts';
import { faultWords, listAll, type LaneWords, type RoleFault } from './job-words-sources.ts';
import { pausedWords } from '#daemon/pauses.ts';
import { EXIT, paint, show, table, type Common, type Io } from './io.ts';
import { commonOf, connectControl, log, openAll } from './open.ts';
import { clock, readJournal, spoolOf } from './parts.ts';

type Budget = { readonly words: string };

const NEEDS_PERSON = ['rejected', 'held', 'failed', 'cancelled'];

export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('one screen: the daemon, its lanes, and what waits')
    .addHelpText('after', '\nExit code 1 when no daemon runs.\n\nExamples:\n  docket status\n  docket status --json')
    .action(async (_options: Common, command: Command) => {
      const common = commonOf(command);
      const { workspace, roles } = await openAll(io, common);
      const holder = await readHolder(makeFs(), workspace.state);
      const control = await connectControl(workspace);
      const reply = control === null ? null : await control.ask('status');
      control?.close();
      const { views: jobs, faults: unread } = await listAll(spoolOf(workspace, [...roles.values()], log), { limit: 100_000 });
      const counts = [...roles.values()].map((role) => {
        const mine = jobs.filter((job) => job.role === role.name);
        const count = (...states: string[]): number => mine.filter((job) => states.includes(job.state)).length;
        const ended = count('answered', 'briefed', 'duplicate');
        return {
          role: role.folder,
          waiting: count('waiting-in'),
          in_flight: mine.length - count('waiting-in') - ended - count(...NEEDS_PERSON),
          processed: ended,
          needs_person: count(...NEEDS_PERSON),
        };
      });
      const isUp = reply?.ok === true;
      const lanes = isUp ? (reply['lanes'] as readonly LaneWords[]) : [];
      const paused = await readPauses(workspace);
      const journal = isUp ? null : readJournal(workspace);
      const holds = (journal?.holds() ?? []).filter(({ untilMs }) => untilMs === null || untilMs > clock.now().getTime());
      // Their wait may be over: the next start lets one run go first.
      const circuits = (journal?.lanes() ?? []).filter(({ cause }) => cause === 'errors').map(({ lane }) => lane);
      journal?.close();
      const budgets = isUp ? ((reply['budgets'] ?? []) as readonly Budget[]) : [];
      // A daemon that was started by an older docket does not say these.
      const told = isUp ? ((reply['faults'] ?? []) as readonly RoleFault[]) : [];
      const faults = [...told, ...unread.filter(({ role }) => !told.some((one) => one.role === role))];
      const waitsForMoney = isUp ? Object.keys(reply['waits_for_money'] ?? {}) : [];
      const data = {
        up: isUp,
        daemon: isUp ? holder : null,
        root: workspace.root,
        runner: workspace.settings.runner,
        history: workspace.history,
        roles: counts,
        lanes,
        paused,
        holds: holds.map(({ lane, untilMs, reason }) => ({
          lane,
          until: untilMs === null ? null : new Date(untilMs).toISOString(),
          reason,
        })),
        circuits,
        budgets,
        faults,
        waits_for_money: waitsForMoney,
      };
      const head = isUp
        ? `${paint(io, 'green', 'up')}: pid ${String(holder?.pid ?? '?')}, docket ${String(reply['version'])}, since ${String(reply['started_at'])}`
        : `${paint(io, 'red', 'down')}: no daemon runs for ${workspace.root} (\`docket up\`)`;
      const rows = [
        ['role', 'waiting', 'in flight', 'processed', 'needs a person'],
        ...counts.map((row) => [row.role, ...[row.waiting, row.in_flight, row.processed, row.needs_person].map(String)]),
      ];
      const laneRows = [
        ...lanes.map(laneWords),
        ...holds.map(({ lane, untilMs, reason }) =>
          heldWords({ lane, heldUntil: untilMs === null ? null : new Date(untilMs).toISOString(), reason }),
        ),
        ...circuits.map(circuitWords),
        ...paused.map((pause) => paint(io, 'yellow', pausedWords(pause))),
      ];
      show(
        io,
        common,
        data,
        [
          head,
          `runner ${workspace.settings.runner || '(none chosen)'}, history ${workspace.history}`,
          '',
          table(rows),
          ...(faults.length > 0 ? ['', ...faults.map((fault) => paint(io, 'red', faultWords(fault)))] : []),
          ...(laneRows.length > 0 ? ['', ...laneRows] : []),
          ...(budgets.length > 0 ? ['', ...budgets.map(({ words }) => words)] : []),
          ...(waitsForMoney.length > 0
            ? [
                `${String(waitsForMoney.length)} in flight wait for money: ${waitsForMoney.join(', ')} (\`docket why\` says what releases them)`,
              ]
            : []),
        ].join('\n'),
      );
      if (!isUp) io.setExitCode(EXIT.notWell);
    });
}
