/**
 * One life of the daemon on the simulated disk: the real daemon (daemon/daemon.ts) with the real spool, agents/attempt.ts and prompt parser; its history,
 * journal, keeper, clock and chance are the model's own (outside.ts, keeper.ts). It takes up what lies there and works until nothing waits.
 * The same world gives the same life, call by call: whatever is random comes from the number of the life.
 */

import { rulesMaker } from '#cli/scope.ts';
import { Buffer } from 'node:buffer';
import { failed, answered } from '#tools/outcome.ts';
import type { Runner } from '#agents/runner.ts';
import { makeOfflineRunner } from '#agents/runners/offline.ts';
import type { RoleFolder, RoleName } from '#core/names.ts';
import type { Clock, Digest, Log } from '#core/ports.ts';
import { err, ok } from '#core/result.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import { SETTINGS, type Settings, type Workspace } from '#core/settings.ts';
import type { Spool } from '#core/spool.ts';
import { makeAcceptance } from '#daemon/acceptance.ts';
import { makeDaemon } from '#daemon/daemon.ts';
import { NO_PURSE } from '#daemon/budget.ts';
import { NO_LIVE_RUNS } from '#daemon/live-runs.ts';
import type { Ports } from '#daemon/ports.ts';
import type { Lanes } from '#daemon/schedule.ts';
import { makeDigest } from '#platform/digest.ts';
import type { SpoolRole } from '#spool/parts.ts';
import { makeSpool } from '#spool/spool.ts';
import type { SimFs } from '#test/support/sim-fs.ts';
import { makeKeeper, type FakeKeeper } from './keeper.ts';
import { makeHistory, makeJournal, type Hold } from './outside.ts';

export const QUEUES = '/app/queues';
export const STATE = '/app/queues/.docket';
export const ROLES: readonly SpoolRole[] = [
  { folder: '01-architect' as RoleFolder, name: 'architect' as RoleName },
  { folder: '03-ui' as RoleFolder, name: 'ui' as RoleName },
];

const DIGEST = makeDigest();
const sha256: Digest['sha256'] = (bytes) => DIGEST.sha256(bytes);

function makeChance(life: number): Digest {
  let count = life * 1_000;
  const randomBytes = (length: number): Uint8Array => {
    count += 1;
    return Uint8Array.from({ length }, (_, index) => (Math.imul(count + index * 7919, 0x9e3779b1) >>> 13) & 0xff);
  };
  return { sha256, randomBytes, uuid: () => `run-${Buffer.from(randomBytes(6)).toString('hex')}` };
}

/** Nothing waits in the model; a life that asks for more waits than this goes round in circles. */
const WAITS_MAX = 200;

function makeLifeClock(life: number): Clock & { pass(ms: number): void } {
  let nowMs = 0;
  let waits = 0;
  return {
    now: () => new Date(Date.UTC(2026, 0, 1, life) + nowMs),
    monotonicMs: () => nowMs,
    async sleep(ms) {
      nowMs += ms;
      if (++waits > WAITS_MAX) throw new Error('it waits again and again, and comes to no end');
      return Promise.resolve();
    },
    pass(ms) {
      nowMs += ms;
    },
  };
}

const LANES: Lanes = {
  run: async (_ask, _signal, work) => work({ choice: 0, instead: null, isProbe: false }),
  holdForEnvironment: async () => Promise.resolve(),
  whenNotHeld: async () => Promise.resolve(),
  probe: () => false,
  reserve: () => ({ begins: () => undefined, leaves: () => undefined }),
  room: () => 100,
  orderOf: (priority) => priority,
  isShut: () => false,
  roleShut: () => null,
  look: () => undefined,
  view: () => [],
  sharingTrouble: () => null,
  stop: () => undefined,
  idle: async () => Promise.resolve(),
};

const roleOf = ({ folder, name }: SpoolRole): Role => ({
  name,
  folder,
  number: 1,
  title: name,
  responsibility: '',
  runner: null,
  fallbacks: [],
  allowedRunners: [],
  model: null,
  access: 'read-only',
  lane: null,
  slots: null,
  timeoutMs: null,
  idleTimeoutMs: null,
  attempts: null,
  review: 'none',
  reviewers: 1,
  authorMayApprove: true,
  next: [],
  emits: 'document',
  checks: [],
  file: 'role.yaml',
  source: `name: ${name}\n`,
});
const specOf = ({ name }: SpoolRole): PromptSpec => ({
  role: name,
  version: '2.1.0',
  summary: '',
  output: [],
  instructions: 'answer',
  file: 'spec.md',
  source: `spec of ${name}\n`,
});

