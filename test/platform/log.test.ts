import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeLog, memoryLog, terminalLine, type LogOptions } from '#platform/log.ts';
import { redactFields, redactText } from '#platform/redact.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const WRITER = fileURLToPath(import.meta.resolve('#test/support/temp-log-writer.ts'));

type Line = Readonly<Record<string, unknown>>;
const linesIn = (folder: string): Line[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .toSorted()
    .flatMap((name) => readFileSync(`${folder}/${name}`, 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Line);

async function open(t: TestContext, options: Partial<LogOptions> = {}): Promise<{ folder: string; log: ReturnType<typeof makeLog> }> {
  const folder = `${await temporaryFolder(t)}/log`;
  const log = makeLog({ folder, level: 'info', maxBytes: 1e6, keep: 5, terminal: false, color: false, ...options });
  t.after(() => {
    log.close();
  });
  return { folder, log };
}

for (const end of ['exit', 'throw', 'kill']) {
  test(`of 1,000 lines none is lost when the process ends by ${end}, across rotations`, async (t) => {
    const folder = `${await temporaryFolder(t)}/log`;
    const child = spawn(process.execPath, [WRITER, folder, end], { stdio: 'ignore' });
    await once(child, 'exit');
    assert.deepEqual(
      linesIn(folder).map((line) => line['line']),
      Array.from({ length: 1000 }, (_, index) => index),
    );
    assert.ok(readdirSync(folder).length > 1);
  });
}

test('a line is JSON with its time, level and fields, in a private file', async (t) => {
  const { folder, log } = await open(t);
  log.with({ role: 'architect', job: 'abc' }).warn('published\nnext', { attempt: 2, job: 'def' });
  log.debug('not at this level');
  const [line, ...more] = linesIn(folder);
  assert.deepEqual(more, []);
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(
    { ...line, time: '' },
    { time: '', role: 'architect', job: 'def', attempt: 2, level: 'warn', message: 'published\nnext' },
  );
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(`${folder}/${readdirSync(folder)[0] ?? ''}`).mode & 0o777, 0o600);
});

test('what JSON has no word for is logged all the same', async (t) => {
  const { folder, log } = await open(t);
  const circle: Record<string, unknown> = { name: 'circle' };
  circle['self'] = circle;
  const error = Object.assign(new Error('disk full'), { code: 'ENOSPC' });
  log.error('all sorts', { circle, big: 2n ** 70n, error, none: undefined, bytes: Uint8Array.of(1, 2), when: new Date(0), act: () => 1 });
  const [line] = linesIn(folder);
  assert.equal(line?.['big'], '1180591620717411303424');
  assert.equal((line['error'] as Line)['message'], 'disk full');
  assert.equal((line['error'] as Line)['code'], 'ENOSPC');
  assert.equal(line['bytes'], '[2 bytes]');
  assert.equal(line['when'], '1970-01-01T00:00:00.000Z');
});

test('a field cannot pose as the line itself', async (t) => {
  const { folder, log } = await open(t);
  log.info('the message', { message: 'another', level: 'error' });
  const [line] = linesIn(folder);
  assert.equal(line?.['message'], 'the message');
  assert.equal(line['level'], 'info');
});

test('a full file is followed by the next, and only the newest are kept', async (t) => {
  const { folder, log } = await open(t, { maxBytes: 300, keep: 3 });
  mkdirSync(`${folder}/archive`);
  writeFileSync(`${folder}/notes.txt`, 'not ours');
  for (let line = 0; line < 40; line++) log.info(`line ${String(line)}`);
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  assert.equal(names.length, 3);
  for (const name of names) assert.ok(statSync(`${folder}/${name}`).size <= 300);
  assert.equal(linesIn(folder).at(-1)?.['message'], 'line 39');
  assert.ok(readdirSync(folder).includes('notes.txt'));
});

test('a new day is a new file', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0, 1, 23, 59, 59) });
  const { folder, log } = await open(t);
  log.info('old');
  t.mock.timers.tick(1000);
  log.info('new');
  assert.deepEqual(readdirSync(folder).toSorted(), ['2030-01-01.0000.jsonl', '2030-01-02.0000.jsonl']);
});

test('a log opened again goes on in the same file', async (t) => {
  const { folder, log } = await open(t);
  log.info('first');
  log.close();
  const again = makeLog({ folder, level: 'info', maxBytes: 1e6, keep: 5, terminal: false, color: false });
  again.info('second');
  again.close();
  assert.equal(readdirSync(folder).length, 1);
  assert.equal(linesIn(folder).length, 2);
});

test('a log whose folder was removed goes on in a new one', async (t) => {
  const { folder, log } = await open(t);
  log.info('first');
  rmSync(folder, { recursive: true });
  log.info('second');
  assert.deepEqual(
    linesIn(folder).map((line) => line['message']),
    ['second'],
  );
});

