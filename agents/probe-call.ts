/**
 * One call of a program that is probed (agents/probe.ts).
 *
 * Invariant: an argument array, an empty folder to work in, a time limit, a home of its own unless `ownLogin`, and of the environment only what the person
 * named and what is the tool's own; what it leaves running is ended.
 */

import path from 'node:path';
import type { AskProgram, Digest, Fs } from '#core/ports.ts';
import { REPORT_NAME } from '#tools/plan-tool.ts';
import { fillArguments, type Values } from '#tools/profiles.ts';
import type { Ran } from './probe-shape.ts';
import { accessOf, modelArgs, type Way } from './probe-ways.ts';

const REPORT_BYTES_MAX = 1_000_000;

export type ProbePorts = {
  readonly fs: Pick<Fs, 'facts' | 'makeFolders' | 'readHead' | 'replace'>;
  readonly ask: AskProgram;
  readonly find: (name: string, pathText: string) => Promise<string | null>;
  readonly digest: Pick<Digest, 'sha256' | 'uuid'>;
  /** Ends every process that carries the mark. */
  readonly endMarked: () => Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly searchPath: string;
  readonly now: () => Date;
  /** One line on what is done now. */
  readonly say: (line: string) => void;
};
export type ProbeOptions = {
  readonly id: string;
  readonly program: string;
  /** Given with every call, such as the account. */
  readonly args: readonly string[];
  readonly passEnv: readonly string[];
  readonly model: string | null;
  /** The person's own home, where the tool may be logged in. */
  readonly ownLogin: boolean;
  /** Of one prompt. */
  readonly timeoutMs: number;
  /** Absolute, empty, nobody else's; the caller removes it. */
  readonly folder: string;
  /** DOCKET_RUN_ID of everything that is started. */
  readonly mark: string;
  /** Aborting it ends what runs; the probe then rejects with its reason. */
  readonly signal: AbortSignal;
};

export type Place = { readonly work: string; readonly home: string; readonly dir: string; readonly config: string };
export type Call = {
  readonly args: readonly string[];
  readonly input: string;
  readonly variables: readonly string[];
  readonly wrongKeys?: boolean;
};

export const isToken = (name: string): boolean => /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|AUTH/i.test(name);

export async function makePlace({ fs }: ProbePorts, { folder }: ProbeOptions): Promise<Place> {
  const place = Object.fromEntries(['work', 'home', 'dir', 'config', 'tmp'].map((name) => [name, path.join(folder, name)]));
  for (const one of Object.values(place)) await fs.makeFolders(one, 0o700);
  return place as Place;
}

/** What is added goes before a prompt at the end, and behind a verb at the beginning. */
export function argsOf(way: Way, advice: readonly string[], more: readonly string[]): readonly string[] {
  const at = way.args.findIndex((argument) => argument.includes('{prompt'));
  const end = at === -1 ? way.args.length : at > 0 && (way.args[at - 1] ?? '').startsWith('-') ? at - 1 : at;
  return [...way.args.slice(0, end), ...advice, ...more, ...way.args.slice(end)];
}

export type Hand = {
  readonly ports: ProbePorts;
  readonly options: ProbeOptions;
  readonly place: Place;
  readonly file: string;
  readonly configEnv: string | null;
};

/** One call with the prompt, as the profile would make it. @param how `model`: in place of the one that was asked for */
export async function prompted(
  hand: Hand,
  way: Way,
  advice: readonly string[],
  variables: readonly string[],
  prompt: string,
  how: { readonly model?: string; readonly wrongKeys?: boolean },
): Promise<Ran> {
  const { ports, options, place, file, configEnv } = hand;
  const model = how.model ?? options.model;
  const promptFile = path.join(place.dir, 'prompt.md');
  await ports.fs.replace(promptFile, prompt, 'safety', 0o600);
  await ports.fs.replace(path.join(place.dir, REPORT_NAME), '', 'safety', 0o600);
  const values: Values = {
    prompt,
    prompt_file: promptFile,
    model: model ?? '',
    session: ports.digest.uuid(),
    dir: place.dir,
    cwd: place.work,
    config: place.config,
    turns: '4',
    budget_usd: '1',
    timeout_ms: String(options.timeoutMs),
    timeout_s: String(Math.ceil(options.timeoutMs / 1_000)),
  };
  const access = accessOf(way.help)?.['read-only'] ?? [];
  const args = fillArguments([...argsOf(way, advice, options.args), ...access, ...(model === null ? [] : modelArgs(way.help))], values);
  const input = way.prompt === 'stdin' ? prompt : '';
  const ran = await call(
    ports,
    options,
    place,
    file,
    { args, input, variables, ...(how.wrongKeys === true ? { wrongKeys: true } : {}) },
    options.timeoutMs,
    configEnv,
  );
  const report = path.join(place.dir, REPORT_NAME);
  if ((await ports.fs.facts(report))?.kind !== 'file') return ran;
  return { ...ran, report: new TextDecoder().decode((await ports.fs.readHead(report, REPORT_BYTES_MAX)).bytes) };
}

export async function call(
  ports: ProbePorts,
  options: ProbeOptions,
  place: Place,
  file: string,
  { args, input, variables, wrongKeys = false }: Call,
  timeoutMs: number,
  configEnv: string | null = null,
): Promise<Ran> {
  options.signal.throwIfAborted();
  const env: Record<string, string> = {
    PATH: ports.searchPath,
    HOME: (options.ownLogin ? ports.env['HOME'] : undefined) ?? place.home,
    TMPDIR: path.join(options.folder, 'tmp'),
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    NO_COLOR: '1',
    DOCKET_RUN_ID: options.mark,
  };
  if (configEnv !== null) env[configEnv] = place.config;
  for (const name of variables) {
    const value = ports.env[name] ?? '';
    if (value !== '') env[name] = wrongKeys && isToken(name) ? 'wrong' : value;
  }
  try {
    return { ...(await ports.ask(file, args, { cwd: place.work, env, timeoutMs, input })), report: '' };
  } catch (error) {
    return { code: null, stdout: '', stderr: error instanceof Error ? error.message : String(error), report: '' };
  } finally {
    await ports.endMarked();
    options.signal.throwIfAborted();
  }
}
