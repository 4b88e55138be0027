/** A role: who answers. Data in agents/NN-name/role.yaml; a new role is a new folder. */

import type { RoleFolder, RoleName } from './names.ts';

/** A JSON Schema (2020-12) beside the spec or the role. `source` is empty until somebody read the file (cli/load.ts). */
export type FenceSchema = { readonly file: string; readonly source: string };

/** One entry of `output`: what a right answer contains (agents/contract.ts). */
export type OutputCheck =
  | { readonly heading: string }
  | { readonly fence: string; readonly schema?: FenceSchema }
  /** `ifAny`: an answer without such a block is fine; nobody writes it, it follows from `emits: prompts`. */
  | { readonly kind: 'openapi' | 'prompts' | 'changes'; readonly ifAny?: true };

export type Role = {
  readonly name: RoleName;
  readonly folder: RoleFolder;
  readonly number: number;
  readonly title: string;
  readonly responsibility: string;
  /** The role's own choice; null: the workspace's. */
  readonly runner: string | null;
  /** Who answers instead while the lane of the one before is held for a limit or its environment, in this order. */
  readonly fallbacks: readonly string[];
  readonly allowedRunners: readonly string[];
  readonly model: string | null;
  readonly access: 'read-only' | 'worktree';
  readonly lane: string | null;
  readonly slots: number | null;
  readonly timeoutMs: number | null;
  readonly idleTimeoutMs: number | null;
  readonly attempts: number | null;
  readonly review: 'required' | 'none';
  /** People whose approval it takes, each of another e-mail address. */
  readonly reviewers: number;
  /** Does the approval of who wrote the prompt count? */
  readonly authorMayApprove: boolean;
  readonly next: readonly RoleName[];
  readonly emits: 'document' | 'prompts' | 'changes';
  readonly checks: readonly OutputCheck[];
  /** Where it was read, for words that say what to edit. */
  readonly file: string;
  /** The bytes of role.yaml: a material of every run. */
  readonly source: string;
};

/** A prompt spec: the versioned instructions of a role. */
export type PromptSpec = {
  readonly role: RoleName;
  readonly version: string;
  readonly summary: string;
  readonly output: readonly OutputCheck[];
  readonly instructions: string;
  readonly file: string;
  readonly source: string;
};
