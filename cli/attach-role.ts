/**
 * `docket attach <role>`: follows a whole role until a person leaves. What its runs do and what ended comes as lines; how its queue stands is the last line of a
 * terminal, a line of its own at each change elsewhere.
 *
 *   a daemon runs <-> it went away: the folders are still looked at, and it is asked again twice a second
 *
 * Invariant: it only reads, but for `e`, which drops a prompt as `docket add` does. Nothing that it keeps grows with what it has seen.
 */

import { printable } from '#core/names.ts';
import type { Clock } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import { makeFs } from '#platform/files.ts';
import { EXIT, paint, type Common, type Io } from './io.ts';
import { eventLine, eventOf } from './live-words.ts';
import { connectControl, type Control, type Opened } from './open.ts';
import { makePaneScreen, type PaneScreen } from './pane-screen.ts';
import { clock as realClock } from './parts.ts';
import { dropEdited, KEYS, reviewHint } from './role-keys.ts';
import { lookAtQueue, newestEnds, queueWords, titleIn, type EndedJob, type RoleQueue } from './role-queue.ts';
import { realTerminal, wantsWatch, type WatchScreen } from './status-watch.ts';

export type RoleWatch = { readonly screen: WatchScreen | null; readonly clock: Clock; readonly signal?: AbortSignal };

/** A run's begin and end are looked at when they are told. */
const LOOK_MS = 2_000;
/** After it: what a run made is recorded and published a moment later. */
const SOON_MS = 250;
const SOON_MAX = 4;
const CONNECT_AGAIN_MS = 500;
/** Ends before it began that are shown, so that a pane that was opened late is not empty. */
const EARLIER_MAX = 3;
const CTRL_C = '\u0003';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const STYLES: Readonly<Record<string, 'green' | 'yellow' | 'red'>> = { answered: 'green', briefed: 'green', duplicate: 'yellow' };

/** Resolves when the person leaves: q, Ctrl-C, a signal. @param given a test's own terminal and clock */
export async function followRole(io: Io, common: Common, opened: Opened, role: Role, given: RoleWatch | null = null): Promise<void> {
  const clock = given?.clock ?? realClock;
  const isDrawn = common.json !== true && wantsWatch(io) && io.canAsk;
  const terminal = given === null ? (isDrawn ? realTerminal() : null) : given.screen;
  const screen = terminal === null ? null : makePaneScreen(terminal, io.env['TMUX'] !== undefined);
  const { workspace } = opened;
  const fs = makeFs();
  const over = new AbortController();
  let wake = new AbortController();
  let control: Control | null = null;
  let queue: RoleQueue | null = null;
  let isEditing = false;
  let soonCount = 0;

  const isOver = (): boolean => over.signal.aborted;
  const stop = (): void => {
    over.abort();
    wake.abort();
    control?.close();
  };
  const line = (text: string): void => {
    if (screen === null) io.out(text);
    else screen.print(text);
  };
  const say = (event: string, fields: Readonly<Record<string, unknown>>, words: string): void => {
    const at = clock.now();
    if (common.json === true) line(JSON.stringify({ v: 1, at: at.toISOString(), event, role: role.name, ...fields }));
    else line(`${paint(io, 'dim', at.toTimeString().slice(0, 8))} ${words}`);
  };

  /** Beside the looks: whatever the runs of this role do, whenever a daemon runs. */
  async function hear(): Promise<void> {
    let wasUp: boolean | null = null;
    while (!isOver()) {
      const mine = await connectControl(workspace);
      const isUp = mine !== null;
      if (isUp !== wasUp)
        say(
          'daemon',
          { up: isUp },
          isUp ? 'the daemon runs' : 'no daemon runs: what waits goes on waiting, a run under way goes on (docket up --detach)',
        );
      wasUp = isUp;
      if (mine !== null) {
        control = mine;
        wake.abort();
        if (isOver()) mine.close();
        await mine.ask('attach', {}, (message) => {
          const event = eventOf(message);
          if (event?.role !== role.name) return;
          line(common.json === true ? JSON.stringify(event) : eventLine(event, io.color));
          if (event.event !== 'begin' && event.event !== 'end') return;
          soonCount = SOON_MAX;
          wake.abort();
        });
        control = null;
        mine.close();
      }
      await clock.sleep(CONNECT_AGAIN_MS, over.signal);
    }
  }

  function tellQueue(now: RoleQueue): void {
    const isSame = queue !== null && JSON.stringify(now) === JSON.stringify(queue);
    queue = now;
    const words = now.problem === null ? queueWords(now) : `cannot be read: ${now.problem}`;
    if (screen !== null) screen.bottom(` ${role.folder}  ${printable(words, 300)}${now.up ? '' : '  (no daemon)'}  ${KEYS} `);
    else if (!isSame) say('queue', now, `${role.folder}: ${printable(words, 300)}`);
  }

  async function tellEnd(end: EndedJob): Promise<void> {
    const { id: job, stem, outcome, feature, file } = end;
    const title = await titleIn(fs, file);
    const words = paint(io, STYLES[outcome ?? ''] ?? 'red', `${role.name}/${printable(stem, 120)}: ${outcome ?? ''}`);
    say('ended', { job, stem, outcome, feature, file, title }, `${words}  ${file}${title === null ? '' : `\n         ${title}`}`);
  }

  async function look(): Promise<void> {
    let known: ReadonlySet<string> | null = null;
    while (!isOver()) {
      wake = new AbortController();
      if ((await fs.facts(workspace.root)) === null) {
        say('gone', {}, `the workspace ${printable(workspace.root, 1_000)} is gone, so there is nothing to follow`);
        io.setExitCode(EXIT.notWell);
        stop();
        break;
      }
      const ends = newestEnds(workspace, role);
      const news: readonly EndedJob[] = known === null ? ends.slice(-EARLIER_MAX) : ends.filter(({ id }) => known?.has(id) !== true);
      known = new Set(ends.map(({ id }) => id));
      for (const end of news) await tellEnd(end);
      tellQueue(await lookAtQueue(fs, workspace, role, control));
      await clock.sleep(soonCount-- > 0 ? SOON_MS : LOOK_MS, wake.signal);
    }
  }

  const ears: { unlisten: (() => void) | null } = { unlisten: null };
  async function onKey(text: string, shown: PaneScreen): Promise<void> {
    if (isEditing) return;
    if (text.includes('q') || text.includes(CTRL_C)) stop();
    else if (text.includes('r')) say('hint', {}, reviewHint(role, queue));
    else if (text.includes('e')) {
      isEditing = true;
      ears.unlisten?.();
      shown.hold();
      const words = await dropEdited(io, opened, role);
      isEditing = false;
      shown.release();
      say('dropped', {}, words);
      if (!isOver()) listen();
      wake.abort();
    }
  }

  function listen(): void {
    if (terminal === null || screen === null) return;
    ears.unlisten = terminal.listen(
      (text) => {
        void onKey(text, screen);
      },
      () => {
        screen.redraw();
      },
    );
  }
  for (const signal of SIGNALS) process.on(signal, stop);
  given?.signal?.addEventListener('abort', stop, { once: true });
  listen();
  try {
    await Promise.all([hear(), look()]);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    ears.unlisten?.();
    screen?.close();
  }
}
