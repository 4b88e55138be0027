import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { actsIn } from '#agents/runners/acp-acts.ts';
import type { RunOutcome } from '#core/run.ts';
import { makeFs } from '#platform/files.ts';
import { runnerContract } from '#test/contracts/runner.ts';
import { scripted } from '#test/support/acp-script.ts';
import { acpRunnerOf, profileOf } from '#test/support/profiles.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';
import { acpProfile } from '#tools/acp-read.ts';
import { insideOf, judge, type Asked } from '#tools/acp-policy.ts';
import { factsOfCall, mergeCall } from '#tools/acp-updates.ts';

const line = (fields: Readonly<Record<string, unknown>>): string => `${JSON.stringify(fields)}\n`;
const endLine = line({ type: 'end', stop: 'end_turn', error: null, usage: null, costUsd: null, meta: null, denied: '' });

runnerContract({
  name: 'acp',
  outputFor: (answer) => line({ type: 'text', text: 'I will look' }) + line({ type: 'tool', kind: 'read', title: 'x' }) + line({ type: 'text', text: answer }) + endLine,
  make: async (rig, ports) => Promise.resolve(acpRunnerOf(scripted(), rig.state, ports)),
  makeMissing: (ports) => acpRunnerOf(scripted(), '/state', ports, { program: 'no-such-tool' }),
}); // prettier-ignore

const folderFor = async (t: { after: (work: () => Promise<void>) => void }): Promise<string> => {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'docket-acp-')));
  t.after(async () => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'code/sub'), { recursive: true });
  return path.join(folder, 'code');
};

const error = (code: number, message: string, status: number | null = null, kind = 'agent'): Readonly<Record<string, unknown>> => ({ error: { kind, code, status, message } }); // prettier-ignore

test('stop reasons and errors of an agent are the failures that they mean', async (t) => {
  const request = await makeRequest(await folderFor(t), 'a1');
  const runner = acpRunnerOf(scripted(), '/state', makeRunnerPorts({}));
  const understand = (fields: Readonly<Record<string, unknown>>): RunOutcome => {
    const end = { type: 'end', stop: null, error: null, usage: null, costUsd: null, meta: null, denied: '', ...fields };
    const stdout = Buffer.from(line({ type: 'text', text: 'half' }) + line(end));
    const size = { sizeBytes: stdout.length, sha256: 'a'.repeat(64) as never };
    const exit = {
      v: 1,
      runId: 'r',
      token: 't',
      code: 0,
      signal: null,
      stopped: null,
      startedAt: '',
      endedAt: '2026-11-20T10:00:00.000Z',
    } as const;
    return runner.understand(
      { exit: { ...exit, stdout: size, stderr: { ...size, sizeBytes: 0 } }, stdout, stderr: new Uint8Array() },
      request,
    );
  };
  const cases: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['truncated', { stop: 'max_tokens' }],
    ['refused', { stop: 'refusal' }],
    ['turn-limit', { stop: 'max_turn_requests' }],
    ['no-answer', { stop: 'cancelled' }],
    ['denied', { stop: 'cancelled', denied: 'edit a: read-only' }],
    ['denied', { stop: 'end_turn', denied: 'edit a: read-only' }],
    ['not-logged-in', error(-32_000, 'Authentication required')],
    ['rate-limited', error(429, 'slow down, retry after 60s', 429)],
    ['rate-limited', error(-32_603, 'Internal error: {"details":"429 too many requests"}')],
    ['provider-error', error(-32_603, 'Internal error', 502)],
    ['context-too-long', error(-32_603, 'prompt is too long')],
    ['no-answer', error(-32_603, 'Internal error')],
    ['unreadable-answer', error(0, 'it speaks version 2', null, 'protocol')],
    ['refused', error(0, 'it does not offer the model', null, 'model')],
  ];
  for (const [kind, fields] of cases) {
    const outcome = understand(fields);
    assert.equal(outcome.ok ? 'answered' : outcome.failure.kind, kind, JSON.stringify(fields));
  }
  const limited = understand(error(429, 'slow down, retry after 60s', 429));
  assert.ok(!limited.ok && limited.failure.kind === 'rate-limited');
  assert.equal(limited.failure.resumeAt, '2026-11-20T10:01:00.000Z');
});

test('inside is what lies in the folder after every link; what programs would read differently is outside', async (t) => {
  const cwd = await folderFor(t);
  await writeFile(path.join(cwd, '..', 'secret'), 'x');
  await symlink('..', path.join(cwd, 'up'));
  await symlink('sub', path.join(cwd, 'down'));
  await symlink('../nowhere', path.join(cwd, 'dangling'));
  const inside = async (one: string): Promise<string | null> => insideOf(cwd, one, makeFs());
  for (const [given, expected] of [
    ['a.md', 'a.md'],
    [path.join(cwd, 'new/deep/a.md'), 'new/deep/a.md'],
    ['down/a.md', 'sub/a.md'],
    [cwd, ''],
    ['...', '...'],
  ] as const)
    assert.equal(await inside(given), expected, given);
  const outside = ['', '/', '/etc/passwd', '..', '../secret', 'sub/../../secret', 'sub/../a.md', 'up/secret', 'dangling', 'dangling/x', '~/x', 'file:///etc/passwd', 'C:\\x', 'a\0b', `${cwd}-other/x`, 'a.md\\..\\..\\x']; // prettier-ignore
  for (const given of outside) assert.equal(await inside(given), null, given);
});

