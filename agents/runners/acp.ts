/**
 * The runner of an agent that is spoken to over the Agent Client Protocol: `<id>-acp` for every profile that has `acp:`. Everything but the call itself is
 * that of its profile (agents/runners/profile.ts). The call is made by a program of docket's own (cli/acp-call.ts) under the keeper, so it outlives
 * the daemon; that program owns the agent, answers its questions by tools/acp-policy.ts and writes down what it answered.
 */

import { ok } from '#core/result.ts';
import type { AcpCall } from '#tools/acp-lines.ts';
import type { ToolOptions } from '#tools/plan-tool.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import type { Runner, RunnerPorts } from '../runner.ts';
import { actsIn } from './acp-acts.ts';
import { makeProfileRunner } from './profile.ts';

/**
 * @param profile made by `acpProfile`
 * @param state the workspace's state folder, absolute
 */
export function makeAcpRunner(profile: ToolProfile, options: ToolOptions, state: string, ports: RunnerPorts): Runner {
  const inner = makeProfileRunner(profile, options, state, ports);
  const { withModel, acp } = profile;
  const isModelInCall = withModel.args.length === 0 && Object.keys(withModel.env).length === 0;
  return {
    ...inner,
    async facts() {
      const hides = acp === null || acp.hides.length === 0 ? {} : { hides: acp.hides };
      return { ...(await inner.facts()), kind: 'acp', ...hides };
    },
    async plan(request) {
      const plan = await inner.plan(request);
      if (!plan.ok || plan.value.kind === 'inline') return plan;
      const call: AcpCall = {
        v: 1,
        program: plan.value.program,
        args: plan.value.args,
        access: request.access,
        execute: acp?.execute ?? false,
        sessionMeta: acp?.sessionMeta ?? {},
        files: acp?.files ?? true,
        notices: acp?.notices ?? [],
        model: isModelInCall ? request.model : null,
        ...(request.scope === undefined ? {} : { scope: request.scope }),
      };
      const { program, args } = ports.acpCall;
      return ok({ ...plan.value, program, args: [...args, JSON.stringify(call)] });
    },
    understand(raw, request) {
      const acts = actsIn(new TextDecoder().decode(raw.stdout));
      const outcome = inner.understand(raw, request);
      // What was asked for is what answered; over this protocol an agent tells only what it would take by itself.
      const model = request.model ?? outcome.model;
      return { ...outcome, model, ...(acts === null ? {} : { acts }) };
    },
  };
}
