/** platform/end-process.ts: the code arrives, and a thread that waits for ever keeps nobody. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

const MODULE = path.join(import.meta.dirname, '..', '..', 'platform', 'end-process.ts');

/** A child that ends itself this way after `before` was done. */
async function endOf(before: string, code: number): Promise<{ readonly code: number | null; readonly words: string }> {
  const script = `import { endProcess } from ${JSON.stringify(MODULE)};\n${before}\nendProcess(${String(code)});`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await once(child, 'close');
  clearTimeout(late);
  return { code: child.exitCode, words };
}

test('the code is the one that was asked for, and what was written before is read', async () => {
  for (const code of [0, 3, 255]) {
    const end = await endOf(
      "process.stdout.write('last words\\n');\nprocess.on('exit', () => process.stdout.write('not heard\\n'));",
      code,
    );
    assert.deepEqual(end, { code, words: 'last words\n' });
  }
});

test('a thread of the pool that waits for ever does not keep it', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'docket-end-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const pipe = path.join(folder, 'nobody-writes');
  execFileSync('mkfifo', [pipe]);
  const before = [
    "import { open } from 'node:fs';",
    `open(${JSON.stringify(pipe)}, 'r', () => undefined);`,
    'await new Promise((resolve) => setTimeout(resolve, 100));',
  ].join('\n');
  assert.deepEqual(await endOf(before, 3), { code: 3, words: '' });
});
