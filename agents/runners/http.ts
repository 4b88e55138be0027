/**
 * The runner for a model behind an HTTP interface (OpenAI's chat completions, Anthropic's messages, Ollama's chat). The call is made by a program of
 * docket's own (cli/http-call.ts) under the keeper, so it outlives the daemon and is watched, bounded and ended like every other tool.
 * Invariant: the key is in the environment of the daemon and of that program; no argument, file, log, error or evidence has it.
 */

import type { Failure } from '#core/failure.ts';
import { err, ok } from '#core/result.ts';
import type { RunRequest } from '#core/run.ts';
import type { HttpProfile } from '#core/settings.ts';
import { addressOf, type HttpCall } from '#tools/http-dialects.ts';
import { isModelName, programEnv } from '#tools/profiles.ts';
import { acceptAnswer, answered, decodeUtf8, exitFailure, failed, NO_META, safeText, stopFailure, type RunMeta } from '#tools/outcome.ts';
import { rememberFacts, searchPath } from '#tools/program.ts';
import type { Runner, RunnerPorts } from '../runner.ts';
import { badModel } from '#tools/plan-tool.ts';
import { failureOfCall, readCall } from './http-output.ts';

export type HttpStanding = {
  /** Longest answer in tokens where the runner says nothing and the interface asks for a number (Anthropic). */
  readonly maxTokens: number;
  /** The model of roles that name none: the runner's own goes before it. */
  readonly model: string;
};

/** Shorter ones are words that could stand in any text. */
const KEY_LENGTH_MIN = 6;
const SENDABLE = /^[\u0021-\u007e]+$/;
/** What the program may need to reach a server from a company's network. */
const NETWORK_ENV = ['NODE_EXTRA_CA_CERTS'] as const;

export function makeHttpRunner(profile: HttpProfile, standing: HttpStanding, ports: RunnerPorts): Runner {
  const { name, api, keyEnv } = profile;
  const lane = profile.lane ?? name;
  const address = addressOf(profile).href;
  const programFacts = rememberFacts(profile.name, ports.httpCall.program, null, ports);
  const key = keyEnv === null ? null : (ports.env[keyEnv] ?? '');
  const secrets = key === null || key.length < KEY_LENGTH_MIN ? [] : [key];
  const isLocal = new URL(address).protocol === 'http:';

  const modelOf = ({ model }: RunRequest): string | null => (model === null || model === standing.model ? (profile.model ?? model) : model);
  const shownFor = (request: RunRequest): string => `POST ${address} (${api}, model ${modelOf(request) ?? 'none'})`;
  const callFor = (request: RunRequest, model: string): HttpCall => ({
    v: 1,
    api,
    baseUrl: profile.baseUrl,
    model,
    maxTokens: profile.maxTokens ?? (api === 'anthropic' ? standing.maxTokens : null),
    keyEnv,
    headers: profile.headers,
    bytesMax: request.limits.outputBytes,
  });

  /** Null: there is a key, or none is wanted. */
  function keyFault(): Failure | null {
    if (keyEnv === null || key === null) return null;
    if (key === '') return { kind: 'not-logged-in', runner: name, message: `the variable ${keyEnv} is not set where docket was started` };
    return SENDABLE.test(key)
      ? null
      : { kind: 'not-logged-in', runner: name, message: `the variable ${keyEnv} holds characters that no header may have` };
  }

  return {
    name,
    lane,
    async facts() {
      return { name, kind: 'http', ...(await programFacts()), lane, callsProvider: true, endpoint: address };
    },
    check: async () => {
      const fault = keyFault();
      return Promise.resolve(fault === null ? ok(null) : err(fault));
    },
    plan: async (request) => {
      const model = modelOf(request);
      if (model === null)
        return Promise.resolve(
          err({
            kind: 'environment',
            what: `runner ${name}`,
            path: request.roleFile,
            code: 'NO_MODEL',
            message: 'neither the prompt, the role nor the runner in docket.yaml names a model',
          }),
        );
      if (!isModelName(model)) return Promise.resolve(err(badModel(model)));
      const fault = keyFault();
      if (fault !== null) return Promise.resolve(err(fault));
      const { program, args } = ports.httpCall;
      // A key and a prompt for this very machine go to no proxy.
      const fixed = isLocal ? {} : { NODE_USE_ENV_PROXY: '1' };
      return Promise.resolve(
        ok({
          kind: 'program',
          program,
          args: [...args, JSON.stringify(callFor(request, model))],
          env: programEnv(ports.env, searchPath(ports), [...NETWORK_ENV, ...(keyEnv === null ? [] : [keyEnv])], fixed),
          cwd: request.cwd,
          stdin: request.briefFile,
          shown: shownFor(request),
        }),
      );
    },
    understand(raw, request) {
      const shown = shownFor(request);
      // What was written before a stop still says what it cost.
      const output = readCall(new TextDecoder().decode(raw.stdout));
      const meta: RunMeta = {
        usage: output.end === null ? NO_META.usage : { ...output.end.usage, turns: output.end.usage.turns ?? 1 },
        model: output.end?.model ?? modelOf(request),
        sessionId: output.end?.id ?? null,
      };
      const stopped = stopFailure(raw, request, shown);
      if (stopped !== null) return failed(stopped, meta);
      const text = decodeUtf8(raw.stdout, name);
      if (!text.ok) return failed(text.error, meta);
      if (raw.exit.code !== 0) return failed(exitFailure(raw, shown, secrets), meta);
      const said = safeText(output.end?.error?.message ?? output.text, secrets);
      const atMs = Date.parse(raw.exit.endedAt);
      const facts = { runner: name, address, command: shown, bytesMax: request.limits.outputBytes, atMs };
      const failure = failureOfCall(output, said, facts);
      if (failure !== null) return failed(failure, meta);
      const accepted = acceptAnswer(output.text, request, name, shown);
      return accepted.ok ? answered(accepted.value, meta) : failed(accepted.error, meta);
    },
  };
}
