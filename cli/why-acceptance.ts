/** Which answers count, for verbs that only read: the same rule that the daemon goes by. */

import type { History } from '#core/history.ts';
import type { RoleName } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeAcceptance, type Acceptance } from '#daemon/acceptance.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';

export const acceptanceOf = (history: History, workspace: Workspace, roles: ReadonlyMap<RoleName, Role>): Acceptance =>
  makeAcceptance({ history, roles, code: { fs: makeFs(), digest: makeDigest(), root: workspace.code }, settings: workspace.settings });
