/**
 * The keeper's entry: `node cli/keeper.ts <state folder>`, started detached by the daemon. It only makes the process small, then serves (keeper-serve.ts).
 *
 *   fat (this start had to compile its sources) -> what was compiled is kept -> the same process, from its beginning (execve) -> small
 *
 * Invariant: nothing is open before the process is what it will stay. What was measured, and what cannot be shed: docs/decisions/0016.
 */

/** A small one has 40 to 55 MB; the TypeScript compiler adds 30, and would stay as long as the daemon does. */
const FAT_BYTES = 64e6;
/** Set in the second life, so that there is no third one. */
const SECOND = 'DOCKET_KEEPER_SECOND';

const [state] = process.argv.slice(2);
if (state?.startsWith('/') !== true) {
  process.stderr.write('usage: keeper <state folder, absolute>\n');
  process.exit(2);
}
// What `ps` shows: which queues it keeps.
process.title = `docket-keeper ${state}`;

const { serveUntilDone } = await import('./keeper-serve.ts');
if (process.env[SECOND] === undefined && process.memoryUsage.rss() > FAT_BYTES) {
  (await import('node:module')).flushCompileCache();
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], { ...process.env, [SECOND]: '1' });
}
await serveUntilDone(state);
process.exit(0);
