/**
 * One prompt's life with a fault at one file-changing call of the daemon, its keeper or git.
 *
 * kill      -> the daemon is started again (when it was the daemon that died) -> all is right
 * once      -> all is right without anybody's help, or the daemon ended and said why, and a new start makes it right
 * for ever  -> the fault is told by its name, no attempt is spent; disarmed, the same daemon goes on by itself (or, ended, a new one)
 *
 * The tool may be started twice only where the keeper was killed: its runs end with it.
 */

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Cleanup, Daemon } from '#test/support/rig.ts';
import { makeChance } from './chance.ts';
import { isUp } from './daemon.ts';
import { judge, type Finding, type Verdict } from './model.ts';
import { makeShim, type Act, type Counted, type Shim } from './shim.ts';
import { makeStory, ROLES, type Story } from './story.ts';

export type Mode = 'kill' | 'once' | 'for ever';
export type Fault = Counted & {
  readonly act: Act;
  readonly mode: Mode;
  readonly at: number;
  /** After a kill: each next daemon is killed too, at this many calls after its start. */
  readonly again?: readonly number[];
};
export type Ended = {
  readonly fault: Fault;
  /** The call it happened at; two runs do not make quite the same calls. */
  readonly call: string;
  readonly isReached: boolean;
  /** The daemon ended by itself; a new one healed it. */
  readonly isRestarted: boolean;
  readonly verdict: Verdict;
};

const TOLD_MS_MAX = 15_000;
const REACHED_MS_MAX = 60_000;
const LOOK_MS = 50;
const ENVIRONMENT_EXIT = 3;

export const nameOf = ({ act, mode, at, again = [] }: Fault): string =>
  `${act === 'kill' ? 'kill' : `${act} ${mode}`} at call ${String(at)}${again.map((more) => `, then at call ${String(more)} of the next`).join('')}`;

/** Number of file-changing calls from the start of a daemon in a new workspace to its end, with one prompt in between. */
export async function countCalls(library: string): Promise<number> {
  return inStory(library, {}, async (story, shim) => {
    const daemon = story.rig.launch(shim.env);
    await story.settled();
    await daemon.stop();
    return shim.count();
  });
}

export const runFault = async (library: string, fault: Fault): Promise<Ended> =>
  inStory(library, fault, async (story, shim) => {
    const more: Finding[] = [];
    shim.arm(fault.at, fault.act, fault.mode === 'for ever');
    const first = story.rig.launch(shim.env);
    if (fault.mode === 'for ever') await told(story, shim, first, fault, more);
    else await Promise.race([isRight(story, more), first.ended]);
    const keeperDied = fault.mode === 'kill' && shim.hits() > 0 && shim.hitPid() !== first.child.pid;
    shim.disarm();
    // It may be on its way out: then it ends before all is right.
    await Promise.race([isRight(story, []), first.ended]);
    const isReached = shim.hits() > 0;
    const isRestarted = hasEnded(first);
    const isKilled = await goesByItself(first, shim, fault, more);
    const again = isKilled ? await killAgain(story, shim, fault, more) : { daemon: first, keepers: 0 };
    const last = hasEnded(again.daemon) ? story.rig.launch() : again.daemon;
    if (last !== first) {
      await isUp(last);
      await isRight(story, more);
    }
    const code = await last.stop();
    if (code !== 0) more.push({ kind: 'wrong', what: `the healed daemon ended with ${String(code)}: ${last.output()}` });
    const verdict = judge(story, { startsMax: 1 + Number(keeperDied) + again.keepers });
    more.push(...spentAttempts(story, fault));
    const findings = [...verdict.findings, ...more];
    const count: Verdict['count'] = (kind) => findings.filter((finding) => finding.kind === kind).length;
    return {
      fault,
      call: shim.callAt(fault.at),
      isReached,
      isRestarted: isRestarted && !isKilled,
      verdict: { ...verdict, findings, count },
    };
  });

