/**
 * Follows the output of one attempt while it grows: what is new since the last look, by the `progress:` rules of the tool's profile.
 *
 *   look -> bytes since the last look -> steps
 *
 * It opens the files in a<n>/ for reading only, so a run that outlived a daemon is followed like any other, from its beginning. An attempt that is
 * started again has new files, and is read from their beginning.
 */

import path from 'node:path';
import type { Clean, ProgressReader, Step } from '#tools/progress.ts';
import { makeProgressReader } from '#tools/progress.ts';
import type { Fs } from '#core/ports.ts';
import { NO_USAGE, type Usage } from '#core/run.ts';
import { NAMES, readRun } from '#tools/exit.ts';
import type { Runner } from './runner.ts';

export type { Clean, Step } from '#tools/progress.ts';

export type Look = {
  /** Of both outputs so far. */
  readonly bytes: number;
  readonly steps: readonly Step[];
};
export type Follower = {
  /** Reads what is new. Never rejects: what cannot be read now is read at the next look. */
  look(): Promise<Look>;
  /** After the run's end: the rest. */
  finish(): Promise<Look>;
  /** Whether its output tells anything before its end. */
  readonly tellsUsage: boolean;
  usage(): Usage;
  model(): string | null;
  /** As it stands in run.json, also of a run that was taken up; null: nothing was started yet. */
  run(): Promise<{ readonly runId: string; readonly startedAt: string } | null>;
};

type FollowFs = Pick<Fs, 'facts' | 'openRead' | 'readBounded'>;

const CHUNK_BYTES = 65_536;
/** A look is over after this much; the next one goes on. */
const LOOK_BYTES_MAX = 4 * 1024 * 1024;
const FINISH_BYTES_MAX = 64 * 1024 * 1024;

const tellsUsage = ({ profile }: Runner): boolean => Object.values(profile?.progress?.usage.fields ?? {}).some((picks) => picks.length > 0);

/**
 * @param dir work/<job>/a<n>, absolute; need not be there yet
 * @param cwd where the tool works
 */
export function followAttempt(runner: Runner, dir: string, cwd: string, fs: FollowFs, clean: Clean): Follower {
  const rules = runner.profile?.progress ?? null;
  const fresh = (): ProgressReader | null => (rules === null ? null : makeProgressReader(rules, cwd, clean));
  let reader = fresh();
  let offset = 0;
  let inode: bigint | null = null;
  let bytes = 0;

  async function readNew(maxBytes: number): Promise<Step[]> {
    const file = path.join(dir, NAMES.stdout);
    const facts = await fs.facts(file);
    const errors = (await fs.facts(path.join(dir, NAMES.stderr)))?.sizeBytes ?? 0;
    if (facts?.kind !== 'file') return [];
    if (inode !== null && (inode !== facts.ino || facts.sizeBytes < offset)) {
      reader = fresh();
      offset = 0;
    }
    inode = facts.ino;
    bytes = facts.sizeBytes + errors;
    if (reader === null || facts.sizeBytes === offset) return [];
    const steps: Step[] = [];
    const open = await fs.openRead(file);
    try {
      for (const end = offset + maxBytes; offset < end;) {
        const chunk = await open.readAt(offset, CHUNK_BYTES);
        if (chunk.length === 0) break;
        offset += chunk.length;
        steps.push(...reader.feed(chunk));
      }
    } finally {
      await open.close();
    }
    return steps;
  }
  const look = async (maxBytes: number): Promise<Look> => ({ steps: await readNew(maxBytes).catch(() => []), bytes });

  return {
    look: async () => look(LOOK_BYTES_MAX),
    async finish() {
      const { steps } = await look(FINISH_BYTES_MAX);
      return { steps: [...steps, ...(reader?.finish() ?? [])], bytes };
    },
    tellsUsage: tellsUsage(runner),
    usage: () => reader?.usage() ?? NO_USAGE,
    model: () => reader?.model() ?? null,
    run: async () => readRun(dir, fs).catch(() => null),
  };
}