const SETTINGS_HERE = {
  ...Object.fromEntries(Object.entries(SETTINGS).map(([key, { default: value }]) => [key, value])),
  runner: 'offline',
  'retry.attempts': 1,
  'policy.read_only_change': 'ignore',
} as unknown as Settings;

/** Nobody looks at what a tool changed: `policy.read_only_change` is `ignore` here. */
const NO_SCOPE: Ports['scope'] = {
  rules: rulesMaker({ forbidden: [], protected: [] }),
  watch: {
    before: async () => Promise.reject(new Error('nobody looks')),
    begin: (before, rules) => ({ root: before.root, rules, began: 0, ended: null }),
    look: async () => Promise.resolve({ changes: [], findings: [] }),
    end: () => undefined,
  },
  textOf: () => '',
  diff: async () => Promise.resolve(null),
  stateOf: async () => Promise.resolve(null),
  record: async () => Promise.resolve(null),
  isClean: async () => Promise.resolve(true),
};

const WORKSPACE: Workspace = {
  root: '/app',
  app: 'app',
  code: '/app',
  history: '/history',
  queues: QUEUES,
  state: STATE,
  settings: SETTINGS_HERE,
  sources: {} as Workspace['sources'],
  runners: [],
  httpRunners: [],
  lanes: [],
  laneBudgets: [],
  allowedSecrets: [],
  prices: [],
  roleFolders: [],
  specFolders: [],
};

/** The mark of a prompt: `mark-foo` in its text, and so in its brief. */
export const markIn = (text: string): string => /mark-[a-z]+/.exec(text)?.[0] ?? '';

/** The prompt asks for it by `runner: tool`. What it prints names the run; a mark with `fail` in it ends in exit code 1, one with `secret` prints one. */
export const TOOL: Runner = {
  name: 'tool',
  lane: 'tool',
  facts: async () =>
    Promise.resolve({
      name: 'tool',
      kind: 'command',
      version: '1',
      program: '/tool',
      programSha256: null,
      lane: 'tool',
      callsProvider: false,
    }),
  check: async () => Promise.resolve(ok(null)),
  plan: async ({ brief, cwd, briefFile }) => {
    const mark = markIn(brief);
    return Promise.resolve(
      ok({ kind: 'program', program: '/tool', args: [mark], env: {}, cwd, stdin: briefFile, shown: `tool ${mark}` } as const),
    );
  },
  understand({ exit, stdout }) {
    const text = Buffer.from(stdout).toString();
    return exit.code === 0
      ? answered(text)
      : failed({ kind: 'exit-code', command: 'tool', code: exit.code, signal: exit.signal, stderr: 'it failed' });
  },
};
const OFFLINE = makeOfflineRunner();
export const SECRET = 'something-secret';

const outputOf = (mark: string, runId: string): { text: string; code: number } => ({
  text: `${mark} answered by ${runId}${mark.includes('secret') ? ` ${SECRET}` : ''}`,
  code: mark.includes('fail') ? 1 : 0,
});

export type Life = {
  readonly spool: Spool;
  readonly keeper: FakeKeeper;
  /** Until nothing waits. @param atRest does something more then; true: there is work again */
  run(atRest?: () => Promise<boolean>): Promise<readonly string[]>;
};

const spoolOn = (sim: SimFs, roles: readonly SpoolRole[], digest: Digest, clock: Clock, log: Log): Spool =>
  makeSpool({
    queues: QUEUES,
    roles,
    fs: sim.fs,
    clock,
    digest,
    log,
    settings: { promptBytes: 600_000, keptBytes: 16_000_000, settleMs: 500, settleNetworkMs: 2_000 },
    processId: '1',
  });

