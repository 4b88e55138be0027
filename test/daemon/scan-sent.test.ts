import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ScanNote, ScanPlace } from '#core/policy.ts';
import type { SecretScan } from '#core/ports.ts';
import { err, ok } from '#core/result.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import { scanContext, scanPrompt } from '#daemon/scan-sent.ts';
import type { Task } from '#daemon/task.ts';
import { makeDigest } from '#platform/digest.ts';

const NOTE: ScanNote = { allowed: [], personal: { 'e-mail': 1 } };

/** Finds what holds the word `SECRET`, tells `@` as personal data, and remembers what it was asked. */
function scanning(): { readonly asked: [ScanPlace, string][]; readonly ports: Parameters<typeof scanContext>[0] } {
  const asked: [ScanPlace, string][] = [];
  const secrets: SecretScan = {
    rules: { check: 'secrets', version: '1' },
    scan: async (where, text) => {
      asked.push([where, text]);
      const finding = { rule: 'x', line: 1, column: 1 };
      if (text.includes('SECRET')) return Promise.resolve(err({ kind: 'secret-found', in: where, findings: [finding] }));
      return Promise.resolve(ok(text.includes('@') ? NOTE : null));
    },
    close: async () => Promise.resolve(),
  };
  return { asked, ports: { secrets, digest: makeDigest() } };
}

const role = (source: string): Role => ({ source }) as Role;
const spec = (source: string): PromptSpec => ({ source }) as PromptSpec;
const task = (originalName: string): Task => ({ claimed: { job: { id: 'abcdefghijklmnop', originalName } } }) as Task;

test('role and spec are looked at once as long as they are the same, an earlier answer once for its text', async () => {
  const { asked, ports } = scanning();
  const [one, other] = [role('role 1'), spec('spec 1')];
  for (let n = 0; n < 3; n++) {
    const scan = await scanContext(ports, one, other, [{ text: 'the answer @ 1' }], null);
    assert.deepEqual(scan, { ok: true, value: NOTE }, 'what is remembered is told again');
  }
  assert.deepEqual(asked, [
    ['context', 'role 1'],
    ['context', 'spec 1'],
    ['context', 'the answer @ 1'],
  ]);
  await scanContext(ports, role('role 1'), other, [], 'the brief of an earlier start');
  assert.equal(asked.length, 5);
});

test('a secret in a role, a spec, an answer or a kept brief holds the prompt each time', async () => {
  const { ports } = scanning();
  const clean = [role('r'), spec('s')] as const;
  const bad = role('SECRET role');
  for (let n = 0; n < 2; n++) {
    for (const scan of [
      await scanContext(ports, bad, clean[1], [], null),
      await scanContext(ports, clean[0], spec('SECRET spec'), [], null),
      await scanContext(ports, ...clean, [{ text: 'SECRET answer' }], null),
      await scanContext(ports, ...clean, [], 'SECRET brief'),
    ])
      assert.ok(!scan.ok && scan.error.kind === 'secret-found' && scan.error.in === 'context');
  }
});

test('a file in UTF-16 is looked at, too', async () => {
  const { asked, ports } = scanning();
  await scanPrompt(ports, task('foo.md'), Buffer.from('\uFEFFtext', 'utf16le'));
  assert.deepEqual(asked, [['prompt', 'text']]);
});

test('a name that docket gave because the file’s own held a secret holds this job, and no other', async () => {
  const { asked, ports } = scanning();
  const held = await scanPrompt(ports, task('secret-in-name-abcdefghijklmnop.md'), Buffer.from('text'));
  assert.ok(!held.ok && held.error.kind === 'secret-found' && held.error.in === 'name');
  assert.equal(asked.length, 0);
  assert.ok((await scanPrompt(ports, task('secret-in-name-ponmlkjihgfedcba.md'), Buffer.from('text'))).ok);
  assert.deepEqual(asked, [['prompt', 'text']]);
});
