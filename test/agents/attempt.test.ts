import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import { runAttempt, type Attempted, type AttemptHooks } from '#agents/attempt.ts';
import { makeCommandRunner } from '#agents/runners/command.ts';
import type { Runner } from '#agents/runner.ts';
import type { Keeper } from '#core/ports.ts';
import type { RunRequest } from '#core/run.ts';
import { FAKE_AGENT } from '#test/support/fake-agent.ts';
import { clock, digest, fs, makeRig, processes, silentLog, type Rig } from '#test/keeper/rig.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';

/** A command runner whose program is the obedient one. */
const obedient = (rig: Rig): Runner =>
  makeCommandRunner(
    {
      name: 'fake',
      kind: 'command',
      program: process.execPath,
      args: [FAKE_AGENT, 'main'],
      output: 'text',
      answerField: null,
      passEnv: [],
      env: { FAKE_AGENT_SOCKET: rig.agents.socketPath },
      lane: null,
      writes: [],
      sandbox: false,
    },
    makeRunnerPorts({}),
  );

const run = async (runner: Runner, keeper: Keeper, request: RunRequest, signal?: AbortSignal, hooks?: AttemptHooks): Promise<Attempted> =>
  runAttempt({ runner, keeper, fs, digest, clock, log: silentLog }, request, signal ?? new AbortController().signal, hooks);

