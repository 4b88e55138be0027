/**
 * The runner for Claude Code, headless (profile: tools/profiles.ts; output: claude-output.ts).
 *
 * Configuration folder: with a key or token in the environment the tool gets one of its own (<state>/claude), so that a person's settings
 * and docket's runs do not touch each other. Without one the login lies in the person's folder, so that folder is used;
 * `--restricted`, `--strict-mcp-config` and `--no-session-persistence` keep its settings, hooks, servers and history out of the run.
 */

import path from 'node:path';
import { z } from 'zod';
import { err, ok } from '#core/result.ts';
import type { RunRequest } from '#core/run.ts';
import type { CommandProfile } from '#core/settings.ts';
import { CLAUDE, fillArguments, isModelName, programEnv } from '#tools/profiles.ts';
import { laneOfAccount } from '../account.ts';
import {
  acceptAnswer,
  answered,
  decodeUtf8,
  exitFailure,
  failed,
  safeText,
  secretValues,
  stderrTail,
  stopFailure,
  type RunMeta,
} from '../outcome.ts';
import { findProgram, rememberFacts, searchPath, showCommand } from '../program.ts';
import type { Runner, RunnerPorts } from '../runner.ts';
import { failureOf, failureOfWords, messageOf, readOutput, usageOf } from './claude-output.ts';
import { badModel } from './command.ts';

const LOGIN_TIMEOUT_MS = 15_000;
const Login = z.looseObject({ loggedIn: z.boolean() });

/** What a key of `runners:` may change of the profile. */
export type ClaudeOptions = Pick<CommandProfile, 'name' | 'program' | 'args' | 'passEnv' | 'env' | 'lane'>;
export const CLAUDE_DEFAULTS: ClaudeOptions = { name: 'claude', program: CLAUDE.program, args: [], passEnv: [], env: {}, lane: null };

/** @param state the workspace's state folder, absolute */
export function makeClaudeRunner(options: ClaudeOptions, state: string, ports: RunnerPorts): Runner {
  const { name } = options;
  const lane = options.lane ?? laneOfAccount(CLAUDE.lane, { ...CLAUDE, configFolder: '.claude' }, ports);
  const passEnv = [...CLAUDE.passEnv, ...options.passEnv];
  const secrets = secretValues(ports.env, passEnv);
  const programFacts = rememberFacts(options.program, CLAUDE.versionArgs, ports);
  const hasToken = CLAUDE.tokenEnv.some((variable) => (ports.env[variable] ?? '') !== '');
  const configFolder = path.join(state, 'claude');

  const argsFor = (request: RunRequest): string[] =>
    fillArguments(
      [...CLAUDE.args, ...CLAUDE.argsByAccess[request.access], ...(request.model === null ? [] : CLAUDE.argsWithModel), ...options.args],
      {
        prompt_file: request.briefFile,
        model: request.model ?? '',
        session: request.runId,
        dir: request.dir,
        turns: String(request.limits.turns),
        budget_usd: String(request.limits.budgetUsd),
      },
    );
  const shownFor = (request: RunRequest): string => showCommand(options.program, argsFor(request));

  /** The environment of the tool; makes its folder where it needs one. */
  async function environment(): Promise<Record<string, string>> {
    if (hasToken) await ports.fs.makeFolders(configFolder, 0o700);
    const own = hasToken ? { [CLAUDE.configFolderEnv]: configFolder } : {};
    return programEnv(ports.env, searchPath(ports), passEnv, { ...CLAUDE.env, ...options.env, ...own });
  }

  return {
    name,
    lane,
    async facts() {
      return { name, kind: 'claude', ...(await programFacts()), lane, callsProvider: true };
    },
    async check() {
      const found = await findProgram(options.program, ports);
      if (!found.ok) return found;
      const answer = await ports
        .ask(found.value, CLAUDE.loginArgs, { env: await environment(), timeoutMs: LOGIN_TIMEOUT_MS })
        .catch(() => null);
      const login = Login.safeParse(parseJson(answer?.stdout ?? ''));
      // An old version that does not know the question may well be logged in: the first run will tell.
      return login.success && !login.data.loggedIn
        ? err({
            kind: 'not-logged-in',
            runner: name,
            message: `\`${options.program} auth status\` says so, and none of ${CLAUDE.tokenEnv.join(', ')} is set`,
          })
        : ok(null);
    },
    async plan(request) {
      if (request.brief.startsWith('/')) throw new Error('the brief begins with a slash: Claude Code would take it for a command');
      if (request.model !== null && !isModelName(request.model)) return err(badModel(request.model));
      const found = await findProgram(options.program, ports);
      if (!found.ok) return found;
      const env = { ...(await environment()), API_TIMEOUT_MS: String(request.limits.timeoutMs) };
      return ok({
        kind: 'program',
        program: found.value,
        args: argsFor(request),
        env,
        cwd: request.cwd,
        stdin: request.briefFile,
        shown: shownFor(request),
      });
    },
    understand(raw, request) {
      const shown = shownFor(request);
      // What was written before a stop still says what it cost.
      const output = readOutput(new TextDecoder().decode(raw.stdout));
      const meta: RunMeta = {
        usage: usageOf(output.result),
        model: output.model ?? request.model,
        sessionId: output.result?.session_id ?? null,
      };
      const stopped = stopFailure(raw, request, shown);
      if (stopped !== null) return failed(stopped, meta);
      const text = decodeUtf8(raw.stdout, name);
      if (!text.ok) return failed(text.error, meta);
      if (output.result === null) return failed(withoutResult(), meta);
      const failure = failureOf(output, safeText(messageOf(output.result), secrets), name);
      if (failure !== null) return failed(failure, meta);
      if (raw.exit.code !== 0) return failed(exitFailure(raw, shown, secrets), meta);
      const accepted = acceptAnswer(output.result.result ?? '', request, name, shown);
      return accepted.ok ? answered(accepted.value, meta) : failed(accepted.error, meta);

      function withoutResult(): Parameters<typeof failed>[0] {
        if (raw.exit.code === 0)
          return { kind: 'unreadable-answer', runner: name, message: 'it ended well, but its output has no result line' };
        return failureOfWords(stderrTail(raw.stderr, secrets), name) ?? exitFailure(raw, shown, secrets);
      }
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
