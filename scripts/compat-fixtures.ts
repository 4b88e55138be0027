/**
 * Makes test/compat/<generation>/*.tar.gz: workspaces as this docket leaves them on disk - ended prompts, and jobs stopped at every point of their life.
 * Run once per generation of the formats, by the version that is released with it: `node scripts/compat-fixtures.ts v1`. What is there is never
 * made again; a fixture must load for ever (test/compat, test/slow/store).
 *
 * Each archive holds `app/` (docket.yaml, queues/), `app-ai-history/` and `starts` (a line for each start of the tool). No process is left when
 * it is packed. Names, owners and times of the archive are fixed, so that only what docket wrote differs.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CRASH_POINTS } from '#core/job.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { DOCKET, makeRig, promptText, type Cleanup, type Daemon, type Rig } from '#test/support/rig.ts';

/** Notes its start, and answers with a text that is never the same. While `../hang` is there it stays in the middle of its answer. */
const TOOL =
  'echo started >> ../starts; echo "# Answer"; if [ -e ../hang ]; then sleep 600; fi; head -c 16 /dev/urandom | od -An -tx1; cat >/dev/null';
const SETTINGS = `runner: tool
retry: { base: 10ms, cap: 1s }
intake: { settle: 100ms }
runners:
  tool: { kind: command, program: /bin/sh, args: [-c, ${JSON.stringify(TOOL)}], output: text }
  fail: { kind: command, program: /bin/sh, args: [-c, "echo no >&2; exit 1"], output: text }
  absent: { kind: command, program: /nowhere/tool, output: text }
`;
/** The daemon runs where the host has a name that says nothing. */
const UNDER = { program: 'unshare', args: ['--uts', 'sh', '-c', 'hostname docket.example && exec "$@"', 'sh'] };
const KEPT = ['app', 'app-ai-history', 'starts'];
/** Keys lie where nothing is kept: below the home folder of the rig. */
const [RECORDS_KEY, PERSONS_KEY] = ['.config/docket/signing_key', '.config/docket/review_key'];

type Fixture = { readonly name: string; readonly make: (rig: Rig) => Promise<void> };

const crashed = async (rig: Rig, point: string): Promise<void> => {
  const how = await rig.launch({ DOCKET_CRASH_AT: point }).exit();
  if (how !== 'SIGKILL') throw new Error(`${point}: the daemon ended with ${String(how)}`);
};
const stopped = async (daemon: Daemon): Promise<void> => {
  if ((await daemon.stop()) !== 0) throw new Error(daemon.output());
};

const FIXTURES: readonly Fixture[] = [
  {
    name: 'ended',
    async make(rig) {
      const daemon = await rig.start();
      rig.drop('answered.md', promptText({ feature: 'FEAT-1-first-feature' }));
      await rig.ended('answered');
      rig.drop('again.md', promptText({ feature: 'FEAT-1-first-feature' }));
      await rig.ended('again');
      rig.drop('second.md', promptText({ revision: 2, body: '# Second\n', extra: 'name: part-one\npriority: 10\ntitle: Second\n' }));
      await rig.ended('second');
      rig.drop('briefed.md', promptText({ feature: 'FEAT-2', extra: 'runner: offline\n' }));
      await rig.ended('briefed');
      rig.drop('failed.md', promptText({ feature: 'FEAT-3', extra: 'runner: fail\nlimits: { attempts: 2 }\n' }));
      await rig.ended('failed', 'failed');
      rig.drop('rejected.md', promptText({ feature: 'FEAT-4', agent: 'ui' }));
      await rig.ended('rejected', 'rejected');
      rig.drop('cancelled.md', promptText({ feature: 'FEAT-5', extra: 'runner: absent\n' }));
      await rig.logged('lane absent waits until');
      const cancelled = await rig.docket('cancel', 'architect/cancelled');
      if (cancelled.code !== 0) throw new Error(cancelled.err);
      await rig.ended('cancelled', 'cancelled');
      await stopped(daemon);
    },
  },
  ...CRASH_POINTS.map((point) => ({
    name: `at-${point}`,
    make: async (rig: Rig) => {
      rig.drop('foo.md', promptText({ body: `# Task at ${point}\n` }));
      await crashed(rig, point);
    },
  })),
  ...(['read', 'recorded', 'published', 'renamed'] as const).map((point) => ({
    name: `rejected-at-${point}`,
    make: async (rig: Rig) => {
      rig.drop('foo.md', promptText({ agent: 'ui' }));
      await crashed(rig, point);
    },
  })),
  ...(['recorded', 'published'] as const).map((point) => ({
    name: `failed-at-${point}`,
    make: async (rig: Rig) => {
      rig.drop('foo.md', promptText({ extra: 'runner: fail\nlimits: { attempts: 2 }\n' }));
      await crashed(rig, point);
    },
  })),
  {
    name: 'proved',
    make: makeProved,
  },
  {
    name: 'many',
    async make(rig) {
      rig.settings(SETTINGS.replace('cap: 1s', 'cap: 1h').replace('base: 10ms', 'base: 1m'));
      writeFileSync(path.join(rig.base, 'hang'), '');
      const daemon = await rig.start();
      rig.drop('waiting.md', promptText({ feature: 'FEAT-9', extra: 'runner: absent\n' }));
      await rig.logged('lane absent waits until');
      for (const stem of ['one', 'two', 'three'])
        rig.drop(`${stem}.md`, promptText({ feature: `FEAT-${String(stem.length)}${stem}`, body: `# ${stem}\n` }));
      rig.drop('same.md', promptText({ feature: 'FEAT-3one', body: '# one\n' }));
      await rig.until(rig.base, () => existsSync(path.join(rig.base, 'starts')), 'the start of the tool');
      await sleep(2_000);
      await daemon.kill();
      await end(processesOf(rig.base, 'keeper'));
      await end(processesOf(rig.base, ''));
    },
  },
];

