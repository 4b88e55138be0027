/** One run of an agent: what is asked of a runner, what the keeper leaves on disk, and what is understood of it. */

import type { Failure } from './failure.ts';
import type { JobId, Sha256 } from './names.ts';
import type { ScopeRules } from './scope.ts';

export type RunLimits = {
  readonly timeoutMs: number;
  readonly idleMs: number;
  readonly outputBytes: number;
  readonly answerBytes: number;
  readonly turns: number;
  readonly budgetUsd: number;
  /** Of all processes of the run together; 0 or absent: no ceiling. */
  readonly memoryMb?: number;
  readonly processes?: number;
};

/** What a runner is given. All text is already assembled; a runner adds nothing to it. */
export type RunRequest = {
  readonly job: JobId;
  /** 1-based. */
  readonly attempt: number;
  /** A UUID: session id of tools that take one, DOCKET_RUN_ID of the process tree. */
  readonly runId: string;
  /** Absolute: work/<job>/a<n>. */
  readonly dir: string;
  /** Absolute path of the assembled brief, and its text. The brief holds the prompt's body byte for byte. */
  readonly briefFile: string;
  readonly brief: string;
  readonly cwd: string;
  readonly model: string | null;
  readonly access: 'read-only' | 'worktree';
  readonly limits: RunLimits;
  /** For words that say what to edit. */
  readonly roleFile: string;
  /** What it may change: for the tool's own rules. Absent: its access alone. */
  readonly scope?: ScopeRules;
};

/** A program to start: everything resolved, nothing left to a shell. */
export type ProgramPlan = {
  readonly kind: 'program';
  /** Absolute, after symbolic links. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Absolute path of the file given as standard input. */
  readonly stdin: string;
  /** Command for evidence and words: no secret in it. */
  readonly shown: string;
  /** For evidence: what is around it (`bwrap 0.8.0`), or `none: <why>`. Absent: nobody asked. */
  readonly sandbox?: string;
};
export type InlinePlan = { readonly kind: 'inline'; readonly answer: string };
export type Plan = ProgramPlan | InlinePlan;

/** a<n>/run.json: written by the keeper before "go". */
export type RunFile = {
  readonly v: 1;
  readonly runId: string;
  readonly token: string;
  readonly pid: number;
  /** Start time of the process as the system gives it (/proc/<pid>/stat field 22 on Linux). */
  readonly pidStart: string;
  readonly bootId: string;
  readonly startedAt: string;
  /** ISO 8601. */
  readonly deadline: string;
  /** The command for evidence (ProgramPlan.shown): an adopted run needs no second plan. */
  readonly shown: string;
  /** ProgramPlan.sandbox. */
  readonly sandbox?: string;
};

export type StopReason = 'timeout' | 'idle' | 'output-limit' | 'memory-limit' | 'process-limit' | 'cancelled' | 'budget' | 'keeper-lost';

/** a<n>/exit.json: the run's commit point, written after the output is on disk. */
export type ExitFile = {
  readonly v: 1;
  readonly runId: string;
  readonly token: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the keeper ended it; null: it ended by itself. */
  readonly stopped: StopReason | null;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly stdout: { readonly sizeBytes: number; readonly sha256: Sha256 };
  readonly stderr: { readonly sizeBytes: number; readonly sha256: Sha256 };
};

export type Usage = {
  /** Without what a cache gave: each token is counted once. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cacheReadTokens: number | null;
  readonly cacheWriteTokens: number | null;
  readonly costUsd: number | null;
  readonly turns: number | null;
  /** The tool did not say what it cost: `costUsd` is by the price table. */
  readonly estimated?: true;
  /** Which row of it, from where and of which day. */
  readonly price?: string;
};
export const NO_USAGE: Usage = {
  inputTokens: null,
  outputTokens: null,
  cacheReadTokens: null,
  cacheWriteTokens: null,
  costUsd: null,
  turns: null,
};

/** One thing that an agent asked to do, and what docket said. Only agents that are spoken to over ACP ask. */
export type ToolAsk = {
  /** The protocol's word: read, edit, delete, move, search, execute, think, fetch, other; `write` when docket was to write the file itself. */
  readonly kind: string;
  /** The agent's own words for it, shortened. */
  readonly title: string;
  /** Relative to the working folder where they lie inside. */
  readonly paths: readonly string[];
  readonly decision: 'allowed' | 'rejected';
  /** Which rule decided. */
  readonly rule: string;
};
export type TextFacts = { readonly sha256: Sha256; readonly sizeBytes: number };
/** A change of a file as the agent told it, or as docket wrote it for it. The two texts may be parts of the file. */
export type FileDiff = {
  readonly path: string;
  /** Null: a new file. */
  readonly before: TextFacts | null;
  readonly after: TextFacts;
  readonly by: 'agent' | 'docket';
};
/** What an agent asked and changed, the first of each; the last number says how many more there were. */
export type ToolActs = { readonly asked: readonly ToolAsk[]; readonly diffs: readonly FileDiff[]; readonly leftOut: number };

/** What one attempt came to. `answer` is the text byte for byte, UTF-8. */
export type RunOutcome =
  | {
      readonly ok: true;
      readonly status: 'answered' | 'briefed';
      readonly answer: string;
      readonly usage: Usage;
      readonly model: string | null;
      readonly sessionId: string | null;
      readonly acts?: ToolActs;
    }
  | {
      readonly ok: false;
      readonly failure: Failure;
      readonly usage: Usage;
      readonly model: string | null;
      readonly sessionId: string | null;
      readonly acts?: ToolActs;
    };

/** Which program a runner would call: facts for evidence and for `docket doctor`. */
export type RunnerFacts = {
  readonly name: string;
  /** `tool`: by a profile, which `profile` names. `claude`: Claude Code, the same way; evidence of older versions has no profile. */
  readonly kind: 'offline' | 'command' | 'claude' | 'tool' | 'http' | 'acp';
  readonly version: string | null;
  readonly program: string | null;
  readonly programSha256: Sha256 | null;
  readonly lane: string;
  /** False: nothing leaves this machine. */
  readonly callsProvider: boolean;
  /** Address that a runner of kind http calls. */
  readonly endpoint?: string;
  /** How it was called and understood: id and hash of agents/tools/<id>.yaml. */
  readonly profile?: { readonly id: string; readonly sha256: Sha256 };
  /** Kinds of failure that look like an answer when the program is called in this way: as far as docket's tests know. */
  readonly hides?: readonly string[];
};

/** One attempt as evidence and the journal remember it. */
export type AttemptRecord = {
  readonly n: number;
  readonly runId: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** `answered`, `briefed` or the failure's class. */
  readonly outcome: string;
  readonly failure: Failure | null;
  readonly usage: Usage;
  /** How often the tool was started within this attempt (2 after a crash of the machine in the middle of it). */
  readonly starts: number;
  /** Where it ran and what answered; attempts of docket 0.1 do not say. */
  readonly lane?: string;
  readonly model?: string | null;
  readonly runner?: string;
  /** Why not the runner the job asked for first; null: it is that one. */
  readonly instead?: string | null;
  /** Of an agent that asks (runner of kind acp). */
  readonly acts?: ToolActs;
  /** What was around the tool: `bwrap 0.8.0`, or `none: <why>`. Absent: no program of another was started. */
  readonly sandbox?: string /** SHA-256 of the brief of a repair attempt, which is a material. Absent: the job's brief. */;
  readonly brief?: Sha256;
};
