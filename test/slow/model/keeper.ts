/**
 * A keeper that can be looked at between any two of its effects: the order of writes of tools/keeper-run.ts on the simulated disk, with a tool that
 * answers at once. It outlives the daemon when only the daemon is killed, and goes on where it was; when it dies, or the machine does, its runs die too.
 */

import path from 'node:path';
import type { Digest, Fs, Keeper } from '#core/ports.ts';
import { err, ok } from '#core/result.ts';
import type { ExitFile, RunFile } from '#core/run.ts';
import { NAMES, readExit } from '#tools/exit.ts';
import type { Hold } from './outside.ts';

export type RunState = {
  readonly dir: string;
  readonly runId: string;
  readonly token: string;
  /** Which prompt it answers: a mark in the brief. */
  readonly mark: string;
  /** Effects that are done. */
  readonly stage: number;
  readonly isStarted: boolean;
  /** `ended`: its exit.json is on the disk, as the keeper was told. */
  readonly fate: 'live' | 'ended' | 'died';
};

const AT = '2026-01-01T00:00:00.000Z';
/** Effects before the program is told to go. */
const GO = 6;
/** From this effect on there may be a run.json. */
export const HAS_RUN_FILE = 3;

export type FakeKeeper = Keeper & {
  /** Between two effects: a state in which the keeper can be left alive. */
  isBetween(): boolean;
};

/** @param answerOf what the tool prints, and its exit code */
export function makeKeeper(
  hold: Hold,
  fs: Fs,
  digest: Digest,
  answerOf: (mark: string, runId: string) => { readonly text: string; readonly code: number },
): FakeKeeper {
  let isBusy = false;
  const change = (dir: string, news: Partial<RunState>): void => {
    const { runs } = hold.get();
    const next = runs.map((run) => (run.dir === dir && run.fate === 'live' ? { ...run, ...news } : run));
    hold.set({ runs: next });
  };
  const liveIn = (dir: string): RunState | undefined => hold.get().runs.find((run) => run.dir === dir && run.fate === 'live');

  const effects = (run: RunState): readonly (() => Promise<unknown>)[] => {
    const at = (name: string): string => path.join(run.dir, name);
    const sealed = async (name: string): Promise<ExitFile['stdout']> => {
      const { bytes } = await fs.readBounded(at(name), 1e6);
      return { sizeBytes: bytes.length, sha256: digest.sha256(bytes) };
    };
    const { runId, token } = run;
    const { text, code } = answerOf(run.mark, runId);
    const file: RunFile = {
      v: 1,
      runId,
      token,
      pid: 42,
      pidStart: '1',
      bootId: 'b',
      startedAt: AT,
      deadline: AT,
      shown: `tool ${run.mark}`,
    };
    return [
      async () => fs.makeFolders(at(NAMES.tmp), 0o700),
      async () => fs.writeDerived(at(NAMES.stdout), '', 0o600),
      async () => fs.writeDerived(at(NAMES.stderr), '', 0o600),
      async () => fs.writeDerived(at(NAMES.run), `${JSON.stringify(file)}\n`),
      async () => fs.syncFolder(run.dir, 'no-second-run'),
      async () => fs.syncFile(at(NAMES.run), 'no-second-run'),
      async () => {
        const others = hold.get().runs.filter((other) => other.mark === run.mark && other.isStarted);
        if (others.some((other) => other.fate === 'live')) wrong(`two runs of ${run.mark} at the same time`);
        change(run.dir, { isStarted: true });
        hold.point('the tool is told to go');
        await Promise.resolve();
      },
      async () => fs.append(at(NAMES.stdout), text),
      async () => fs.append(at(NAMES.stderr), 'it says what it does'),
      async () => fs.removeTree(at(NAMES.tmp)),
      async () => {
        const outputs = { stdout: await sealed(NAMES.stdout), stderr: await sealed(NAMES.stderr) };
        const exit: ExitFile = { v: 1, runId, token, code, signal: null, stopped: null, startedAt: AT, endedAt: AT, ...outputs };
        await fs.writeDerived(at(NAMES.exit), `${JSON.stringify(exit)}\n`);
      },
      // The keeper has these under way at the same time: here they come in the worst order, what is told of last.
      async () => fs.syncFolder(run.dir, 'safety'),
      async () => fs.syncFile(at(NAMES.exit), 'safety'),
      async () => fs.syncFile(at(NAMES.stderr), 'safety'),
      async () => fs.syncFile(at(NAMES.stdout), 'safety'),
    ];
  };
  const wrong = (words: string): void => {
    hold.set({ wrong: [...hold.get().wrong, words] });
  };

  const goTo = async (dir: string, last: number | null): Promise<void> => {
    for (let run = liveIn(dir); run !== undefined; run = liveIn(dir)) {
      const all = effects(run);
      const effect = all[run.stage];
      if (effect === undefined) {
        change(dir, { fate: 'ended' });
        return;
      }
      if (last !== null && run.stage > last) return;
      hold.point('between two effects of the keeper');
      isBusy = true;
      await effect();
      isBusy = false;
      change(dir, { stage: run.stage + 1 });
    }
  };
  return {
    isBetween: () => !isBusy,
    async start({ plan, dir, runId, token }) {
      const known = liveIn(dir);
      if (known !== undefined) {
        await goTo(dir, GO);
        const message = 'it is waited for, not replaced';
        return err({ kind: 'environment', what: 'another run is alive in the folder of this attempt', path: dir, code: 'EEXIST', message });
      }
      const run: RunState = { dir, runId, token, mark: plan.args[0] ?? '', stage: 0, isStarted: false, fate: 'live' };
      hold.set({ runs: [...hold.get().runs, run] });
      await goTo(dir, GO);
      return ok({ v: 1, runId, token, pid: 42, pidStart: '1', bootId: 'b', startedAt: AT, deadline: AT, shown: plan.shown });
    },
    async wait(dir) {
      if (liveIn(dir) === undefined) return null;
      await goTo(dir, null);
      return readExit(dir, fs, digest);
    },
    stop: async () => Promise.resolve(),
    list: async () => Promise.resolve([]),
    close: () => undefined,
  };
}

/** The machine or the keeper is gone, and with it every process it watched. */
export const withoutRuns = (runs: readonly RunState[]): readonly RunState[] =>
  runs.map((run) => (run.fate === 'live' ? { ...run, fate: 'died' } : run));
