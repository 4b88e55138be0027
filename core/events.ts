/** Lifecycle events: their names, what a program is told, and how it is found and run (docs/hooks.md). */

import type { Outcome } from './job.ts';
import type { JobId, RoleName } from './names.ts';

export const EVENT_NAMES = ['after_intake', 'before_run', 'after_publish', 'on_failure'] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** Names and hashes; never what a prompt or an answer says. */
export type EventFacts = {
  readonly job: JobId;
  readonly role: RoleName;
  readonly stem: string;
  readonly feature: string | null;
  readonly name: string | null;
  readonly revision: number | null;
  readonly prompt_sha256: string | null;
  /** Null: it has none yet. */
  readonly outcome: Outcome | null;
  /** The class of what went wrong, and its words without secrets. */
  readonly failure: { readonly class: string; readonly words: string } | null;
  /** Names of what is published, in out/ of the role. */
  readonly files: readonly string[];
  readonly at: string;
};

/** Programs that may run, and words about those that may not. */
export type FoundPrograms = {
  readonly programs: readonly { readonly name: string; readonly path: string }[];
  readonly faults: readonly string[];
};

export type EventRun = {
  /** Behind the program's name; absent: none. */
  readonly args?: readonly string[];
  /** Standard input. */
  readonly input: string;
  /** On top of PATH, HOME, LANG, LC_ALL, TZ and TMPDIR. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeoutMs: number;
  /** Of standard output and error together. */
  readonly outputBytesMax: number;
  /** Ends it before its time. */
  readonly signal: AbortSignal;
};

export type EventEnd = {
  /** Null: a signal, the time limit, or it could not be started. */
  readonly code: number | null;
  /** `exited`, or why there is no exit code. */
  readonly how: 'exited' | 'killed' | 'too slow' | 'stopped' | 'not started';
  readonly output: string;
};
