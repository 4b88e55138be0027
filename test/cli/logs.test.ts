import assert from 'node:assert/strict';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { addLogs, printLog } from '#cli/logs.ts';
import { lastLines } from '#cli/logs-files.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, rememberingIo } from '../support/workspace.ts';

const line = (message: string, more: Record<string, unknown> = {}): string =>
  `${JSON.stringify({ time: '2026-11-20T11:00:00.000Z', level: 'info', message, ...more })}\n`;
const all = (text: string): string => text;

const write = async (t: TestContext, files: Record<string, string>): Promise<string> => {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return folder;
};

describe('docket logs', () => {
  test('the last lines, readable, filtered by level and job, raw with --json', async (t) => {
    const workspace = await makeTempWorkspace(t);
    assert.match((await workspace.run(addLogs, 'logs')).err, /there is no log yet/);
    await workspace.write(
      'queues/.docket/log/2026-11-20.0000.jsonl',
      [line('one', { job: 'abcdefghijklmnop', role: 'ui' }), line('two', { level: 'error' }), line('three \u001B[31m'), 'torn {\n'].join(
        '',
      ),
    );
    const { out } = await workspace.run(addLogs, 'logs');
    assert.match(
      out,
      /^-- 2026-11-20 --\n\d\d:\d\d:\d\d · ui\/abcdefghijklmnop {2}one\n\d\d:\d\d:\d\d ✗ two\n\d\d:\d\d:\d\d · three \\u\{1b\}\[31m\ntorn \{$/,
    );
    assert.match((await workspace.run(addLogs, 'logs', '--level', 'warn')).out, /^-- 2026-11-20 --\n\S+ ✗ two$/);
    assert.match((await workspace.run(addLogs, 'logs', '--job', 'abcd')).out, /one$/);
    const raw = (await workspace.run(addLogs, 'logs', '-n', '2', '--level', 'info', '--json')).out.split('\n');
    assert.deepEqual(
      raw.map((text) => (JSON.parse(text) as { message: string }).message),
      ['two', 'three \u001B[31m'],
    );
  });

  test('wrong use is told', async (t) => {
    const workspace = await makeTempWorkspace(t);
    for (const args of [
      ['--level', 'loud'],
      ['--lines', 'x'],
      ['--job', '../x'],
    ])
      assert.equal((await workspace.run(addLogs, 'logs', ...args)).code, 2, args.join(' '));
  });
});

describe('reading from the end', () => {
  test('goes back over files in the order of day and number, and leaves a line that is still being written', async (t) => {
    const folder = await write(t, {
      '2026-11-19.0000.jsonl': 'a\nb\n',
      '2026-11-20.9999.jsonl': 'c\n',
      '2026-11-20.10000.jsonl': 'd\nhalf',
      'other.txt': 'no\n',
    });
    const { lines, place } = await lastLines(makeFs(), folder, 3, all);
    assert.deepEqual(lines, ['b', 'c', 'd']);
    assert.deepEqual(place, { name: '2026-11-20.10000.jsonl', offset: 2 });
    assert.deepEqual((await lastLines(makeFs(), folder, 99, all)).lines, ['a', 'b', 'c', 'd']);
    assert.deepEqual((await lastLines(makeFs(), folder, 0, all)).lines, []);
  });

  test('lines across the borders of what is read at once come whole', async (t) => {
    const texts = Array.from({ length: 300 }, (_, index) => `${String(index)} ${'é'.repeat((index * 37) % 900)}`);
    const long = 'x'.repeat(200_000);
    const folder = await write(t, { '2026-11-20.0000.jsonl': `${[...texts, long, 'end'].join('\n')}\n` });
    assert.deepEqual((await lastLines(makeFs(), folder, 1_000, all)).lines, [...texts, long, 'end']);
    assert.deepEqual((await lastLines(makeFs(), folder, 2, all)).lines, [long, 'end']);
  });
});

test('following gives out each line once, across rotation and removal, until it is stopped', { timeout: 10_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const file = (number: number): string => path.join(folder, `2026-11-20.000${String(number)}.jsonl`);
  await writeFile(file(0), `${line('old')}${line('last').slice(0, 20)}`);
  const stop = new AbortController();
  const { io, said } = rememberingIo(folder);
  const arrivals = new Map<string, () => void>();
  const seen = async (message: string): Promise<void> =>
    new Promise((resolve) => {
      if (said().out.includes(`"${message}"`)) resolve();
      else arrivals.set(message, resolve);
    });
  const listening = {
    ...io,
    out: (text: string): void => {
      io.out(text);
      for (const [message, resolve] of arrivals) if (text.includes(`"${message}"`)) resolve();
    },
  };
  const ended = printLog(listening, { json: true }, { folder, filter: { level: 'debug', job: null }, lines: 1, follow: true }, stop.signal);
  await seen('old');
  await appendFile(file(0), line('last').slice(20));
  await seen('last');
  await writeFile(file(1), line('new file'));
  await appendFile(file(0), line('late in the old one'));
  await seen('new file');
  await rm(file(0));
  await mkdir(path.join(folder, 'x'));
  await appendFile(file(1), line('after removal'));
  await seen('after removal');
  stop.abort();
  await ended;
  const messages = said()
    .out.split('\n')
    .map((text) => (JSON.parse(text) as { message: string }).message);
  assert.deepEqual(
    messages.filter((message) => message !== 'late in the old one'),
    ['old', 'last', 'new file', 'after removal'],
  );
});
