// Required by docket.js once Node is new enough. A clone runs its sources; the package holds only what was built from them.
/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access -- plain JavaScript: nothing here has a type */
'use strict';

const { existsSync } = require('node:fs');
const nodeModule = require('node:module');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { setFlagsFromString } = require('node:v8');

const source = join(__dirname, '..', 'cli', 'main.ts');
const built = join(__dirname, '..', 'dist', 'cli', 'main.js');
const main = existsSync(source) ? source : built;

// Halves the start and saves the TypeScript compiler's memory. In docket's own folder, never in a shared one; where it cannot be written, nothing is kept.
nodeModule.enableCompileCache(join(__dirname, '..', 'node_modules', '.cache', 'docket'));

// V8 would let the memory for short-lived objects grow to 3 x 32 MB and keep it, and collect the others when they have grown fourfold.
// docket mostly waits: the first MB, and a fifth more, is as fast here. --optimize-for-size makes it look for garbage before it asks for more, which counts
// while thousands of waiting files are looked at (platform/heap.ts takes it back while many jobs are in flight). All are read whenever V8 thinks of growing;
// a V8 that does not know a flag passes it over. The largest size for short-lived objects is read when V8 begins, so only the daemon gets it, below; it is
// set here too because code that was compiled under other flags would be compiled again.
const SHORT_LIVED = '--max-semi-space-size=8';
// So is the flag by which the daemon may look for all garbage at a moment of rest (platform/heap.ts).
const COLLECT = '--expose-gc';
setFlagsFromString(SHORT_LIVED);
setFlagsFromString(COLLECT);
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=20');
setFlagsFromString('--optimize-for-size');

// The C library would keep a heap of its own for each of the daemon's threads: 10 to 20 MB that nobody uses (docs/decisions/0016). It reads this only when a
// program begins, so the daemon begins once more, as the same process. Large blocks are taken from the system one by one, and go back to it when they are let
// go: left alone, the C library takes ever larger ones out of its heap, and what is small keeps that as large as it ever was (docs/decisions/0046).
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '262144', MALLOC_TRIM_THRESHOLD_: '1048576' };
// Syncs wait for the disk in the threads of libuv's pool, and a disk does several at once in nearly the time of one (docs/decisions/0058).
const POOL = { UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE || '16' };
const isDaemon = process.argv.includes('up') && !process.argv.includes('--detach');
if (
  isDaemon &&
  process.platform === 'linux' &&
  process.env.MALLOC_ARENA_MAX === undefined &&
  process.execve !== undefined &&
  !process.connected
) {
  const again = Array.prototype.concat(process.execPath, SHORT_LIVED, COLLECT, process.execArgv, process.argv.slice(1));
  process.execve(process.execPath, again, Object.assign({}, process.env, MALLOC, POOL));
}

if (existsSync(main)) {
  void import(pathToFileURL(main).href);
} else {
  process.stderr.write(
    `docket is not complete: there is no ${main} (install it again; in a clone of the package run \`npm run build\`).\n`,
  );
  process.exitCode = 3;
}