const hasWaiting = async (sim: SimFs, roles: readonly SpoolRole[]): Promise<boolean> =>
  Promise.all(roles.map(async ({ folder }) => sim.fs.list(`${QUEUES}/${folder}/in`))).then((lists) =>
    lists.flat().some(({ name }) => name?.endsWith('.md') === true),
  );

const ROUNDS_MAX = 8;
/** What the daemon says of crashes in its very start (daemon/crash-loop.ts). */
const EXPECTED = /^the last \d+ starts died before their first look was done/;

/**
 * @param life how many crashes came before
 * @param isFaulty the disk fails on purpose: an error in the log is then no fault of docket's
 */
export function makeLife(
  sim: SimFs,
  hold: Hold,
  life: number,
  roles: readonly SpoolRole[],
  isFaulty = false,
  onFatal = (): void => undefined,
): Life {
  const wrong: string[] = [];
  const clock = makeLifeClock(life);
  const digest = makeChance(life + 1);
  const log: Log = {
    error: (message) => {
      if (!isFaulty && !EXPECTED.test(message)) wrong.push(message.split('\n')[0] ?? '');
    },
    warn: () => undefined,
    info: () => undefined,
    debug: () => undefined,
    with: () => log,
  };
  const spool = spoolOn(sim, roles, digest, clock, log);
  const keeper = makeKeeper(hold, sim.fs, digest, outputOf);
  const history = makeHistory(hold, sha256);
  const byName = new Map(roles.map((role) => [role.name, roleOf(role)]));
  const ports: Ports = {
    workspace: WORKSPACE,
    clock,
    digest,
    log,
    fs: sim.fs,
    random: () => 0.5,
    spool,
    history,
    acceptance: makeAcceptance({ history, roles: byName, code: { fs: sim.fs, digest, root: '/' }, settings: SETTINGS_HERE }),
    waitsForAnswers: new Map(),
    signing: null,
    journal: makeJournal(hold),
    prices: [],
    purse: NO_PURSE,
    live: NO_LIVE_RUNS,
    scope: NO_SCOPE,
    clean: (text, maxLength) => text.slice(0, maxLength),
    waitsForMoney: new Map(),
    waitsOutside: new Map(),
    heldChildren: new Map(),
    secrets: {
      rules: { check: 'model', version: '1' },
      scan: async (where, text) =>
        Promise.resolve(text.includes(SECRET) ? err({ kind: 'secret-found', in: where, findings: [] } as const) : ok(null)),
      close: async () => Promise.resolve(),
    },
    keeper,
    runners: {
      get: (name) => (name === 'tool' ? TOOL : OFFLINE),
      names: () => ['tool', 'offline'],
      prepare: async () => Promise.resolve(ok(OFFLINE)),
      resolve: (_role, asked) => ok(asked === 'tool' ? TOOL : OFFLINE),
    },
    lanes: LANES,
    laneOf: () => 'one',
    roles: byName,
    specs: roles.map(specOf),
    code: async () => Promise.resolve({ repository: null, baseCommit: null, headCommit: null, dirty: null }),
    daemon: { version: '1', host: 'model', instance: 'one' },
    scanIntervalMs: 1,
    stopping: new AbortController().signal,
    whileParsing: (_id, act) => act(),
    inFlight: () => undefined,
    looked: () => undefined,
    reached: () => undefined,
  };
  return {
    spool,
    keeper,
    async run(atRest = async () => Promise.resolve(false)) {
      const daemon = makeDaemon(ports, (error) => {
        wrong.push(`it stops: ${String(error)}`);
        onFatal();
      });
      try {
        await sim.fs.makeFolders(STATE, 0o700);
        await spool.prepare();
        await daemon.rescue();
        for (let round = 0; ; round++) {
          await Promise.all(daemon.jobs().map(async ({ id }) => daemon.whenEnded(id)));
          if (round > 0 && !(await hasWaiting(sim, roles)) && daemon.jobs().length === 0 && !(await atRest())) break;
          if (round > ROUNDS_MAX) throw new Error(`after ${String(round)} rounds something waits still`);
          clock.pass(1_000);
          await daemon.tick();
        }
      } catch (error) {
        wrong.push(error instanceof Error ? `${error.message} (${error.stack?.split('\n')[1]?.trim() ?? ''})` : String(error));
      }
      return wrong;
    },
  };
}
