/** A prompt file outside of the queue: it is held against the folder of the role that it names itself, unless a role is given. */

import type { Fault } from '#core/fault.ts';
import type { RoleName } from '#core/names.ts';
import type { Prompt } from '#core/prompt.ts';
import { err, type Result } from '#core/result.ts';
import { scopeFaults } from '#policy/scope.ts';
import { streamFaults } from '#policy/streams.ts';
import { shown } from '#prompt-spec/faults.ts';
import { parsePrompt, placeOfField } from '#prompt-spec/parse.ts';
import { CliError, EXIT } from './io.ts';
import type { Opened } from './open.ts';
import { clock } from './parts.ts';
import { workspaceRules } from './scope.ts';

export function parseFile(bytes: Uint8Array, opened: Opened, role: RoleName | null): Result<Prompt, readonly Fault[]> {
  const { settings } = opened.workspace;
  const limits = { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
  const roles = [...opened.roles.keys()];
  const attempts = (role === null ? roles : [role]).map((folderRole) =>
    parsePrompt(bytes, {
      roles,
      folderRole,
      limits,
      nowMs: clock.now().getTime(),
    }),
  );
  const fitting = attempts.find((parsed) => parsed.ok || !parsed.error.some((fault) => fault.code === 'agent-folder')) ?? attempts[0];
  if (fitting === undefined) throw new CliError('no role is installed', EXIT.environment);
  if (!fitting.ok) return fitting;
  const access = opened.roles.get(fitting.value.agent)?.access ?? 'read-only';
  const rules = workspaceRules(opened.workspace)(access, fitting.value.rest['scope'], fitting.value.stream);
  const faults = [
    ...scopeFaults(rules, () => placeOfField(bytes, 'scope', limits)),
    ...streamFaults(opened.workspace.work?.stream, fitting.value.stream, () => placeOfField(bytes, 'stream', limits)),
  ];
  return faults.length === 0 ? fitting : err(faults.map((one) => ({ ...one, found: shown(one.found) })));
}
