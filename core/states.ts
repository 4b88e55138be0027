/**
 * The states of a job and the only moves between them: data, printed as docs/state_machine.md (`npm run states`) and enforced by store/moves.ts.
 *
 *   claimed -> read -> submitted -> running <-> waiting -> ran -> recorded -> published -> done
 *
 * Invariant: a move that is not in `MOVES` never happens; a step that recovery repeats (`PHASES`) leaves a job where it is, and never takes it back.
 */

export const JOB_STATES = ['claimed', 'read', 'submitted', 'running', 'waiting', 'ran', 'recorded', 'published', 'done'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What is true, and durable, when a job is in a state. */
export const STATES: Readonly<Record<JobState, string>> = {
  claimed: 'the file was renamed out of `in/` into `work/`; nobody has looked into it yet',
  read: 'its bytes were read once and hashed; job id, stem and hash are durable',
  submitted: 'the prompt is valid and committed to the history; the identity is taken',
  running: 'an attempt is under way; its `run.json` is durable before the tool is told to go',
  waiting: 'an attempt failed; the next one waits for its back-off, its lane or its provider',
  ran: "a run ended with an answer; the run's `exit.json` is durable, the answer can be understood again from it",
  recorded: 'the end is decided and durable; it is in the history when the prompt was submitted',
  published: 'everything that belongs into `out/` is there, the result last',
  done: 'the input file has its last name; what is left in `work/` may go',
};

export type Move = { readonly from: JobState; readonly to: JobState; readonly when: string };
export const MOVES: readonly Move[] = [
  { from: 'claimed', to: 'read', when: 'its bytes are durable under the job' },
  { from: 'claimed', to: 'recorded', when: 'it cannot be read (a link, a device, too large): rejected' },
  { from: 'read', to: 'submitted', when: 'it is valid, and its identity is free or its own' },
  { from: 'read', to: 'recorded', when: 'rejected, held, cancelled or a duplicate: nothing was sent anywhere' },
  { from: 'submitted', to: 'running', when: 'its lane has a slot' },
  { from: 'submitted', to: 'ran', when: 'after a crash: a run is taken up whose start the journal never saw' },
  { from: 'submitted', to: 'recorded', when: 'cancelled before an attempt, or the identity went to another job' },
  { from: 'running', to: 'running', when: 'after a crash: a live run is adopted; one that is gone is started again' },
  { from: 'running', to: 'waiting', when: 'the attempt failed and the failure allows another one' },
  { from: 'running', to: 'ran', when: 'the attempt was answered' },
  { from: 'running', to: 'recorded', when: 'cancelled, or the failure allows no other attempt' },
  { from: 'waiting', to: 'running', when: 'the wait is over' },
  { from: 'waiting', to: 'recorded', when: 'failed: no attempts are left; or cancelled, or held' },
  { from: 'ran', to: 'running', when: 'after a crash: the attempt is taken up where it lies, and its `exit.json` is used' },
  { from: 'ran', to: 'waiting', when: 'after a crash: what was an answer is found to be a failure' },
  { from: 'ran', to: 'recorded', when: 'answered or briefed; or held for what the answer contains' },
  { from: 'recorded', to: 'published', when: 'everything is in `out/`' },
  { from: 'published', to: 'done', when: 'the input file has its last name' },
];

/**
 * Recovery repeats steps, and the journal may be ahead of the step that is repeated. Within a phase a repeated step changes nothing when the job is
 * further already; from the second phase no step leads back into the first: the end that was decided is the end.
 */
export type Phase = { readonly name: string; readonly states: readonly JobState[]; readonly repeated: readonly JobState[] };
export const PHASES: readonly Phase[] = [
  {
    name: 'until the end is decided',
    states: ['claimed', 'read', 'submitted', 'running', 'waiting', 'ran'],
    repeated: ['claimed', 'read', 'submitted'],
  },
  { name: 'from the decision on', states: ['recorded', 'published', 'done'], repeated: ['recorded', 'published'] },
];

const ALLOWED: ReadonlySet<string> = new Set(MOVES.map(({ from, to }) => `${from} ${to}`));

/** May a job go from one state to the other? Staying where it is is allowed: recovery repeats steps. */
export const canMove = (from: JobState, to: JobState): boolean => from === to || ALLOWED.has(`${from} ${to}`);
