/**
 * May this text leave, may it be recorded? Secrets are looked for in a worker thread, one text after the other, each under a deadline.
 *
 * Worker: none -> starting -> ready -> scanning -> ready …; a timeout or a crash ends it, and the next text starts a new one. A few texts lie
 * with the worker before their turn, so that it never waits for this thread; those behind one that broke it go to the next worker.
 * What a person let pass by its fingerprint passes, and is told for the evidence; the secret itself is looked at here and handed to nobody.
 * Invariant: fails closed. Whatever goes wrong - no worker, a crash, the deadline, a closed scan - the answer is `secret-scan-failed`.
 */

import type { Worker } from 'node:worker_threads';
import preset from '@secretlint/secretlint-rule-preset-recommend/package.json' with { type: 'json' };
import type { Failure, SecretFinding } from '#core/failure.ts';
import type { AllowedSecret, PersonalData, ScanNote, ScanPlace } from '#core/policy.ts';
import type { SecretScan } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import { RULES_VERSION } from './known-secrets.ts';
import { FINDINGS_MAX } from './own-rules.ts';
import { PERSONAL_PREFIX, PERSONAL_VERSION } from './personal-data.ts';
import { makeScanThread, startScanWorker, type Answer, type Found, type ScanThread } from './scan-thread.ts';
import type { TextFinding } from './scan-text.ts';

export type SecretScanOptions = {
  /** Longest scan of one text, in milliseconds; the start of the worker has the same again, and at least 30 s. */
  readonly deadlineMs: number;
  /** Folder of Node's compile cache (node:module): with it the worker starts sooner and needs half the memory. */
  readonly compileCache?: string | null;
  /** Hash of a secret with the workspace's key (platform/fingerprint.ts); without it nothing is let pass. */
  readonly fingerprint?: (secret: string) => string;
  /** What docket.yaml lets pass. */
  readonly allowed?: readonly AllowedSecret[];
  /** Default: off. */
  readonly personalData?: PersonalData;
  /** How long an idle worker is kept, in milliseconds; default 60 s. */
  readonly idleMs?: number;
  /** For tests: another worker that speaks scan-worker.ts's messages. */
  readonly startWorker?: () => Worker;
};

/** For `docket redact`. */
export type SecretFinder = SecretScan & {
  /** Where all that would hold a text stands, at most 50 of each kind; or the words why nobody knows. */
  find(text: string): Promise<Result<readonly TextFinding[], string>>;
};

type Asked = { readonly id: number; readonly text: string; readonly settle: (answer: Answer) => void };

/** A worker that has nothing to do for this long is ended: its 30 MB are worth more than the 0.1 s that the next one takes to start. */
const IDLE_MS = 60_000;
const START_MS = 30_000;
/** Texts that lie with the worker. */
const AHEAD = 16;
const CLOSED = 'the scanner was closed';

/**
 * The worker is started by the first text, and ended when it was idle. It keeps no process alive.
 * `scan` may be called in parallel: texts are scanned one after the other, in order, and each has the whole deadline.
 */
