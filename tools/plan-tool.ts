/**
 * From a profile and a request to a program to start: everything resolved, nothing left to a shell. Its only effect on the disk is the tool's
 * configuration folder.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import { err, type Result } from '#core/result.ts';
import type { ProgramPlan, RunRequest } from '#core/run.ts';
import { expandPath, linkedFiles, prepareConfig } from './config-folder.ts';
import { guarded } from './guard.ts';
import { inertMentions } from './mentions.ts';
import { fillArguments, fillEnv, isModelName, programEnv, type ToolProfile, type Values } from './profiles.ts';
import { findProgram, searchPath, showCommand, type ToolPorts } from './program.ts';
import { confine } from './sandbox.ts';
import { makeRunFolder } from './run-folder.ts';
import { scopeArgs } from './scope-args.ts';

/** What a key of `runners:` may change of a profile. */
export type ToolOptions = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly passEnv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly lane: string | null;
  /** What it may write besides, in a sandbox: `~/x`, `$NAME/x` or absolute. */
  readonly writes: readonly string[];
};
export const asItIs = (profile: ToolProfile): ToolOptions => ({
  name: profile.id,
  program: profile.program,
  args: [],
  passEnv: [],
  env: {},
  lane: null,
  writes: [],
});

/** Linux refuses one argument of 128 KiB and more (MAX_ARG_STRLEN), its final NUL included. */
const ARGUMENT_BYTES_MAX = 131_071;
const NO_INPUT = '/dev/null';
export const CONFIG_NAME = 'config';
/** The brief with its mentions made inert. */
const PROMPT_NAME = 'prompt.md';
/** Besides stdout and stderr: where a tool may be told to write its usage ({dir}/report.json). */
export const REPORT_NAME = 'report.json';

export const hasToken = (profile: ToolProfile, env: ToolPorts['env']): boolean =>
  profile.login.tokenEnv.some((variable) => (env[variable] ?? '') !== '');

/** The folder a run gets; null: it uses the person's own. @param state the workspace's state folder, absolute */
export function configFolder(
  profile: ToolProfile,
  name: string,
  state: string,
  runDir: string | null,
  env: ToolPorts['env'],
): string | null {
  const { config } = profile;
  if (config === null || (config.when === 'token' && !hasToken(profile, env))) return null;
  if (config.scope === 'workspace') return path.join(state, 'tools', name);
  return runDir === null ? null : path.join(runDir, CONFIG_NAME);
}

const valuesOf = (request: RunRequest, config: string | null): Values => ({
  prompt_file: request.briefFile,
  model: request.model ?? '',
  session: request.runId,
  dir: request.dir,
  cwd: request.cwd,
  turns: String(request.limits.turns),
  budget_usd: String(request.limits.budgetUsd),
  timeout_ms: String(request.limits.timeoutMs),
  timeout_s: String(Math.ceil(request.limits.timeoutMs / 1_000)),
  ...(config === null ? {} : { config }),
});

function argumentsFor(profile: ToolProfile, options: ToolOptions, request: RunRequest, values: Values): string[] {
  const withModel = request.model === null ? [] : profile.withModel.args;
  return [
    ...fillArguments(profile.args, values),
    ...fillArguments(scopeArgs(profile, request), values),
    ...fillArguments([...withModel, ...options.args], values),
  ];
}

/** The command for evidence and words: the brief itself is not in it. */
export const shownFor = (profile: ToolProfile, options: ToolOptions, request: RunRequest): string =>
  showCommand(options.program, argumentsFor(profile, options, request, valuesOf(request, null)));

/** The variables of a tool, for a run and for a question. */
export function toolEnv(
  profile: ToolProfile,
  options: ToolOptions,
  config: string | null,
  more: readonly Readonly<Record<string, string>>[],
  values: Values,
  ports: ToolPorts,
): Record<string, string> {
  const own = config === null ? {} : (profile.config?.env ?? {});
  const fixed = fillEnv(Object.assign({}, profile.env, ...more, own), { ...values, ...(config === null ? {} : { config }) });
  return programEnv(ports.env, searchPath(ports), [...profile.passEnv, ...profile.login.tokenEnv, ...options.passEnv], {
    ...fixed,
    ...options.env,
  });
}

