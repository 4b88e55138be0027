/**
 * A few bytes that outlive this process, and need not outlive the machine: what it was doing when it died. Written in place, never synced.
 *
 * States: empty -> (during) the text -> empty. A file that holds a text when it is opened tells what the last process did not survive.
 */

import { Buffer } from 'node:buffer';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

const BYTES = 64;
const EMPTY = Buffer.alloc(BYTES, ' ');
const OPEN = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export type Mark = {
  /** What the process before was doing when it ended; null: nothing that it marked. */
  readonly left: string | null;
  /** Runs it with the text (at most 64 bytes) in the file. Synchronous: there is one at a time. */
  readonly during: <T>(text: string, act: () => T) => T;
  readonly close: () => void;
};

/** Throws what the system says when the file cannot be made. */
export function openMark(file: string): Mark {
  const fd = openSync(file, OPEN, 0o600);
  const before = Buffer.alloc(BYTES);
  const left = before.toString('latin1', 0, readSync(fd, before, 0, BYTES, 0)).trim();
  writeSync(fd, EMPTY, 0, BYTES, 0);
  const line = Buffer.alloc(BYTES);
  return {
    left: left === '' ? null : left,
    during: (text, act) => {
      line.fill(' ').write(text, 'latin1');
      writeSync(fd, line, 0, BYTES, 0);
      try {
        return act();
      } finally {
        writeSync(fd, EMPTY, 0, BYTES, 0);
      }
    },
    close: () => {
      closeSync(fd);
    },
  };
}