test('lines that cannot be written are told once on standard error, and counted in the log when it works again', async (t) => {
  const { folder, log } = await open(t);
  const said = t.mock.method(process.stderr, 'write', () => true);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'in the way');
  log.info('lost one');
  log.info('lost two');
  rmSync(folder);
  log.info('kept');
  said.mock.restore();
  assert.equal(said.mock.callCount(), 1);
  assert.match(String(said.mock.calls[0]?.arguments[0]), /cannot be written: Error: E/);
  assert.deepEqual(
    linesIn(folder).map((line) => line['message']),
    ['2 log lines before this one could not be written', 'kept'],
  );
});

test('secrets are taken out of fields, messages and errors before they reach the file', async (t) => {
  const { folder, log } = await open(t);
  const key = `sk-ant-${'a1B2'.repeat(8)}`;
  log.info(`calling with ${key}`, {
    apiKey: 'hunter2',
    nested: { Authorization: ['Basic eA=='], list: [`see ${key}`] },
    error: new Error(`401 for Bearer ${'x'.repeat(30)}`),
    inputTokens: 12,
  });
  const text = readdirSync(folder)
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
    .join('');
  for (const secret of [key, 'hunter2', 'eA==', 'x'.repeat(30)]) assert.ok(!text.includes(secret), secret);
  assert.equal(linesIn(folder)[0]?.['inputTokens'], 12);
});

test('known shapes of tokens are redacted, ordinary text is not', () => {
  const secrets = [
    `ghp_${'a'.repeat(36)}`,
    `AKIA${'A'.repeat(16)}`,
    `xoxb-${'1'.repeat(12)}`,
    `glpat-${'z'.repeat(20)}`,
    ['-----BEGIN RSA', 'PRIVATE KEY-----\nMIIE\n-----END RSA', 'PRIVATE KEY-----'].join(' '),
    `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.c`,
  ];
  for (const secret of secrets) assert.equal(redactText(`before ${secret} after`), 'before [redacted] after');
  assert.equal(redactText('https://me:pass@example.org/x'), 'https://me:[redacted]@example.org/x');
  const plain = 'FEAT-123 architect r2 answered in 1,200 ms; see out/foo_result.md, sk-etch and tokens: 12';
  assert.equal(redactText(plain), plain);
  assert.deepEqual(redactFields({ tokens: 5, password: '' }), { tokens: 5, password: '' });
});

test('redaction stays quick on a megabyte of anything', () => {
  for (const text of ['-----BEGIN PRIVATE KEY-----', 'a://b:', 'Bearer ', 'eyJ', 'sk-', ' '].map((part) =>
    part.repeat(1e6 / part.length),
  )) {
    const before = process.threadCpuUsage();
    redactText(text);
    const { user, system } = process.threadCpuUsage(before);
    assert.ok((user + system) / 1_000 < 1000, text.slice(0, 20));
  }
});

test('the terminal line shows time, sign, place and message, and lets no escape through', () => {
  const at = new Date(2030, 0, 1, 8, 5, 9);
  const fields = { role: 'architect', stem: 'foo\u001b[2J', job: 'abc' };
  const line = terminalLine({ level: 'info', message: 'published \u001b]0;x\u0007 \u202e', fields }, at, false);
  assert.match(line, /^08:05:09 · architect\/foo\\u\{1b\}\[2J {2}published /);
  // oxlint-disable-next-line no-control-regex -- these must not be there
  assert.doesNotMatch(line, /[\u0000-\u001f\u007f\u202e]/);
  assert.equal(terminalLine({ level: 'warn', message: 'm', fields: {} }, at, false), '08:05:09 ! m');
  assert.ok(terminalLine({ level: 'error', message: 'm', fields: { job: 'abc' } }, at, true).includes('\u001b[31m✗'));
});

test('the terminal gets the same line without secrets', async (t) => {
  const said = t.mock.method(process.stderr, 'write', () => true);
  const { log } = await open(t, { terminal: true });
  log.info(`token ghp_${'a'.repeat(36)}`, { role: 'ui' });
  said.mock.restore();
  assert.match(String(said.mock.calls[0]?.arguments[0]), /^\d\d:\d\d:\d\d · ui {2}token \[redacted\]\n$/);
});

test('a log in memory remembers what was said, with standing fields', () => {
  const log = memoryLog();
  log.with({ role: 'ui' }).with({ job: 'a' }).error('no', { step: 'publish' });
  assert.deepEqual(log.entries, [{ level: 'error', message: 'no', fields: { role: 'ui', job: 'a', step: 'publish' } }]);
});
