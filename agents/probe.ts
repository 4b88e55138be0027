/**
 * An unknown command-line tool gets a profile: its help is read, a harmless prompt is tried in the ways that the help makes likely until one is answered,
 * one error is provoked, and what was seen is written down for a person to look at. States:
 *
 *   found -> looked at (version, help) -> allowed by a person -> answered, or given up -> made to fail -> drafted
 *
 * Invariant: each call has an argument array, an empty folder to work in, a time limit, a home of its own unless `ownLogin`, and of the environment only
 * what the person named and what is the tool's own; what it leaves running is ended. Before `mayAsk` said yes nothing is called but help and version.
 */

import path from 'node:path';
import type { AskProgram, Digest, Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { ExitFile, RunOutcome, RunRequest } from '#core/run.ts';
import { secretValues, type RawRun } from '#tools/outcome.ts';
import { REPORT_NAME } from '#tools/plan-tool.ts';
import { fillArguments, type ToolProfile, type Values } from '#tools/profiles.ts';
import { kindOfWords } from '#tools/read-output.ts';
import { understandRun } from '#tools/understand.ts';
import { PLAIN_WORDS } from '#tools/words.ts';
import { parseProfile } from './profile-file.ts';
import { readHelp, type Help } from './probe-help.ts';
import { draftOf, type Found } from './probe-profile.ts';
import { errorShapeOf, shapeOf, type Ran, type Shape } from './probe-shape.ts';
import { accessOf, advised, modelArgs, ownVariables, variablesIn, waysOf, type Way } from './probe-ways.ts';

const HELP_TIMEOUT_MS = 30_000;
const REPORT_BYTES_MAX = 1_000_000;
/** So many prompts at most, the one that is to fail not counted. */
export const PROMPTS_MAX = 12;
/** Nothing more is tried after this. */
const ALL_MS_MAX = 300_000;
/** As often it may say that nobody is logged in: every other way will say so, too. */
const LOGGED_OUT_MAX = 2;
const NO_MODEL = 'docket-no-such-model';
const VERBS_MAX = 3;

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
export type Trial = { readonly what: string; readonly answered: boolean; readonly said: string; readonly loggedOut: boolean };
export type Probed = {
  readonly file: string;
  readonly version: string | null;
  readonly way: Way;
  readonly trials: readonly Trial[];
  readonly answered: boolean;
  /** The written profile, read again over what was seen. */
  readonly reads: { readonly answer: RunOutcome | null; readonly error: RunOutcome | null };
  readonly text: string;
};
export type Looked = {
  readonly file: string;
  readonly version: string | null;
  readonly ways: readonly Way[];
  readonly variables: readonly string[];
};

type Place = { readonly work: string; readonly home: string; readonly dir: string; readonly config: string };
type Call = {
  readonly args: readonly string[];
  readonly input: string;
  readonly variables: readonly string[];
  readonly wrongKeys?: boolean;
};

const isToken = (name: string): boolean => /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|AUTH/i.test(name);

/** @param mayAsk is it allowed to send a prompt, which may cost money? */
export async function probeTool(
  ports: ProbePorts,
  options: ProbeOptions,
  mayAsk: (looked: Looked) => Promise<boolean>,
): Promise<Result<Probed, string>> {
  const file = await ports.find(options.program, ports.searchPath);
  if (file === null) return err(`there is no program ${options.program} in PATH (${ports.searchPath})`);
  const place = await makePlace(ports, options);
  const look = async (args: readonly string[]): Promise<Ran> =>
    call(ports, options, place, file, { args, input: '', variables: [] }, HELP_TIMEOUT_MS);
  ports.say(`${file}: version and help`);
  const version = /\d+\.\d+(?:\.\d+)?(?:[+-][0-9A-Za-z.]*[0-9A-Za-z])?/.exec(textOf(await look(['--version'])))?.[0] ?? null;
  const main = readHelp(textOf(await look(['--help'])));
  const verbs = new Map<string, Help>();
  for (const verb of main.verbs.slice(0, VERBS_MAX)) verbs.set(verb, readHelp(textOf(await look([verb, '--help']))));
  const ways = waysOf(main, verbs);
  const help = [main, ...verbs.values()].map(({ text }) => text).join('\n');
  const variables = [...new Set([...options.passEnv, ...ownVariables(nameOf(options.program), help, ports.env)])].toSorted();
  if (!(await mayAsk({ file, version, ways, variables }))) return err('no prompt was sent, and nothing was written');

  const configEnv = options.ownLogin ? null : configVariable(nameOf(options.program), help);
  const tried = await tryWays({ ports, options, place, file, configEnv }, ways, variables);
  const error = tried.answered === null ? null : await failing({ ports, options, place, file, configEnv }, tried);
  const { way } = tried;
  const found: Found = {
    id: options.id,
    program: options.program,
    version,
    day: ports.now().toISOString().slice(0, 10),
    way,
    args: argsOf(way, tried.advice, options.args),
    modelArgs: modelArgs(way.help),
    access: accessOf(way.help),
    passEnv: tried.variables.filter((name) => !isToken(name)),
    tokenEnv: tried.variables.filter(isToken),
    configEnv,
    shape: tried.answered?.shape ?? null,
    error: error === null ? null : errorShapeOf(error),
  };
  const text = draftOf(found);
  const parsed = parseProfile(text, `${options.id}.yaml`, options.id, ports.digest);
  if (!parsed.ok) throw new Error(`the draft is no valid profile: ${JSON.stringify(parsed.error)}\n${text}`);
  const again = (ran: Ran | null | undefined): RunOutcome | null =>
    ran === null || ran === undefined ? null : readAgain(ports, parsed.value, options, ran);
  return ok({
    file,
    version,
    way,
    trials: tried.trials,
    answered: tried.answered !== null,
    reads: { answer: again(tried.answered?.ran), error: again(error) },
    text,
  });
}

async function makePlace({ fs }: ProbePorts, { folder }: ProbeOptions): Promise<Place> {
  const place = Object.fromEntries(['work', 'home', 'dir', 'config', 'tmp'].map((name) => [name, path.join(folder, name)]));
  for (const one of Object.values(place)) await fs.makeFolders(one, 0o700);
  return place as Place;
}

const textOf = ({ stdout, stderr }: Ran): string => `${stdout}\n${stderr}`;

/** As it stands in the names of its variables. */
const nameOf = (program: string): string =>
  path
    .basename(program)
    .replace(/\.[A-Za-z0-9]+$/, '')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '_');