export function makeSecretScan(options: SecretScanOptions): SecretFinder {
  const start = options.startWorker ?? ((): Worker => startScanWorker(options.compileCache ?? null));
  const personalData = options.personalData ?? 'off';
  const waiting: Asked[] = [];
  /** With the worker; the first is being scanned. */
  const sent: Asked[] = [];
  let thread: ScanThread | null = null;
  let isReady = false;
  let count = 0;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const isBusy = (): boolean => sent.length + waiting.length > 0;

  const startThread = (): void => {
    isReady = false;
    const mine: ScanThread = makeScanThread(start(), {
      ready() {
        if (thread !== mine) return;
        clearTimeout(timer);
        isReady = true;
        feed();
      },
      answered(id, answer) {
        if (thread !== mine || sent[0]?.id !== id) return;
        const [first] = sent.splice(0, 1);
        clearTimeout(timer);
        if (sent.length > 0) watchFirst();
        feed();
        first?.settle(answer);
      },
      ended(reason) {
        if (thread === mine) lost(reason);
      },
    });
    thread = mine;
    const limitMs = Math.max(options.deadlineMs, START_MS);
    timer = setTimeout(after, limitMs, mine, `the scanner was not ready after ${String(limitMs)} ms`);
  };

  /** The first text's time begins: the one before it is done. */
  const watchFirst = (): void => {
    const words = `the scan took longer than ${String(options.deadlineMs)} ms (limits.secret_scan in docket.yaml)`;
    timer = setTimeout(after, options.deadlineMs, thread, words, sent[0]);
  };

  /** Messages that are already there are delivered before it counts: a value that came while this thread was busy is in time. */
  const after = (mine: ScanThread | null, words: string, first?: Asked): void => {
    setImmediate(() => {
      setImmediate(() => {
        const isLate = first === undefined ? !isReady : sent[0] === first;
        if (thread === mine && isLate) void mine?.stop(words);
      });
    });
  };

  /** Whatever was being done then is refused; what waited behind it goes to another worker. */
  const lost = (reason: string): void => {
    clearTimeout(timer);
    const first = sent.shift() ?? waiting.shift();
    waiting.unshift(...sent.splice(0));
    thread = null;
    first?.settle(reason);
    if (!isClosed) feed();
  };

  const feed = (): void => {
    if (!isBusy()) {
      if (thread === null) return;
      thread.keepAlive(false);
      timer = setTimeout(() => void thread?.stop('the scanner was idle'), options.idleMs ?? IDLE_MS);
      timer.unref();
      return;
    }
    if (thread === null) {
      try {
        startThread();
      } catch (cause) {
        lost(`the scanner broke: ${cause instanceof Error ? cause.message : 'unknown error'}`);
        return;
      }
    }
    thread?.keepAlive(true);
    if (!isReady) return;
    const isFirst = sent.length === 0;
    for (const asked of waiting.splice(0, AHEAD - sent.length)) {
      sent.push(asked);
      thread?.post(asked.id, asked.text, personalData !== 'off');
    }
    if (isFirst) watchFirst();
  };

  const ask = async (text: string): Promise<Answer> =>
    new Promise<Answer>((settle) => {
      if (isClosed) {
        settle(CLOSED);
        return;
      }
      // The idle worker's time, if it was counting.
      if (!isBusy()) clearTimeout(timer);
      waiting.push({ id: ++count, text, settle });
      feed();
    });

  async function scan(where: ScanPlace, text: string): Promise<Result<ScanNote | null, Failure>> {
    const answer = await ask(text);
    if (typeof answer === 'string') return err({ kind: 'secret-scan-failed', in: where, reason: answer });
    return judge(options, where, text, answer);
  }

  return {
    rules: {
      check: 'secrets',
      version: `secretlint-rule-preset-recommend ${preset.version} without filter-comments, docket ${RULES_VERSION}${personalData === 'off' ? '' : `, personal data ${PERSONAL_VERSION} (${personalData})`}`,
    },
    scan,
    async find(text) {
      const answer = await ask(text);
      if (typeof answer === 'string') return err(answer);
      const isAllowed = ({ from, to }: TextFinding): boolean => rowOf(options, text.slice(from, to)) !== undefined;
      return ok([...answer.secrets.filter((one) => !isAllowed(one)), ...(personalData === 'hold' ? answer.personal : [])]);
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      const last = thread;
      for (const asked of [...sent.splice(0), ...waiting.splice(0)]) asked.settle(CLOSED);
      await last?.stop(CLOSED);
    },
  };
}

/** The row of docket.yaml that lets it pass. */
function rowOf({ fingerprint, allowed = [] }: SecretScanOptions, secret: string): AllowedSecret | undefined {
  if (fingerprint === undefined || allowed.length === 0) return undefined;
  const print = fingerprint(secret);
  return allowed.find((one) => one.fingerprint === print);
}

/** What was found, against what may pass. */
function judge(options: SecretScanOptions, where: ScanPlace, text: string, { secrets, personal }: Found): Result<ScanNote | null, Failure> {
  if (secrets.length === 0 && personal.length === 0) return ok(null);
  const passed: ScanNote['allowed'][number][] = [];
  const left: SecretFinding[] = [];
  for (const { from, to, ...finding } of secrets) {
    const secret = text.slice(from, to);
    const row = rowOf(options, secret);
    const print = options.fingerprint?.(secret);
    if (row !== undefined) passed.push({ ...row, rule: finding.rule });
    else left.push(print === undefined ? finding : { ...finding, fingerprint: print });
  }
  if (left.length > 0) return err({ kind: 'secret-found', in: where, findings: left });
  // Only so many are told: behind them may stand another one.
  if (secrets.length >= FINDINGS_MAX)
    return err({ kind: 'secret-scan-failed', in: where, reason: `it holds ${String(FINDINGS_MAX)} allowed secrets or more: divide it` });
  if (personal.length > 0 && options.personalData === 'hold')
    return err({ kind: 'personal-data-found', in: where, findings: personal.map(({ rule, line, column }) => ({ rule, line, column })) });
  return ok({ allowed: passed, personal: countKinds(personal) });
}

function countKinds(personal: readonly TextFinding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rule } of personal) {
    const kind = rule.slice(PERSONAL_PREFIX.length);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
