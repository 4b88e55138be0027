/** What the settings, the roles and the runners say of lanes, as daemon/schedule.ts is given it. */

import { AUTO, type Runners } from '#agents/registry.ts';
import { providerOf } from '#core/lane.ts';
import type { RoleName } from '#core/names.ts';
import { err, ok } from '#core/result.ts';
import type { Role } from '#core/role.ts';
import type { LaneSettings, Workspace } from '#core/settings.ts';
import type { LanesInput } from '#daemon/schedule.ts';

/** Lanes of runners that call no provider are not throttled: they only share this machine. */
const OFFLINE_LANE = 'offline';

type LaneRules = Pick<LanesInput, 'settingsOf' | 'roleSlots' | 'check' | 'rules'>;

export function makeLaneRules(workspace: Workspace, roles: ReadonlyMap<RoleName, Role>, runners: Runners): LaneRules {
  const { settings } = workspace;
  const all = [...roles.values()];
  return {
    settingsOf: (lane) => laneSettings(workspace, lane, all.find((role) => role.lane === lane)?.slots ?? null),
    roleSlots: (name) => all.find((role) => role.name === name)?.slots ?? null,
    async check(_lane, name) {
      const chosen = await runners.prepare();
      const runner = name === null ? undefined : runners.get(name);
      if (name === AUTO && !chosen.ok) return err(chosen.error[0] ?? { kind: 'missing-program', program: AUTO, searched: 'PATH' });
      return runner === undefined ? ok(null) : runner.check();
    },
    rules: {
      baseMs: settings['retry.base'],
      capMs: settings['retry.cap'],
      jitterMs: settings['throttle.jitter'],
      longestMs: settings['throttle.longest_hold'],
      errors: settings['throttle.errors'],
      ahead: settings['limits.ahead'],
      runningMax: settings['limits.running'],
      agingMs: settings['schedule.aging'],
    },
  };
}

/** `lanes:` in docket.yaml: of the account, else of its provider; else a role's, else the workspace's. */
function laneSettings(workspace: Workspace, name: string, roleSlots: number | null): LaneSettings {
  const { settings, lanes } = workspace;
  const own = lanes.find((lane) => lane.name === name) ?? lanes.find((lane) => lane.name === providerOf(name));
  if (own !== undefined) return { ...own, name };
  // It calls nobody: nothing but the number of jobs in flight bounds it.
  if (name === OFFLINE_LANE)
    return { name, slots: settings['limits.in_flight'], intervalCap: Number.POSITIVE_INFINITY, intervalMs: 0, staggerMs: 0 };
  return {
    name,
    slots: roleSlots ?? settings.slots,
    intervalCap: settings['throttle.interval_cap'],
    intervalMs: settings['throttle.interval'],
    staggerMs: settings['throttle.stagger'],
  };
}

/** The lane that a job of this role runs in. @param runner null: the role's, or the workspace's */
export function laneName(
  roles: ReadonlyMap<RoleName, Role>,
  runners: Runners,
  workspace: Workspace,
  role: RoleName,
  runner: string | null,
): string {
  const known = roles.get(role);
  const name = runner ?? known?.runner ?? workspace.settings.runner;
  return known?.lane ?? runners.get(name)?.lane ?? name;
}
