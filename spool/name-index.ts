/**
 * The names of many files, each with a small number: its row. As a Map from the name to the row and a list of names by row would be, in a third of the
 * memory: the bytes of all names stand in one block, and what finds them is a table of row numbers.
 *
 * Invariant: a name has one row from add() to remove(), and no other name has it meanwhile; rows of names that are gone are given again.
 */

import { Buffer } from 'node:buffer';

const FIRST_ROWS = 64;
const NAME_BYTES = 32;
const GROWTH = 1.25;
/** Of the slots, filled; beyond it there are twice as many. */
const FILL_MAX = 0.75;
/** Of the block, bytes of names that are gone; beyond it the block is written anew when it is full. */
const DEAD_MAX = 0.25;

export class NameIndex {
  /** Row + 1 of the name that is found there; 0: nothing. Linear probing. */
  #slots = new Int32Array(2 * FIRST_ROWS);
  #block = Buffer.alloc(FIRST_ROWS * NAME_BYTES);
  #used = 0;
  #dead = 0;
  /** By row: where in the block, and how many bytes. */
  #starts = new Uint32Array(FIRST_ROWS);
  #lengths = new Uint16Array(FIRST_ROWS);
  /** Rows that were given at least once. */
  #rows = 0;
  #free: number[] = [];

  get size(): number {
    return this.#rows - this.#free.length;
  }

  /** -1: it is not there. */
  rowOf(name: string): number {
    return (this.#slots[this.#slotOf(name)] ?? 0) - 1;
  }

  /** @param row of a name that is there */
  nameAt(row: number): string {
    const start = this.#starts[row] ?? 0;
    return this.#block.toString('latin1', start, start + (this.#lengths[row] ?? 0));
  }

  /** @param name its bytes, one character each; one that is not there @returns its row */
  add(name: string): number {
    if ((this.size + 1) / this.#slots.length > FILL_MAX) this.#placeAll(this.#slots.length * 2);
    const row = this.#free.pop() ?? this.#rows++;
    if (row >= this.#starts.length) this.#makeRows();
    if (this.#used + name.length > this.#block.length) this.#makeBlock(name.length);
    this.#starts[row] = this.#used;
    this.#lengths[row] = name.length;
    for (let at = 0; at < name.length; at++) this.#block[this.#used + at] = name.charCodeAt(at);
    this.#used += name.length;
    this.#slots[this.#slotOf(name)] = row + 1;
    return row;
  }

  /** @param name one that is there */
  remove(name: string): void {
    let hole = this.#slotOf(name);
    const row = (this.#slots[hole] ?? 0) - 1;
    this.#dead += name.length;
    this.#lengths[row] = 0;
    const mask = this.#slots.length - 1;
    // Whoever was found further on because this slot was taken moves up, so that no search ends too early.
    for (let at = (hole + 1) & mask; this.#slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashAt((this.#slots[at] ?? 0) - 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#slots[hole] = this.#slots[at] ?? 0;
      hole = at;
    }
    this.#slots[hole] = 0;
    this.#free.push(row);
  }

  /** Where the name is, or would be. */
  #slotOf(name: string): number {
    const mask = this.#slots.length - 1;
    let at = hashOf(name) & mask;
    for (let found = this.#slots[at] ?? 0; found !== 0 && !this.#isAt(found - 1, name); found = this.#slots[at] ?? 0) at = (at + 1) & mask;
    return at;
  }

  #hashAt(row: number): number {
    const start = this.#starts[row] ?? 0;
    const end = start + (this.#lengths[row] ?? 0);
    let hash = HASH_START;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (this.#block[at] ?? 0), HASH_TIMES);
    return mixed(hash);
  }

  #isAt(row: number, name: string): boolean {
    if (this.#lengths[row] !== name.length) return false;
    const start = this.#starts[row] ?? 0;
    // From the end: names of one folder begin alike.
    for (let at = name.length - 1; at >= 0; at--) if (this.#block[start + at] !== name.charCodeAt(at)) return false;
    return true;
  }

  #placeAll(slots: number): void {
    const before = this.#slots;
    this.#slots = new Int32Array(slots);
    const mask = slots - 1;
    for (const found of before) {
      if (found === 0) continue;
      let at = this.#hashAt(found - 1) & mask;
      while (this.#slots[at] !== 0) at = (at + 1) & mask;
      this.#slots[at] = found;
    }
  }

  #makeRows(): void {
    const rows = Math.ceil(this.#starts.length * GROWTH);
    const [starts, lengths] = [new Uint32Array(rows), new Uint16Array(rows)];
    starts.set(this.#starts);
    lengths.set(this.#lengths);
    this.#starts = starts;
    this.#lengths = lengths;
  }

  /** Room for so many bytes more, without those of names that are gone when they are many. */
  #makeBlock(more: number): void {
    const lives = this.#used - this.#dead;
    const isTight = this.#dead > this.#block.length * DEAD_MAX && lives + more <= this.#block.length;
    const block = Buffer.alloc(isTight ? this.#block.length : Math.ceil((lives + more) * GROWTH));
    let used = 0;
    for (let row = 0; row < this.#rows; row++) {
      const start = this.#starts[row] ?? 0;
      const length = this.#lengths[row] ?? 0;
      this.#block.copy(block, used, start, start + length);
      this.#starts[row] = used;
      used += length;
    }
    this.#block = block;
    this.#used = used;
    this.#dead = 0;
  }
}

/** FNV-1a of the bytes, here and in #hashAt. */
const HASH_START = 0x81_1c_9d_c5;
const HASH_TIMES = 0x01_00_01_93;
/** Its low bits alone would put names that differ in their last digits side by side. */
const mixed = (hash: number): number => (hash ^ (hash >>> 15)) >>> 0;

function hashOf(name: string): number {
  let hash = HASH_START;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), HASH_TIMES);
  return mixed(hash);
}
