/**
 * The daemon's side of the control socket: versioned JSON lines, one answer for each question. Whoever can open the socket (0600) is the user.
 * A message of an unknown form is answered with words and changes nothing.
 *
 * ask `{v:1, id, op, …}` -> answer `{v:1, id, ok:true, …}` or `{v:1, id, ok:false, error}`; of `attach` before it any number of `{v:1, id, event}`.
 */

import { isJobId, isSha256, type JobId } from '#core/names.ts';
import type { LineSocket } from '#core/ports.ts';
import { describeBudget } from '#policy/budget-words.ts';
import { changedProgram, type Programs } from '#policy/program.ts';
import type { Daemon } from './daemon.ts';
import type { GlanceAnswer } from './glance.ts';
import { isPauseName, type PauseKind, type Pauses } from './pauses.ts';
import type { Ports } from './ports.ts';

export const CONTROL_VERSION = 1;
/** Longest question; none of them holds more than a few names. */
export const CONTROL_LINE_BYTES = 64 * 1024;

export type ControlAnswer = { readonly ok: true; readonly [field: string]: unknown } | { readonly ok: false; readonly error: string };

export type ControlParts = {
  readonly ports: Ports;
  readonly daemon: Daemon;
  readonly pauses: Pauses;
  readonly programs: Programs;
  readonly startedAt: string;
  readonly glance: () => Promise<GlanceAnswer>;
  readonly stop: (by: string) => void;
};

type Question = { readonly v: number; readonly id: number; readonly op: string; readonly [field: string]: unknown };

const isQuestion = (message: unknown): message is Question =>
  typeof message === 'object' &&
  message !== null &&
  'v' in message &&
  'op' in message &&
  typeof message.op === 'string' &&
  'id' in message &&
  typeof message.id === 'number';

const refuse = (error: string): ControlAnswer => ({ ok: false, error });

export function serveControl(parts: ControlParts): (socket: LineSocket) => void {
  return (socket) => {
    socket.onMessage((message) => {
      if (!isQuestion(message)) {
        socket.send({ v: CONTROL_VERSION, id: null, ...refuse('a question is a JSON object with v, id and op') });
        return;
      }
      void reply(parts, message, socket);
    });
  };
}

async function reply(parts: ControlParts, question: Question, socket: LineSocket): Promise<void> {
  let answer: ControlAnswer;
  try {
    answer = question.op === 'attach' ? await attach(parts, question, socket) : await answerTo(parts, question);
  } catch (error) {
    answer = refuse(error instanceof Error ? error.message : String(error));
  }
  try {
    socket.send({ v: CONTROL_VERSION, id: question.id, ...answer });
  } catch (error) {
    parts.ports.log.debug(`a control connection went away: ${String(error)}`);
  }
}

/** What it says of itself without asking anybody. */
const statusOf = ({ ports, daemon, ...parts }: ControlParts, hasReasons: boolean): ControlAnswer => ({
  ok: true,
  started_at: parts.startedAt,
  version: ports.daemon.version,
  instance: ports.daemon.instance,
  lanes: ports.lanes.view(),
  paused: parts.pauses.all(),
  in_flight: daemon.jobs(),
  backlog: daemon.intake.backlog(),
  // Of a hundred thousand files each may have one: not for a glance.
  ...(hasReasons ? { waiting: Object.fromEntries(daemon.intake.reasons()) } : {}),
  faults: daemon.faults.all(),
  stumbles: Object.fromEntries(
    daemon.jobs().flatMap(({ id }) => {
      const words = daemon.faults.ofJob(id);
      return words === null ? [] : [[id, words]];
    }),
  ),
  budgets: ports.purse.view().map((state) => ({ ...state, words: describeBudget(state) })),
  waits_for_answers: Object.fromEntries(ports.waitsForAnswers),
  waits_for_money: Object.fromEntries(ports.waitsForMoney),
  waits_outside: Object.fromEntries(ports.waitsOutside),
  sharing_trouble: ports.lanes.sharingTrouble(),
});

async function answerTo(parts: ControlParts, question: Question): Promise<ControlAnswer> {
  const { ports, daemon } = parts;
  if (question.v !== CONTROL_VERSION)
    return refuse(
      `this daemon speaks version ${String(CONTROL_VERSION)}, the question is of version ${String(question.v)}: use the docket that started it`,
    );
  switch (question.op) {
    case 'glance':
      return { ...statusOf(parts, false), ...(await parts.glance()) };
    case 'status':
      return statusOf(parts, true);
    case 'release':
      return release(parts, question);
    case 'poke':
      // Whoever has given a verdict pokes.
      ports.acceptance.touch();
      daemon.hint.poke();
      return { ok: true };
    case 'cancel':
      return cancel(parts, question);
    case 'wait': {
      const job = jobOf(question);
      if (job === null) return refuse('wait takes a job id');
      const ended = daemon.whenEnded(job);
      return { ok: true, outcome: ended === undefined ? null : await ended };
    }
    case 'pause':
    case 'resume':
      return pauseOrResume(parts, question.op, question);
    case 'accept':
      return accept(parts, question);
    case 'stop':
      parts.stop('docket down');
      return { ok: true };
    default:
      return refuse(`unknown question ${question.op.slice(0, 40)}`);
  }
}

