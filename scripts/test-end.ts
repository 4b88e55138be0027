/**
 * Loaded before each test file by scripts/test.ts: when all tests of the file have ended and the process still lives 10 s later, something was left
 * open - a bug. It is named and the file fails; without this it would hang until somebody looks.
 */

import { after } from 'node:test';

const GRACE_MS = 10_000;

/** Not in programs that a test starts with the same arguments. */
const isTestFile = process.env['NODE_TEST_CONTEXT'] !== undefined && process.argv[1]?.endsWith('.test.ts') === true;

if (isTestFile) {
  after(() => {
    setTimeout(() => {
      const open = [...new Set(process.getActiveResourcesInfo())].join(', ');
      process.stderr.write(`${process.argv[1] ?? ''} left something open: ${open}\n`);
      process.exit(1);
    }, GRACE_MS).unref();
  });
}
