/**
 * How long to wait for a file system that may not answer (foreign-mounts.ts). A call to it blocks its thread until its server answers, and nothing ends that,
 * so it never has this process's own thread, and at most one of the pool's:
 *
 *   answers -> (a call is late, and so is a look at the mount itself) -> silent: every call is refused at once, ETIMEDOUT -> (the late call ends) -> answers
 *
 * Invariants: one call at a time for each mount. After a refusal nothing more happens there before the late call has ended, so its effect, whichever it was, is
 * there before anybody looks again: to whoever waited it is an error like any other that may have had its effect. Slow is not silent: a call that
 * takes minutes while the mount answers is waited for.
 */

import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, systemError } from './file-facts.ts';
import { isMountedNow } from './foreign-mounts.ts';

/** A call is late after this time, a look at the mount too. */
const LATE_MS = 5_000;
/** Of the pool's threads, four where nobody asks for more (the keeper), so many may wait for silent mounts; others that come are refused. */
const SILENT_MAX = 2;
/** What a call gets that was under way when its server went. Of the machine's own disk EIO means damage; here it does only while the mount still answers. */
const LOST = new Set(['EIO', 'ECONNABORTED']);

/** Resolves with what `act` does on that mount, or rejects with its error, or with ETIMEDOUT. */
type Patiently = <T>(at: string, what: string, file: string, act: () => Promise<T>) => Promise<T>;
export type Patience = {
  readonly patiently: Patiently;
  /** Somebody else knows that this mount does not answer: it is not asked, as long as this process lives. */
  readonly passOver: (at: string) => void;
};

type Mount = {
  readonly at: string;
  /** Those that wait for their turn; each is told whether it is refused. */
  readonly waiting: ((isRefused: boolean) => void)[];
  isBusy: boolean;
  /** A call does not come back. */
  isSilent: boolean;
};

/** The same words for as long as it lasts: they are told when they change. */
const refusal = ({ at, isSilent }: Mount, what: string, file: string): NodeJS.ErrnoException => {
  const why = isSilent ? `${at} does not answer` : `too many other file systems do not answer for ${at} to be asked`;
  return Object.assign(systemError('ETIMEDOUT', `${why}, ${what} '${file}'`), { path: file, syscall: what });
};

const goneError = (at: string, cause: unknown, file: string): NodeJS.ErrnoException =>
  Object.assign(systemError('ENOTCONN', `the server of ${at} is gone (${codeOf(cause)}), '${file}'`, cause), { path: file });

const inTime = (): boolean => false;
async function isLate(call: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, LATE_MS, true);
  });
  return Promise.race([late, call.then(inTime, inTime)]).finally(() => {
    clearTimeout(timer);
  });
}

let looks = 0;
/** For a name that is not there: what the kernel has in memory would be no sign of life. */
const lookAt = async (at: string): Promise<unknown> => lstat(path.join(at, `.docket-${String(process.pid)}-${String((looks += 1))}.look`));

/** @param look asks the mount at this place; rejects with ENOENT when all is well */
export function makePatience(look: (at: string) => Promise<unknown>, isMounted: (at: string) => boolean): Patience {
  const mounts = new Map<string, Mount>();
  const silent = (): number => [...mounts.values()].filter(({ isSilent }) => isSilent).length;
  /** One at a time, as it takes a thread of its own; meanwhile another mount that is late counts as silent. */
  let isLooking = false;

  async function isAlive(at: string): Promise<boolean> {
    if (isLooking) return false;
    isLooking = true;
    const looked = look(at).finally(() => {
      isLooking = false;
    });
    // Unmounted meanwhile it is another folder that answers, and the call waits for a server that nobody sees any more.
    return !(await isLate(looked)) && isMounted(at);
  }

  async function isGone(at: string): Promise<boolean> {
    const answer = await look(at).then(() => 'ENOENT', codeOf);
    return answer !== 'ENOENT' || !isMounted(at);
  }

  const patiently: Patiently = async (at, what, file, act) => {
    const mount = mounts.get(at) ?? { at, waiting: [], isBusy: false, isSilent: false };
    mounts.set(at, mount);
    if (mount.isSilent || silent() >= SILENT_MAX) throw refusal(mount, what, file);
    if (mount.isBusy && (await new Promise<boolean>((resolve) => mount.waiting.push(resolve)))) throw refusal(mount, what, file);
    mount.isBusy = true;
    const call = act().catch(async (error: unknown) => {
      throw LOST.has(codeOf(error)) && (await isGone(at)) ? goneError(at, error, file) : error;
    });
    const turn: { isOver: boolean } = { isOver: false };
    const over = (): boolean => {
      turn.isOver = true;
      mount.isSilent = false;
      const next = mount.waiting.shift();
      if (next === undefined) mount.isBusy = false;
      else next(false);
      return true;
    };
    const ended = call.then(over, over);
    while (await isLate(ended)) {
      if ((await Promise.race([ended, isAlive(at)])) || turn.isOver) continue;
      mount.isSilent = true;
      for (const refused of mount.waiting.splice(0)) refused(true);
      throw refusal(mount, what, file);
    }
    return call;
  };
  return {
    patiently,
    passOver: (at) => void mounts.set(at, { at, waiting: [], isBusy: true, isSilent: true }),
  };
}

/** One for the process: it has one pool. */
export const { patiently, passOver } = makePatience(lookAt, isMountedNow);
