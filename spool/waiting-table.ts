/**
 * What is known to wait in one in/ folder: as a Map from the name to its WaitingFile. The facts of settled files stand in one block, 56 bytes each, because
 * a hundred thousand of them may wait; what is not settled, refused, or does not fit (a time after the year 2262) has an object of its own, as few have.
 *
 * Invariant: whatever is asked of a file, its answer is what put() was given for it, as long as anybody holds the file, whoever has its row by then.
 */

import type { FileFacts } from '#core/ports.ts';
import { keyOf } from './file-key.ts';
import { NameIndex } from './name-index.ts';
import { OwnFacts, WaitingFile, type Facts, type More, type Of, type Settling } from './waiting-file.ts';

/** Of a row: where in it each fact stands. */
const DEV = 0;
const INO = 8;
const MTIME = 16;
const CTIME = 24;
const SIZE = 32;
const LOOKED_AT = 40;
const OWNER = 48;
const SCAN = 52;
const ROW_BYTES = 56;
const FIRST_ROWS = 64;
/** What is not filled yet counts as used in V8's eyes: it looks for garbage because of it. */
const GROWTH = 1.25;

const MAX_64 = 2n ** 64n;
const MAX_TIME = 2n ** 63n;
const isNumber64 = (number: bigint): boolean => number >= 0n && number < MAX_64;
const isTime64 = (timeNs: bigint): boolean => timeNs >= -MAX_TIME && timeNs < MAX_TIME;
const fits = ({ dev, ino, mtimeNs, ctimeNs, uid }: FileFacts): boolean =>
  isNumber64(dev) && isNumber64(ino) && isTime64(mtimeNs) && isTime64(ctimeNs) && uid >= 0 && uid < 2 ** 32;

export class WaitingTable implements Facts {
  readonly of: Of;
  #names = new NameIndex();
  #files: (WaitingFile | undefined)[] = [];
  #block = new DataView(new ArrayBuffer(FIRST_ROWS * ROW_BYTES));

  constructor(of: Of) {
    this.of = of;
  }

  get size(): number {
    return this.#names.size;
  }
  get(name: string): WaitingFile | undefined {
    const row = this.#names.rowOf(name);
    return row < 0 ? undefined : this.#files[row];
  }
  has(name: string): boolean {
    return this.#names.rowOf(name) >= 0;
  }
  /** Those of now; whoever goes through them may remove what it meets. */
  *values(): Generator<WaitingFile> {
    for (let row = 0; row < this.#files.length; row++) {
      const file = this.#files[row];
      if (file !== undefined) yield file;
    }
  }

  /** It stands for its name from now on; what stood for it before has left. */
  put(name: string, facts: FileFacts, more: More, settling: Settling | null): WaitingFile {
    const there = this.#names.rowOf(name);
    if (there >= 0) this.#files[there]?.leave();
    const row = there >= 0 ? there : this.#names.add(name);
    let file: WaitingFile;
    if (more === null && settling === null && fits(facts)) {
      this.#write(row, facts);
      file = new WaitingFile(this, row);
    } else file = new WaitingFile(new OwnFacts(this.of, name, keyOf(facts), facts.uid, more, settling), row);
    this.#files[row] = file;
    return file;
  }

  /** @returns what stood for the name, and has left */
  remove(name: string): WaitingFile | undefined {
    const row = this.#names.rowOf(name);
    const file = row < 0 ? undefined : this.#files[row];
    if (file === undefined) return undefined;
    file.leave();
    this.#files[row] = undefined;
    this.#names.remove(name);
    if (this.size === 0) this.#shrink();
    return file;
  }

  /** After a backlog nothing of it is kept. */
  #shrink(): void {
    this.#names = new NameIndex();
    this.#files = [];
    this.#block = new DataView(new ArrayBuffer(FIRST_ROWS * ROW_BYTES));
  }

  #write(row: number, { dev, ino, mtimeNs, ctimeNs, sizeBytes, uid }: FileFacts): void {
    if ((row + 1) * ROW_BYTES > this.#block.byteLength) {
      const bytes = new Uint8Array(Math.ceil((row + 1) * GROWTH) * ROW_BYTES);
      bytes.set(new Uint8Array(this.#block.buffer));
      this.#block = new DataView(bytes.buffer);
    }
    const at = row * ROW_BYTES;
    this.#block.setBigUint64(at + DEV, dev);
    this.#block.setBigUint64(at + INO, ino);
    this.#block.setBigInt64(at + MTIME, mtimeNs);
    this.#block.setBigInt64(at + CTIME, ctimeNs);
    this.#block.setFloat64(at + SIZE, sizeBytes);
    this.#block.setUint32(at + OWNER, uid);
  }

  nameAt(row: number): string {
    return this.#names.nameAt(row);
  }
  keyAt(row: number): string {
    const at = row * ROW_BYTES;
    return keyOf({
      dev: this.#block.getBigUint64(at + DEV),
      ino: this.#block.getBigUint64(at + INO),
      sizeBytes: this.#block.getFloat64(at + SIZE),
      mtimeNs: this.#block.getBigInt64(at + MTIME),
      ctimeNs: this.#block.getBigInt64(at + CTIME),
    });
  }
  ownerAt(row: number): number {
    return this.#block.getUint32(row * ROW_BYTES + OWNER);
  }
  lookedAt(row: number): number {
    return this.#block.getFloat64(row * ROW_BYTES + LOOKED_AT);
  }
  scanAt(row: number): number {
    return this.#block.getUint32(row * ROW_BYTES + SCAN);
  }
  setSeen(row: number, lookedAtMs: number, scan: number): void {
    this.#block.setFloat64(row * ROW_BYTES + LOOKED_AT, lookedAtMs);
    this.#block.setUint32(row * ROW_BYTES + SCAN, scan);
  }
}
