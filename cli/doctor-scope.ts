/** Which tools hold themselves to a scope, and which are only looked at afterwards. */

import { AUTO, type Runners } from '#agents/registry.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { well, type Check } from './doctor-checks.ts';

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));

export function lookAtScope(workspace: Workspace, roles: readonly Role[], runners: Runners): Check {
  const names = runners.names().filter((name) => name !== AUTO);
  const ruled: string[] = [];
  const asked: string[] = [];
  const checked: string[] = [];
  for (const name of names) {
    const profile = runners.get(name)?.profile;
    if (profile === undefined) {
      if (workspace.runners.some((own) => own.name === name)) checked.push(name);
    } else if (profile.scope !== null) ruled.push(name);
    else if (profile.id.endsWith('-acp')) asked.push(name);
    else checked.push(name);
  }
  const writers = roles.filter(({ access }) => access === 'worktree').map(({ name }) => name);
  const found = `may write: ${listed(writers)}; by the tool's own rules: ${listed(ruled)}; asked at each change: ${listed(asked)}; only looked at afterwards: ${listed(checked)} (docs/scope.md)`;
  const change = workspace.settings['policy.read_only_change'];
  const reads =
    change === 'hold'
      ? '. Without a sandbox, the answer of a role that may only read is held when files changed meanwhile, whoever changed them'
      : `. policy.read_only_change is ${change}`;
  return well('scope', `${found}${reads}`);
}
