/**
 * Lifecycle programs: what a person wants started when a job comes in, before it runs, when its answer is out, and when it ended badly.
 *
 *   after_intake   the prompt is accepted and recorded         told
 *   before_run     right before the first attempt              asked: exit code 10 holds the prompt with the program's words
 *   after_publish  the answer is in out/                       told
 *   on_failure     rejected, held, failed or cancelled         told
 *   on_review      reserved: comes with verdicts
 *
 * Told: written down (events.jsonl) before the job's next step, run later, a few at a time, never waited for; after a crash what was not run is told again,
 * with the same event id. Asked: waited for, at most `hooks.event_timeout`, its turn included; a program that is broken or slow never holds a prompt.
 * Invariant: nothing here changes the result of a job, ends the daemon, or keeps a job longer than the limit. Without `hooks.events` nothing of this exists.
 */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Clock, Digest, Fs, Log } from '#core/ports.ts';
import type { Settings } from '#core/settings.ts';
import { EVENT_NAMES, type EventEnd, type EventFacts, type EventName, type EventRun, type FoundPrograms } from '#core/events.ts';
import { openEventFile, type EventFile } from './events-file.ts';

/** A program of before_run ends with this to hold the prompt: no interpreter uses it for its own troubles. */
export const VETO_CODE = 10;
const WORDS_MAX = 1_000;

export type Veto = { readonly program: string; readonly words: string };

export type Events = {
  /** Resolves when it is written down; its programs run later. */
  tell(event: Exclude<EventName, 'before_run'>, facts: EventFacts): Promise<void>;
  /** Null: go on. */
  ask(facts: EventFacts): Promise<Veto | null>;
  /** Ends what runs; what was not run is told again at the next start. */
  readonly close: () => Promise<void>;
};

export type EventPorts = {
  readonly root: string;
  readonly state: string;
  readonly settings: Settings;
  readonly fs: Fs;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly log: Log;
  /** Fit to be shown: no known secret, nothing that a terminal obeys. */
  readonly clean: (text: string, maxLength: number) => string;
  readonly find: (root: string, event: EventName) => FoundPrograms;
  readonly run: (program: string, run: EventRun) => Promise<EventEnd>;
};

type Told = { readonly id: string; readonly event: EventName; readonly facts: EventFacts };

const isEventName = (text: string): text is EventName => (EVENT_NAMES as readonly string[]).includes(text);