/** `CODEX_HOME`: only one that carries the tool's own name. */
function configVariable(own: string, help: string): string | null {
  return new RegExp(`\\b${own}_(?:CODE_)?(?:HOME|CONFIG_DIR|CONFIG_HOME)\\b`).exec(help)?.[0] ?? null;
}

/** What is added goes before a prompt at the end, and behind a verb at the beginning. */
function argsOf(way: Way, advice: readonly string[], more: readonly string[]): readonly string[] {
  const at = way.args.findIndex((argument) => argument.includes('{prompt'));
  const end = at === -1 ? way.args.length : at > 0 && (way.args[at - 1] ?? '').startsWith('-') ? at - 1 : at;
  return [...way.args.slice(0, end), ...advice, ...more, ...way.args.slice(end)];
}

type Hand = {
  readonly ports: ProbePorts;
  readonly options: ProbeOptions;
  readonly place: Place;
  readonly file: string;
  readonly configEnv: string | null;
};
type Tried = {
  readonly way: Way;
  readonly advice: readonly string[];
  readonly variables: readonly string[];
  readonly trials: readonly Trial[];
  readonly prompt: string;
  readonly word: string;
  readonly answered: { readonly ran: Ran; readonly shape: Shape } | null;
};

/** Two words that stand nowhere joined but in an answer: what only repeats the prompt is told from it. */
function harmless({ digest }: ProbePorts): { readonly prompt: string; readonly word: string } {
  const letters = digest.uuid().replaceAll('-', '');
  const [one, two] = [`otter${letters.slice(0, 8)}`, `linden${letters.slice(8, 16)}`];
  const prompt = `# Echo\n\nReply with exactly the following two words joined by a hyphen: ${one} ${two}\n\nWrite nothing else, use no tool, change no file.\n`;
  return { prompt, word: `${one}-${two}` };
}

