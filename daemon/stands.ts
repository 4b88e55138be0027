/** How answers stand, by the verdicts in history: for a daemon without daemon/acceptance.ts. */

import type { History } from '#core/history.ts';
import type { RoleName } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import { isAccepted, ruleOf, standingOf, STRICT_RULE } from '#core/verdict.ts';
import type { Stands } from './emit-release.ts';

export function makeStands(
  history: Pick<History, 'records' | 'verdicts'>,
  roles: ReadonlyMap<RoleName, Role>,
  unreviewed: readonly string[],
): Stands {
  const standing: Stands['standing'] = async (identity) => {
    const { feature, role: roleName, name, revision } = identity;
    const role = roles.get(roleName);
    const judged = await history.verdicts({ feature, role: roleName });
    const mine = judged.filter((one) => one.identity.name === name && one.identity.revision === revision).map(({ verdict }) => verdict);
    for await (const { identity: other, filed } of history.records({ feature, role: roleName }))
      if (other.name === name && other.revision === revision && filed.status === 'answered' && filed.resultSha256 !== null)
        return standingOf(role === undefined ? STRICT_RULE : ruleOf(role, unreviewed), mine, {
          resultSha256: filed.resultSha256,
          author: null,
        });
    return null;
  };
  return {
    standing,
    async newestAccepted({ feature, role, name }) {
      let best: Awaited<ReturnType<Stands['newestAccepted']>> = null;
      for await (const { identity } of history.records({ feature, role })) {
        if (identity.name !== name || (best !== null && best.identity.revision > identity.revision)) continue;
        const one = await standing(identity);
        if (one !== null && isAccepted(one)) best = { identity };
      }
      return best;
    },
  };
}
