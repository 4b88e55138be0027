/**
 * A daemon in each work tree of one repository, all writing into one history at once, one of them killed in the middle: each prompt is recorded once, plain git
 * finds nothing wrong, and each feature's records are one chain in the order of time. All of it through the real command line (`--all`).
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DOCKET, promptText } from '#test/support/rig.ts';
import type { Finding } from './model.ts';
import { publish, summary } from './results.ts';
import { IS_FULL } from './story.ts';

const DAEMONS = IS_FULL ? 10 : 4;
const PROMPTS = IS_FULL ? 200 : 25;
/** Of a series, so that order has a meaning. */
const REVISIONS = 5;
const LONGEST_MS = IS_FULL ? 45 * 60_000 : 240_000;
const LOOK_MS = 5;
/** Between one prompt of each daemon and the next. */
const ROUND_MS = 20;

type Tree = { readonly root: string; readonly feature: string };
type Record = {
  readonly parents: readonly string[];
  readonly atS: number;
  readonly message: string;
  readonly trailers: ReadonlyMap<string, string>;
};
type Row = { readonly root: string; readonly state: string; readonly pid: number };

const inbox = ({ root }: Tree): string => path.join(root, 'queues', '01-architect', 'in');
const processed = (tree: Tree): number => readdirSync(inbox(tree)).filter((name) => name.endsWith('.processed')).length;

/** In work, as docket's own folder says. */
const claimed = ({ root }: Tree): number =>
  readdirSync(path.join(root, 'queues', '01-architect', 'work')).filter((name) => name.endsWith('.claimed')).length;

function drop(tree: Tree, n: number): void {
  const name = `p${String(Math.floor(n / REVISIONS) + 1)}`;
  const revision = (n % REVISIONS) + 1;
  const text = promptText({ feature: tree.feature, revision, body: `# Task\n\n${tree.feature} ${String(n)}\n`, extra: `name: ${name}\n` });
  const temporary = path.join(inbox(tree), `.${String(n)}.tmp`);
  writeFileSync(temporary, text, { mode: 0o600 });
  utimesSync(temporary, new Date(Date.now() - 1000), new Date(Date.now() - 1000));
  linkSync(temporary, path.join(inbox(tree), `${String(n).padStart(4, '0')}.md`));
  unlinkSync(temporary);
}

/** Oldest first. */
function recordsOf(log: string): readonly Record[] {
  return log
    .split('\u0001\n')
    .filter((one) => one !== '')
    .map((one) => {
      const [parents = '', at = '', message = ''] = one.split('\0');
      const trailers = new Map([...message.matchAll(/^([A-Z][A-Za-z0-9-]+): (.+)$/gm)].map(([, key = '', value = '']) => [key, value]));
      return { parents: parents.split(' ').filter((parent) => parent !== ''), atS: Number(at), message, trailers };
    });
}

/** A group of records as its daemon told of it: asked for the lock of the history, had it, gave it back. */
type Group = { readonly by: string; readonly askedMs: number; readonly takenMs: number; readonly doneMs: number };

const groupsOf = ({ root }: Tree): readonly Group[] => {
  const folder = path.join(root, 'queues', '.docket', 'log');
  const lines = readdirSync(folder).flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n'));
  return lines
    .filter((line) => line.includes('"waited_ms"'))
    .map((line) => {
      const told = JSON.parse(line) as { readonly time: string; readonly waited_ms: number; readonly held_ms: number };
      const doneMs = Date.parse(told.time);
      const takenMs = doneMs - told.held_ms;
      return { by: root, askedMs: takenMs - told.waited_ms, takenMs, doneMs };
    });
};

