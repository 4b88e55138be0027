/**
 * Who is left of the processes somebody started: those that are asked for at the same time share one look at the system, which reads every process there is.
 * Invariant: the look whose answer is given began after the question, and nobody slipped away in it.
 */

import { familyIn, listProcesses, ticksOf, type Environments, type ProcessSet } from './process-facts.ts';

type Asked = {
  readonly roots: ProcessSet;
  readonly name: string;
  readonly value: string;
  readonly startedBefore: string;
  looks: number;
  resolve(family: Map<number, string>): void;
  reject(error: unknown): void;
};

const LOOKS_MAX = 5;

let waiting: Asked[] = [];

function ask(asked: Asked): void {
  if (waiting.push(asked) === 1) setImmediate(look);
}

function look(): void {
  const now = waiting;
  waiting = [];
  try {
    const { alive, isWhole } = listProcesses(oldestOf(now));
    const environments: Environments = new Map();
    for (const asked of now) {
      const family = familyIn(alive, asked.roots, asked.name, asked.value, asked.startedBefore, environments);
      asked.looks++;
      // Found somebody: there is another round anyway. Found nobody: only a look in which nobody slipped away may say so.
      if (isWhole || family.size > 0 || asked.looks === LOOKS_MAX) asked.resolve(family);
      else ask(asked);
    }
  } catch (error) {
    for (const asked of now) asked.reject(error);
  }
}

/** NaN when one of them does not know. */
const oldestOf = (all: readonly Asked[]): number => Math.min(...all.map((asked) => ticksOf(asked.startedBefore)));

/**
 * Who runs now of these processes and of all that came of them: their children and theirs, whoever is in a group or session that one of them
 * leads or led, and whoever was started with `name=value` in its environment. A root that ended, or whose number means somebody else by now, is not
 * named, and a stranger's group is not taken for the root's: the kernel gives no number away while a group or session bears it.
 * @param startedBefore start time of the first of them ('' when it is not known): what is older cannot come of it, and its environment is not read
 */
export const processFamily = async (roots: ProcessSet, name: string, value: string, startedBefore: string): Promise<Map<number, string>> =>
  new Promise((resolve, reject) => {
    ask({ roots, name, value, startedBefore, looks: 0, resolve, reject });
  });
