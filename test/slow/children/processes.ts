/** What real processes these tests look for and wait for, by /proc: Linux only, like the nets that are under test. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Rig } from '#test/support/rig.ts';

/** `npm run test:full` asks for all; a plain slow run takes a share. */
export const share = (part: number, all: number): number => (process.env['DOCKET_TEST_FULL'] === '1' ? all : part);

export const onlyLinux = process.platform === 'linux' ? {} : { skip: 'NOT RUN: children: needs /proc' };

function textOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

const all = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);

const isAlive = (pid: number): boolean => !['', 'Z', 'X'].includes(/^\d+ \(.*\) (\w)/s.exec(textOf(pid, 'stat'))?.[1] ?? '');

/** The keepers of a workspace: more than one only while one hands over to the next. */
export const keepersOf = (rig: Rig): number[] => {
  const title = `docket-keeper ${path.join(rig.queues, '.docket')}`;
  return all().filter((pid) => textOf(pid, 'cmdline').split('\0')[0] === title);
};

/** Alive, with a text in its arguments or in its environment. */
export const processesWith = (text: string): number[] =>
  all().filter(
    (pid) => pid !== process.pid && isAlive(pid) && (textOf(pid, 'cmdline').includes(text) || textOf(pid, 'environ').includes(text)),
  );

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn();
}
