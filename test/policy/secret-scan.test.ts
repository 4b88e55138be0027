import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { makeSecretScan } from '#policy/secret-scan.ts';
import { FAKES, HARMLESS, noise, whole } from './fakes.ts';

const scan = makeSecretScan({ deadlineMs: 20_000 });
after(async () => scan.close());

const findingsIn = async (text: string): Promise<readonly { rule: string; line: number; column: number }[]> => {
  const result = await scan.scan('prompt', text);
  if (result.ok) return [];
  assert.ok(result.error.kind === 'secret-found', JSON.stringify(result.error));
  return result.error.findings;
};

/** A worker that obeys: what it does is a piece of its source. */
const obedient = (onMessage: string): Worker =>
  new Worker(
    `const { parentPort } = require('node:worker_threads');
     parentPort.on('message', (message) => { ${onMessage} });
     parentPort.postMessage({ ready: true });`,
    { eval: true },
  );

describe('secrets are found', () => {
  for (const { name, text } of FAKES) {
    test(name, async () => {
      const found = await findingsIn(`# Title\n\nsome words\n${text}\nmore words\n`);
      assert.ok(found.length > 0, 'nothing was found');
      assert.ok((found[0]?.line ?? 0) >= 4 && (found[0]?.line ?? 0) <= 4 + text.split('\n').length, `at line ${String(found[0]?.line)}`);
    });
  }
});

describe('base64 is decoded wherever it begins', () => {
  const hidden = Buffer.from(whole(`gh|p_${noise(36)}`)).toString('base64');
  test('at each of 60 places of a text, with a character of two bytes before it', async () => {
    for (let at = 0; at < 60; at++) {
      const found = await findingsIn(`…${'.'.repeat(at)} ${hidden}.`);
      assert.equal(found.length, 1, `at ${String(at)}`);
      assert.equal(found[0]?.column, at + 3);
    }
  });
  test('behind a run that is one character too short, and behind the padding of another', async () => {
    for (const before of [`${'a'.repeat(23)} `, `${'QUJD'.repeat(8)}= `, `${'QUJD'.repeat(8)}== `])
      assert.equal((await findingsIn(`${before}${hidden}\n`))[0]?.column, before.length + 1);
  });
});

describe('what is no secret passes', () => {
  for (const text of HARMLESS) {
    test(text.slice(0, 60).replaceAll('\n', ' '), async () => {
      assert.deepEqual(await findingsIn(`# Title\n\n${text}\n`), []);
    });
  }
});

test('a finding tells the rule and the place, one for each place, and never the secret', async () => {
  const secret = whole(`gh|p_${noise(36)}`);
  const result = await scan.scan('answer', `\uFEFFfirst\r\nsecond ${secret} and\r\n\r\n  ${secret}\n`);
  assert.ok(!result.ok && result.error.kind === 'secret-found');
  assert.equal(result.error.in, 'answer');
  assert.deepEqual(result.error.findings, [
    { rule: 'github-token', line: 2, column: 8, excerpt: 'ghp_****' },
    { rule: 'github-token', line: 4, column: 3, excerpt: 'ghp_****' },
  ]);
  assert.ok(!JSON.stringify(result).includes(noise(8)));
});

test('comments in the text cannot switch the scan off', async () => {
  const secret = whole(`gh|p_${noise(36)}`);
  for (const comment of ['secretlint-disable', 'secretlint-disable-line', 'secretlint-disable-next-line', 'gitleaks:allow']) {
    const text = `<!-- ${comment} -->\n${secret} // ${comment}\n<!-- ${comment} github --> ${secret}`;
    assert.equal((await findingsIn(text)).length, 2, comment);
  }
});

test('a secret is found wherever a long text is cut, and its line is right', async () => {
  const secret = whole(`np|m_${noise(36)}`);
  for (const before of [256 * 1024 - 20, 256 * 1024 - 16 * 1024 - 20, 512 * 1024 - 16 * 1024 - 5]) {
    const text = `${'word '.repeat(before / 5).slice(0, before - 1)} ${secret} end\n`;
    assert.deepEqual(await findingsIn(text), [{ rule: 'npm-token', line: 1, column: text.indexOf(secret) + 1, excerpt: 'npm_****' }]);
    const lines = `${'a line of words\n'.repeat(before / 16)}${secret}\n`;
    assert.equal((await findingsIn(lines))[0]?.line, Math.floor(before / 16) + 1);
  }
});

