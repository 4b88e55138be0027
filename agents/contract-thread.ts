/**
 * Documents of answers are checked in a worker thread, one after the other, each under a deadline.
 *
 * Worker: none -> busy -> idle -> none (after a while, or when it was late or broke); the next document starts a new one. It keeps no process alive
 * but while it is busy.
 * Invariant: fails closed. No worker, a crash, the deadline, too large: the document has a flaw, in words.
 */

import { Buffer } from 'node:buffer';
import { Worker } from 'node:worker_threads';
import type { Fence } from './check-answer.ts';
import type { ContractPorts } from './contract.ts';
import type { Flaw, Text } from './document.ts';

export type Look = 'openapi' | { readonly word: string; readonly schema: { readonly file: string; readonly source: string } };
export type Asked = { readonly id: number; readonly text: Text; readonly look: Look };
type Reply = { readonly id: number; readonly flaws?: readonly Flaw[]; readonly error?: string };

export type DocumentOptions = {
  /** Longest check of one document, the start of the worker included, in milliseconds. */
  readonly deadlineMs: number;
  /** Largest document, in bytes. */
  readonly bytesMax: number;
  /** For tests: another worker that speaks the same messages. */
  readonly startWorker?: () => Worker;
  /** How long an idle worker is kept, in milliseconds; default 30 s. */
  readonly idleMs?: number;
};
export type Documents = {
  readonly openapi: NonNullable<ContractPorts['openapi']>;
  readonly schema: NonNullable<ContractPorts['schema']>;
  close(): Promise<void>;
};

const IDLE_MS = 30_000;

function startContractWorker(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './contract-worker.ts' : './contract-worker.js';
  // No environment and bounded memory: a document that needs more breaks the worker, not the daemon.
  return new Worker(new URL(file, import.meta.url), { env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 512 } });
}

export function makeDocuments(options: DocumentOptions): Documents {
  const start = options.startWorker ?? startContractWorker;
  let worker: Worker | null = null;
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  let idle: NodeJS.Timeout | undefined;

  const drop = async (): Promise<void> => {
    clearTimeout(idle);
    const old = worker;
    worker = null;
    await old?.terminate();
  };

  /** What the worker says, or why it said nothing. */
  const ask = async (text: Text, look: Look): Promise<readonly Flaw[] | string> => {
    clearTimeout(idle);
    const mine = (worker ??= start());
    mine.ref();
    const id = ++count;
    const answer = await new Promise<readonly Flaw[] | string>((settle) => {
      const timer = setTimeout(() => {
        settle(`it took longer than ${String(options.deadlineMs)} ms (contract.timeout in docket.yaml)`);
      }, options.deadlineMs);
      const done = (said: readonly Flaw[] | string): void => {
        clearTimeout(timer);
        settle(said);
      };
      mine.on('message', (reply: Reply) => {
        if (reply.id === id) done(reply.flaws ?? reply.error ?? 'the check gave no answer');
      });
      mine.once('error', (error: unknown) => {
        done(error instanceof Error ? error.message : 'the check broke');
      });
      mine.once('exit', () => {
        done('the check broke');
      });
      mine.postMessage({ id, text, look } satisfies Asked, []);
    });
    for (const event of ['message', 'error', 'exit']) mine.removeAllListeners(event);
    if (typeof answer === 'string') {
      // Nobody listens any more, and an error that nobody hears would end the process.
      mine.on('error', () => undefined);
      await drop();
    } else {
      mine.unref();
      idle = setTimeout(() => void drop(), options.idleMs ?? IDLE_MS);
      idle.unref();
    }
    return answer;
  };

  const check = async (fence: Fence, look: Look): Promise<readonly Flaw[]> => {
    const at = { line: fence.line, column: 1 };
    const sizeBytes = Buffer.byteLength(fence.text);
    if (sizeBytes > options.bytesMax)
      return [
        {
          ...at,
          message: `the block has ${String(sizeBytes)} bytes, at most ${String(options.bytesMax)} are checked (contract.document_bytes)`,
        },
      ];
    const turn = last.then(async () => ask({ text: fence.text, line: fence.line + 1, indent: fence.indent }, look));
    last = turn.catch(() => undefined);
    const said = await turn;
    return typeof said === 'string' ? [{ ...at, message: `the block could not be checked: ${said}` }] : said;
  };

  return {
    openapi: async (fence) => check(fence, 'openapi'),
    schema: async (fence, schema) => check(fence, { word: fence.word, schema }),
    close: drop,
  };
}
