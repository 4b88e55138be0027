/**
 * Evidence: an in-toto Statement v1 (https://in-toto.io/Statement/v1). Who asked what, with which spec, tool, model and code, and what came back.
 * One JSON document, two-space indented, keys in this order, ending in a newline: the same bytes in out/ and in history.
 */

import type { Failure } from './failure.ts';
import type { FeatureId, JobId, PromptName, RoleName, Sha256 } from './names.ts';
import type { FileChange, ScopeEvidence } from './scope.ts';
import type { ScanNote } from './policy.ts';
import type { AttemptRecord, RunnerFacts, Usage } from './run.ts';
import type { Standing } from './verdict.ts';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const PREDICATE_TYPE = 'urn:docket:evidence:v1';

export type Subject = { readonly name: string; readonly digest: { readonly sha256: Sha256 } };

/** One thing a stranger needs to rebuild the run; stored once in materials/sha256/<hash>. */
export type Material = {
  readonly role: 'prompt-spec' | 'role' | 'settings' | 'brief' | 'context';
  readonly name: string;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
};

/** An accepted answer that stood in the brief: which revision, and whose verdict let it through (docs/chain.md). */
export type ContextFact = {
  /** In the history. */
  readonly path: string;
  /** Of the whole answer, which is a material of role `context`. */
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  /** How much of it the brief holds: its beginning. */
  readonly sentBytes: number;
  readonly job: JobId;
  readonly feature: FeatureId;
  readonly role: RoleName;
  readonly name: PromptName | null;
  readonly revision: number;
  /** As it was when the brief was made; an attempt that is made later, with the same brief, does not ask again. */
  readonly standing: Standing;
  /** The approvals that it had, oldest first; none of an answer that needs no review. */
  readonly verdicts: readonly { readonly path: string; readonly commit: string }[];
};

export type CodeFacts = {
  readonly repository: string | null;
  readonly baseCommit: string | null;
  readonly headCommit: string | null;
  readonly dirty: boolean | null;
};

/** `sha256` is of the file's bytes, with the line that names its parent. */
export type EmittedPrompt = { readonly role: string; readonly stem: string; readonly sha256: Sha256 };

export type Predicate = {
  readonly job: JobId;
  readonly feature: { readonly id: string; readonly name: string };
  readonly role: string;
  readonly name: string | null;
  readonly revision: number;
  readonly status: 'answered' | 'briefed' | 'failed' | 'cancelled';
  readonly stem: string;
  readonly spec: { readonly asked: string; readonly used: string; readonly sha256: Sha256 };
  readonly materials: readonly Material[];
  /** In the order of depends_on; left out: it depends on nothing. */
  readonly context?: readonly ContextFact[];
  readonly runner: RunnerFacts & { readonly command: string | null; readonly model: string | null };
  readonly account: string | null;
  readonly attempts: readonly AttemptRecord[];
  readonly usage: Usage;
  readonly sessionId: string | null;
  readonly code: CodeFacts;
  /** Null: nothing was declared, and no program was started. Docket 0.1 has what the prompt says, as it stands there. */
  readonly scope: ScopeEvidence | null;
  readonly filesChanged: readonly FileChange[];
  readonly policy: readonly {
    readonly check: string;
    readonly version: string;
    readonly on: 'prompt' | 'answer';
    /** told: it was found, and let pass with a warning (personal data). */
    readonly outcome: 'passed' | 'found' | 'failed' | 'told';
    /** What a person lets pass by policy.allow_secrets; absent: nothing. */
    readonly allowed?: ScanNote['allowed'];
    /** How many of each kind of personal data. */
    readonly kinds?: ScanNote['personal'];
  }[];
  /** What the answer lacks of the asked shape (headings, fences), in words: for the reviewer, it fails nothing. Null: there is no answer of a tool. */
  readonly outputMisses: readonly string[] | null;
  /** Prompts that the answer enqueued, in its order; absent: none. Their names are those of the decision: one that was taken meanwhile got the next number. */
  readonly emitted?: readonly EmittedPrompt[];
  readonly failure: Failure | null;
  readonly daemon: { readonly version: string; readonly host: string; readonly instance: string };
  readonly times: { readonly promptCreated: string; readonly claimed: string; readonly submitted: string; readonly ended: string };
};

export type Statement = {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: Predicate;
};
