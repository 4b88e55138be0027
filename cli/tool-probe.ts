/** `docket tool probe`: asks whether prompts may be sent, probes (agents/probe.ts) in a folder that is thrown away, writes the draft and says what was seen. */

import path from 'node:path';
import { confirm, isCancel } from '@clack/prompts';
import type { ProbePorts } from '#agents/probe-call.ts';
import { probeTool, PROMPTS_MAX, type Looked, type Probed } from '#agents/probe.ts';
import { describe } from '#core/failure.ts';
import { printable } from '#core/names.ts';
import type { RunOutcome } from '#core/run.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { askProgram, findProgram, makeProcesses } from '#platform/process.ts';
import { temporaryFolder } from '#platform/system.ts';
import { searchPath } from '#tools/program.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { openWorkspace } from './open.ts';
import { clock, runnerPorts } from './parts.ts';
import { DRAFT } from './tool-check.ts';

export type ProbeFlags = {
  readonly out?: string;
  readonly id?: string;
  readonly model?: string;
  readonly passEnv?: readonly string[];
  readonly arg?: readonly string[];
  readonly ownLogin?: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly yes?: boolean;
};

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const ID = /^[a-z][a-z0-9-]{0,39}$/;

function idOf(program: string, flags: ProbeFlags): string {
  const id = flags.id ?? path.basename(program).toLowerCase().replace(/\.[a-z0-9]+$/, '').replaceAll(/[^a-z0-9-]/g, '-'); // prettier-ignore
  if (!ID.test(id))
    throw new CliError(`${printable(id)} is no id of a profile: give one with --id (a letter, then letters, digits and -)`, EXIT.wrongUse);
  return id;
}

async function draftFile(io: Io, common: Common, id: string, flags: ProbeFlags): Promise<string> {
  const file =
    flags.out === undefined
      ? path.join((await openWorkspace(io, common)).root, 'agents', 'tools', `${id}${DRAFT}`)
      : path.resolve(io.cwd, flags.out);
  if (/[\\/]agents[\\/]tools[\\/][^\\/]+\.yaml$/.test(file))
    throw new CliError(
      `${printable(file)} would be read at once: a draft is called ${id}${DRAFT} until a person has looked at it`,
      EXIT.wrongUse,
    );
  if ((await makeFs().facts(file)) !== null)
    throw new CliError(`${printable(file)} is there already: look at it and remove it, or give another place with --out`, EXIT.wrongUse);
  return file;
}

async function allowed(io: Io, flags: ProbeFlags, looked: Looked): Promise<boolean> {
  const handed = looked.variables.length === 0 ? 'no variable of yours' : looked.variables.join(', ');
  io.err(
    `${looked.file}${looked.version === null ? '' : ` ${looked.version}`}: its help makes ${String(looked.ways.length)} ways likely.\nUp to ${String(PROMPTS_MAX + 1)} short prompts would be sent with it, which may cost money. It is given ${handed}, and ${flags.ownLogin === true ? 'your own home' : 'an empty home'}.`,
  );
  if (flags.yes === true) return true;
  if (!io.canAsk)
    throw new CliError('nobody can be asked here whether prompts may be sent: say --yes, or run it on a terminal', EXIT.wrongUse);
  const answer = await confirm({ message: 'Send them?', initialValue: false });
  return !isCancel(answer) && answer;
}

export async function probe(io: Io, common: Common, program: string, flags: ProbeFlags): Promise<void> {
  const id = idOf(program, flags);
  const file = await draftFile(io, common, id, flags);
  const fs = makeFs();
  const digest = makeDigest();
  const processes = makeProcesses();
  const folder = path.join(temporaryFolder(), `docket-probe-${digest.uuid()}`);
  const mark = digest.uuid();
  const endMarked = async (): Promise<void> => {
    for (const pid of await processes.marked('DOCKET_RUN_ID', mark)) processes.signal(pid, 'SIGKILL', false);
  };
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort(new CliError('stopped; nothing was written', EXIT.stopped));
    void endMarked();
  };
  const ports: ProbePorts = {
    fs,
    ask: askProgram,
    find: findProgram,
    digest,
    env: io.env,
    searchPath: searchPath(runnerPorts(io.env)),
    now: () => clock.now(),
    say: (line) => {
      io.err(paint(io, 'dim', printable(line, 1_000)));
    },
    endMarked,
  };
  const options = {
    id,
    program,
    args: flags.arg ?? [],
    passEnv: flags.passEnv ?? [],
    model: flags.model ?? null,
    ownLogin: flags.ownLogin === true,
    timeoutMs: flags.timeout * 1_000,
    folder,
    mark,
    signal: stop.signal,
  };
  await fs.makeFolder(folder, 0o700);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const probed = await probeTool(ports, options, async (looked) => allowed(io, flags, looked));
    if (!probed.ok) throw new CliError(probed.error, EXIT.environment);
    await fs.makeFolders(path.dirname(file));
    await fs.writeNew(file, probed.value.text, 'safety', 0o644);
    tell(io, common, id, file, probed.value);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    await fs.removeTree(folder);
  }
}

const outcomeWords = (outcome: RunOutcome | null, otherwise: string): string => {
  if (outcome === null) return otherwise;
  return outcome.ok ? outcome.status : printable(describe(outcome.failure), 400);
};

function tell(io: Io, common: Common, id: string, file: string, probed: Probed): void {
  const { answered, trials, reads, way, version } = probed;
  const last = trials.at(-1);
  const told = reads.answer === null ? [] : Object.entries(reads.answer.usage).flatMap(([name, value]) => (value === null ? [] : [name]));
  const data = {
    id,
    file,
    program: probed.file,
    version,
    answered,
    prompt: way.prompt,
    trials,
    reads_answer: reads.answer?.ok ?? null,
    reads_error: reads.error === null ? null : reads.error.ok ? 'answered' : reads.error.failure.kind,
    usage: told,
  };
  const lines = [
    answered
      ? `${paint(io, 'green', 'answered')}  ${printable(last?.what ?? '', 600)} (${String(trials.length)} ${trials.length === 1 ? 'try' : 'tries'})`
      : `${paint(io, 'red', 'no answer')}  in ${String(trials.length)} tries`,
    ...(answered ? [] : trials.map(({ what, said }) => `  ${printable(what, 300)}\n    ${printable(said, 500)}`)),
    ...(last?.loggedOut === true
      ? ['it says that nobody is logged in: --own-login lends it your home, --pass-env a variable of yours']
      : []),
    ...(answered
      ? [`read again  the answer: ${outcomeWords(reads.answer, 'not read')}${told.length === 0 ? ', no usage' : `, ${told.join(', ')}`}`]
      : []),
    ...(answered ? [`            the error: ${outcomeWords(reads.error, 'none was seen')}`] : []),
    `draft       ${printable(file)}`,
    `next        look at each line, above all LOOK and NOT SEEN; \`docket tool check ${printable(file)}\`; then name it ${id}.yaml in agents/tools of your workspace`,
  ];
  show(io, common, data, lines.join('\n'));
  if (!answered) io.setExitCode(EXIT.notWell);
}
