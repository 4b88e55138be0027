/**
 * A waiting file as the spool tells of it, and what the spool remembers of it meanwhile. A hundred thousand of them may wait, so an object of this class knows only
 * where its facts are: in a row of the table of its folder (waiting-table.ts), or in an object of their own while it settles, when it is refused, and when it
 * has left the table. What can be made from the name (its bytes, its printable form) is made when somebody asks, and not kept.
 *
 * Invariant: whoever holds one may ask it for its facts at any time, also after its row was given to another file; they never become those of another one.
 */

import { Buffer } from 'node:buffer';
import type { RoleFolder, RoleName } from '#core/names.ts';
import type { Waiting } from '#core/spool.ts';
import { sizeIn } from './file-key.ts';
import { shownName } from './layout.ts';

export type Of = { readonly folder: RoleFolder; readonly name: RoleName };

/** Times are monotonic milliseconds. */
export type Settling = {
  nlink: number;
  /** Of the first sight of this key. */
  readonly sinceMs: number;
  readonly isAtomic: boolean;
  /** Null: not clean. `once`: its coming was heard and no write; `again`: still so at a later look. */
  clean: 'once' | 'again' | null;
  /** When it is worth looking again. */
  againAtMs: number;
};
/** Milliseconds until it is worth looking again; the words why it is not opened; null: a settled file. */
export type More = number | string | null;

/** Facts of one file or of many; who has only those of one passes over the row. */
export type Facts = {
  readonly of: Of;
  nameAt(row: number): string;
  keyAt(row: number): string;
  ownerAt(row: number): number;
  lookedAt(row: number): number;
  scanAt(row: number): number;
  /** @param lookedAtMs monotonic, of the last lstat, whole milliseconds @param scan number of the last listing that met it */
  setSeen(row: number, lookedAtMs: number, scan: number): void;
};

/** Facts of one file, for itself. */
export class OwnFacts implements Facts {
  readonly of: Of;
  readonly #name: string;
  readonly #key: string;
  readonly #ownerId: number;
  readonly more: More;
  /** Null: settled, or refused. */
  readonly settling: Settling | null;
  #lookedAtMs = 0;
  #scan = 0;

  constructor(of: Of, name: string, key: string, ownerId: number, more: More, settling: Settling | null) {
    this.of = of;
    this.#name = name;
    this.#key = key;
    this.#ownerId = ownerId;
    this.more = more;
    this.settling = settling;
  }
  nameAt(): string {
    return this.#name;
  }
  keyAt(): string {
    return this.#key;
  }
  ownerAt(): number {
    return this.#ownerId;
  }
  lookedAt(): number {
    return this.#lookedAtMs;
  }
  scanAt(): number {
    return this.#scan;
  }
  setSeen(_row: number, lookedAtMs: number, scan: number): void {
    this.#lookedAtMs = lookedAtMs;
    this.#scan = scan;
  }
}

const GONE = -1;
/** Beside the class: a private method would cost each of its objects a field. */
const moreOf = (facts: Facts): More => (facts instanceof OwnFacts ? facts.more : null);

export class WaitingFile implements Waiting {
  #facts: Facts;
  #row: number;

  constructor(facts: Facts, row: number) {
    this.#facts = facts;
    this.#row = row;
  }

  /** Another one stands for its name, or nothing does. */
  get isGone(): boolean {
    return this.#row === GONE;
  }
  /** Its row is about to be another's. */
  leave(): void {
    const facts = this.#facts;
    if (!(facts instanceof OwnFacts)) this.#facts = new OwnFacts(this.of, this.name, this.key, this.ownerId, null, null);
    this.#row = GONE;
  }

  get of(): Of {
    return this.#facts.of;
  }
  /** Its bytes, one character each. */
  get name(): string {
    return this.#facts.nameAt(this.#row);
  }
  get key(): string {
    return this.#facts.keyAt(this.#row);
  }
  get ownerId(): number {
    return this.#facts.ownerAt(this.#row);
  }
  get lookedAtMs(): number {
    return this.#facts.lookedAt(this.#row);
  }
  get scan(): number {
    return this.#facts.scanAt(this.#row);
  }
  setSeen(lookedAtMs: number, scan: number): void {
    this.#facts.setSeen(this.#row, lookedAtMs, scan);
  }
  get settling(): Settling | null {
    return this.#facts instanceof OwnFacts ? this.#facts.settling : null;
  }

  get role(): RoleName {
    return this.of.name;
  }
  get folder(): RoleFolder {
    return this.of.folder;
  }
  get sizeBytes(): number {
    return sizeIn(this.key);
  }
  get rawName(): Uint8Array {
    return Buffer.from(this.name, 'latin1');
  }
  get shownName(): string {
    return shownName(this.rawName);
  }
  get kind(): Waiting['kind'] {
    const more = moreOf(this.#facts);
    if (more === null) return 'file';
    return typeof more === 'number' ? 'settling' : 'refused';
  }
  get againInMs(): number | null {
    const more = moreOf(this.#facts);
    return typeof more === 'number' ? more : null;
  }
  get refusal(): string | null {
    const more = moreOf(this.#facts);
    return typeof more === 'string' ? more : null;
  }
}
