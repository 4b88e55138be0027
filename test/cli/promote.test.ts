/** A person's word about production, and what a person came upon: records, edits, and what is refused. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Command } from 'commander';
import { addClose } from '#cli/close.ts';
import { addFound } from '#cli/found.ts';
import { addPromote } from '#cli/promote.ts';
import { isOfSchema } from '#cli/schema-review.ts';
import { addVerify } from '#cli/verify.ts';
import { moveLevel } from '#core/levels.ts';
import type { Promotion } from '#core/verdict.ts';
import { parseReviewFile } from '#history/review-format.ts';
import { checkReviewSignature } from '#history/review-signature.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';

import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, rememberingIo, seedJob, type TempWorkspace } from '../support/workspace.ts';

const LOG =
  '\uFEFF# Issues\r\n\r\n| # | Title | Severity | Status |\r\n|-|-|-|-|\r\n| 14 | Totals | high | open |\r\n| 15 | Slow | low | |\r\n';
const TABLE =
  '# Sales CRM\n\n| ID | Feature | Level | State |\n|-|-|-|-|\n| CRM-1 | Leads | L0 | planned |\n| CRM-2 | Deals | L2 | built |\n';

async function place(t: TestContext): Promise<TempWorkspace> {
  const keyFile = path.join(await temporaryFolder(t), 'review_key');
  writeFileSync(keyFile, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  const workspace = await makeTempWorkspace(t, `runner: offline\nreview:\n  key: ${keyFile}\n`);
  const git = (...args: string[]): unknown => execFileSync('git', ['-C', workspace.root, ...args]);
  git('init', '-q');
  git('config', 'user.name', 'Ada Example');
  git('config', 'user.email', 'ada@example.com');
  await workspace.write('docs/issues.md', LOG);
  await workspace.write('docs/prd/sales-crm/index.md', TABLE);
  const rooms = await workspace.rooms();
  await seedJob(rooms, 'a', { feature: 'ISSUE-14-totals' }, { status: 'answered', answer: 'x\n' });
  await seedJob(rooms, 'b', { feature: 'prd-sales-crm' }, { status: 'answered', answer: 'x\n' });
  return workspace;
}
/** What the verifier says that shares no line with docket. */
function standalone(workspace: TempWorkspace): readonly string[] {
  const script = path.resolve(import.meta.dirname, '../../scripts/verify-standalone.mjs');
  const { stdout, stderr } = spawnSync(process.execPath, [script, workspace.history, '--json'], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return (JSON.parse(stdout) as { findings: { what: string; path: string }[] }).findings.map((one) => `${one.what} ${one.path}`);
}
const AT = ['--where', 'production', '--evidence', 'https://shop.example.com/cart'];

describe('docket promote', () => {
  test('records that an issue is resolved, signed and chained, and edits the log when asked', async (t) => {
    const workspace = await place(t);
    const { code, data, err } = await workspace.json(
      addPromote,
      'promote',
      'ISSUE-14',
      '--to',
      'resolved',
      ...AT,
      '--edit',
      '--comment',
      'seen',
    );
    assert.equal(code, 0, err);
    assert.deepEqual(standalone(workspace), []);
    const { path: file, edited } = data as { path: string; edited: string };
    assert.deepEqual([file, edited], ['ISSUE-14-totals/promotion.json', 'docs/issues.md']);
    assert.equal(readFileSync(path.join(workspace.root, edited), 'utf8'), LOG.replace('| open |', '| resolved |'));
    const bytes = readFileSync(path.join(workspace.history, file));
    const promotion = JSON.parse(bytes.toString()) as Promotion;
    assert.ok(parseReviewFile(bytes).ok && isOfSchema(promotion));
    assert.deepEqual(
      [promotion.kind, promotion.from, promotion.to, promotion.where, promotion.by.email, promotion.evidence.sha256],
      ['promotion', 'open', 'resolved', 'production', 'ada@example.com', null],
    );
    assert.ok(checkReviewSignature(promotion, null).ok && promotion.signature !== null);
    const said = execFileSync('git', ['-C', workspace.history, 'log', '-1', '--format=%B'], { encoding: 'utf8' });
    assert.match(
      said,
      /^ai\(ISSUE-14\): open to resolved\n\nDocket-Feature: ISSUE-14\nDocket-Promotion: resolved\nDocket-Reviewer: Ada Example/,
    );
    assert.match(said, /\nDocket-Before: [0-9a-f]{64}\nDocket-Before-In-Feature: [0-9a-f]{64}\n/);
    assert.match((await workspace.run(addPromote, 'promote', 'ISSUE-14', '--to', 'resolved', ...AT)).err, /resolved already/);
    // What comes after hangs on it, and a closing is still the last word about the feature.
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'c', { feature: 'ISSUE-14', revision: 2 }, { status: 'answered', answer: 'y\n' });
    assert.equal((await workspace.json(addVerify, 'verify')).code, 0);
    assert.deepEqual(await rooms.history.closings('ISSUE-14'), []);
    assert.equal((await rooms.history.promotions('issue-14')).length, 1);
    const closed = await workspace.run(addClose, 'close', 'ISSUE-14', '--merged', 'a'.repeat(40), '--anyway', '--comment', 'x');
    assert.equal(closed.code, 0, closed.err);
  });

  test('moves a level by the rules, from the table or the newest record', async (t) => {
    const workspace = await place(t);
    const file = await workspace.write('run.txt', 'all passed\n');
    const promote = async (...args: string[]): ReturnType<TempWorkspace['run']> =>
      workspace.run(addPromote, 'promote', 'prd-sales-crm', ...args);
    assert.match((await promote('--to', 'L1', ...AT)).err, /say which capability .*CRM-1, CRM-2/);
    assert.match((await promote('Nobody', '--to', 'L1', ...AT)).err, /has no feature "Nobody"/);
    assert.match((await promote('leads', '--to', 'L3', ...AT)).err, /L3 begins at L2/);
    assert.match((await promote('leads', '--to', 'resolved', ...AT)).err, /that is for ISSUE-n/);
    assert.match((await promote('CRM-2', '--to', 'L1', ...AT)).err, /a promotion raises a level/);
    const made = await promote('leads', '--to', 'L2', '--where', 'staging', '--evidence', file, '--edit');
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /prd-sales-crm, CRM-1 is at L2, was L0/);
    assert.equal(readFileSync(path.join(workspace.root, 'docs/prd/sales-crm/index.md'), 'utf8'), TABLE.replace('L0', 'L2'));
    const [first] = await (await workspace.rooms()).history.promotions('prd-sales-crm');
    assert.deepEqual([first?.evidence.reference, first?.evidence.sha256?.length], ['run.txt', 64]);
    assert.match((await promote('CRM-1', '--to', 'L3', ...AT)).out, /is at L3, was L2/);
    assert.match((await promote('Leads', '--to', 'L3', ...AT)).err, /at L3 .* already/);
    assert.match((await workspace.json(addVerify, 'verify')).err, /^$/);
  });

  test('is a person’s: a run cannot, and bad words are refused before anything is written', async (t) => {
    const workspace = await place(t);
    const cases: [RegExp, string[]][] = [
      [/nothing is recorded of ISSUE-99/, ['ISSUE-99', '--to', 'resolved', ...AT]],
      [/an issue goes to resolved/, ['ISSUE-14', '--to', 'L2', ...AT]],
      [/--evidence takes an address/, ['ISSUE-14', '--to', 'resolved', '--where', 'x', '--evidence', 'no-such-file']],
      [/--where takes one line/, ['ISSUE-14', '--to', 'resolved', '--where', 'a\nb', '--evidence', 'https://a.example']],
      [/leave "x" out/, ['ISSUE-14', 'x', '--to', 'resolved', ...AT]],
    ];
    for (const [words, args] of cases) assert.match((await workspace.run(addPromote, 'promote', ...args)).err, words);
    for (const mark of ['DOCKET_RUN_ID', 'DOCKET_EVENT'])
      for (const [add, args] of [
        [addPromote, ['promote', 'ISSUE-14', '--to', 'resolved', ...AT]],
        [addFound, ['found', 'issue', 'x']],
      ] as const) {
        const { io } = rememberingIo(workspace.root);
        const program = new Command('docket').option('--root <folder>').option('--json').exitOverride();
        add(program, { ...io, canAsk: true, env: { [mark]: 'x' } });
        await assert.rejects(program.parseAsync([...args], { from: 'user' }), /was started by docket|a run edits no input/);
      }
    assert.equal(readFileSync(path.join(workspace.root, 'docs/issues.md'), 'utf8'), LOG);
    const { history } = await workspace.rooms();
    assert.deepEqual(await history.promotions(), []);
  });
});

