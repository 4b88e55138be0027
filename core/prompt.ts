/** A prompt: a Markdown file with front matter, once it is valid. */

import type { Warning } from './fault.ts';
import type { Feature, FeatureId, PromptName, RoleName } from './names.ts';

/** The largest values that settings may give `limits.prompt_bytes` and `limits.front_matter_bytes`: nothing larger was ever accepted. */
export const PROMPT_BYTES_MAX = 8_000_000;
export const FRONT_MATTER_BYTES_MAX = 65_536;

export type Stream = 'feature' | 'fix';

export type PromptLimits = {
  readonly timeoutMs?: number;
  readonly attempts?: number;
  readonly budgetUsd?: number;
  readonly turns?: number;
};

/** A prompt this one waits for: `meta` (newest accepted revision of the same feature) or `FEAT-123/openapi@1`. */
export type Dependency = {
  readonly feature: FeatureId;
  readonly role: RoleName;
  readonly revision: number | null;
  readonly name: PromptName | null;
};

export type Prompt = {
  readonly feature: Feature;
  readonly agent: RoleName;
  /** The version the author asked for: three numbers, or a pre-release asked for exactly. */
  readonly specVersion: string;
  readonly revision: number;
  /** As written: ISO 8601 with zone. */
  readonly createdAt: string;
  readonly name: PromptName | null;
  readonly stream: Stream | null;
  readonly title: string | null;
  /** 0..99, lower goes first. */
  readonly priority: number;
  readonly notBefore: string | null;
  readonly dependsOn: readonly Dependency[];
  readonly runner: string | null;
  readonly model: string | null;
  readonly limits: PromptLimits;
  /** Every other key, known or not, as plain JSON: kept, never interpreted here. */
  readonly rest: Readonly<Record<string, unknown>>;
  /** The Markdown below the front matter, line ends and all, byte for byte. */
  readonly body: string;
  readonly warnings: readonly Warning[];
};

/** (feature id, role, name, revision): what a record in history is filed under. */
export type Identity = {
  readonly feature: FeatureId;
  readonly role: RoleName;
  readonly name: PromptName | null;
  readonly revision: number;
};

export const identityOf = (prompt: Prompt): Identity => ({
  feature: prompt.feature.id,
  role: prompt.agent,
  name: prompt.name,
  revision: prompt.revision,
});

/** `revision 2 of FEAT-123/ui`, or `FEAT-123/ui/filter-panel`. */
export const describeIdentity = (identity: Identity): string =>
  `revision ${String(identity.revision)} of ${identity.feature}/${identity.role}${identity.name === null ? '' : `/${identity.name}`}`;

/** The key two prompts share when they are the same prompt; case of the feature aside. */
export const identityKey = (identity: Identity): string =>
  `${identity.feature.toLowerCase()}/${identity.role}/${identity.name ?? ''}@${String(identity.revision)}`;
