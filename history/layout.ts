/**
 * Where everything lies in the history repository, and nothing else builds these paths. Source: FORMATS "History repository".
 *
 *   FEAT-123-user-filters/feature.json
 *   FEAT-123-user-filters/01-architect/prompt_v2.md  result_v2.md  evidence_v2.json  evidence_v2.dsse.json (with signing on)
 *   FEAT-123-user-filters/03-ui/filter-panel/prompt_v1.md …      a prompt with a name of its own
 *   FEAT-123-user-filters/01-architect/review_v2.json  review_v2_2.json …       verdicts about result_v2.md, in the order of their commits
 *   FEAT-123-user-filters/closing.json  reopening.json  closing_2.json …          what ended the feature, and opened it again
 *   FEAT-123-user-filters/promotion.json  promotion_2.json …                      a person saw it work on production
 *   FEAT-123-user-filters/01-architect/attempts/<job>/…          evidence and raw output of attempts that failed
 *   materials/sha256/<first two characters>/<hash>               each once; the middle folder keeps a commit's tree small
 */

import { parseFeature, parsePromptName, parseRoleFolder, type PromptName, type RoleName } from '#core/names.ts';
import type { FeatureId, Sha256 } from '#core/names.ts';
import type { Identity } from '#core/prompt.ts';

export const README = 'README.md';
export const ATTRIBUTES = '.gitattributes';
export const MATERIALS = 'materials';
export const ATTEMPTS = 'attempts';
export const FEATURE_FILE = 'feature.json';

export const promptFile = (revision: number): string => `prompt_v${String(revision)}.md`;
export const resultFile = (revision: number): string => `result_v${String(revision)}.md`;
export const evidenceFile = (revision: number): string => `evidence_v${String(revision)}.json`;
/** The signed envelope of an evidence file, beside it: `evidence_v2.dsse.json`. */
export const envelopeOf = (evidence: string): string => evidence.replace(/\.json$/, '.dsse.json');

/** Folder of an identity below the feature: `01-architect` or `03-ui/filter-panel`. */
export const seriesFolder = (feature: string, roleFolder: string, name: PromptName | null): string =>
  name === null ? `${feature}/${roleFolder}` : `${feature}/${roleFolder}/${name}`;

export const materialPath = (hash: Sha256): string => `${MATERIALS}/sha256/${hash.slice(0, 2)}/${hash}`;

/** `materials/sha256/<hash>` names a material wherever it is kept; every other path is itself. */
export function storedPath(path: string): string {
  const hash = /^materials\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
  return hash === undefined ? path : materialPath(hash as Sha256);
}

export const reviewFile = (revision: number): string => `review_v${String(revision)}.json`;
export const closingFile = (kind: 'closing' | 'reopening' | 'promotion'): string => `${kind}.json`;

/** `a.txt`, second time: `a_2.txt`. */
export function numbered(name: string, n: number): string {
  if (n === 1) return name;
  const dot = name.indexOf('.', 1);
  return dot < 0 ? `${name}_${String(n)}` : `${name.slice(0, dot)}_${String(n)}${name.slice(dot)}`;
}

/** A name for a file of an attempt: what may stand in a git tree, on every file system, and in a terminal. */
export const isAttemptFile = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) && !name.endsWith('.lock');

export type SeriesFile = {
  readonly kind: 'prompt' | 'result' | 'evidence' | 'envelope';
  readonly folder: string;
  readonly identity: Identity;
};

const SERIES_FILE = /^(?:(prompt)_v([1-9][0-9]{0,8})\.md|(result)_v([1-9][0-9]{0,8})\.md|(evidence)_v([1-9][0-9]{0,8})(\.dsse)?\.json)$/;

/** What a path of a series says: `FEAT-1/01-architect/prompt_v2.md`. Null for every other path. */
export function parseSeriesFile(path: string): SeriesFile | null {
  const parts = path.split('/');
  if (parts.length !== 3 && parts.length !== 4) return null;
  const [featureText = '', roleText = '', ...rest] = parts;
  const feature = featureIdOf(featureText);
  const role = parseRoleFolder(roleText);
  const file = SERIES_FILE.exec(rest.at(-1) ?? '');
  if (feature === null || !role.ok || file === null) return null;
  let name: PromptName | null = null;
  if (rest.length === 2) {
    const parsed = parsePromptName(rest[0] ?? '');
    if (!parsed.ok) return null;
    name = parsed.value;
  }
  const kind = file[7] === undefined ? ((file[1] ?? file[3] ?? file[5]) as SeriesFile['kind']) : 'envelope';
  const revision = Number(file[2] ?? file[4] ?? file[6]);
  return { kind, folder: parts.slice(0, -1).join('/'), identity: { feature, role: role.value.name, name, revision } };
}

export type ReviewPath =
  | { readonly kind: 'verdict'; readonly identity: Identity }
  | { readonly kind: 'closing' | 'reopening' | 'promotion'; readonly feature: FeatureId };

const REVIEW_FILE = /^(review_v[1-9][0-9]{0,8})(?:_[1-9][0-9]{0,8})?\.json$/;
const CLOSING_FILE = /^(closing|reopening|promotion)(?:_[1-9][0-9]{0,8})?\.json$/;

/** What a path of a verdict, a closing or a promotion says. Null for every other path. */
export function parseReviewPath(path: string): ReviewPath | null {
  const slash = path.lastIndexOf('/');
  const [folder, name] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
  const closing = CLOSING_FILE.exec(name)?.[1];
  if (closing !== undefined) {
    const feature = featureIdOf(folder);
    return feature === null ? null : { kind: closing as 'closing' | 'reopening' | 'promotion', feature };
  }
  const review = REVIEW_FILE.exec(name)?.[1];
  if (review === undefined) return null;
  const prompt = parseSeriesFile(`${folder}/${promptFile(Number(review.slice('review_v'.length)))}`);
  return prompt === null ? null : { kind: 'verdict', identity: prompt.identity };
}

/** The feature a top folder belongs to; null for folders that are none. */
export function featureIdOf(folder: string): FeatureId | null {
  const feature = parseFeature(folder);
  return feature.ok ? feature.value.id : null;
}

/** The role a folder inside a feature belongs to; null for folders that are none. */
export function roleOf(folder: string): RoleName | null {
  const role = parseRoleFolder(folder);
  return role.ok ? role.value.name : null;
}