test('the worst inputs end within the deadline', async () => {
  const worst = {
    'a megabyte of base64': noise(1_000_000, 'base64'),
    'a megabyte of base64 text': Buffer.from('The quick brown fox. '.repeat(36_000)).toString('base64'),
    'curl -H': 'curl -H '.repeat(250_000),
    'token starts': 'eyJa.eyJ'.repeat(100_000),
    'private key starts': `${'-'.repeat(5)}BEGIN PRIVATE KEY${'-'.repeat(5)}\n`.repeat(20_000),
    'one character': 'a'.repeat(2_000_000),
    'assignments without a value': 'password: token= secret: '.repeat(40_000),
    'addresses without an end': 'https://a:b:c:'.repeat(70_000),
    'many findings': whole(`sk|_live_${noise(24)} `).repeat(20_000),
  };
  for (const [name, text] of Object.entries(worst)) {
    const result = await scan.scan('prompt', text);
    assert.ok(result.ok || result.error.kind === 'secret-found', `${name}: ${JSON.stringify(result)}`);
  }
});

test('scans in parallel each get their own answer', async () => {
  const texts = Array.from({ length: 20 }, (_, index) =>
    index % 3 === 0 ? whole(`${'\n'.repeat(index)}gh|p_${noise(36)}`) : `clean ${String(index)}`,
  );
  const lines = await Promise.all(texts.map(async (text) => (await findingsIn(text)).map((finding) => finding.line)));
  assert.deepEqual(
    lines,
    texts.map((_, index) => (index % 3 === 0 ? [index + 1] : [])),
  );
});

test('a scan past its deadline is refused, and the next one works', async () => {
  let starts = 0;
  const slow = makeSecretScan({
    deadlineMs: 200,
    startWorker: () => obedient(starts++ === 0 ? 'for (;;);' : 'parentPort.postMessage({ id: message.id, findings: [] });'),
  });
  try {
    const [first, second] = await Promise.all([slow.scan('prompt', 'one'), slow.scan('answer', 'two')]);
    assert.deepEqual(first, {
      ok: false,
      error: { kind: 'secret-scan-failed', in: 'prompt', reason: 'the scan took longer than 200 ms (limits.secret_scan in docket.yaml)' },
    });
    assert.deepEqual(second, { ok: true, value: null });
    assert.equal(starts, 2);
  } finally {
    await slow.close();
  }
});

test('a scanner that crashes refuses the text, and the next one works', async () => {
  const crashes = [
    'throw new Error(message.text)',
    'process.exit(7)',
    'const hog = []; for (;;) hog.push(new Array(1e6).fill(message.text + hog.length));',
  ];
  const words = [/the scanner broke: Error$/, /exit code 7/, /the scanner broke|exit code/];
  let starts = 0;
  const fragile = makeSecretScan({
    deadlineMs: 20_000,
    startWorker: () => {
      const source = crashes[starts++] ?? 'parentPort.postMessage({ id: message.id, findings: [] });';
      return starts === 3
        ? new Worker(
            `const { parentPort } = require('node:worker_threads'); parentPort.on('message', (message) => { ${source} }); parentPort.postMessage({ ready: true });`,
            { eval: true, resourceLimits: { maxOldGenerationSizeMb: 32 } },
          )
        : obedient(source);
    },
  });
  try {
    for (const expected of words) {
      const result = await fragile.scan('prompt', 'the text');
      assert.ok(!result.ok && result.error.kind === 'secret-scan-failed');
      assert.match(result.error.reason, expected);
      assert.ok(!result.error.reason.includes('the text'));
    }
    assert.deepEqual(await fragile.scan('prompt', 'the text'), { ok: true, value: null });
  } finally {
    await fragile.close();
  }
});

test('a scanner that cannot start, and one that was closed, refuse', async () => {
  const broken = makeSecretScan({ deadlineMs: 1_000, startWorker: () => new Worker('throw new Error("no")', { eval: true }) });
  const result = await broken.scan('prompt', 'text');
  assert.ok(!result.ok && result.error.kind === 'secret-scan-failed');
  await broken.close();

  const closed = makeSecretScan({ deadlineMs: 1_000, startWorker: () => obedient('') });
  const waiting = closed.scan('prompt', 'text');
  await closed.close();
  for (const answer of [await waiting, await closed.scan('prompt', 'text')]) {
    assert.ok(!answer.ok && answer.error.kind === 'secret-scan-failed');
    assert.equal(answer.error.reason, 'the scanner was closed');
  }
});

test('an idle scanner keeps no process alive, a scan in flight does', async () => {
  const { spawn } = await import('node:child_process');
  const source = `
    const { makeSecretScan } = await import(${JSON.stringify(import.meta.resolve('#policy/secret-scan.ts'))});
    const scan = makeSecretScan({ deadlineMs: 20000 });
    console.log(JSON.stringify(await scan.scan('prompt', 'clean')));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  assert.equal(out, '{"ok":true,"value":null}\n');
});

test('the rules have a name and a version for the evidence', () => {
  assert.equal(scan.rules.check, 'secrets');
  assert.match(scan.rules.version, /^secretlint-rule-preset-recommend \d+\.\d+\.\d+ without filter-comments, docket \d+$/);
});
