/**
 * What the system says about running processes: /proc where there is one (proc(5)), else `ps`.
 * A process is known by its pid *and* its start time, in one boot and one pid namespace: pids are reused.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

type ProcessFacts = {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
};

const ASK_LIMITS = { timeout: 5000, maxBuffer: 16 * 1024 * 1024, encoding: 'utf8' } as const;

function readOrNull(file: string): string | null {
  try {
    // latin1: an environment may hold any bytes, and each stays one character.
    return readFileSync(file, 'latin1');
  } catch {
    return null;
  }
}

/** The second field is the program's name in brackets and may itself hold blanks and brackets: the last `)` ends it. */
export function parseStat(pid: number, text: string): ProcessFacts | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  // Field 22 of proc(5), counted from the state, which is field 3.
  const startTime = fields[19];
  if (state === undefined || session === undefined || startTime === undefined) return null;
  return { pid, state, parent: Number(parent), group: Number(group), session: Number(session), startTime };
}

function factsFromProc(pid: number): ProcessFacts | null {
  const text = readOrNull(`/proc/${String(pid)}/stat`);
  return text === null ? null : parseStat(pid, text);
}

function processIds(): number[] | null {
  try {
    return readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number);
  } catch {
    return null;
  }
}

function askPs(args: readonly string[]): string[] {
  const answer = spawnSync('ps', args, ASK_LIMITS);
  return answer.status === 0 ? answer.stdout.split('\n').map((line) => line.trim()) : [];
}

const hasProc = process.platform === 'linux';

/** Start time as the system writes it (Linux: clock ticks since boot); null when there is no such process. */
export function startTimeOf(pid: number): string | null {
  if (hasProc) return factsFromProc(pid)?.startTime ?? null;
  return askPs(['-o', 'lstart=', '-p', String(pid)])[0] ?? null;
}

/** True when this very process still runs; one that ended and was not yet collected by its parent (a zombie) does not. */
export function isAlive(pid: number, startTime: string): boolean {
  if (!hasProc) return startTimeOf(pid) === startTime;
  const facts = factsFromProc(pid);
  return facts !== null && facts.startTime === startTime && facts.state !== 'Z' && facts.state !== 'X';
}

let knownBootId: string | null = null;

/** This boot of this machine and, on Linux, this pid namespace (a container's pids mean nothing outside it). */
export function bootId(): string {
  knownBootId ??= readBootId();
  return knownBootId;
}

function readBootId(): string {
  const boot = readOrNull('/proc/sys/kernel/random/boot_id')?.trim();
  if (boot === undefined) return spawnSync('sysctl', ['-n', 'kern.bootsessionuuid'], ASK_LIMITS).stdout.trim();
  try {
    return `${boot}/${/[0-9]+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'}`;
  } catch {
    return `${boot}/0`;
  }
}

function allProcesses(): ProcessFacts[] {
  if (hasProc) return (processIds() ?? []).map(factsFromProc).filter((facts) => facts !== null);
  return askPs(['-axo', 'pid=,ppid=,pgid=']).flatMap((line) => {
    const [pid, parent, group] = line.split(/\s+/).map(Number);
    if (pid === undefined || parent === undefined || group === undefined) return [];
    return [{ pid, state: '', parent, group, session: group, startTime: '' }];
  });
}

/**
 * The process and all that came of it, parents first: children and theirs, and whoever stayed in its process group or session
 * after its own parent died. Ended ones are not named.
 */
export function processTree(pid: number): number[] {
  const alive = allProcesses().filter((facts) => facts.state !== 'Z' && facts.state !== 'X');
  const tree = new Set<number>();
  const add = (facts: ProcessFacts): void => {
    if (tree.has(facts.pid)) return;
    tree.add(facts.pid);
    for (const child of alive) if (child.parent === facts.pid) add(child);
  };
  for (const facts of alive) if (facts.pid === pid) add(facts);
  for (const facts of alive) if (facts.group === pid || facts.session === pid) add(facts);
  return [...tree];
}

/** Processes started with `name=value` in their environment, also those that left the session (setsid) or their parent. */
export function processesWithMarker(name: string, value: string): number[] {
  const marker = `${name}=${value}`;
  if (!hasProc) {
    return askPs(['-axeww', '-o', 'pid=,command='])
      .filter((line) => ` ${line} `.includes(` ${marker} `))
      .map((line) => Number.parseInt(line, 10));
  }
  return (processIds() ?? []).filter((pid) => {
    const environment = readOrNull(`/proc/${String(pid)}/environ`);
    return environment !== null && `\0${environment}\0`.includes(`\0${marker}\0`);
  });
}
