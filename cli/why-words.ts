/** The answer of `docket why`, as pure rules: what is known of a job -> why it is not answered, and what to do next. */

import type { JobState, Outcome } from '#core/job.ts';
import { unreachable } from '#core/result.ts';
import type { BadEnd } from './job-words.ts';
import { isBadEnd, isEnd } from './job-words.ts';
import { pausedWords, type Pause } from '#daemon/pauses.ts';
import type { MissingWords } from '#daemon/dependencies.ts';
import type { DaemonWords } from './job-words-sources.ts';
import { heldWords, laneWords, shutWords } from './lane-words.ts';

export type Because = {
  /** One line: how it stands. */
  readonly is: string;
  readonly because: readonly string[];
  readonly next: readonly string[];
};

export type WaitingFacts = {
  /** `architect/foo.md` */
  readonly key: string;
  readonly file: string;
  /** Set when it is no regular file. */
  readonly refusal: string | null;
  /** Its front matter can be read. */
  readonly isValid: boolean;
  /** In the future, as written. */
  readonly notBefore: string | null;
  /** What it waits for of others, and what would release it: answers that are not accepted, a limit, a closed feature. */
  readonly missing: readonly MissingWords[];
  /** What the daemon said last; null when none runs. */
  readonly daemon: DaemonWords | null;
  /** Lanes that were held when the last daemon ran. */
  readonly holds: readonly { readonly lane: string; readonly until: string | null; readonly reason: string }[];
  /** What a person has paused, of this role or any lane; asked when no daemon runs. */
  readonly paused: readonly Pause[];
  readonly scanIntervalMs: number;
};

const START = 'start the daemon: `docket up`';
const MENDED = 'mend it; then it goes on by itself, and no attempt is spent';
const GOES_BY_ITSELF = 'nothing to do: it goes on by itself';

export function whyWaiting(facts: WaitingFacts): Because {
  const because: string[] = [];
  const next: string[] = [];
  if (facts.refusal !== null) {
    because.push(`it is ${facts.refusal.replace(/^refused: /, '').replace(/, not a file$/, '')}, and docket opens only regular files`);
    next.push(`put a copy of the file there instead: ${facts.file}`);
  } else if (!facts.isValid) {
    because.push('its front matter is not valid, so it will be rejected as soon as it is looked at');
    next.push(`\`docket check ${facts.file}\` says what is wrong, and how to mend it`);
  }
  if (facts.notBefore !== null) {
    because.push(`its time has not come: not_before ${facts.notBefore}`);
    next.push(`${GOES_BY_ITSELF}, or change not_before in ${facts.file}`);
  }
  for (const missing of facts.missing) {
    because.push(missing.because);
    next.push(missing.next);
  }
  if (facts.daemon === null) {
    because.push('no daemon runs, so nothing is taken from the folders');
    for (const hold of facts.holds) because.push(heldWords({ lane: hold.lane, heldUntil: hold.until, reason: hold.reason }));
    for (const pause of facts.paused) because.push(pausedWords(pause));
    next.unshift(START);
  } else if (because.length === 0) {
    const said = whatDaemonSays(facts.key, facts.daemon, facts.scanIntervalMs);
    because.push(said.because);
    next.push(said.next);
  }
  return { is: `${facts.key} waits in in/; nothing was sent anywhere`, because, next };
}

const resumes = (name: string): string => `\`docket resume ${name}\` lets it go on`;

/** What keeps the role of `architect/foo` from its folders. */
function faultOf(key: string, daemon: DaemonWords): string | null {
  const fault = daemon.faults.find(({ role }) => key.startsWith(`${role}/`));
  return fault === undefined ? null : `its role waits: ${fault.words}`;
}