/** What a job does, as it comes, until it has left the daemon; of all jobs (no `job`) until the other side hangs up. */
async function attach({ ports, daemon }: ControlParts, question: Question, socket: LineSocket): Promise<ControlAnswer> {
  const job = question['job'] === undefined ? null : jobOf(question);
  if (job === null && question['job'] !== undefined) return refuse('attach takes a job id');
  const ended = job === null ? null : daemon.whenEnded(job);
  if (ended === undefined) return { ok: true, outcome: null };
  const left = new Promise<null>((resolve) => {
    socket.onClose(() => {
      resolve(null);
    });
  });
  const stop = ports.live.listen(job, (event) => {
    socket.send({ v: CONTROL_VERSION, id: question.id, event });
  });
  try {
    return { ok: true, outcome: await (ended === null ? left : Promise.race([ended, left])) };
  } finally {
    stop();
  }
}

/** Durable when it is answered. `resume` of a lane that is held on its own lets one run go to see. */
async function pauseOrResume({ ports, daemon, pauses }: ControlParts, op: 'pause' | 'resume', question: Question): Promise<ControlAnswer> {
  const kind: PauseKind | null = question['kind'] === 'lane' || question['kind'] === 'role' ? question['kind'] : null;
  const name = typeof question['name'] === 'string' ? question['name'] : '';
  if (kind === null || !isPauseName(kind, name)) return refuse(`${op} takes a kind (lane or role) and a name`);
  const by = byOf(question);
  const at = ports.clock.now().toISOString();
  const isChanged = op === 'pause' ? await pauses.add({ kind, name, by, at }) : await pauses.remove(kind, name);
  const isProbed = op === 'resume' && kind === 'lane' && ports.lanes.probe(name);
  if (isChanged) ports.log.info(`${kind} ${name}: ${op === 'pause' ? 'paused' : 'resumed'} by ${by}`);
  if (isProbed) ports.log.info(`lane ${name}: ${by} does not want to wait`);
  ports.lanes.look();
  daemon.hint.wake();
  return { ok: true, changed: isChanged, probed: isProbed };
}

/** A program that a person saw and takes; lanes that were held for it go on at once. What is there is compared with what was seen at the next start. */
async function accept({ ports, daemon, programs }: ControlParts, question: Question): Promise<ControlAnswer> {
  const { runner, program, sha256, version } = question;
  if (typeof runner !== 'string' || typeof program !== 'string' || typeof sha256 !== 'string' || !isSha256(sha256))
    return refuse('accept takes a runner, its program and its sha256');
  if (ports.runners.get(runner) === undefined) return refuse(`there is no runner ${runner.slice(0, 100)}`);
  const by = byOf(question);
  const seen = { program, sha256, version: typeof version === 'string' ? version : null };
  await programs.accept({ runner, ...seen, by, at: ports.clock.now().toISOString() });
  ports.log.info(`the program of ${runner} was accepted by ${by}: ${program}, sha256 ${sha256}`);
  for (const { lane, state, reason } of ports.lanes.view())
    if (state === 'held' && reason?.startsWith(changedProgram(runner)) === true) ports.lanes.probe(lane);
  daemon.hint.wake();
  return { ok: true };
}

const byOf = (question: Question): string => (typeof question['by'] === 'string' ? question['by'].slice(0, 100) : 'a person');

const jobOf = (question: Question): JobId | null =>
  typeof question['job'] === 'string' && isJobId(question['job']) ? question['job'] : null;

/** A job in work by its id, a file in in/ by its name (`architect/foo.md`). */
async function release({ ports, daemon }: ControlParts, question: Question): Promise<ControlAnswer> {
  if (!ports.purse.isOn) return refuse('no budget is set, so nothing waits for money');
  const job = jobOf(question);
  const { file } = question;
  if (job !== null) {
    if (!daemon.jobs().some(({ id }) => id === job)) return refuse(`job ${job} is not in work`);
    await ports.purse.letGo({ job }, byOf(question));
  } else if (typeof file === 'string' && file.length <= 1_000) {
    await ports.purse.letGo({ file }, byOf(question));
    daemon.hint.poke();
  } else return refuse('release takes a job id or a file');
  return { ok: true };
}

function cancel({ daemon }: ControlParts, question: Question): ControlAnswer {
  const job = jobOf(question);
  if (job === null) return refuse('cancel takes a job id');
  return daemon.cancel(job, byOf(question)) ? { ok: true } : refuse(`job ${job} is not in work`);
}
