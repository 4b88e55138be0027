/**
 * What the system says about running processes: /proc where there is one (proc(5)), else `ps`.
 * A process is known by its pid *and* its start time, in one boot and one pid namespace: pids are reused.
 */

import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
    // An environment may hold any bytes: those that are no UTF-8 become other characters, a NUL between two variables stays what it is.
    return readFileSync(file, 'utf8');
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

/** True while a signal (SIGSTOP, Ctrl-Z) or a debugger keeps it still. */
export function isStopped(pid: number): boolean {
  const state = hasProc ? factsFromProc(pid)?.state : askPs(['-o', 'state=', '-p', String(pid)])[0];
  return state?.slice(0, 1).toUpperCase() === 'T';
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

/** A number that ended while we looked may have handed on to one that was not there when the list was made: `isWhole` false. */
export type Listing = { readonly alive: ProcessFacts[]; readonly isWhole: boolean };

const isRunning = (facts: ProcessFacts): boolean => facts.state !== 'Z' && facts.state !== 'X';

/** By pid: the node of /proc that it had, which no other process ever has, and when it started. */
const met = new Map<number, { readonly ino: bigint; readonly ctimeNs: bigint; readonly startTime: number }>();

/** Null: it is gone. 'older': it was met before, and started before `oldest`. To ask for the node is a quarter of the cost of reading the facts. */
function lookAt(pid: number, oldest: number): ProcessFacts | 'older' | null {
  const before = met.get(pid);
  const node = lstatSync(`/proc/${String(pid)}`, { bigint: true, throwIfNoEntry: false });
  const isSame = node === undefined || (node.ino === before?.ino && node.ctimeNs === before.ctimeNs);
  if (before !== undefined && isSame && before.startTime < oldest) return 'older';
  const facts = node === undefined ? null : factsFromProc(pid);
  if (node !== undefined && facts !== null) met.set(pid, { ino: node.ino, ctimeNs: node.ctimeNs, startTime: Number(facts.startTime) });
  return facts;
}

/** @param oldest start time (Linux: ticks) of the first that is asked for: those that are older may be left out; NaN: all are wanted */
export function listProcesses(oldest = Number.NaN): Listing {
  if (hasProc) {
    const pids = processIds() ?? [];
    const all = pids.map((pid) => lookAt(pid, oldest));
    if (met.size > 2 * pids.length) {
      const here = new Set(pids);
      for (const pid of met.keys()) if (!here.has(pid)) met.delete(pid);
    }
    return {
      alive: all.filter((facts) => facts !== null && facts !== 'older' && isRunning(facts)) as ProcessFacts[],
      isWhole: !all.includes(null),
    };
  }
  const alive = askPs(['-axo', 'pid=,ppid=,pgid=,state=,lstart=']).flatMap((line) => {
    const [pid, parent, group, state = '', ...startTime] = line.split(/\s+/);
    if (pid === undefined || startTime.length === 0) return [];
    const facts = { pid: Number(pid), parent: Number(parent), group: Number(group), session: Number(group) };
    return [{ ...facts, state: state.slice(0, 1), startTime: startTime.join(' ') }];
  });
  return { alive: alive.filter(isRunning), isWhole: true };
}

/**
 * The process and all that came of it, parents first: children and theirs, and whoever stayed in its process group or session
 * after its own parent died. Ended ones are not named.
 */
export function processTree(pid: number): number[] {
  const { alive } = listProcesses();
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
  if (!hasProc) {
    const marker = `${name}=${value}`;
    return askPs(['-axeww', '-o', 'pid=,command='])
      .filter((line) => ` ${line} `.includes(` ${marker} `))
      .map((line) => Number.parseInt(line, 10));
  }
  return (processIds() ?? []).filter((pid) => hasMarker(pid, name, value));
}

/** Has this process, or one that it came from, a variable of this name in its environment? Where there is no /proc only the own environment is looked at. */
export function isBelowMarked(name: string, own: Readonly<Record<string, string | undefined>>): boolean {
  if (own[name] !== undefined) return true;
  if (!hasProc) return false;
  const seen = new Set<number>();
  for (let pid = process.ppid; pid > 1 && !seen.has(pid); pid = factsFromProc(pid)?.parent ?? 0) {
    seen.add(pid);
    if (`\0${readOrNull(`/proc/${String(pid)}/environ`) ?? ''}`.includes(`\0${name}=`)) return true;
  }
  return false;
}

/** Read once for all that ask in one look. */
export type Environments = Map<number, string | null>;

function hasMarker(pid: number, name: string, value: string, environments: Environments = new Map()): boolean {
  const known = environments.get(pid);
  const environment = known === undefined ? readOrNull(`/proc/${String(pid)}/environ`) : known;
  environments.set(pid, environment);
  return environment !== null && `\0${environment}\0`.includes(`\0${name}=${value}\0`);
}

/** pid -> start time */
export type ProcessSet = ReadonlyMap<number, string>;

/** NaN: not known, or not in numbers. */
export const ticksOf = (startTime: string): number => (hasProc && startTime !== '' ? Number(startTime) : Number.NaN);

/** Those of `alive` that are asked for; see `processFamily`. */
export function familyIn(
  alive: readonly ProcessFacts[],
  roots: ProcessSet,
  name: string,
  value: string,
  startedBefore: string,
  environments: Environments,
): Map<number, string> {
  const oldest = ticksOf(startedBefore);
  const young = Number.isNaN(oldest) ? alive : alive.filter((facts) => Number(facts.startTime) >= oldest);
  const family = new Map<number, string>();
  const add = (facts: ProcessFacts): void => {
    if (family.has(facts.pid)) return;
    family.set(facts.pid, facts.startTime);
    for (const child of young) if (child.parent === facts.pid) add(child);
  };
  const strangers = new Set(
    alive.filter((facts) => roots.has(facts.pid) && roots.get(facts.pid) !== facts.startTime).map(({ pid }) => pid),
  );
  const isLed = (leader: number): boolean => roots.has(leader) && !strangers.has(leader);
  for (const facts of young) if (isLed(facts.pid) || isLed(facts.group) || isLed(facts.session)) add(facts);
  const marked = hasProc ? null : new Set(processesWithMarker(name, value));
  for (const facts of young)
    if (!family.has(facts.pid) && (marked?.has(facts.pid) ?? hasMarker(facts.pid, name, value, environments))) add(facts);
  return family;
}