// Each has a folder and a keeper of its own; most of their time is spent waiting for processes.
suite('an attempt', { concurrency: 4 }, () => {
  test('an attempt gives the answer, the command, its times and one start', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const request = await makeRequest(rig.folder, 'a1');
    let spawned = 0;
    const attempt = run(obedient(rig), await rig.client(), request, undefined, {
      async spawned() {
        spawned += 1;
        assert.ok((await readFile(path.join(request.dir, 'run.json'), 'utf8')).includes(request.runId));
      },
    });
    const agent = await rig.agents.next();
    assert.equal(agent.stdin, request.brief);
    await agent.tell({ do: 'print', text: 'the answer\n' });
    await agent.tell({ do: 'exit', code: 0 });
    const { outcome, command, starts, startedAt, endedAt } = await attempt;
    assert.ok(outcome.ok);
    assert.equal(outcome.answer, 'the answer\n');
    assert.match(command ?? '', /fake-agent-program\.ts main$/);
    assert.equal(starts, 1);
    assert.equal(spawned, 1);
    assert.ok(startedAt <= endedAt);
  });

  test('a run that goes on while the daemon is away is adopted: the tool is started once', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const request = await makeRequest(rig.folder, 'a1');
    const gone = await rig.client();
    void run(obedient(rig), gone, request);
    const agent = await rig.agents.next();
    gone.close();

    // The daemon after it may have chosen another id for the run: what stands in the folder counts.
    const second = run(obedient(rig), await rig.client(), { ...request, runId: digest.uuid() });
    await agent.tell({ do: 'print', text: 'patience' });
    await agent.tell({ do: 'exit', code: 0 });
    const { outcome, starts } = await second;
    assert.ok(outcome.ok);
    assert.equal(outcome.answer, 'patience');
    assert.equal(starts, 1);
    assert.equal(rig.agents.count(), 1);
  });

  test('a run that died with its keeper is started again beside its old output, and the count says so', async (t) => {
    const rig = await makeRig(t);
    const client = await rig.client();
    const request = await makeRequest(rig.folder, 'a1');
    const attempt = run(obedient(rig), client, request);
    const first = await rig.agents.next();
    await first.tell({ do: 'print', text: 'half an ans' });
    processes.signal(rig.pids[0] ?? 0, 'SIGKILL', false);
    const second = await rig.agents.next();
    await first.gone;
    await second.tell({ do: 'print', text: 'whole' });
    await second.tell({ do: 'exit', code: 0 });
    const { outcome, starts } = await attempt;
    assert.ok(outcome.ok);
    assert.equal(outcome.answer, 'whole');
    assert.equal(starts, 2);
    assert.deepEqual((await readdir(request.dir)).toSorted(), [
      'exit.json',
      'run.json',
      'run.json.1',
      'stderr',
      'stderr.1',
      'stdout',
      'stdout.1',
    ]);
    assert.equal(await readFile(path.join(request.dir, 'stdout.1'), 'utf8'), 'half an ans');
  });

  test('an exit.json that does not match its output is put aside, and the tool runs again', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const client = await rig.client();
    const request = await makeRequest(rig.folder, 'a1');
    const first = run(obedient(rig), client, request);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'print', text: 'written' });
    await agent.tell({ do: 'exit', code: 0 });
    await first;
    await writeFile(path.join(request.dir, 'stdout'), 'torn');
    const second = run(obedient(rig), client, request);
    const again = await rig.agents.next();
    await again.tell({ do: 'print', text: 'written again' });
    await again.tell({ do: 'exit', code: 0 });
    const { outcome, starts } = await second;
    assert.ok(outcome.ok);
    assert.equal(outcome.answer, 'written again');
    assert.equal(starts, 2);
  });

  test('outputs without a run.json mean that nothing ran: they are no start', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const request = await makeRequest(rig.folder, 'a1');
    await fs.makeFolders(path.join(request.dir, 'tmp'));
    for (const name of ['stdout', 'stderr']) await writeFile(path.join(request.dir, name), '');
    const attempt = run(obedient(rig), await rig.client(), request);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'print', text: 'x' });
    await agent.tell({ do: 'exit', code: 0 });
    assert.equal((await attempt).starts, 1);
  });

  test('an abort ends the run, its children too, and names who did it', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const stop = new AbortController();
    const attempt = run(obedient(rig), await rig.client(), await makeRequest(rig.folder, 'a1'), stop.signal);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'escape' });
    const child = await rig.agents.next();
    stop.abort('ada');
    await Promise.all([agent.gone, child.gone]);
    const { outcome, starts } = await attempt;
    assert.deepEqual(outcome.ok ? null : outcome.failure, { kind: 'cancelled', by: 'ada' });
    assert.equal(starts, 1);
  });

  test('an abort before the start starts nothing', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const { outcome, starts, command } = await run(
      obedient(rig),
      await rig.client(),
      await makeRequest(rig.folder, 'a1'),
      AbortSignal.abort('ada'),
    );
    assert.deepEqual(outcome.ok ? null : outcome.failure, { kind: 'cancelled', by: 'ada' });
    assert.deepEqual([starts, command, rig.agents.count()], [0, null, 0]);
  });

  test('on a disk that is full no tool is started: that is the environment, not an attempt that failed', async (t) => {
    const rig = await makeRig(t);
    await rig.serve();
    const keeper = await rig.client();
    const request = await makeRequest(rig.folder, 'a1');
    const full = { ...fs, fileSystem: async () => Promise.resolve({ type: 'ext', network: false, freeBytes: 1_000_000 }) };
    const ports = { runner: obedient(rig), keeper, fs: full, digest, clock, log: silentLog };
    const { outcome, starts } = await runAttempt(ports, request, new AbortController().signal);
    assert.deepEqual(outcome.ok ? null : [outcome.failure.kind, 'code' in outcome.failure ? outcome.failure.code : ''], [
      'environment',
      'ENOSPC',
    ]);
    assert.deepEqual([starts, rig.agents.count()], [0, 0]);
  });

  test('a tool whose keeper dies each time is not started for ever', async (t) => {
    const rig = await makeRig(t);
    let starts = 0;
    const request = await makeRequest(rig.folder, 'a1');
    const dying: Keeper = {
      async start({ dir, runId, token }) {
        starts += 1;
        const file = { v: 1, runId, token, pid: 99_999_999, pidStart: '1', bootId: 'b', startedAt: '', deadline: '', shown: 's' } as const;
        await writeFile(path.join(dir, 'stdout'), '');
        await writeFile(path.join(dir, 'run.json'), JSON.stringify(file));
        return { ok: true, value: file };
      },
      wait: async () => Promise.resolve(null),
      stop: async () => Promise.resolve(),
      list: async () => Promise.resolve([]),
      close: () => undefined,
    };
    const { outcome } = await run(obedient(rig), dying, request);
    assert.equal(outcome.ok ? 'ok' : outcome.failure.kind, 'interrupted');
    assert.equal(starts, 3);
  });
});
