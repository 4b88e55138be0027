/** A folder of its own for one test, removed afterwards. Its path has no links in it. */

import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';

export async function temporaryFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'docket-test-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** `assert.rejects` with the code that the caller of a port decides on. */
export const withCode =
  (code: string) =>
  (error: unknown): boolean =>
    (error as { code?: unknown }).code === code;
