/**
 * An unknown command-line tool gets a profile: its help is read, a harmless prompt is tried in the ways that the help makes likely until one is answered,
 * one error is provoked, and what was seen is written down for a person to look at. States:
 *
 *   found -> looked at (version, help) -> allowed by a person -> answered, or given up -> made to fail -> drafted
 *
 * Invariant: before `mayAsk` said yes nothing is called but help and version. What each call gets: probe-call.ts.
 */

import path from 'node:path';
import { err, ok, type Result } from '#core/result.ts';
import type { ExitFile, RunOutcome, RunRequest } from '#core/run.ts';
import { secretValues, type RawRun } from '#tools/outcome.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import { kindOfWords } from '#tools/read-output.ts';
import { understandRun } from '#tools/understand.ts';
import { PLAIN_WORDS } from '#tools/words.ts';
import { argsOf, call, isToken, makePlace, prompted, type Hand, type ProbeOptions, type ProbePorts } from './probe-call.ts';
import { parseProfile } from './profile-file.ts';
import { readHelp, type Help } from './probe-help.ts';
import { draftOf, type Found } from './probe-profile.ts';
import { errorShapeOf, shapeOf, type Ran, type Shape } from './probe-shape.ts';
import { accessOf, advised, modelArgs, ownVariables, variablesIn, waysOf, type Way } from './probe-ways.ts';

const HELP_TIMEOUT_MS = 30_000;
/** So many prompts at most, the one that is to fail not counted. */
export const PROMPTS_MAX = 12;
/** Nothing more is tried after this. */
const ALL_MS_MAX = 300_000;
/** As often it may say that nobody is logged in: every other way will say so, too. */
const LOGGED_OUT_MAX = 2;
const NO_MODEL = 'docket-no-such-model';
const VERBS_MAX = 3;

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
    advice: tried.advice,
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

/** The same call with a model that nobody has, or with keys that are wrong. Null: it answered, or nothing can be made wrong. */
async function failing(hand: Hand, { way, advice, variables, prompt, word }: Tried): Promise<Ran | null> {
  const hasModel = modelArgs(way.help).length > 0;
  if (!hasModel && !variables.some(isToken)) return null;
  hand.ports.say(hasModel ? `an error: the model ${NO_MODEL}` : 'an error: a key that is wrong');
  const ran = await prompted(hand, way, advice, variables, prompt, hasModel ? { model: NO_MODEL } : { wrongKeys: true });
  return ran.code === 0 && shapeOf(ran, word) !== null ? null : ran;
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
