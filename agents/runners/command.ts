/**
 * The runner for any program: an argument array with placeholders, the brief on standard input, the answer on standard output.
 * - `text`: standard output is the answer, byte for byte
 * - `json`: standard output is one JSON object, and a field of it is the answer
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { ProgramPlan, RunRequest } from '#core/run.ts';
import type { CommandProfile } from '#core/settings.ts';
import { expandPath } from '#tools/config-folder.ts';
import { badModel, unreadOf } from '#tools/plan-tool.ts';
import { fillArguments, isModelName, programEnv } from '#tools/profiles.ts';
import { acceptAnswer, answered, decodeUtf8, exitFailure, failed, NO_META, secretValues, stopFailure } from '#tools/outcome.ts';
import { findProgram, rememberFacts, searchPath, showCommand } from '#tools/program.ts';
import { confine, startFault } from '#tools/sandbox.ts';
import type { Runner, RunnerPorts } from '../runner.ts';

const DEFAULT_ANSWER_FIELD = 'answer';

/** `message.content` of an object; undefined when a part of the path is missing. Array positions are numbers. */
function fieldAt(value: unknown, dotted: string): unknown {
  let at: unknown = value;
  for (const key of dotted.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}

export function makeCommandRunner(profile: CommandProfile, ports: RunnerPorts): Runner {
  const { name } = profile;
  const lane = profile.lane ?? name;
  const programFacts = rememberFacts(name, profile.program, null, ports);
  const mayStart = async (): Promise<Failure | null> => startFault(name, programFacts, ports);
  const secrets = secretValues(ports.env, profile.passEnv);
  const argsFor = (request: RunRequest): string[] =>
    fillArguments(profile.args, {
      prompt_file: request.briefFile,
      model: request.model ?? '',
      session: request.runId,
      dir: request.dir,
      turns: String(request.limits.turns),
      budget_usd: String(request.limits.budgetUsd),
    });
  const shownFor = (request: RunRequest): string => showCommand(profile.program, argsFor(request));

  const unreadable = (message: string): Result<string, Failure> => err({ kind: 'unreadable-answer', runner: name, message });

  function answerIn(stdout: string): Result<string, Failure> {
    if (profile.output === 'text') return ok(stdout);
    const field = profile.answerField ?? DEFAULT_ANSWER_FIELD;
    let parsed: unknown;
    try {
      parsed = JSON.parse(stdout);
    } catch {
      return unreadable('its output is not one JSON value');
    }
    const answer = fieldAt(parsed, field);
    return typeof answer === 'string' ? ok(answer) : unreadable(`its JSON has no text at "${field}"`);
  }

  return {
    name,
    lane,
    async facts() {
      return { name, kind: 'command', ...(await programFacts()), lane, callsProvider: true };
    },
    async check() {
      const found = await findProgram(profile.program, ports);
      const fault = found.ok ? await mayStart() : found.error;
      return fault === null ? ok(null) : err(fault);
    },
    async plan(request) {
      if (request.model !== null && !isModelName(request.model)) return err(badModel(request.model));
      if (request.model === null && profile.args.some((argument) => argument.includes('{model}')))
        return err({
          kind: 'environment',
          what: `runner ${name}`,
          path: request.roleFile,
          code: 'NO_MODEL',
          message: 'its arguments hold {model}, and neither the prompt, the role nor docket.yaml names a model',
        });
      const found = await findProgram(profile.program, ports);
      if (!found.ok) return found;
      const fault = await mayStart();
      if (fault !== null) return err(fault);
      const plan: ProgramPlan = {
        kind: 'program',
        program: found.value,
        args: argsFor(request),
        env: programEnv(ports.env, searchPath(ports), profile.passEnv, profile.env),
        cwd: request.cwd,
        stdin: request.briefFile,
        shown: shownFor(request),
      };
      const writes = profile.writes.map((one) => (path.isAbsolute(one) ? one : expandPath(one, ports.env))).filter((one) => one !== null);
      return confine(
        plan,
        { access: request.access, dir: request.dir, config: null, writes, isAsked: profile.sandbox, unread: unreadOf(request) },
        ports,
      );
    },
    understand(raw, request) {
      const shown = shownFor(request);
      const stopped = stopFailure(raw, request, shown);
      if (stopped !== null) return failed(stopped);
      if (raw.exit.code !== 0) return failed(exitFailure(raw, shown, secrets));
      const text = decodeUtf8(raw.stdout, name);
      const answer = text.ok ? answerIn(text.value) : text;
      const accepted = answer.ok ? acceptAnswer(answer.value, request, name, shown) : answer;
      return accepted.ok ? answered(accepted.value, { ...NO_META, model: request.model }) : failed(accepted.error);
    },
  };
}