/** How many groups of one other daemon began while this one waited, at most. */
function mostOfOne(group: Group, all: readonly Group[]): number {
  const counts = new Map<string, number>();
  for (const { by, takenMs } of all)
    if (by !== group.by && takenMs > group.askedMs && takenMs < group.takenMs) counts.set(by, (counts.get(by) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

test(`${String(DAEMONS)} daemons of one repository record ${String(PROMPTS)} prompts each into one history, one of them killed`, async (t) => {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-side-')));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: base,
    XDG_STATE_HOME: path.join(base, 'state'),
    LANG: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const git = (folder: string, ...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('git', ['-C', folder, ...args], { env, encoding: 'utf8', maxBuffer: 512_000_000 });
    assert.equal(status, 0, `git ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const main = path.join(base, 'app');
  const docket = (...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [DOCKET, ...args], {
      cwd: main,
      env,
      encoding: 'utf8',
      maxBuffer: 64_000_000,
    });
    return { code: status, out: stdout, err: stderr };
  };
  const rows = (): readonly Row[] => (JSON.parse(docket('status', '--all', '--json').out) as { readonly daemons: readonly Row[] }).daemons;
  t.after(() => {
    for (const { state, pid } of rows()) if (state === 'up' || state === 'silent') process.kill(pid, 'SIGKILL');
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  });

  mkdirSync(main);
  git(main, 'init', '--quiet', '--initial-branch=main');
  writeFileSync(path.join(main, 'docket.yaml'), 'app: app\nrunner: offline\nlog: { level: debug, max_bytes: 1GB }\n');
  writeFileSync(path.join(main, '.gitignore'), 'queues/\n');
  git(main, 'add', '.');
  git(main, '-c', 'user.name=ada', '-c', 'user.email=ada@localhost', 'commit', '--quiet', '-m', 'one');
  const trees = Array.from({ length: DAEMONS }, (_, index): Tree => {
    const feature = `FEAT-${String(index + 1)}`;
    const root = path.join(base, `app-${feature}`);
    git(main, 'worktree', 'add', '--quiet', '-b', `feature/${feature}`, root);
    return { root, feature };
  });

  const up = docket('up', '--all');
  assert.equal(up.code, 0, up.out + up.err);
  assert.deepEqual(
    rows().map(({ state }) => state),
    Array.from({ length: DAEMONS + 1 }, () => 'up'),
  );

  const startedMs = performance.now();
  const [victim] = trees;
  assert.ok(victim !== undefined);
  const dropRounds = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      for (const tree of trees) drop(tree, n);
      await sleep(ROUND_MS);
    }
  };
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    while (!condition()) {
      assert.ok(performance.now() - startedMs < LONGEST_MS, `${what}: not after ${String(LONGEST_MS)} ms`);
      await sleep(LOOK_MS);
    }
  };
  const pid = rows().find(({ root }) => root === victim.root)?.pid ?? 0;
  assert.ok(pid > 1);
  const half = Math.floor(PROMPTS / 2);
  await dropRounds(0, half);
  drop(victim, half);
  await until('a prompt in the hands of that daemon', () => processed(victim) > 0 && claimed(victim) > 0);
  process.kill(pid, 'SIGKILL');
  const atKill = `${String(processed(victim))} of its prompts done, ${String(claimed(victim))} in work`;
  for (const tree of trees) if (tree !== victim) drop(tree, half);
  await dropRounds(half + 1, PROMPTS);
  const again = docket('up', '--all', '--json');
  assert.equal(again.code, 0, again.out + again.err);
  const started = (JSON.parse(again.out) as { readonly daemons: readonly { readonly root: string; readonly did: string }[] }).daemons;
  assert.deepEqual(
    started.filter(({ did }) => did === 'started').map(({ root }) => root),
    [victim.root],
  );
  await until('all prompts', () => trees.every((tree) => processed(tree) === PROMPTS));
  const tookMs = performance.now() - startedMs;
  const down = docket('down', '--all');
  assert.equal(down.code, 0, down.out + down.err);
  assert.ok(
    rows().every(({ state }) => state === 'stopped'),
    docket('status', '--all').out,
  );

  const history = path.join(base, 'app-ai-history');
  assert.equal(git(history, 'fsck', '--full', '--strict', '--no-dangling').trim(), '');
  assert.equal(git(history, 'status', '--porcelain'), '');
  const records = recordsOf(git(history, 'log', '--reverse', '--topo-order', '--format=%P%x00%ct%x00%B%x01'));
  assert.ok(
    records.every(({ parents }) => parents.length <= 1),
    'a commit has two parents',
  );

  const findings: Finding[] = [];
  for (const { feature } of trees) {
    const own = records.filter(({ trailers }) => trailers.get('Docket-Feature') === feature && trailers.has('Docket-Status'));
    const count = new Map<string, number>();
    let before = 'none';
    for (const [index, { message, trailers, atS }] of own.entries()) {
      const what = `${feature}/${trailers.get('Docket-Name') ?? ''}@${trailers.get('Docket-Revision') ?? ''} ${trailers.get('Docket-Status') ?? ''}`;
      count.set(what, (count.get(what) ?? 0) + 1);
      assert.equal(trailers.get('Docket-Before-In-Feature'), before, `${what} does not follow the record before it`);
      assert.ok(atS >= (own[index - 1]?.atS ?? 0), `${what} is older than the record before it`);
      before = createHash('sha256').update(message).digest('hex');
    }
    for (let n = 0; n < PROMPTS; n++) {
      const stem = `${feature}/p${String(Math.floor(n / REVISIONS) + 1)}@${String((n % REVISIONS) + 1)}`;
      for (const status of ['submitted', 'briefed']) {
        const times = count.get(`${stem} ${status}`) ?? 0;
        if (times !== 1) findings.push({ kind: times === 0 ? 'lost' : 'doubled', what: `${stem}: ${status} ${String(times)} times` });
      }
    }
    assert.equal(own.length, 2 * PROMPTS, `${feature} has other records as well`);
  }
  const verified = docket('verify', '--json');
  assert.equal(verified.code, 0, verified.out + verified.err);

  const groups = trees.flatMap(groupsOf);
  const wait = summary(groups.map(({ askedMs, takenMs }) => takenMs - askedMs));
  const hold = summary(groups.map(({ takenMs, doneMs }) => doneMs - takenMs));
  const passes = summary(groups.map((group) => mostOfOne(group, groups)));
  publish(
    'daemons side by side, one killed',
    `${String(DAEMONS)} daemons`,
    { prompts: DAEMONS * PROMPTS, starts: 0, findings, count: (kind) => findings.filter((finding) => finding.kind === kind).length },
    `killed with ${atKill}; ${String(records.length)} commits in ${(tookMs / 1000).toFixed(1)} s; ${String(groups.length)} groups, each written in ${String(hold.median)} ms (median), ${String(hold.max)} ms (longest); waited for the lock: median ${String(wait.median)} ms, longest ${String(wait.max)} ms; groups of one other daemon meanwhile: median ${String(passes.median)}, most ${String(passes.max)}`,
  );
  assert.deepEqual(findings, []);
});