test('what may be done is a table', async (t) => {
  const cwd = await folderFor(t);
  const decide = async (asked: Asked, access: 'read-only' | 'worktree', execute = false): Promise<string> =>
    (await judge(asked, { access, execute, cwd }, makeFs())).decision;
  const rows: readonly [string, readonly string[], string, string][] = [
    // kind, paths, read-only, worktree
    ['read', ['a.md'], 'allowed', 'allowed'],
    ['read', ['a.md', '/etc/passwd'], 'rejected', 'rejected'],
    ['read', [], 'rejected', 'rejected'],
    ['search', [], 'allowed', 'allowed'],
    ['search', ['/'], 'rejected', 'rejected'],
    ['think', [], 'allowed', 'allowed'],
    ['edit', ['a.md'], 'rejected', 'allowed'],
    ['delete', ['a.md'], 'rejected', 'allowed'],
    ['delete', [cwd], 'rejected', 'rejected'],
    ['move', ['a.md', '/tmp/b'], 'rejected', 'rejected'],
    ['write', ['sub/.git/config'], 'rejected', 'rejected'],
    ['edit', [], 'rejected', 'rejected'],
    ['execute', [], 'rejected', 'rejected'],
    ['fetch', [], 'rejected', 'rejected'],
    ['switch_mode', [], 'rejected', 'rejected'],
    ['other', ['a.md'], 'rejected', 'rejected'],
    ['whatever comes', [], 'rejected', 'rejected'],
  ];
  for (const [kind, paths, readOnly, worktree] of rows) {
    assert.equal(await decide({ kind, paths }, 'read-only'), readOnly, `${kind} ${paths.join()} read-only`);
    assert.equal(await decide({ kind, paths }, 'worktree'), worktree, `${kind} ${paths.join()} worktree`);
  }
  assert.deepEqual([await decide({ kind: 'execute', paths: [] }, 'worktree', true), await decide({ kind: 'execute', paths: [] }, 'read-only', true)], ['allowed', 'rejected']); // prettier-ignore
});

const kindOf = (...pieces: Parameters<typeof mergeCall>[1][]): string =>
  factsOfCall(pieces.reduce<ReturnType<typeof mergeCall> | undefined>(mergeCall, undefined) ?? mergeCall(undefined, {})).kind;

test('a call is as bad as its worst piece, and a path counts wherever it is named', () => {
  assert.equal(kindOf({}), 'other');
  assert.equal(kindOf({ kind: 'read' }, { rawInput: { command: 'rm -r /' } }), 'execute');
  assert.equal(kindOf({ kind: 'search', content: [{ type: 'diff', path: 'a', newText: '' }] }, { kind: 'read' }), 'edit');
  const input = {
    file_path: '/a',
    absolutePath: '/b',
    edits: [{ path: '/c' }],
    content: '/no',
    deep: { more: { dir: '/d' } },
    fileName: '/e',
    paths: ['/f'],
  };
  const facts = factsOfCall(mergeCall(mergeCall(undefined, { locations: [{ path: '/z' }] }), { rawInput: input }));
  assert.deepEqual([...facts.paths].toSorted(), ['/a', '/b', '/c', '/d', '/e', '/f', '/z']);
  assert.equal(kindOf({ kind: 'read', locations: Array.from({ length: 60 }, (_, n) => ({ path: `/${String(n)}` })) }), 'other');
});

test('evidence has the first of what was asked and changed, every rejection before what was allowed, and how many more', () => {
  const ask = (decision: string): string =>
    line({ type: 'permission', kind: 'read', title: 'x'.repeat(9_999), paths: [], decision, rule: 'r' });
  const diff = line({ type: 'diff', path: 'a', before: null, after: { sha256: 'a'.repeat(64), sizeBytes: 1 }, by: 'agent' });
  const acts = actsIn(
    ask('allowed').repeat(150) + ask('rejected').repeat(3) + diff.repeat(102) + line({ type: 'permission', forged: true }),
  );
  assert.deepEqual([acts?.asked.length, acts?.diffs.length, acts?.leftOut], [100, 100, 55]);
  assert.equal(acts?.asked.filter(({ decision }) => decision === 'rejected').length, 3);
  assert.equal(acts.asked[0]?.title.length, 300);
  assert.equal(actsIn('no JSON\n{"type":"text","text":"x"}\n'), null);
});

test('the agents that offer both ways are those that docket knows to', () => {
  const both = ['gemini', 'opencode', 'qwen', 'copilot', 'claude', 'codex', 'cline', 'auggie', 'droid', 'goose', 'cursor-agent'];
  for (const id of both) {
    const acp = acpProfile(profileOf(id));
    assert.equal(acp?.id, `${id}-acp`);
    assert.ok(acp.acp !== null && acp.acp.why !== '' && !acp.acp.execute, id);
  }
  assert.equal(acpProfile(profileOf('aider')), null);
});
