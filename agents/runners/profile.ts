/**
 * The runner of every tool that has a profile (agents/tools/<id>.yaml): what is said there is all that it knows of the tool.
 *
 * Configuration folder: a tool gets one of its own, so that a person's settings and docket's runs do not touch each other. Where the login cannot be
 * linked into it (`when: token`), it is given only when a key or token is in the environment.
 */

import type { Failure } from '#core/failure.ts';
import { err, ok, type Result } from '#core/result.ts';
import { firstThere, prepareConfig } from '#tools/config-folder.ts';
import { secretValues } from '#tools/outcome.ts';
import { configFolder, hasToken, planTool, shownFor, toolEnv, type ToolOptions } from '#tools/plan-tool.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import { findProgram, rememberFacts } from '#tools/program.ts';
import { valuesAt } from '#tools/read-events.ts';
import { startFault } from '#tools/sandbox.ts';
import { understandRun } from '#tools/understand.ts';
import { laneOfAccount } from '../account.ts';
import type { Runner, RunnerPorts } from '../runner.ts';

const LOGIN_TIMEOUT_MS = 15_000;

/** @param state the workspace's state folder, absolute */
export function makeProfileRunner(profile: ToolProfile, options: ToolOptions, state: string, ports: RunnerPorts): Runner {
  const { name } = options;
  const lane = options.lane ?? laneOfAccount(profile, ports);
  const { id, sha256, login } = profile;
  const secrets = secretValues(ports.env, [...profile.passEnv, ...login.tokenEnv, ...options.passEnv]);
  const programFacts = rememberFacts(name, options.program, profile.versionArgs, ports);
  const mayStart = async (): Promise<Failure | null> => startFault(name, programFacts, ports);

  /** What the program says; null: it does not answer the question. An old version that does not know it may well be logged in. */
  async function askLogin(program: string): Promise<boolean | null> {
    if (login.ask === null) return null;
    const config = configFolder(profile, name, state, null, ports.env);
    if (config !== null && profile.config !== null) await prepareConfig(config, profile.config, hasToken(profile, ports.env), {}, ports);
    const env = toolEnv(profile, options, config, [], {}, ports);
    const answer = await ports.ask(program, login.ask.args, { env, timeoutMs: LOGIN_TIMEOUT_MS }).catch(() => null);
    if (answer === null) return null;
    if (login.ask.at === null) return answer.code === 0;
    const said = valuesAt(parseJson(answer.stdout), login.ask.at)[0];
    return typeof said === 'boolean' ? said : null;
  }

  const loggedOut = (message: string): Result<null, Failure> => err({ kind: 'not-logged-in', runner: name, message });

  async function checkLogin(program: string): Promise<Result<null, Failure>> {
    const variables = login.tokenEnv.length === 0 ? '' : `, and none of ${login.tokenEnv.join(', ')} is set`;
    const asked = await askLogin(program);
    if (asked === false) return loggedOut(`\`${[options.program, ...(login.ask?.args ?? [])].join(' ')}\` says so${variables}`);
    const isKnown = asked === true || login.ask !== null || login.files.length === 0;
    if (isKnown || hasToken(profile, ports.env) || (await firstThere(login.files, ports)) !== null) return ok(null);
    return loggedOut(`there is no ${login.files.join(' or ')}${variables}`);
  }

  return {
    name,
    lane,
    profile,
    async facts() {
      const kind = id === 'claude' ? 'claude' : 'tool';
      return { name, kind, ...(await programFacts()), lane, callsProvider: true, profile: { id, sha256 } };
    },
    async check() {
      const found = await findProgram(options.program, ports);
      if (!found.ok) return found;
      const fault = await mayStart();
      return fault === null ? checkLogin(found.value) : err(fault);
    },
    async plan(request) {
      const fault = await mayStart();
      return fault === null ? planTool(profile, options, request, state, ports) : err(fault);
    },
    understand: (raw, request) => understandRun(profile, { name, shown: shownFor(profile, options, request), secrets }, raw, request),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
