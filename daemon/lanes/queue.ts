/** What waits for its turn, of all lanes, best first (daemon/lanes/order.ts); those of the same order as they came. */

export type Waiting = { readonly order: number; readonly seq: number };

export type TurnQueue<T extends Waiting> = {
  add(one: T): void;
  remove(one: T): void;
  /** Best first, as it is now. */
  all(): readonly T[];
};

const isBefore = (a: Waiting, b: Waiting): boolean => a.order < b.order || (a.order === b.order && a.seq < b.seq);

export function makeTurnQueue<T extends Waiting>(): TurnQueue<T> {
  const all: T[] = [];
  return {
    all: () => all.slice(),
    add(one) {
      let low = 0;
      let high = all.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (isBefore(all[middle] as T, one)) low = middle + 1;
        else high = middle;
      }
      all.splice(low, 0, one);
    },
    remove(one) {
      const at = all.indexOf(one);
      if (at !== -1) all.splice(at, 1);
    },
  };
}
