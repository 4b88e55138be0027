import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addLog } from '#cli/log.ts';
import { addVerify } from '#cli/verify.ts';
import { makeProgress } from '#cli/verify-progress.ts';
import type { Finding } from '#core/history.ts';
import {
  claimPrompt,
  conclude,
  copyTempWorkspace,
  makeTempWorkspace,
  promptText,
  seedJob,
  type TempWorkspace,
} from '../support/workspace.ts';

const failure = { kind: 'no-answer', runner: 'fake', message: 'nothing came' } as const;
type Report = {
  readonly ok: boolean;
  readonly first: Finding | null;
  readonly findings: readonly Finding[];
  readonly checked: Readonly<Record<string, number>>;
};
const report = async (workspace: TempWorkspace, ...args: string[]): Promise<Report> => {
  const { code, data } = await workspace.json(addVerify, 'verify', ...args);
  const told = data as Report;
  assert.equal(code, told.ok ? 0 : 1);
  return told;
};
const edit = async (file: string, change: (text: string) => string): Promise<void> => {
  await chmod(file, 0o600);
  await writeFile(file, change(await readFile(file, 'utf8')));
};
/** Every kind of end, in a history of their own: made once, copied for each test. */
let template: TempWorkspace;
const afterAll: (() => unknown)[] = [];

before(async () => {
  const scope = { after: (act: () => unknown) => void afterAll.push(act) } as unknown as Parameters<typeof makeTempWorkspace>[0];
  template = await makeTempWorkspace(scope);
  const rooms = await template.rooms();
  const first = await seedJob(rooms, 'good', {}, { status: 'answered', answer: 'the answer\n' });
  await seedJob(rooms, 'brief', { revision: 2, agent: 'ui' }, { status: 'briefed', answer: 'the brief\n' });
  await seedJob(rooms, 'bad', { revision: 3 }, { status: 'failed', failure });
  await seedJob(rooms, 'wrong', { revision: 4 }, { status: 'rejected', failure });
  const twin = await claimPrompt(rooms, 'twin', promptText());
  const page = { v: 1, duplicate_of: first.id, prompt_sha256: twin.claimed.job.sha256 };
  await conclude(rooms, twin, 'duplicate', null, [{ as: '_duplicate.json', bytes: `${JSON.stringify(page)}\n` }]);
  rooms.journal.close();
  await rooms.history.close();
});
after(async () => {
  for (const act of afterAll.toReversed()) await act();
});
const seeded = async (t: Parameters<typeof makeTempWorkspace>[0]): Promise<TempWorkspace> => copyTempWorkspace(t, template);

const terminal = (isTTY: boolean): { isTTY: boolean; text: string; write(text: string): void } => ({
  isTTY,
  text: '',
  write(text) {
    this.text += text;
  },
});
const at = (times: number[]): { monotonicMs: () => number } => ({ monotonicMs: () => times.shift() ?? 0 });

