/**
 * May this text leave, may it be recorded? Secrets are looked for in a worker thread, one text at a time, each under a deadline.
 *
 * Worker: none -> starting -> ready -> scanning -> ready …; a timeout or a crash ends it, and the next scan starts a new one.
 * Invariant: fails closed. Whatever goes wrong - no worker, a crash, the deadline, a closed scan - the answer is `secret-scan-failed`.
 */

import { Worker } from 'node:worker_threads';
import preset from '@secretlint/secretlint-rule-preset-recommend/package.json' with { type: 'json' };
import type { Failure, SecretFinding } from '#core/failure.ts';
import type { SecretScan } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import { RULES_VERSION } from './known-secrets.ts';

export type SecretScanOptions = {
  /** Longest scan of one text, in milliseconds; the start of the worker has the same again, and at least 30 s. */
  readonly deadlineMs: number;
  /** Folder of Node's compile cache (node:module): with it the worker starts sooner and needs half the memory. */
  readonly compileCache?: string | null;
  /** How long an idle worker is kept, in milliseconds; default 60 s. */
  readonly idleMs?: number;
  /** For tests: another worker that speaks scan-worker.ts's messages. */
  readonly startWorker?: () => Worker;
};

type Reply = { readonly ready?: true; readonly id?: number; readonly findings?: readonly SecretFinding[]; readonly error?: string };
type Answer = readonly SecretFinding[] | string;

/** Runs a text through a worker of its own; a text is a job of the queue below. */
class ScanThread {
  readonly #worker: Worker;
  readonly #started: Promise<string | null>;
  #pending: { readonly id: number; readonly settle: (answer: Answer) => void } | null = null;
  #ended: string | null = null;
  #onEnd: (reason: string) => void = () => undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#started = new Promise((resolve) => {
      this.#onEnd = resolve;
      worker.on('message', (reply: Reply) => {
        if (reply.ready === true) resolve(null);
        else if (reply.id === this.#pending?.id) this.#pending?.settle(reply.findings ?? reply.error ?? 'the scanner gave no answer');
      });
    });
    worker.on('error', (cause: unknown) => {
      this.#end(`the scanner broke: ${cause instanceof Error ? cause.name : 'unknown error'}`);
    });
    worker.on('exit', (code) => {
      this.#end(`the scanner ended with exit code ${String(code)}`);
    });
    worker.unref();
  }

  get isAlive(): boolean {
    return this.#ended === null;
  }

  /** Null when it is ready, else why it is not. */
  async ready(limitMs: number): Promise<string | null> {
    this.#worker.ref();
    const answer = await within(limitMs, this.#started, `the scanner was not ready after ${String(limitMs)} ms`);
    if (answer !== null) await this.stop(answer);
    this.#worker.unref();
    return answer;
  }

  async scan(id: number, text: string, limitMs: number): Promise<Answer> {
    if (this.#ended !== null) return this.#ended;
    this.#worker.ref();
    const asked = new Promise<Answer>((settle) => {
      this.#pending = { id, settle };
    });
    this.#worker.postMessage({ id, text }, []);
    const late = `the scan took longer than ${String(limitMs)} ms (limits.secret_scan in docket.yaml)`;
    const answer = await within(limitMs, asked, late);
    this.#pending = null;
    if (answer === late) await this.stop(late);
    this.#worker.unref();
    return answer;
  }

  async stop(reason: string): Promise<void> {
    this.#end(reason);
    await this.#worker.terminate();
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#onEnd(this.#ended);
    this.#pending?.settle(this.#ended);
  }
}

/** The promise's value, or `late` when it takes longer. A value that came while this thread was busy still counts. */
async function within<T>(limitMs: number, promise: Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<T>((resolve) => {
    timer = setTimeout(() => {
      // Messages that are already there are delivered before this runs.
      setImmediate(() => {
        setImmediate(resolve, late);
      });
    }, limitMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function startScanWorker(compileCache: string | null): Worker {
  const file = import.meta.url.endsWith('.ts') ? './scan-worker.ts' : './scan-worker.js';
  // No environment of the user's: DEBUG would make secretlint talk. Bounded memory: a worker that needs more breaks, the daemon does not.
  return new Worker(new URL(file, import.meta.url), {
    env: compileCache === null ? {} : { NODE_COMPILE_CACHE: compileCache },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4 },
  });
}

/** A worker that has nothing to do for this long is ended: its 30 MB are worth more than the 0.1 s that the next one takes to start. */
const IDLE_MS = 60_000;

/**
 * The worker is started by the first text, and ended when it was idle. It keeps no process alive.
 * `scan` may be called in parallel: texts are scanned one after the other, in order, and each has the whole deadline.
 */
export function makeSecretScan(options: SecretScanOptions): SecretScan {
  const start = options.startWorker ?? ((): Worker => startScanWorker(options.compileCache ?? null));
  let thread: ScanThread | null = null;
  let idle: NodeJS.Timeout | undefined;
  let count = 0;
  let isClosed = false;
  let last: Promise<unknown> = Promise.resolve();

  async function answerFor(text: string): Promise<Answer> {
    if (isClosed) return 'the scanner was closed';
    clearTimeout(idle);
    if (thread?.isAlive !== true) thread = new ScanThread(start());
    const mine = thread;
    const refused = await mine.ready(Math.max(options.deadlineMs, 30_000));
    const answer = refused ?? (await mine.scan(++count, text, options.deadlineMs));
    idle = setTimeout(() => void mine.stop('the scanner was idle'), options.idleMs ?? IDLE_MS);
    idle.unref();
    return answer;
  }

  async function scan(where: 'prompt' | 'answer', text: string): Promise<Result<null, Failure>> {
    const turn = last
      .then(async () => answerFor(text))
      .catch((cause: unknown) => `the scanner broke: ${cause instanceof Error ? cause.message : 'unknown error'}`);
    last = turn;
    const answer = await turn;
    if (typeof answer === 'string') return err({ kind: 'secret-scan-failed', in: where, reason: answer });
    return answer.length === 0 ? ok(null) : err({ kind: 'secret-found', in: where, findings: answer });
  }

  return {
    rules: {
      check: 'secrets',
      version: `secretlint-rule-preset-recommend ${preset.version} without filter-comments, docket ${RULES_VERSION}`,
    },
    scan,
    close: async () => {
      isClosed = true;
      clearTimeout(idle);
      await thread?.stop('the scanner was closed');
    },
  };
}