function refusal(profile: ToolProfile, options: ToolOptions, request: RunRequest): Failure | null {
  const { name } = options;
  const size = Buffer.byteLength(request.brief);
  if (request.model !== null && !isModelName(request.model)) return badModel(request.model);
  if (
    request.model === null &&
    [...profile.args, ...profile.access[request.access].args, ...options.args].some((one) => one.includes('{model}'))
  )
    return {
      kind: 'environment',
      what: `runner ${name}`,
      path: request.roleFile,
      code: 'NO_MODEL',
      message: 'its arguments hold {model}, and neither the prompt, the role nor docket.yaml names a model',
    };
  const max = profile.prompt === 'argument' ? Math.min(profile.limits.promptBytes, ARGUMENT_BYTES_MAX) : profile.limits.promptBytes;
  if (size > max)
    return {
      kind: 'context-too-long',
      runner: name,
      message: `the brief has ${String(size)} bytes, and ${name} is given ${String(max)} at most`,
    };
  return null;
}

/** The brief as the tool is given it: the very file, but for a tool that would act on what it mentions. */
async function inertBrief(
  profile: ToolProfile,
  request: RunRequest,
  { fs }: ToolPorts,
): Promise<{ readonly file: string; readonly text: string }> {
  const text = profile.mentions === 'inert' ? request.brief : await inertMentions(request.brief, request.cwd, fs, profile.mentions);
  if (text === request.brief) return { file: request.briefFile, text };
  const file = path.join(request.dir, PROMPT_NAME);
  await makeRunFolder(fs, request.dir);
  await fs.replace(file, text, 'safety', 0o600);
  return { file, text };
}

/** @param state the workspace's state folder, absolute */
export async function planTool(
  profile: ToolProfile,
  options: ToolOptions,
  request: RunRequest,
  state: string,
  ports: ToolPorts,
): Promise<Result<ProgramPlan, Failure>> {
  if (/^[/@!-]/.test(request.brief)) throw new Error('the brief begins with a sign that a tool would take for a command');
  const problem = refusal(profile, options, request);
  if (problem !== null) return err(problem);
  const found = await findProgram(options.program, ports);
  if (!found.ok) return found;
  const acting = await guarded(profile.guard, request.cwd, ports.fs);
  if (acting !== null) return err(wouldAct(options.name, acting));
  const config = configFolder(profile, options.name, state, request.dir, ports.env);
  const given = await inertBrief(profile, request, ports);
  const values = { ...valuesOf(request, config), prompt_file: given.file };
  if (config !== null && profile.config !== null) await prepareConfig(config, profile.config, hasToken(profile, ports.env), values, ports);
  const withModel = request.model === null ? {} : profile.withModel.env;
  const plan: ProgramPlan = {
    kind: 'program',
    program: found.value,
    args: argumentsFor(profile, options, request, profile.prompt === 'argument' ? { ...values, prompt: given.text } : values),
    env: toolEnv(profile, options, config, [profile.access[request.access].env, withModel], values, ports),
    cwd: request.cwd,
    stdin: profile.prompt === 'stdin' ? given.file : NO_INPUT,
    shown: shownFor(profile, options, request),
  };
  return confine(
    plan,
    {
      access: request.access,
      dir: request.dir,
      config,
      writes: await writesOf(profile, options, config, ports),
      isAsked: true,
      unread: unreadOf(request),
    },
    ports,
  );
}

/** Absolute. */
export const unreadOf = ({ scope, cwd }: Pick<RunRequest, 'scope' | 'cwd'>): readonly string[] =>
  (scope?.unread ?? []).map((one) => path.join(cwd, one));

/** The state of its own that a tool keeps: what its profile and runner name, and the login that is linked into its folder (it renews it there). */
async function writesOf(profile: ToolProfile, options: ToolOptions, config: string | null, ports: ToolPorts): Promise<string[]> {
  // With a token it has a folder of its own, and the person's is none of its business.
  const isOwn = config !== null && profile.config?.when === 'token';
  const named = [...(isOwn ? [] : profile.writes), ...options.writes].map((one) =>
    path.isAbsolute(one) ? one : expandPath(one, ports.env),
  );
  const linked = config === null || profile.config === null ? [] : await linkedFiles(profile.config, ports);
  return [...named.filter((one) => one !== null), ...linked];
}

const wouldAct = (name: string, file: string): Failure => ({
  kind: 'environment',
  what: `${name} would run code of the project`,
  path: file,
  code: 'PROJECT_CODE',
  message: 'nothing in this tool switches that off, so it is not started (remove it, or choose another runner)',
});

/** A model's name that must not reach a command line. */
export const badModel = (model: string): Failure => ({
  kind: 'prompt-invalid',
  faults: [
    {
      code: 'model-name',
      line: 0,
      column: 0,
      field: 'model',
      message: 'this is no name of a model',
      expected: 'a letter or digit, then up to 127 of letters, digits and . _ : / @ + - [ ]',
      found: JSON.stringify(model.slice(0, 80)),
      mend: 'write the model as its tool names it, such as sonnet',
    },
  ],
});
