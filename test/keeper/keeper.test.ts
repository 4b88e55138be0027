import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readExit, readRun } from '#tools/exit.ts';
import { clock, digest, fs, KEEPER_ENTRY, makeRig, processes, sockets } from './rig.ts';

const script = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

// Each has a folder and a keeper of its own; most of their time is spent waiting for processes.
suite('the keeper', { concurrency: 4 }, () => {
  test('a run that ends by itself leaves exit.json with sizes and hashes of what it wrote', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const run = await rig.run('a1');

    const started = await client.start(run);
    assert.ok(started.ok);
    const agent = await rig.agents.next();
    assert.equal(agent.pid, started.value.pid);
    assert.equal(agent.stdin, 'the brief\n');
    assert.equal(agent.cwd, rig.folder);
    assert.deepEqual(await client.list(), [run.runId]);
    assert.deepEqual(await readRun(run.dir, fs), started.value);

    await agent.tell({ do: 'print', text: 'hello' });
    await agent.tell({ do: 'complain', text: 'hm' });
    await agent.tell({ do: 'exit', code: 3 });
    const exit = await client.wait(run.dir, run.runId);
    assert.ok(exit !== null);
    assert.equal(exit.code, 3);
    assert.equal(exit.stopped, null);
    assert.equal(exit.token, run.token);
    assert.deepEqual(exit.stdout, { sizeBytes: 5, sha256: digest.sha256('hello') });
    assert.deepEqual(exit.stderr, { sizeBytes: 2, sha256: digest.sha256('hm') });
    assert.deepEqual(await readExit(run.dir, fs, digest), exit);
    assert.deepEqual(await client.list(), []);
    assert.equal((await stat(path.join(run.dir, 'stdout'))).mode & 0o777, 0o600);
  });

  test('a program gets the planned environment, its run id and a temporary folder of its own, which is removed', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const run = await rig.run('a1');
    await client.start(run);
    const agent = await rig.agents.next();
    const { PWD: _pwd, OLDPWD: _old, SHLVL: _level, _: _last, ...env } = agent.env;
    assert.deepEqual(env, { FAKE_AGENT_SOCKET: rig.agents.socketPath, TMPDIR: path.join(run.dir, 'tmp'), DOCKET_RUN_ID: run.runId });
    assert.equal((await stat(path.join(run.dir, 'tmp'))).mode & 0o777, 0o700);
    await agent.tell({ do: 'exit', code: 0 });
    await client.wait(run.dir, run.runId);
    assert.deepEqual((await readdir(run.dir)).toSorted(), ['exit.json', 'run.json', 'stderr', 'stdout']);
  });

  for (const [reason, limits, provoke] of [
    ['timeout', { timeoutMs: 600_000, idleMs: 3_600_000 }, 'time'],
    ['idle', { timeoutMs: 3_600_000, idleMs: 600_000 }, 'time'],
    ['output-limit', { outputBytes: 1_000 }, 'output'],
  ] as const) {
    test(`${reason}: the whole tree ends, with a grandchild that left the session and ignores SIGTERM`, async (t) => {
      const rig = await makeRig(t);
      let skippedMs = 0;
      await rig.serve({ clock: { ...clock, monotonicMs: () => clock.monotonicMs() + skippedMs } });
      const client = await rig.client();
      const run = await rig.run('a1', limits);
      const begun = await client.start(run);
      assert.ok(begun.ok);
      const agent = await rig.agents.next();
      await agent.tell({ do: 'escape' });
      const child = await rig.agents.next();
      assert.equal(child.hello, 'child');
      if (provoke === 'time') skippedMs = 700_000;
      else await agent.tell({ do: 'print', text: 'x'.repeat(1_001) });
      const exit = await client.wait(run.dir, run.runId);
      await Promise.all([agent.gone, child.gone]);
      assert.equal(exit?.stopped, reason);
      assert.deepEqual(await processes.marked('DOCKET_RUN_ID', run.runId), []);
    });
  }

  for (const reason of ['cancelled', 'budget'] as const)
    test(`stop ends parent and escaped grandchild, and says why: ${reason}`, async (t) => {
      const rig = await makeRig(t);
      await rig.serve();
      const client = await rig.client();
      const run = await rig.run('a1');
      await client.start(run);
      const agent = await rig.agents.next();
      await agent.tell({ do: 'escape' });
      const child = await rig.agents.next();
      await client.stop(run.runId, reason);
      await Promise.all([agent.gone, child.gone]);
      assert.equal((await client.wait(run.dir, run.runId))?.stopped, reason);
    });

  test('a background grandchild that goes on after its program ended is ended too', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const run = await rig.run('a1');
    await client.start(run);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'escape' });
    const child = await rig.agents.next();
    await agent.tell({ do: 'exit', code: 0 });
    const exit = await client.wait(run.dir, run.runId);
    await child.gone;
    assert.equal(exit?.code, 0);
    assert.equal(exit.stopped, null);
  });

  test('a program that cannot be started is a failure with its name, and nothing is left running', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const run = await rig.run('a1');
    const missing = await client.start({ ...run, plan: { ...run.plan, program: '/nowhere/claude' } });
    assert.deepEqual(missing, { ok: false, error: { kind: 'missing-program', program: '/nowhere/claude', searched: '/nowhere' } });
    const noFolder = await client.start({ ...run, plan: { ...run.plan, cwd: '/nowhere' } });
    assert.ok(!noFolder.ok && noFolder.error.kind === 'environment' && noFolder.error.code === 'ENOENT');
    assert.deepEqual(await client.list(), []);
  });

  test('a folder that already has a run takes no second one', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const run = await rig.run('a1');
    const [first, again, other] = await Promise.all([client.start(run), client.start(run), client.start({ ...run, runId: digest.uuid() })]);
    assert.deepEqual(first, again);
    assert.ok(!other.ok && other.error.kind === 'environment' && other.error.code === 'EEXIST');
    const agent = await rig.agents.next();
    await agent.tell({ do: 'exit', code: 0 });
    await client.wait(run.dir, run.runId);
    const late = await client.start({ ...run, runId: digest.uuid() });
    assert.ok(!late.ok && late.error.kind === 'environment' && late.error.code === 'EEXIST');
    assert.equal(rig.agents.count(), 1);
  });

  test('exit.json is believed only when both outputs have the hashes it names', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const run = await rig.run('a1');
    await client.start(run);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'print', text: 'the answer' });
    await agent.tell({ do: 'exit', code: 0 });
    await client.wait(run.dir, run.runId);
    await writeFile(path.join(run.dir, 'stdout'), 'the anzwer');
    assert.equal(await readExit(run.dir, fs, digest), null);
    assert.equal(await client.wait(run.dir, run.runId), null);
    await writeFile(path.join(run.dir, 'exit.json'), (await readFile(path.join(run.dir, 'exit.json'), 'utf8')).slice(0, 100));
    assert.equal(await readExit(run.dir, fs, digest), null);
  });

  test('a client killed with -9 in the middle of a run: the run goes on, the next client gets its end, the program was started once', async (t) => {
    const rig = await makeRig(t);
    const run = await rig.run('a1');
    const request = path.join(rig.folder, 'request.json');
    await writeFile(request, JSON.stringify(run));
    const daemon = spawn(process.execPath, [script('keeper-client-process.ts'), rig.state, request, KEEPER_ENTRY], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => daemon.kill('SIGKILL'));
    for await (const line of createInterface({ input: daemon.stdout })) {
      if (line.startsWith('keeper ')) rig.pids.push(Number(line.slice(7)));
      if (line.startsWith('started') || line.startsWith('failed')) break;
    }
    const agent = await rig.agents.next();
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    await agent.tell({ do: 'print', text: 'still here' });

    const next = await rig.client();
    assert.deepEqual(await next.list(), [run.runId]);
    const waiting = next.wait(run.dir, run.runId);
    await agent.tell({ do: 'exit', code: 0 });
    const exit = await waiting;
    assert.equal(exit?.code, 0);
    assert.deepEqual(exit.stdout, { sizeBytes: 10, sha256: digest.sha256('still here') });
    assert.equal(rig.agents.count(), 1);
  });

  test('a keeper killed with -9 in the middle of a run: whoever waits learns that it is lost, and nothing of it is left', async (t) => {
    const rig = await makeRig(t);
    const client = await rig.client();
    const run = await rig.run('a1');
    const started = await client.start(run);
    assert.ok(started.ok);
    const agent = await rig.agents.next();
    const waiting = client.wait(run.dir, run.runId);
    processes.signal(rig.pids[0] ?? 0, 'SIGKILL', false);
    // The client starts the next keeper itself, and that one ends what is left.
    assert.equal(await waiting, null);
    await agent.gone;
    assert.equal(processes.isAlive(started.value.pid, started.value.pidStart), false);
    assert.equal(rig.pids.length, 2);
  });

  test('a keeper killed before "go": the program never ran', async (t) => {
    const rig = await makeRig(t);
    const keeper = spawn(process.execPath, [script('stuck-keeper.ts'), rig.state], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => keeper.kill('SIGKILL'));
    const lines = createInterface({ input: keeper.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'serving');
    const client = await rig.client();
    const run = await rig.run('a1');
    const starting = client.start(run);
    const gate = Number(String((await lines.next()).value).replace('gate ', ''));
    const gateStart = processes.startTime(gate) ?? '';
    assert.ok(processes.isAlive(gate, gateStart));
    keeper.kill('SIGKILL');
    assert.deepEqual(await starting, { ok: false, error: { kind: 'interrupted', message: 'the keeper ended while it started a program' } });
    await until(() => !processes.isAlive(gate, gateStart));
    assert.equal(rig.agents.count(), 0);
    assert.equal(await readRun(run.dir, fs), null);
  });

  test('a keeper told to stop ends its runs and says why', async (t) => {
    const rig = await makeRig(t);
    const client = await rig.client();
    const run = await rig.run('a1');
    await client.start(run);
    const agent = await rig.agents.next();
    processes.signal(rig.pids[0] ?? 0, 'SIGTERM', false);
    await agent.gone;
    const exit = await client.wait(run.dir, run.runId);
    assert.equal(exit?.stopped, 'keeper-lost');
  });

  test('a start that meets a keeper which is just ending is taken up by the next one', async (t) => {
    const rig = await makeRig(t);
    const first = await rig.serve();
    const client = await rig.client();
    const deaf = await rig.run('deaf');
    await client.start({ ...deaf, plan: { ...deaf.plan, args: [...deaf.plan.args, '--ignore-term'] } });
    const agent = await rig.agents.next();
    first.stop();
    const run = await rig.run('a1');
    const started = await client.start(run);
    assert.ok(started.ok);
    await Promise.all([first.done, agent.gone]);
    assert.equal(rig.pids.length, 1);
    const second = await rig.agents.next();
    await second.tell({ do: 'exit', code: 0 });
    assert.equal((await client.wait(run.dir, run.runId))?.code, 0);
  });

  test('there is one keeper per folder, and it leaves when nobody needs it', async (t) => {
    const rig = await makeRig(t);
    // A clock that lets LINGER_MS pass at once.
    const asked: number[] = [];
    const quick = { ...clock, sleep: async (ms: number) => Promise.resolve(void asked.push(ms)) };
    const keeper = await rig.serve({ clock: quick });
    await assert.rejects(
      rig.serve({
        locks: {
          tryAcquire: () => null,
          holderOf: () => null,
          acquire: async () => Promise.reject(Object.assign(new Error('held'), { code: 'ELOCKED' })),
        },
      }),
      /another keeper/,
    );
    await keeper.done;
    assert.deepEqual(asked, [2_000]);
    await rig.serve();
  });

  test('whoever asks for a run of a dead keeper, and starts it again, does not have the new one ended by another who asked', async (t) => {
    const rig = await makeRig(t);
    const first = await rig.client();
    const run = await rig.run('a1');
    assert.ok((await first.start({ ...run, plan: { ...run.plan, args: [...run.plan.args, '--ignore-term'] } })).ok);
    const agent = await rig.agents.next();
    first.close();
    processes.signal(rig.pids[0] ?? 0, 'SIGKILL', false);
    await until(() => processes.startTime(rig.pids[0] ?? 0) === null);
    await rig.serve();
    const [one, two] = [await rig.client(), await rig.client()];
    const both = [one.wait(run.dir, run.runId), two.wait(run.dir, run.runId)];
    // While they wait for the deaf one to be ended, the same run is started again in a folder that was tidied up.
    for (const name of await readdir(run.dir)) await rm(path.join(run.dir, name), { recursive: true });
    const started = await one.start(run);
    assert.ok(started.ok, JSON.stringify(started));
    await agent.gone;
    const again = await rig.agents.next();
    await again.tell({ do: 'exit', code: 0 });
    const exit = await one.wait(run.dir, run.runId);
    assert.deepEqual([exit?.code, exit?.stopped], [0, null]);
    // Whoever asked late got the end of the new one.
    for (const end of await Promise.all(both)) assert.ok(end === null || end.code === 0);
  });

  test('a daemon that is out of turn gets no program started, whether it knows it already or not', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const epochFile = path.join(rig.state, 'epoch');
    await writeFile(epochFile, 'second\n');
    let isOurs = true;
    const check = (): void => {
      if (!isOurs) throw new Error('out of turn');
    };
    const first = await rig.client({ check, text: 'first\n' });
    const refused = await first.start(await rig.run('a1'));
    assert.ok(!refused.ok && refused.error.kind === 'environment' && refused.error.code === 'ESTALE');
    isOurs = false;
    await assert.rejects(first.start(await rig.run('a2')), /out of turn/);
    assert.deepEqual(await first.list(), []);

    const second = await rig.client({ check: () => undefined, text: 'second\n' });
    const run = await rig.run('a3');
    assert.ok((await second.start(run)).ok);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'exit', code: 0 });
    assert.equal((await second.wait(run.dir, run.runId))?.code, 0);
    assert.equal(rig.agents.count(), 1);
  });

  test('a message that is not in the protocol closes the connection, and the keeper goes on', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    for (const message of [
      { v: 2, id: 1, do: 'list' },
      { v: 1, id: 1, do: 'start', run: { dir: 'relative' } },
      { v: 1, id: 1, do: 'constructor' },
      7,
    ]) {
      const socket = await sockets.connect(path.join(rig.state, 'keeper.sock'));
      const closed = new Promise<void>((resolve) => {
        socket.onClose(resolve);
      });
      socket.send(message);
      await closed;
    }
    assert.equal(rig.notes.length, 4);
    assert.deepEqual(await (await rig.client()).list(), []);
  });
});