/** @returns the last daemon, and how many keepers were killed on the way */
async function killAgain(story: Story, shim: Shim, fault: Fault, more: Finding[]): Promise<{ daemon: Daemon; keepers: number }> {
  let daemon: Daemon | null = null;
  let keepers = 0;
  for (const at of fault.again ?? []) {
    if (daemon !== null && !hasEnded(daemon)) break;
    shim.arm(shim.count() + at, 'kill', false);
    daemon = story.rig.launch(shim.env);
    await Promise.race([isRight(story, more), daemon.ended]);
    if (shim.hits() > 0 && shim.hitPid() !== daemon.child.pid) keepers += 1;
    await goesByItself(daemon, shim, fault, more);
    shim.disarm();
  }
  return { daemon: daemon ?? story.rig.launch(), keepers };
}

async function inStory<T>(library: string, counted: Counted, tell: (story: Story, shim: Shim) => Promise<T>): Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  const t: Cleanup = { after: (act) => void cleanups.push(act) };
  const story = makeStory(t);
  try {
    story.drop(makeChance(1), { delayMsMax: 0 });
    return await tell(story, makeShim(story.rig, library, counted));
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

const hasEnded = ({ child }: Daemon): boolean => child.exitCode !== null || child.signalCode !== null;

const worksOn = ({ rig }: Story): boolean =>
  ROLES.some(({ folder }) => {
    const work = path.join(rig.queues, folder, 'work');
    return existsSync(work) && readdirSync(work).length > 0;
  });

/** Resolves when all prompts have ended and nothing is in work any more; told when that does not come. */
async function isRight(story: Story, more: Finding[]): Promise<void> {
  await story.settled().catch((error: unknown) => {
    more.push({ kind: 'lost', what: String(error) });
  });
  const untilMs = performance.now() + TOLD_MS_MAX;
  while (worksOn(story) && performance.now() < untilMs) await after(LOOK_MS);
}

/** How a person reads it: the system's name of the fault, or what SQLite makes of any of them. */
const wordsFor = (act: Act): RegExp => new RegExp(`${act}|SQLITE_(?:FULL|IOERR|CANTOPEN)`);

/** Resolves when the daemon has told the fault by its name, or nothing is left that could fail. Its time begins with the fault, not with the daemon. */
async function told(story: Story, shim: Shim, daemon: Daemon, fault: Fault, more: Finding[]): Promise<void> {
  let untilMs = performance.now() + REACHED_MS_MAX;
  let isHit = false;
  const name = wordsFor(fault.act);
  while (!hasEnded(daemon)) {
    if (name.test(daemon.output()) || name.test(story.rig.log())) return;
    if (story.open() === 0 && !worksOn(story)) return;
    if (!isHit && shim.hits() > 0) {
      isHit = true;
      untilMs = performance.now() + TOLD_MS_MAX;
    }
    if (performance.now() > untilMs) {
      if (!isHit) return;
      more.push({ kind: 'wrong', what: `the fault was not told within ${String(TOLD_MS_MAX)} ms: ${daemon.output()}` });
      return;
    }
    await after(LOOK_MS);
  }
}

/** Looks at how the daemon ended, if it did. @returns true when it was the fault that killed it */
async function goesByItself(daemon: Daemon, shim: Shim, fault: Fault, more: Finding[]): Promise<boolean> {
  if (!hasEnded(daemon)) return false;
  const end = await daemon.ended;
  if (end === 'SIGKILL' && fault.mode === 'kill' && shim.hits() > 0) return true;
  if (end !== ENVIRONMENT_EXIT) more.push({ kind: 'wrong', what: `the daemon ended by itself with ${String(end)}: ${daemon.output()}` });
  else if (fault.act !== 'kill' && !wordsFor(fault.act).test(daemon.output()))
    more.push({ kind: 'wrong', what: `the daemon ended with 3 and did not name ${fault.act}: ${daemon.output()}` });
  return false;
}

/** A fault of the environment is not the prompt's: no attempt is spent on it. */
function spentAttempts({ rig, dropped }: Story, fault: Fault): Finding[] {
  if (fault.mode === 'kill') return [];
  return dropped.flatMap(({ stem, folder }): Finding[] => {
    if (!existsSync(path.join(rig.out(folder), `${stem}_evidence.json`))) return [];
    const spent = rig.evidence(stem, folder).predicate.attempts.filter(({ outcome }) => outcome !== 'environment-fault');
    return spent.length === 1 ? [] : [{ kind: 'wrong', what: `${stem}: attempts ${spent.map(({ outcome }) => outcome).join(', ')}` }];
  });
}
