/**
 * The door to what dockets share (core/shared.ts), as a daemon uses it: soft, and not open. When the file cannot be used it says so once, this daemon goes on
 * by its own limits alone, and asks again every few seconds; what runs then is told to the others as soon as it can be.
 */

import type { Clock, Log } from '#core/ports.ts';
import type { Shared } from '#core/shared.ts';

export type Sharing = {
  /** Null: it cannot be used now. */
  use<T>(act: (shared: Shared) => T): { readonly value: T } | null;
  /** Why it cannot be used; null: it can be. */
  trouble(): string | null;
  /** Called each time it can be used again after it could not. */
  onMended(act: (shared: Shared) => void): void;
  close(): void;
};

export type SharingInput = {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<Log, 'warn' | 'info'>;
  /** For words: what of this daemon is kept to its own limits meanwhile. */
  readonly what: string;
  /** Throws when it cannot be opened. */
  readonly open: () => Shared;
};

const AGAIN_MS = 5_000;
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function makeSharing({ clock, log, what, open }: SharingInput): Sharing {
  let shared: Shared | null = null;
  let trouble: string | null = null;
  let againMs = Number.NEGATIVE_INFINITY;
  const mended: ((shared: Shared) => void)[] = [];

  const fails = (error: unknown): null => {
    const words = wordsOf(error);
    if (trouble === null) log.warn(`${what}: ${words}`);
    trouble = words;
    againMs = clock.monotonicMs() + AGAIN_MS;
    const broken = shared;
    shared = null;
    try {
      broken?.close();
    } catch {
      // It is of no use any more.
    }
    return null;
  };

  return {
    use(act) {
      if (shared === null && clock.monotonicMs() < againMs) return null;
      try {
        shared ??= open();
        if (trouble !== null) {
          for (const tell of mended) tell(shared);
          trouble = null;
          log.info('what the dockets of this machine share can be used again');
        }
        return { value: act(shared) };
      } catch (error) {
        return fails(error);
      }
    },
    trouble: () => trouble,
    onMended(act) {
      mended.push(act);
    },
    close() {
      shared?.close();
      shared = null;
      againMs = Number.POSITIVE_INFINITY;
    },
  };
}
