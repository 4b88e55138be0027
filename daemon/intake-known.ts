/**
 * What the intake keeps of each waiting file, by the place of the file in the last answer of the scan: a map from a hundred thousand files would take half as
 * much as what is kept of them.
 *
 * Invariant: at(n) belongs to the nth file of the answer that was passed on last. It relies on the order of answers: what stayed has kept its order, and what is
 * new stands behind it (core/spool.ts). A file that does not is lost and new again.
 */

import type { Waiting } from '#core/spool.ts';

export class IntakeKnown<T extends { readonly isKnown: boolean }> {
  #waiting: readonly Waiting[] = [];
  /** Null: nothing is kept of it. As many as files. */
  readonly #kept: (T | null)[] = [];
  readonly #lose: (one: T) => void;

  /** @param lose told what is kept of a file that is gone */
  constructor(lose: (one: T) => void) {
    this.#lose = lose;
  }

  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }
  /** Null: not looked at yet, or not known any more. */
  at(place: number): T | null {
    return this.#kept[place] ?? null;
  }
  set(place: number, one: T): void {
    this.#kept[place] = one;
  }

  passOn(waiting: readonly Waiting[]): void {
    const before = this.#waiting;
    let at = 0;
    let to = 0;
    for (; to < waiting.length; to++) {
      while (at < before.length && before[at] !== waiting[to]) this.#loseAt(at++);
      const one = at < before.length ? this.at(at++) : null;
      // In place: it is written no further than it was read.
      this.#kept[to] = one?.isKnown === true ? one : null;
    }
    while (at < before.length) this.#loseAt(at++);
    this.#kept.length = to;
    this.#waiting = waiting;
  }

  /** Nothing is known of any file any more. */
  clear(): void {
    for (let at = 0; at < this.#kept.length; at++) {
      this.#loseAt(at);
      this.#kept[at] = null;
    }
  }

  #loseAt(place: number): void {
    const one = this.at(place);
    if (one?.isKnown === true) this.#lose(one);
  }
}