describe('docket verify', () => {
  test('in an empty workspace finds nothing, and makes nothing', async (t) => {
    const workspace = await makeTempWorkspace(t);
    assert.equal((await report(workspace)).ok, true);
    assert.equal(existsSync(workspace.history), false);
    assert.equal(existsSync(workspace.queues), false);
  });

  test('every kind of end is right as it was left, and counted', async (t) => {
    const workspace = await seeded(t);
    const told = await report(workspace);
    assert.deepEqual(told.findings, []);
    const { inputs, evidence, results, duplicates, unrecorded, taken } = told.checked;
    assert.deepEqual(
      { inputs, evidence, results, duplicates, unrecorded, taken },
      { inputs: 5, evidence: 3, results: 2, duplicates: 1, unrecorded: 1, taken: 0 },
    );
    assert.ok((told.checked['history_steps'] ?? 0) > 10);
    assert.match(
      (await workspace.run(addVerify, 'verify')).out,
      /^verified: nothing differs\nchecked: .*5 ended prompts, 3 evidence files, 2 results/,
    );
    assert.equal((await report(workspace, '--role', 'ui')).checked['inputs'], 1);
    assert.equal((await workspace.run(addVerify, 'verify', '--role', 'nobody')).code, 2);
  });

  test('what a consumer took away is counted, not blamed', async (t) => {
    const workspace = await seeded(t);
    await rm(workspace.out('good_result.md'));
    for (const name of ['brief_result.md', 'brief_evidence.json']) await rm(workspace.out(name, '03-ui'));
    await rm(workspace.in('bad.failed'));
    const told = await report(workspace);
    assert.deepEqual(told.findings, []);
    assert.equal(told.checked['taken'], 2);
  });

  test('one changed byte is named with path, expected and found hash', async (t) => {
    const workspace = await seeded(t);
    for (const [name, change, words] of [
      ['in/good.processed', (text: string) => `${text} `, /the prompt is not what was answered/],
      ['in/bad.failed', (text: string) => text.replace('r', 'R'), /the prompt is not what was answered/],
      ['in/twin.processed', (text: string) => `${text} `, /the prompt is not the one that was answered/],
      ['out/good_result.md', (text: string) => text.toUpperCase(), /the result is not what was answered/],
      ['out/good_evidence.json', (text: string) => text.replace('offline', 'online'), /the evidence is not what the history recorded/],
    ] as const) {
      const file = path.join(workspace.queues, '01-architect', name);
      const original = await readFile(file, 'utf8');
      await edit(file, change);
      const { first, findings } = await report(workspace);
      assert.equal(findings.length, 1, name);
      assert.deepEqual([first?.what, first?.path], ['hash-differs', file]);
      assert.match(first?.message ?? '', words);
      assert.match(first?.expected ?? '', /^[0-9a-f]{64}$/);
      assert.match(first?.found ?? '', /^[0-9a-f]{64}$/);
      assert.notEqual(first?.expected, first?.found);
      const { code, out } = await workspace.run(addVerify, 'verify');
      assert.equal(code, 1);
      assert.ok(out.startsWith(`DIFFERS: queues/01-architect/${name}\n`), out);
      await edit(file, () => original);
    }
  });

  test('forged or foreign files are found: a processed file nobody recorded, evidence of no job, a damaged duplicate', async (t) => {
    const workspace = await seeded(t);
    await workspace.write('queues/01-architect/in/made-up.processed', 'x');
    await workspace.write(
      'queues/01-architect/out/other_evidence.json',
      (await readFile(workspace.out('good_evidence.json'), 'utf8')).replace(/"job": "[a-z2-7]+"/, '"job": "aaaaaaaaaaaaaaaa"'),
    );
    await workspace.write('queues/01-architect/out/torn_evidence.json', '{');
    await writeFile(workspace.out('twin_duplicate.json'), '{"duplicate_of":"bbbbbbbbbbbbbbbb"}');
    const { findings } = await report(workspace);
    const found = Object.fromEntries(findings.map((finding) => [path.basename(finding.path), finding.what]));
    assert.deepEqual(found, {
      'made-up.processed': 'missing',
      'other_evidence.json': 'missing',
      'torn_evidence.json': 'unreadable',
      'twin_duplicate.json': 'missing',
    });
    assert.match((await workspace.run(addVerify, 'verify')).out, /\n3 more:\n/);
  });

  test('a change in the history is found: a file of the work tree, and a rewritten record', async (t) => {
    const workspace = await seeded(t);
    const result = path.join(workspace.history, 'FEAT-1/01-architect/result_v1.md');
    await edit(result, (text) => `${text}!`);
    const { first } = await report(workspace);
    assert.deepEqual([first?.what, first?.path], ['hash-differs', result]);
    execFileSync('git', ['-C', workspace.history, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-qam', 'forged']);
    const forged = await report(workspace);
    assert.equal(forged.first?.what, 'hash-differs');
    assert.match((await workspace.run(addVerify, 'verify')).out, /^DIFFERS: app-ai-history\/FEAT-1\/01-architect\/result_v1\.md\n/);
  });

  test('a history that is gone, or cannot be opened, does not pass for verified', async (t) => {
    const workspace = await seeded(t);
    const packs = path.join(workspace.history, '.git/objects/pack');
    for (const name of await readdir(packs)) await rm(path.join(packs, name), { force: true });
    const damaged = await report(workspace);
    assert.equal(damaged.ok, false);
    assert.deepEqual(
      damaged.findings.map(({ what, path: place }) => [what, place]),
      [['unreadable', workspace.history]],
    );
    const log = await workspace.run(addLog, 'log');
    assert.equal(log.code, 3);
    assert.match(log.err, /the history .* cannot be read: .*docket verify/);
    await rm(workspace.history, { recursive: true });
    const gone = await report(workspace);
    assert.equal(gone.ok, false);
    assert.match(gone.first?.message ?? '', /there is no history/);
  });
});

describe('progress', () => {
  test('comes after a second, at most ten times a second, and is wiped', () => {
    const shown = terminal(true);
    const progress = makeProgress(at([0, 500, 1_100, 1_150, 1_300]), shown);
    for (const done of [1, 2, 3, 4]) progress.show('history', done, 8);
    progress.end();
    assert.equal(shown.text, `\rhistory: 2 of 8 (25 %)\rhistory: 4 of 8 (50 %)\r${' '.repeat(22)}\r`);
  });

  test('never where no terminal is', () => {
    const shown = terminal(false);
    const progress = makeProgress(at([0, 5_000]), shown);
    progress.show('history', 1, 0);
    progress.end();
    assert.equal(shown.text, '');
  });
});
