/** `docket down --all`: every daemon of this user on this machine is asked to stop, all at the same time, and each is waited for. */

import { whereaboutsOf, type DaemonEntry } from '#core/daemons.ts';
import { printable } from '#core/names.ts';
import { SETTINGS } from '#core/settings.ts';
import { mustNameNoRoot, openRegistry } from './daemons.ts';
import { EXIT, show, type Common, type Io } from './io.ts';
import { openWorkspace } from './open.ts';
import { thisMachine } from './registry.ts';
import { stopDaemon } from './stop-daemon.ts';

/** One that says nothing for so long holds up the end of the verb, not the others. */
const ANSWER_MS = 5_000;

type End = {
  readonly root: string;
  readonly app: string;
  readonly did: 'stopped' | 'silent' | 'still there';
  readonly pid: number | null;
  readonly words: string | null;
};

/** Its settings may be broken by now: then the usual wait. */
const drainOf = async (io: Io, root: string): Promise<number> =>
  openWorkspace(io, { root }).then(
    ({ settings }) => settings['stop.drain'],
    () => SETTINGS['stop.drain'].default,
  );

async function stopOne(io: Io, { root, app, state }: DaemonEntry, now: boolean): Promise<End | null> {
  const end = await stopDaemon(state, { now, drainMs: await drainOf(io, root), answerMs: ANSWER_MS });
  if (end.kind === 'none') return null;
  return { root, app, did: end.kind, pid: end.pid, words: end.kind === 'stopped' ? null : end.words };
}

const lineOf = ({ root, app, did, pid, words }: End): string =>
  did === 'stopped'
    ? `down           ${app}  ${printable(root, 500)} (pid ${String(pid ?? '?')})`
    : `${did.padEnd(14)} ${app}  ${printable(root, 500)}: ${words ?? ''}`;

export async function downAll(io: Io, common: Common, now: boolean): Promise<void> {
  mustNameNoRoot(common);
  const { entries, faults } = await openRegistry(io).read();
  const machine = thisMachine();
  const here = entries.filter(({ entry }) => whereaboutsOf(entry, machine) !== 'elsewhere');
  const asked = await Promise.all(here.map(async ({ entry }) => stopOne(io, entry, now)));
  const ends = asked.filter((end) => end !== null);
  const elsewhere = entries.filter((one) => !here.includes(one)).map(({ entry: { root, host } }) => ({ root, host }));
  const notes = [
    ...elsewhere.map(({ root, host }) => `${printable(root, 500)} is listed by ${printable(host)}: run \`docket down\` there`),
    ...faults.map(({ file, words }) => `${file} is no entry of a daemon: ${words}; whether one runs there is not known`),
  ];
  const text = ends.length === 0 ? 'no daemon of yours runs on this machine' : ends.map(lineOf).join('\n');
  show(io, common, { daemons: ends, elsewhere, notes }, [text, ...notes].join('\n'));
  if (faults.length > 0 || ends.some(({ did }) => did !== 'stopped')) io.setExitCode(EXIT.notWell);
}
