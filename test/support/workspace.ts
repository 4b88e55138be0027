/** A workspace of its own for one test, verbs run in it in-process with an Io that remembers, and jobs brought to an end without a daemon. */

import { Command, CommanderError } from 'commander';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { CliError, EXIT, type Io } from '#cli/io.ts';
import { loadRoles } from '#cli/load.ts';
import { log, openWorkspace } from '#cli/open.ts';
import { clock, historyOf, journalOf, spoolOf } from '#cli/parts.ts';
import { controlSocket } from '#cli/places.ts';
import { STATEMENT_TYPE, PREDICATE_TYPE, type Predicate } from '#core/evidence.ts';
import type { Failure } from '#core/failure.ts';
import { describe } from '#core/failure.ts';
import type { History } from '#core/history.ts';
import type { JobState, Outcome } from '#core/job.ts';
import { parseFeature, parsePromptName, parseRoleName, parseStem, type JobId, type RoleName, type Stem } from '#core/names.ts';
import type { Journal, JournalChange } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import { NO_USAGE, type AttemptRecord, type Usage } from '#core/run.ts';
import type { Workspace } from '#core/settings.ts';
import type { Claimed, Spool } from '#core/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeSockets } from '#platform/socket.ts';
import { temporaryFolder } from './temp-folder.ts';

const must = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(String(result.error));
  return result.value;
};
export const roleNamed = (text: string): RoleName => must(parseRoleName(text));
export const stemNamed = (text: string): Stem => must(parseStem(text));

export type Said = { readonly code: number; readonly out: string; readonly err: string };
export type AddVerb = (program: Command, io: Io) => void;
export type Front = {
  readonly feature?: string;
  readonly agent?: string;
  readonly revision?: number;
  readonly name?: string;
  readonly more?: string;
  /** Paths that the evidence says were changed. */
  readonly changed?: readonly string[];
  readonly body?: string;
};

export type TempWorkspace = {
  readonly root: string;
  readonly queues: string;
  readonly history: string;
  /** Runs one verb as the command line would. */
  run(add: AddVerb, ...args: string[]): Promise<Said>;
  /** The same with --json, parsed. */
  json(add: AddVerb, ...args: string[]): Promise<{ readonly code: number; readonly data: unknown; readonly err: string }>;
  /** Writes a file below the workspace. */
  write(name: string, text: string | Uint8Array): Promise<string>;
  in(name: string, folder?: string): string;
  out(name: string, folder?: string): string;
  /** The rooms' own objects. */
  rooms(): Promise<Rooms>;
  /** Somebody who answers on the control socket; `asked` are the questions it got. */
  serve(answer: (question: Question) => Record<string, unknown>): Promise<{ readonly asked: Question[] }>;
};
export type Question = { readonly op: string; readonly id: number; readonly [field: string]: unknown };
export type Rooms = { readonly workspace: Workspace; readonly spool: Spool; readonly history: History; readonly journal: Journal };

export const promptText = ({
  feature = 'FEAT-1',
  agent = 'architect',
  revision = 1,
  name,
  more = '',
  body = '# Task\n\nDescribe the module layout.\n',
}: Front = {}): string =>
  `---\nfeature: ${feature}\nagent: ${agent}\nprompt_spec_version: 2.1.0\nrevision: ${String(revision)}\ncreated_at: 2025-12-09T22:37:00+01:00\n${name === undefined ? '' : `name: ${name}\n`}${more}---\n${body}`;

export function rememberingIo(cwd: string): { readonly io: Io; readonly said: () => Said } {
  const out: string[] = [];
  const err: string[] = [];
  let code = 0;
  const io: Io = {
    cwd,
    env: {},
    isTerminal: false,
    canAsk: false,
    color: false,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    readInput: async () => Promise.resolve(''),
    setExitCode(set) {
      code = set;
    },
  };
  return { io, said: () => ({ code, out: out.join('\n'), err: err.join('\n') }) };
}

async function runVerb(cwd: string, add: AddVerb, args: readonly string[]): Promise<Said> {
  const { io, said } = rememberingIo(cwd);
  const program = new Command('docket').option('--root <folder>').option('--json').exitOverride();
  program.configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(text.trimEnd()) });
  add(program, io);
  for (const verb of program.commands) verb.copyInheritedSettings(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return said();
  } catch (error) {
    if (error instanceof CommanderError) return { ...said(), code: error.exitCode === 0 ? EXIT.done : EXIT.wrongUse };
    if (!(error instanceof CliError)) throw error;
    io.err(`docket: ${error.message}`);
    return { ...said(), code: error.exitCode };
  }
}

/** docket.yaml with the offline runner; the history lies beside it. Nothing else is made. */
export async function makeTempWorkspace(t: Pick<TestContext, 'after'>, settings = 'runner: offline\n'): Promise<TempWorkspace> {
  const root = path.join(await temporaryFolder(t), 'app');
  await mkdir(root);
  await writeFile(path.join(root, 'docket.yaml'), `app: app\n${settings}`);
  return workspaceAt(t, root);
}