/** Signed records with verdicts, a closing, a purge and checkpoints of before and after it: what must verify for ever. */
async function makeProved(rig: Rig): Promise<void> {
  mkdirSync(path.join(rig.base, path.dirname(RECORDS_KEY)), { recursive: true });
  const [records, persons] = [RECORDS_KEY, PERSONS_KEY].map((file) => {
    const key = generateKey('docket.example');
    writeFileSync(path.join(rig.base, file), renderPrivateKey(key), { mode: 0o600 });
    return key.publicKey.line;
  });
  const signers = `root@docket.example namespaces="git" ${records ?? ''}\nada@example.com namespaces="docket-verdict" ${persons ?? ''}\n`;
  writeFileSync(path.join(rig.root, 'allowed_signers'), signers);
  rig.settings(`${SETTINGS}signing: { mode: required, signers: allowed_signers }\nreview: { key: ~/${PERSONS_KEY} }\n`);
  writeFileSync(path.join(rig.base, '.gitconfig'), '[user]\n\tname = Ada Example\n\temail = ada@example.com\n');
  const docket = (...args: readonly string[]): void => {
    const ran = spawnSync(UNDER.program, [...UNDER.args, process.execPath, DOCKET, ...args], {
      cwd: rig.root,
      env: rig.env,
      encoding: 'utf8',
    });
    if (ran.status !== 0) throw new Error(`${args.join(' ')}: ${ran.stdout}${ran.stderr}`);
  };
  const daemon = await rig.start();
  rig.drop('first.md', promptText({ feature: 'FEAT-1-first-feature' }));
  await rig.ended('first');
  rig.drop('second.md', promptText({ feature: 'FEAT-1', revision: 2, body: '# Second\n' }));
  await rig.ended('second');
  rig.drop('leaked.md', promptText({ feature: 'FEAT-2', body: '# Task\n\nCall Ada Example, who lives in the third house.\n' }));
  await rig.ended('leaked');
  await stopped(daemon);
  docket('ask-changes', 'FEAT-1/architect@1', '--comment', 'say more');
  docket('approve', 'FEAT-1/architect@2', '--comment', 'as agreed');
  docket('checkpoint', '--to', 'checkpoint_before.json');
  docket('purge', 'FEAT-2/architect@1', '--reason', 'it names a person', '--yes');
  docket('close', 'FEAT-1', '--merged', 'a'.repeat(40), '--comment', 'delivered', '--anyway');
  docket('checkpoint', '--to', 'checkpoint_after.json');
  docket('verify', '--against', 'checkpoint_before.json');
  // An auditor has neither: the rig's own roles and specs, and what the daemon knew.
  for (const one of ['agents', 'prompt-spec', 'queues/.docket', 'queues/01-architect/ledger.jsonl'])
    rmSync(path.join(rig.root, one), { recursive: true, force: true });
  // Where this docket is installed, for the hook: written anew at each start.
  const config = path.join(rig.history, '.git', 'docket', 'config');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/^\t(?:node|pushScan|scanMs|workspace) = .*\n/gm, ''));
}

/** Processes below a folder, told by their folder or their words. */
function processesOf(base: string, word: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^[0-9]+$/.test(name) || Number(name) === process.pid) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      const marks = words + readFileSync(`/proc/${name}/environ`, 'utf8');
      return marks.includes(base) && words.includes(word) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

async function end(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await sleep(100);
}

async function quiet(base: string): Promise<void> {
  for (let round = 0; processesOf(base, '').length > 0; round++) {
    if (round > 600) throw new Error(`processes are left: ${processesOf(base, '').join(' ')}`);
    await sleep(100);
  }
}

const generation = process.argv[2];
const only = process.argv.slice(3);
if (generation === undefined || !/^v[1-9][0-9]*$/.test(generation)) throw new Error('usage: node scripts/compat-fixtures.ts v<n> [name …]');
const folder = path.resolve(import.meta.dirname, '..', 'test', 'compat', generation);
mkdirSync(folder, { recursive: true });

for (const { name, make } of FIXTURES) {
  const archive = path.join(folder, `${name}.tar.gz`);
  if (only.length > 0 && !only.includes(name)) continue;
  if (existsSync(archive)) {
    console.log(`${name}: is there, and stays as it is`);
    continue;
  }
  const ends: (() => Promise<void>)[] = [];
  const cleanup: Cleanup = { after: (act) => void ends.push(act) };
  const rig = makeRig(cleanup, SETTINGS, { under: UNDER });
  try {
    await make(rig);
    await quiet(rig.base);
    rmSync(path.join(rig.base, 'hang'), { force: true });
    const kept = KEPT.filter((one) => existsSync(path.join(rig.base, one)));
    const fixed = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@1763640000', '--format=ustar'];
    const packed = spawnSync(
      'tar',
      ['-C', rig.base, ...fixed, '--exclude=*.sock', '--exclude=compile-cache', '-I', 'gzip -9n', '-cf', archive, ...kept],
      { encoding: 'utf8' },
    );
    if (packed.status !== 0) throw new Error(packed.stderr);
    console.log(`${name}: ${String(readFileSync(archive).length)} bytes`);
  } finally {
    for (const act of ends) await act();
  }
}
