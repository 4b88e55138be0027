import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type Token, tokensOf } from '#test/support/imports.ts';

const root = path.resolve(import.meta.dirname, '../..');
const bin = path.join(root, 'bin', 'docket.js');

/** Runs the bin on this Node, which says that it is another one. */
const runAs = (version: string): { status: number | null; stdout: string; stderr: string } => {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: ${JSON.stringify(version)} }); process.argv.push('docket', '--version'); require(${JSON.stringify(bin)});`;
  return spawnSync(process.execPath, ['-e', pretend], { encoding: 'utf8' });
};

test('an old Node is told in one sentence which one is needed, which it is, and what to do', () => {
  for (const version of ['10.24.1', '20.20.2', '22.99.0', '24.14.9']) {
    const { status, stdout, stderr } = runAs(version);
    assert.equal(status, 3, version);
    assert.equal(stdout, '');
    assert.match(stderr, /^docket needs Node\.js 24\.15 or newer, this is [0-9.]+ \(.+\); .*npm start.*npx docket.*\n$/);
    assert.ok(stderr.includes(version));
  }
});

test('a Node that is new enough runs docket, which says the version of package.json', () => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  assert.equal(runAs('24.15.0').stdout.trim(), version);
  assert.equal(execFileSync(process.execPath, [bin, '--version'], { encoding: 'utf8' }).trim(), version);
});

test('the bin keeps to the syntax of ES5 and may be executed', () => {
  const tokens: readonly Token[] = tokensOf(readFileSync(bin, 'utf8'));
  const modern = tokens.filter((token, index) => {
    if (token.kind === 'word') return ['const', 'let', 'class', 'import', 'export', 'async', 'await', 'of'].includes(token.text);
    const next = tokens[index + 1]?.text;
    return (
      token.text === '`' ||
      (token.text === '=' && next === '>') ||
      (token.text === '?' && (next === '?' || next === '.')) ||
      (token.text === '.' && next === '.')
    );
  });
  assert.deepEqual(modern, []);
  assert.equal(statSync(bin).mode & 0o111, 0o111);
});
