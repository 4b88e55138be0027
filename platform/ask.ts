/**
 * Short questions to other programs (versions, git facts) as the port `AskProgram`: no shell, no terminal, a small environment,
 * at most a megabyte of output, and the whole process group is ended when the time is up.
 */

import { Buffer } from 'node:buffer';
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { AskProgram } from '#core/ports.ts';
import { systemError } from './files.ts';
import { plainEnvironment } from './system.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;
/** A grandchild may hold the pipe open after the program ended: its words are not waited for. */
const LAST_WORDS_MS = 200;

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

function collect(stream: Readable, onOverflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    if (length > OUTPUT_BYTES_MAX) return;
    length += chunk.length;
    chunks.push(chunk);
    if (length > OUTPUT_BYTES_MAX) onOverflow();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/**
 * Rejects when there is no answer to read: ENOENT, EACCES (cannot start), ETIMEDOUT (too slow), EFBIG (more than 1 MB).
 * An exit code other than 0 is an answer; `code` is null when a signal ended the program.
 */
export const askProgram: AskProgram = (program, args, options) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...(options.env ?? plainEnvironment()) },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let failure: Error | null = null;
    const stop = (error: Error): void => {
      failure ??= error;
      endGroup(child);
    };
    const timer = setTimeout(() => {
      stop(systemError('ETIMEDOUT', `no answer in ${String(options.timeoutMs)} ms, '${program}'`));
    }, options.timeoutMs);
    const overflow = (): void => {
      stop(systemError('EFBIG', `more than ${String(OUTPUT_BYTES_MAX)} bytes of output, '${program}'`));
    };
    const stdout = collect(child.stdout, overflow);
    const stderr = collect(child.stderr, overflow);
    // A program that does not read its input closes the pipe: its exit code says what it thinks of that.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, LAST_WORDS_MS).unref();
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (failure === null) resolve({ code, stdout: stdout(), stderr: stderr() });
      else reject(failure);
    });
  });