/** A second workspace with all that the first one holds, its history too; nothing of it is open. */
export async function copyTempWorkspace(t: Pick<TestContext, 'after'>, from: TempWorkspace): Promise<TempWorkspace> {
  const base = await temporaryFolder(t);
  await cp(path.dirname(from.root), base, { recursive: true, preserveTimestamps: true });
  return workspaceAt(t, path.join(base, 'app'));
}

function workspaceAt(t: Pick<TestContext, 'after'>, root: string): TempWorkspace {
  const queues = path.join(root, 'queues');
  let rooms: Promise<Rooms> | null = null;
  t.after(async () => {
    const opened = await rooms;
    opened?.journal.close();
    await opened?.history.close();
  });
  const workspace: TempWorkspace = {
    root,
    queues,
    history: path.join(path.dirname(root), 'app-ai-history'),
    run: async (add, ...args) => runVerb(root, add, args),
    async json(add, ...args) {
      const { code, out, err } = await runVerb(root, add, [...args, '--json']);
      return { code, data: out === '' ? null : (JSON.parse(out) as unknown), err };
    },
    async write(name, text) {
      const file = path.join(root, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
    in: (name, folder = '01-architect') => path.join(queues, folder, 'in', name),
    out: (name, folder = '01-architect') => path.join(queues, folder, 'out', name),
    rooms: async () => (rooms ??= openRooms(root)),
    async serve(answer) {
      const asked: Question[] = [];
      await mkdir(path.join(queues, '.docket'), { recursive: true, mode: 0o700 });
      const server = await makeSockets().serve(controlSocket(path.join(queues, '.docket')), (socket) => {
        socket.onMessage((message) => {
          const question = message as Question;
          asked.push(question);
          socket.send({ v: 1, id: question.id, ...answer(question) });
        });
      });
      t.after(async () => server.close());
      return { asked };
    },
  };
  return workspace;
}

async function openRooms(root: string): Promise<Rooms> {
  const workspace = await openWorkspace(rememberingIo(root).io, {});
  const roles = must(await loadRoles(makeFs(), workspace));
  const spool = spoolOf(workspace, [...roles.values()], log);
  await mkdir(workspace.state, { recursive: true, mode: 0o700 });
  await spool.prepare();
  const history = historyOf(workspace, log);
  await history.open();
  return { workspace, spool, history, journal: journalOf(workspace, log) };
}

const digest = makeDigest();
const at = (): string => clock.now().toISOString();

export type Taken = { readonly id: JobId; readonly claimed: Claimed; readonly bytes: Uint8Array };

/** Drops a prompt and claims it, as the daemon does: the job lies in work/. */
export async function claimPrompt({ spool, journal }: Rooms, stem: string, text: string, role = 'architect'): Promise<Taken> {
  const { name } = await spool.drop(roleNamed(role), stemNamed(stem), text);
  const { waiting } = await spool.scan();
  const [entry] = await spool.claim(waiting.filter((one) => one.role === role && one.shownName === name));
  if (entry === undefined) throw new Error(`${name} was not claimed`);
  const { claimed, bytes } = await spool.read(entry.dir, entry.id, entry.waiting.folder);
  if (bytes === null || claimed.job.sha256 === null) throw new Error(`${name} was not read`);
  const { id, claimedAt, sha256 } = claimed.job;
  const row = {
    id,
    role,
    stem: claimed.job.stem,
    state: 'claimed' as const,
    outcome: null,
    feature: null,
    name: null,
    revision: null,
    sha256,
    claimedAt,
    changedAt: at(),
    attempts: 0,
    reason: null,
  };
  await journal.commit([{ do: 'job', job: row }, move(id, 'read')]);
  return { id, claimed, bytes };
}

export const move = (id: JobId, to: JobState, outcome?: Outcome, reason?: string): JournalChange => ({
  do: 'move',
  id,
  to,
  at: at(),
  ...(outcome === undefined ? {} : { outcome }),
  ...(reason === undefined ? {} : { reason }),
});

export type End =
  | { readonly status: 'answered' | 'briefed'; readonly answer: string; readonly usage?: Usage }
  | { readonly status: 'failed' | 'cancelled' | 'rejected' | 'held'; readonly failure: Failure; readonly usage?: Usage };

/** Brings a claimed job to its end: recorded (unless it was never accepted), published, finished, as daemon/conclude.ts does. */
export async function endJob({ workspace, spool, history, journal }: Rooms, job: Taken, front: Front, end: End): Promise<void> {
  const { claimed, id, bytes } = job;
  const role = claimed.job.role;
  const feature = must(parseFeature(front.feature ?? 'FEAT-1'));
  const name = front.name === undefined ? null : must(parsePromptName(front.name));
  const revision = front.revision ?? 1;
  const { sha256 } = claimed.job;
  if (sha256 === null) throw new Error('no hash');
  const isAccepted = end.status !== 'rejected' && end.status !== 'held';
  const failure = 'failure' in end ? end.failure : null;
  const files: { as: string; bytes: string }[] = [];
  if (isAccepted) {
    await journal.commit([{ do: 'identify', id, feature: feature.id, name, revision, at: at() }, move(id, 'submitted')]);
    const common = {
      job: id,
      identity: { feature: feature.id, role, name, revision },
      roleFolder: claimed.job.folder,
      promptSha256: sha256,
      specVersion: '2.1.0',
      codeCommit: null,
      runner: 'offline',
      model: null,
      at: at(),
    };
    must(await history.submit({ ...common, featureName: feature.name, title: null, stream: 'feature', prompt: bytes }));
    const attempt: AttemptRecord = {
      n: 1,
      runId: digest.uuid(),
      startedAt: at(),
      endedAt: at(),
      outcome: failure === null ? end.status : 'agent-failure',
      failure,
      usage: end.usage ?? NO_USAGE,
      starts: 1,
    };
    await journal.commit([move(id, 'running'), { do: 'attempt', id, attempt, spent: true }, move(id, 'ran')]);
    const answer = 'answer' in end ? end.answer : null;
    const evidence = evidenceText(job, {
      feature,
      name,
      revision,
      status: end.status,
      failure,
      answer,
      attempt,
      changed: front.changed ?? [],
    });
    must(
      await history.record({
        ...common,
        status: end.status,
        result: answer === null ? null : new TextEncoder().encode(answer),
        evidence,
        materials: [],
        attempts: [],
      }),
    );
    files.push({ as: '_evidence.json', bytes: evidence });
    if (answer !== null) files.push({ as: '_result.md', bytes: answer });
  }
  if (failure !== null)
    files.push({
      as: '_error.md',
      bytes: `# ${claimed.job.originalName}: ${end.status}\n\n${describe(failure)}.\n\n## What to do\n\nMend it.\n`,
    });
  await conclude({ workspace, spool, history, journal }, job, end.status, failure, files);
}

/** The last steps, for outcomes that nobody records too. */
export async function conclude(
  { spool, journal }: Rooms,
  { claimed, id }: Taken,
  outcome: Outcome,
  failure: Failure | null,
  files: { as: string; bytes: string }[],
): Promise<void> {
  const final = await spool.publish(claimed, await spool.decide(claimed, { outcome, failure, files }));
  await spool.finish(claimed, final);
  const reason = failure === null ? undefined : describe(failure);
  await journal.commit([move(id, 'recorded', outcome, reason), move(id, 'published', outcome, reason), move(id, 'done', outcome, reason)]);
  await spool.clean(claimed);
}

type Told = {
  readonly feature: { readonly id: string; readonly name: string };
  readonly name: string | null;
  readonly revision: number;
  readonly status: Predicate['status'];
  readonly failure: Failure | null;
  readonly answer: string | null;
  readonly attempt: AttemptRecord;
  readonly changed: readonly string[];
};

function evidenceText({ claimed, id }: Taken, told: Told): string {
  const subject = [{ name: `prompt_v${String(told.revision)}.md`, digest: { sha256: claimed.job.sha256 } }];
  if (told.answer !== null) subject.push({ name: `result_v${String(told.revision)}.md`, digest: { sha256: digest.sha256(told.answer) } });
  const predicate = {
    job: id,
    feature: { id: told.feature.id, name: told.feature.name },
    role: claimed.job.role,
    name: told.name,
    revision: told.revision,
    status: told.status,
    stem: claimed.job.stem,
    spec: { asked: '2.0.0', used: '2.1.0' },
    materials: [],
    runner: { name: 'offline', kind: 'offline', version: '1.0.0', program: null, command: null, model: null },
    attempts: [told.attempt],
    usage: NO_USAGE,
    code: { repository: null, baseCommit: null, headCommit: null, dirty: null },
    filesChanged: told.changed.map((file) => ({ path: file, change: 'modify', before: null, sha256: null })),
    failure: told.failure,
    times: { promptCreated: '2025-12-09T22:37:00+01:00', claimed: claimed.job.claimedAt, submitted: at(), ended: at() },
  };
  return `${JSON.stringify({ _type: STATEMENT_TYPE, subject, predicateType: PREDICATE_TYPE, predicate }, null, 2)}\n`;
}

/** One prompt from its drop to its end. */
export async function seedJob(rooms: Rooms, stem: string, front: Front, end: End): Promise<Taken> {
  const job = await claimPrompt(rooms, stem, promptText(front), front.agent ?? 'architect');
  await endJob(rooms, job, front, end);
  return job;
}
