/**
 * One worker of the secret scan, as long as it lives: starting -> ready -> ended. It answers texts in the order in which they were posted.
 * Invariant: `ended` is told exactly once, whatever ends it, and nothing is told after it.
 */

import { Worker } from 'node:worker_threads';
import type { TextFinding } from './scan-text.ts';

/** What was found, or the words why there is nothing to trust. */
export type Answer = Found | string;
export type Found = { readonly secrets: readonly TextFinding[]; readonly personal: readonly TextFinding[] };
type Reply = {
  readonly ready?: true;
  readonly id?: number;
  readonly findings?: readonly TextFinding[];
  readonly personal?: readonly TextFinding[];
  readonly error?: string;
};

const foundIn = ({ findings, personal, error }: Reply): Answer =>
  findings === undefined ? (error ?? 'the scanner gave no answer') : { secrets: findings, personal: personal ?? [] };

export type ScanThread = {
  /** @param personal look for personal data, too */
  post(id: number, text: string, personal: boolean): void;
  /** The process lives on for it, or not. */
  keepAlive(isBusy: boolean): void;
  stop(reason: string): Promise<void>;
};

export type Told = {
  ready(): void;
  answered(id: number, answer: Answer): void;
  ended(reason: string): void;
};

export function makeScanThread(worker: Worker, told: Told): ScanThread {
  let isOver = false;
  const end = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    told.ended(reason);
  };
  worker.on('message', (reply: Reply) => {
    if (isOver) return;
    if (reply.ready === true) told.ready();
    else if (reply.id !== undefined) told.answered(reply.id, foundIn(reply));
  });
  worker.on('error', (cause: unknown) => {
    end(`the scanner broke: ${cause instanceof Error ? cause.name : 'unknown error'}`);
  });
  worker.on('exit', (code) => {
    end(`the scanner ended with exit code ${String(code)}`);
  });
  worker.unref();
  return {
    post(id, text, personal) {
      worker.postMessage({ id, text, personal }, []);
    },
    keepAlive(isBusy) {
      if (isBusy) worker.ref();
      else worker.unref();
    },
    async stop(reason) {
      end(reason);
      await worker.terminate();
    },
  };
}

export function startScanWorker(compileCache: string | null): Worker {
  const file = import.meta.url.endsWith('.ts') ? './scan-worker.ts' : './scan-worker.js';
  // No environment of the user's: DEBUG would make secretlint talk. Bounded memory: a worker that needs more breaks, the daemon does not.
  return new Worker(new URL(file, import.meta.url), {
    env: compileCache === null ? {} : { NODE_COMPILE_CACHE: compileCache },
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4 },
  });
}