function whatDaemonSays(key: string, daemon: DaemonWords, scanIntervalMs: number): { readonly because: string; readonly next: string } {
  const fault = faultOf(key, daemon);
  if (fault !== null) return { because: fault, next: MENDED };
  const reason = daemon.waiting[key];
  const pause = daemon.paused.find((one) => pausedWords(one) === reason);
  if (pause !== undefined && reason !== undefined) return { because: reason, next: resumes(pause.name) };
  const lane = daemon.lanes.find((known) => reason?.startsWith(`lane ${known.lane} `) === true);
  const shut = lane === undefined ? null : shutWords(lane);
  if (shut !== null)
    return {
      because: shut,
      next: `${GOES_BY_ITSELF} when the lane opens; \`docket doctor\` looks at the tool behind it, \`docket resume ${lane?.lane ?? ''}\` tries at once`,
    };
  if (lane !== undefined) {
    const because = `lane ${lane.lane} has no free slot: ${String(lane.running)} of ${String(lane.window ?? lane.slots)} are running`;
    return { because, next: `${GOES_BY_ITSELF}; \`slots\` in docket.yaml allows more at a time` };
  }
  if (reason !== undefined) return { because: reason, next: GOES_BY_ITSELF };
  if (daemon.backlog > 1)
    return {
      because: `${String(daemon.backlog)} files wait; they are taken by priority, then by age`,
      next: `${GOES_BY_ITSELF}; a lower \`priority\` goes first`,
    };
  return {
    because: `it was not looked at yet: the folders are looked at least every ${String(scanIntervalMs)} ms`,
    next: `${GOES_BY_ITSELF}; ask again in a moment`,
  };
}

export type FlightFacts = {
  readonly name: string;
  readonly id: string;
  readonly state: JobState;
  readonly attempts: number;
  /** What the last attempt failed with. */
  readonly reason: string | null;
  /** Of the attempt that runs. */
  readonly deadline: string | null;
  readonly backOffMsMax: number;
  /** Pauses of its role. */
  readonly paused: readonly Pause[];
  readonly daemon: DaemonWords | null;
  readonly logFolder: string;
};

/** The lane of a job; all of them where a daemon of an older docket does not say which. */
const lanesOf = (id: string, { lanes, lanesOf: known }: DaemonWords): DaemonWords['lanes'] =>
  known[id] === undefined ? lanes : lanes.filter(({ lane }) => lane === known[id]);

/** What keeps a job from its turn, and what opens it: a person who resumes, or time. */
function whatHolds(
  { id, paused }: FlightFacts,
  daemon: DaemonWords,
): { readonly held: readonly string[]; readonly open: readonly string[] } {
  const held: string[] = [];
  const open: string[] = [];
  for (const lane of lanesOf(id, daemon)) {
    const words = shutWords(lane);
    if (words === null) continue;
    held.push(words);
    const isPaused = (lane.paused ?? null) !== null;
    open.push(isPaused ? resumes(lane.lane) : `${GOES_BY_ITSELF} when the lane opens; \`docket resume ${lane.lane}\` tries at once`);
  }
  for (const pause of paused) {
    held.push(pausedWords(pause));
    open.push(resumes(pause.name));
  }
  return { held, open };
}

export function whyInFlight(facts: FlightFacts): Because {
  const { daemon } = facts;
  const is = `${facts.name} (job ${facts.id}) is in work`;
  if (daemon === null)
    return {
      is,
      because: ['it was claimed, and no daemon runs now; nothing of it is lost'],
      next: [`${START}; the job goes on where it stopped`],
    };
  const cancel = `\`docket cancel ${facts.id}\` stops it`;
  const fault = faultOf(facts.name, daemon);
  if (!daemon.inFlight.includes(facts.id)) {
    if (fault !== null) return { is, because: [fault], next: [MENDED] };
    return {
      is,
      because: ['the daemon has it in no hand: it stumbled over this job, or has ended it this moment'],
      next: [`ask again; if it stays so: \`docket logs --job ${facts.id}\``, 'a new start takes it up again: `docket down`, `docket up`'],
    };
  }
  const answers = daemon.waitsForAnswers[facts.id];
  if (answers !== undefined) return { is, because: [`it waits: ${answers}`], next: [GOES_BY_ITSELF, cancel] };
  const money = daemon.waitsForMoney[facts.id];
  if (money !== undefined)
    return {
      is,
      because: [`it waits for money: ${money}`],
      next: [GOES_BY_ITSELF, `\`docket release ${facts.id}\` lets it start now`, cancel],
    };
  const outside = daemon.waitsOutside[facts.id];
  if (outside !== undefined) return { is, because: [outside], next: [`${GOES_BY_ITSELF} (docs/sharing.md)`, cancel] };
  const stumble = daemon.stumbles[facts.id];
  const faults = [...(stumble === undefined ? [] : [`it cannot go on now: ${stumble}`]), ...(fault === null ? [] : [fault])];
  if (faults.length > 0) return { is, because: faults, next: [MENDED, cancel] };
  const { held, open } = whatHolds(facts, daemon);
  const goesOn = open.length > 0 ? open : [GOES_BY_ITSELF];
  switch (facts.state) {
    case 'submitted':
      return {
        is,
        because: [
          'it is accepted and recorded, and waits for a slot in its lane',
          ...(held.length > 0 ? held : lanesOf(facts.id, daemon).map(laneWords)),
        ],
        next: [...goesOn, cancel],
      };
    case 'waiting': {
      const failed = facts.reason === null ? [] : [`attempt ${String(facts.attempts)} failed: ${facts.reason}`];
      const then = held.length > 0 ? held : [`the next attempt comes after its back-off, at most ${String(facts.backOffMsMax)} ms`];
      return { is, because: [...failed, ...then], next: [...goesOn, cancel] };
    }
    case 'running': {
      const until = facts.deadline === null ? '' : `; it may run until ${facts.deadline}`;
      return {
        is,
        because: [`attempt ${String(facts.attempts)} runs${until}`],
        next: [`\`docket wait ${facts.id}\` waits for it`, cancel],
      };
    }
    case 'ran':
    case 'recorded':
    case 'published':
    case 'done':
      return { is, because: ['its end is decided and is being recorded and published'], next: ['ask again in a moment'] };
    case 'claimed':
    case 'read':
      return { is, because: ['it is being checked: front matter, prompt spec, secrets', ...held], next: ['ask again in a moment', cancel] };
    default:
      return unreachable(facts.state);
  }
}