/** Null: `hooks.events` names none. Throws RangeError with words for a name that is no event. */
export async function openEvents(ports: EventPorts): Promise<Events | null> {
  const { settings, fs, log } = ports;
  const wanted = settings['hooks.events'];
  const unknown = wanted.filter((name) => !isEventName(name));
  if (unknown.length > 0)
    throw new RangeError(
      `hooks.events: ${unknown.map((name) => printable(name, 40)).join(', ')}: the events are ${EVENT_NAMES.join(', ')} (on_review is reserved, and told by a later version)`,
    );
  if (wanted.length === 0) return null;
  const on = new Set<string>(wanted);
  const file: EventFile = await openEventFile(fs, path.join(ports.state, 'events.jsonl'), log);
  const stop = new AbortController();
  const queue: Told[] = [];
  const running = new Set<Promise<void>>();
  let asking = 0;
  const askers: (() => void)[] = [];
  let dropped = 0;

  /** Words about a program's place come once, not with every job. */
  const said = new Set<string>();
  const programsOf = (event: EventName): FoundPrograms['programs'] => {
    const found = ports.find(ports.root, event);
    for (const fault of found.faults) {
      if (said.has(fault)) continue;
      said.add(fault);
      log.warn(`${event}: not run: ${printable(fault, 400)}`);
    }
    return found.programs;
  };

  const start = async (told: Told, program: FoundPrograms['programs'][number], timeoutMs: number): Promise<EventEnd> => {
    const { id, event, facts } = told;
    const end = await ports.run(program.path, {
      input: `${JSON.stringify({ v: 1, event, event_id: id, ...facts })}\n`,
      env: { DOCKET_EVENT: event, DOCKET_EVENT_ID: id, DOCKET_JOB: facts.job },
      cwd: ports.root,
      timeoutMs,
      outputBytesMax: settings['hooks.event_output'],
      signal: stop.signal,
    });
    const words = ports.clean(end.output, settings['hooks.event_output']).trim();
    const fields = { job: facts.job, role: facts.role };
    const how =
      end.how === 'too slow'
        ? `ended after ${String(Math.ceil(timeoutMs))} ms (hooks.event_timeout)`
        : end.how === 'exited'
          ? `exit code ${String(end.code)}`
          : end.how;
    const isWell = end.code === 0 || (event === 'before_run' && end.code === VETO_CODE);
    if (!isWell && end.how !== 'stopped') log.warn(`${program.name}: ${how}${words === '' ? '' : `: ${words}`}`, fields);
    else if (words !== '') log.info(`${program.name}: ${words}`, fields);
    return end;
  };

  const runAll = async (told: Told): Promise<void> => {
    for (const program of programsOf(told.event)) {
      const end = await start(told, program, settings['hooks.event_timeout']);
      // It will be told again.
      if (end.how === 'stopped') return;
    }
    await file.done(told.id);
  };

  const next = (): void => {
    while (running.size < settings['hooks.event_parallel'] && !stop.signal.aborted) {
      const told = queue.shift();
      if (told === undefined) return;
      const run = runAll(told)
        .catch((error: unknown) => {
          log.warn(`${told.event} could not be told: ${error instanceof Error ? error.message : String(error)}`, { job: told.facts.job });
        })
        .finally(() => {
          running.delete(run);
          next();
        });
      running.add(run);
    }
  };

  const idOf = (event: EventName, { job, outcome }: EventFacts): string =>
    ports.digest.sha256(`${event} ${job} ${outcome ?? ''}`).slice(0, 32);

  for (const told of file.left) {
    if (on.has(told.event) && isEventName(told.event) && queue.length < settings['hooks.event_queue'])
      queue.push({ ...told, event: told.event });
    else await file.done(told.id);
  }
  if (queue.length > 0) log.info(`${String(queue.length)} events of an earlier start are told again`);
  next();

  /** Turns of their own, so that programs that are told something never keep a prompt waiting. False: its time is over. */
  const turnToAsk = async (endMs: number): Promise<boolean> => {
    if (asking < settings['hooks.event_parallel']) {
      asking++;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const mine = (): void => {
      resolve(true);
    };
    askers.push(mine);
    const over = new AbortController();
    const late = async (): Promise<boolean> => {
      await ports.clock.sleep(endMs - ports.clock.monotonicMs(), AbortSignal.any([over.signal, stop.signal]));
      const at = askers.indexOf(mine);
      // Called in the same moment: the turn is taken, and given back by whoever has it.
      if (at < 0) return promise;
      askers.splice(at, 1);
      return false;
    };
    const isMine = await Promise.race([promise, late()]);
    over.abort();
    return isMine;
  };

  return {
    async tell(event, facts) {
      if (!on.has(event)) return;
      const told = { id: idOf(event, facts), event, facts };
      if (queue.length >= settings['hooks.event_queue']) {
        // Each tenfold is said: a broken program must not fill the log, too.
        dropped++;
        if (/^10*$/.test(String(dropped)))
          log.warn(`${String(dropped)} events were dropped: ${String(queue.length)} wait already (hooks.event_queue)`, { job: facts.job });
        return;
      }
      await file.tell(told);
      queue.push(told);
      next();
    },
    async ask(facts) {
      if (!on.has('before_run')) return null;
      const endMs = ports.clock.monotonicMs() + settings['hooks.event_timeout'];
      const told: Told = { id: idOf('before_run', facts), event: 'before_run', facts };
      if (!(await turnToAsk(endMs))) {
        log.warn('before_run was not asked: its programs had no time for it (hooks.event_timeout, hooks.event_parallel)', {
          job: facts.job,
        });
        return null;
      }
      try {
        for (const program of programsOf('before_run')) {
          const leftMs = endMs - ports.clock.monotonicMs();
          if (leftMs <= 0) return null;
          const end = await start(told, program, leftMs);
          if (end.code === VETO_CODE)
            return { program: program.name, words: ports.clean(end.output, WORDS_MAX).trim() || 'it gave no reason' };
        }
        return null;
      } catch (error) {
        log.warn(`before_run could not be asked: ${error instanceof Error ? error.message : String(error)}`, { job: facts.job });
        return null;
      } finally {
        const first = askers.shift();
        if (first === undefined) asking--;
        else first();
      }
    },
    async close() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