const said = (...args: Parameters<typeof moveLevel>): string => {
  const moved = moveLevel(...args);
  return moved.ok ? moved.value : moved.error.slice(0, 24);
};

test('a level is only raised, and by its stream', () => {
  assert.deepEqual(
    [said('L0', 'L1', null), said('L0', 'L2', 'feature'), said('L2', 'L4', 'fix'), said('L2', 'L3', null)],
    ['feature', 'feature', 'fix', 'fix'],
  );
  for (const [from, to, stream] of [
    ['L1', 'L2', 'fix'],
    ['L2', 'L3', 'feature'],
    ['L1', 'L3', 'fix'],
    ['L2', 'L2', null],
    ['L4', 'L1', null],
  ] as const)
    // prettier-ignore
    assert.equal(moveLevel(from, to, stream).ok, false, `${from} ${to}`);
});

describe('docket found', () => {
  test('issue: the next number, in the form of the log, every other byte as it was, its mode too', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const log = await workspace.write('docs/issues.md', LOG);
    const { data, err, code } = await workspace.json(addFound, 'found', 'issue', ' A | new\none ', '--severity', 'P1');
    assert.equal(code, 0, err);
    assert.deepEqual(data, { what: 'issue', file: 'docs/issues.md', line: 7, number: 16, severity: 'high' });
    assert.equal(readFileSync(log, 'utf8'), `${LOG}| 16 | A \\| new one | high | open |\r\n`);
    assert.equal(statSync(log).mode & 0o777, 0o644);
    assert.match((await workspace.run(addFound, 'found', 'issue', 'x', '--severity', 'huge')).err, /--severity takes critical/);
    assert.match((await workspace.run(addFound, 'found', 'bug', 'x')).err, /takes issue or gap/);
    assert.match((await workspace.run(addFound, 'found', 'issue', ' ')).err, /say in one line/);
    const key = ['AKIA', 'IOSFODNN7QXZJKWP'].join('');
    assert.match((await workspace.run(addFound, 'found', 'issue', `the key ${key}`)).err, /secret/);
  });
  test('issue: begins a log; steps are kept; a log that would swallow it is left alone', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.write('steps.md', '1. Open\n2. Look\n');
    assert.match(
      (await workspace.run(addFound, 'found', 'issue', 'First', '--steps-from', 'steps.md')).out,
      /docs\/issues\.md:3: #1 First \(medium\); not committed/,
    );
    assert.match(readFileSync(path.join(workspace.root, 'docs/issues.md'), 'utf8'), /Steps to reproduce:\n\n1\. Open\n2\. Look\n$/);
    await workspace.write('docs/issues.md', '## #1 a\n```\nnever closed\n');
    assert.match((await workspace.run(addFound, 'found', 'issue', 'Second')).err, /open fence or comment/);
    await workspace.write('docs/issues.md', Buffer.from([0x23, 0xff, 0xfe]));
    assert.match((await workspace.run(addFound, 'found', 'issue', 'Second')).err, /cannot be read/);
  });
  test('gap: into the spec of the document that is named', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const spec = await workspace.write('docs/prd/sales-crm/spec/index.md', '# Spec\n');
    assert.match(
      (await workspace.run(addFound, 'found', 'gap', 'No export')).err,
      /belongs to no requirements document: .*docs\/prd\/sales-crm/,
    );
    const { out } = await workspace.run(addFound, 'found', 'gap', 'No export', '--prd', 'docs/prd/sales-crm/');
    assert.match(out, /spec\/index\.md:5: No export \(medium\)/);
    assert.match(readFileSync(spec, 'utf8'), /^# Spec\n\n## Gaps\n\n- \[ \] No export \(medium, found \d{4}-\d\d-\d\d\)\n$/);
    assert.match((await workspace.run(addFound, 'found', 'gap', 'x', '--prd', '../elsewhere')).err, /leads out of the code repository/);
  });
});