export type EndFacts = {
  readonly name: string;
  readonly state: Outcome;
  /** The input as it lies in in/ now; null when it was taken away. */
  readonly file: string | null;
  /** The words in out/. */
  readonly errorFile: string | null;
  readonly resultFile: string | null;
  readonly because: string;
  readonly duplicateOf: string | null;
  /** Of an answer: how it stands. Of one that is held: what would release it. */
  readonly chain: readonly MissingWords[];
  readonly hasDaemon: boolean;
};

const BAD_WORDS: Readonly<Record<BadEnd, string>> = {
  rejected: 'was rejected: it is not valid; nothing was sent anywhere and nothing was recorded',
  held: 'is held: a person has to look',
  failed: 'failed: docket gave up after its attempts',
  cancelled: 'was cancelled by a person',
};

export function whyEnded(facts: EndFacts): Because {
  const { state } = facts;
  if (!isEnd(state)) return unreachable(state);
  if (state === 'held' && facts.chain.length > 0)
    return {
      is: `${facts.name} is held, and nothing is wrong with it`,
      because: facts.chain.map(({ because }) => because),
      next: facts.chain.map(({ next }) => next),
    };
  if (isBadEnd(state)) {
    const mend =
      facts.file === null
        ? 'drop it again'
        : state === 'rejected' || state === 'held'
          ? `mend ${facts.file}, then \`docket retry ${facts.name}\``
          : `\`docket retry ${facts.name}\` tries again; for another prompt raise \`revision\``;
    const page = facts.errorFile === null ? [] : [`all words about it: ${facts.errorFile}`];
    return {
      is: `${facts.name} ${BAD_WORDS[state]}`,
      because: [facts.because],
      next: [mend, ...page, ...(facts.hasDaemon ? [] : [START])],
    };
  }
  const result =
    facts.resultFile === null ? 'its answer was taken from out/ (`docket show` names its commit)' : `its answer is ${facts.resultFile}`;
  if (state === 'duplicate') {
    const first = facts.duplicateOf ?? 'an earlier job';
    return {
      is: `${facts.name} is a duplicate`,
      because: [`the same prompt, byte for byte, was answered by job ${first}; nothing was sent`],
      next: [`\`docket show ${first}\` shows that answer`, 'for another answer raise `revision`'],
    };
  }
  if (state === 'briefed') {
    return {
      is: `${facts.name} is briefed: no AI was called`,
      because: [
        'the offline runner writes the complete brief, ready to paste into a chat; it counts as no answer and satisfies no depends_on',
        result,
      ],
      next: [
        'for an answer choose a runner (`runner:` in docket.yaml; `docket doctor` lists what is installed) and drop the same file again',
      ],
    };
  }
  return {
    is: `${facts.name} is answered`,
    because: [result, ...facts.chain.map(({ because }) => because)],
    next: [...facts.chain.map(({ next }) => next), `\`docket show ${facts.name}\` has the facts`],
  };
}
