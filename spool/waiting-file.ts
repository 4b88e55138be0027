/**
 * A waiting file as the spool tells of it, and what the spool remembers of it meanwhile. A class, because a hundred thousand of them may wait: what can be made from the name (its bytes,
 * its printable form) is made when somebody asks, and not kept.
 */

import { Buffer } from 'node:buffer';
import type { RoleFolder, RoleName } from '#core/names.ts';
import type { Waiting } from '#core/spool.ts';
import { sizeIn } from './file-key.ts';
import { shownName } from './layout.ts';

type Of = { readonly folder: RoleFolder; readonly name: RoleName };

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

export class WaitingFile implements Waiting {
  readonly of: Of;
  /** Its bytes, one character each. */
  readonly name: string;
  readonly key: string;
  readonly ownerId: number;
  /** Milliseconds until it is worth looking again; the words why it is not opened; null: a settled file. */
  readonly #more: number | string | null;
  /** Monotonic, of the last lstat, whole milliseconds. */
  lookedAtMs = 0;
  /** Number of the last listing that met it. */
  scan = 0;
  /** Another one stands for its name, or nothing does. */
  isGone = false;
  /** Null: settled, or refused. */
  settling: Settling | null = null;

  constructor(of: Of, name: string, key: string, ownerId: number, more: number | string | null) {
    this.of = of;
    this.name = name;
    this.key = key;
    this.ownerId = ownerId;
    this.#more = more;
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
    if (this.#more === null) return 'file';
    return typeof this.#more === 'number' ? 'settling' : 'refused';
  }
  get againInMs(): number | null {
    return typeof this.#more === 'number' ? this.#more : null;
  }
  get refusal(): string | null {
    return typeof this.#more === 'string' ? this.#more : null;
  }
}
