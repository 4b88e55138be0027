/** The process around the command line: streams in, exit code out. The only place, with the keeper's entry, that touches process.argv and process.exit. */

import { CliError, EXIT, type ExitCode, type Io } from './io.ts';
import { quickWords } from './quick-words.ts';

let exitCode: ExitCode = EXIT.done;
/** Upper bound of limits.prompt_bytes (core/settings.ts). */
const INPUT_BYTES_MAX = 8_000_000;

const io: Io = {
  cwd: process.cwd(),
  env: process.env,
  isTerminal: process.stdout.isTTY,
  canAsk: process.stdin.isTTY && process.stdout.isTTY,
  color: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
  columns: () => (process.stdout.isTTY ? process.stdout.columns : null),
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  async readInput() {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of process.stdin) {
      const bytes = Buffer.from(chunk as Uint8Array);
      chunks.push(bytes);
      sizeBytes += bytes.length;
      if (sizeBytes > INPUT_BYTES_MAX)
        throw new CliError(`standard input has more than ${String(INPUT_BYTES_MAX)} bytes: no prompt may be as long`, EXIT.wrongUse);
    }
    return Buffer.concat(chunks).toString('utf8');
  },
  setExitCode(code) {
    exitCode = code;
  },
};

// A reader that went away (docket log | head) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

// Words that find no room, or nobody that reads, must not end a daemon.
process.stderr.on('error', () => undefined);

try {
  const args = process.argv.slice(2);
  const quick = quickWords(args);
  if (quick === null || !(await (await import('./status-quick.ts')).quickStatus(io, quick))) {
    const code = await (await import('./program.ts')).runProgram(args, io);
    process.exitCode = code === EXIT.done ? exitCode : code;
  }
} catch (error) {
  io.err(`docket: this is a bug of docket: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = EXIT.environment;
}
