/**
 * What waits for its turn, of all lanes, best first (daemon/lanes/order.ts); those of the same order as they came. It is the queue of p-queue's pool, which
 * takes the first that may start: `size` counts those only as far as there is one, so the pool stops when all that are left must wait.
 */

import type { Queue, QueueAddOptions } from 'p-queue';

type Run = () => Promise<unknown>;
export type Waiting = { readonly order: number };
export type TurnOptions<T> = QueueAddOptions & { readonly ticket?: T };
type Entry<T> = { readonly id: string; readonly ticket: T; readonly run: Run };

export type Turns<T extends Waiting> = {
  /** Best first, as it is now. */
  all(): readonly T[];
  /** For `queueClass` of p-queue. */
  readonly queueClass: new () => Queue<Run, TurnOptions<T>>;
  /** Something has changed: who may start is asked anew. */
  changed(): void;
};

/**
 * @param next which of them may start now, best first; null: none
 * @param begin it starts
 */
export function makeTurns<T extends Waiting>(next: (waiting: readonly T[]) => T | null, begin: (ticket: T) => void): Turns<T> {
  const entries: Entry<T>[] = [];
  const all = (): readonly T[] => entries.map(({ ticket }) => ticket);
  /** Undefined: not asked yet. */
  let chosen: T | null | undefined;
  const choose = (): T | null => {
    if (chosen === undefined) chosen = next(all());
    return chosen;
  };
  const changed = (): void => {
    chosen = undefined;
  };
  const removeAt = (at: number): Entry<T> | undefined => {
    changed();
    return at === -1 ? undefined : entries.splice(at, 1)[0];
  };
  return {
    all,
    changed,
    queueClass: class {
      get size(): number {
        return choose() === null ? 0 : entries.length;
      }
      enqueue(run: Run, options?: Partial<TurnOptions<T>>): void {
        const { id, ticket } = options ?? {};
        if (id === undefined || ticket === undefined) throw new Error('a run without a ticket');
        let low = 0;
        let high = entries.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if ((entries[middle]?.ticket.order ?? 0) <= ticket.order) low = middle + 1;
          else high = middle;
        }
        entries.splice(low, 0, { id, ticket, run });
        changed();
      }
      dequeue(): Run | undefined {
        const ticket = choose();
        const entry = ticket === null ? undefined : removeAt(entries.findIndex((one) => one.ticket === ticket));
        if (entry !== undefined) begin(entry.ticket);
        return entry?.run;
      }
      remove(id: string): void {
        removeAt(entries.findIndex((one) => one.id === id));
      }
      filter(): Run[] {
        return entries.map(({ run }) => run);
      }
      setPriority(): void {
        throw new Error('the order of a ticket never changes');
      }
    },
  };
}