async function tryWays(hand: Hand, ways: readonly Way[], own: readonly string[]): Promise<Tried> {
  const { ports, options } = hand;
  const { prompt, word } = harmless(ports);
  const trials: Trial[] = [];
  let variables = own;
  let first: Tried | null = null;
  let loggedOut = 0;
  const untilMs = ports.now().getTime() + ALL_MS_MAX;
  const mayGoOn = (): boolean => trials.length < PROMPTS_MAX && loggedOut < LOGGED_OUT_MAX && ports.now().getTime() < untilMs;
  for (const way of ways) {
    let advice: readonly string[] = [];
    while (mayGoOn()) {
      const what = shownWay(options.program, way, argsOf(way, advice, options.args));
      ports.say(`try ${String(trials.length + 1)}: ${what}`);
      const ran = await prompted(hand, way, advice, variables, prompt, {});
      const shape = ran.code === 0 ? shapeOf(ran, word) : null;
      const said = shortOf(ran, ports, variables);
      trials.push({
        what,
        answered: shape !== null,
        said: shape === null ? said.words : '',
        loggedOut: shape === null && said.kind === 'not-logged-in',
      });
      const tried: Tried = { way, advice, variables, trials, prompt, word, answered: shape === null ? null : { ran, shape } };
      if (shape !== null) return tried;
      first ??= tried;
      // What the tool itself says that it lacks.
      const more = advised(textOf(ran), { help: way.help, args: argsOf(way, advice, options.args) });
      const named = variablesIn(textOf(ran), ports.env).filter((name) => !variables.includes(name));
      if (more.length === 0 && named.length === 0) {
        if (said.kind === 'not-logged-in') loggedOut++;
        break;
      }
      advice = [...advice, ...more];
      variables = [...variables, ...named].toSorted();
    }
  }
  return { ...(first ?? { way: ways[0] as Way, advice: [], variables, prompt, word, answered: null }), variables, trials };
}

const shownWay = (program: string, way: Way, args: readonly string[]): string =>
  `${program} ${args.join(' ')}${way.prompt === 'stdin' ? ' < prompt' : ''}`.trim();

/** One call with the prompt, as the profile would make it. @param how `model`: in place of the one that was asked for */
async function prompted(
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

/** The same call with a model that nobody has, or with keys that are wrong. Null: it answered, or nothing can be made wrong. */
async function failing(hand: Hand, { way, advice, variables, prompt, word }: Tried): Promise<Ran | null> {
  const hasModel = modelArgs(way.help).length > 0;
  if (!hasModel && !variables.some(isToken)) return null;
  hand.ports.say(hasModel ? `an error: the model ${NO_MODEL}` : 'an error: a key that is wrong');
  const ran = await prompted(hand, way, advice, variables, prompt, hasModel ? { model: NO_MODEL } : { wrongKeys: true });
  return ran.code === 0 && shapeOf(ran, word) !== null ? null : ran;
}

async function call(
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

/** What it said when it did not answer, without secrets. */
function shortOf(ran: Ran, ports: ProbePorts, variables: readonly string[]): { readonly kind: string | null; readonly words: string } {
  let text = (ran.stderr.trim() === '' ? ran.stdout : ran.stderr).trim();
  for (const secret of secretValues(ports.env, variables)) text = text.replaceAll(secret, '(secret)');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => /error|invalid|unknown|requir|fail|not /i.test(line) && !/^\s*-/.test(line));
  const words = (telling.length > 0 ? telling : lines).slice(-3).join(' ').slice(-300);
  return { kind: kindOfWords(words, PLAIN_WORDS), words: `exit ${String(ran.code)}: ${words}` };
}

function readAgain(ports: ProbePorts, profile: ToolProfile, options: ProbeOptions, ran: Ran): RunOutcome {
  const bytes = (text: string): ExitFile['stdout'] => ({ sizeBytes: Buffer.byteLength(text), sha256: ports.digest.sha256(text) });
  const endedAt = ports.now().toISOString();
  const exit: ExitFile = {
    v: 1, runId: '', token: '', code: ran.code, signal: null, stopped: null, startedAt: endedAt, endedAt, stdout: bytes(ran.stdout), stderr: bytes(ran.stderr),
  }; // prettier-ignore
  const raw: RawRun = { exit, stdout: Buffer.from(ran.stdout), stderr: Buffer.from(ran.stderr), report: Buffer.from(ran.report) };
  const limits = {
    timeoutMs: options.timeoutMs,
    idleMs: options.timeoutMs,
    outputBytes: 10_000_000,
    answerBytes: 1_000_000,
    turns: 4,
    budgetUsd: 1,
  };
  const request = { model: options.model, limits, roleFile: '' } as unknown as RunRequest;
  const secrets = secretValues(ports.env, [...profile.passEnv, ...profile.login.tokenEnv]);
  return understandRun(profile, { name: profile.id, shown: options.program, secrets }, raw, request);
}
