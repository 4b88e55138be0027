import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeFs } from '#platform/files.ts';
import { inertMentions, type Inertly } from '#tools/mentions.ts';

async function inert(t: TestContext, brief: string, how: Inertly = 'escape'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'docket-mentions-'));
  t.after(async () => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, 'src'));
  await writeFile(path.join(folder, 'src', 'a.ts'), '');
  await writeFile(path.join(folder, 'my file.md'), '');
  return inertMentions(brief, folder, makeFs(), how);
}

test('an @ before a path that is there gets a backslash, wherever it stands', async (t) => {
  assert.equal(
    await inert(t, '@src and x@src/a.ts, (@src/a.ts) @./src/a.ts. @/etc\n@"my file.md" @my\\ file.md'),
    '\\@src and x\\@src/a.ts, (\\@src/a.ts) \\@./src/a.ts. \\@/etc\n\\@"my file.md" \\@my\\ file.md',
  );
});

test('where that does not help, the backslash stands behind it; what is in a home counts as there', async (t) => {
  assert.equal(
    await inert(t, '@src "@src/a.ts" @~/.ssh/config @/etc @nobody a@b.c', 'split'),
    '@\\src "@\\src/a.ts" @\\~/.ssh/config @\\/etc @nobody a@b.c',
  );
});

test('addresses, decorators, packages and lone signs stay as they are', async (t) => {
  const brief = 'me@example.org @Injectable() @angular/core @ @@ \u0000@\u0000 `@types/node` @nobody';
  assert.equal(await inert(t, brief), brief);
});

test('a path that cannot be looked at, and more mentions than are looked for, are made inert, too', async (t) => {
  assert.ok((await inert(t, `@${'x'.repeat(5_000)}`)).startsWith('\\@xxx'));
  const many = Array.from({ length: 2_001 }, (_, index) => `@n${String(index)}`).join(' ');
  assert.equal(await inert(t, many), many.replaceAll('@', '\\@'));
});
