/** A prompt file outside of the queue: it is held against the folder of the role that it names itself, unless a role is given. */

import type { Fault } from '#core/fault.ts';
import type { RoleName } from '#core/names.ts';
import type { Prompt } from '#core/prompt.ts';
import type { Result } from '#core/result.ts';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { CliError, EXIT } from './io.ts';
import type { Opened } from './open.ts';
import { clock } from './parts.ts';

export function parseFile(bytes: Uint8Array, opened: Opened, role: RoleName | null): Result<Prompt, readonly Fault[]> {
  const { settings } = opened.workspace;
  const roles = [...opened.roles.keys()];
  const attempts = (role === null ? roles : [role]).map((folderRole) =>
    parsePrompt(bytes, {
      roles,
      folderRole,
      limits: { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] },
      nowMs: clock.now().getTime(),
    }),
  );
  const fitting = attempts.find((parsed) => parsed.ok || !parsed.error.some((fault) => fault.code === 'agent-folder')) ?? attempts[0];
  if (fitting === undefined) throw new CliError('no role is installed', EXIT.environment);
  return fitting;
}
