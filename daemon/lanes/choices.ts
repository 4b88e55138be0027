/** The lanes a prompt may run in, by what its front matter and its role say: the one it wants, then those of the runners its role falls back to. */

import type { RoleName } from '#core/names.ts';
import type { Ports } from '../ports.ts';

/** @param runner the prompt's own choice: it means just that one */
export function lanesOf(ports: Pick<Ports, 'laneOf' | 'roles' | 'runners'>, role: RoleName, runner: string | null): readonly string[] {
  const first = ports.laneOf(role, runner);
  if (runner !== null) return [first];
  const others = (ports.roles.get(role)?.fallbacks ?? []).flatMap((name) => ports.runners.get(name)?.lane ?? []);
  return [first, ...others];
}
