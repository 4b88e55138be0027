/** The records of the history bench: a prompt, its answer, its evidence and its brief, as large and as compressible as real text. */

import { Buffer } from 'node:buffer';
import type { Answer, MaterialBytes, Submission } from '#core/history.ts';
import { PREDICATE_TYPE, STATEMENT_TYPE } from '#core/evidence.ts';
import { jobIdFrom, parseFeature, parseRoleName } from '#core/names.ts';
import type { Result } from '#core/result.ts';
import { makeDigest } from '#platform/digest.ts';
import { FOLDERS } from './prompts.ts';

export type Pair = { readonly submission: Submission; readonly answer: Answer };

/** Bytes of each part. */
const PROMPT = 2_000;
const BRIEF = 3_000;
const RESULT = 8_000;
/** Facts in the evidence beside the hashes; together about 2 KB. */
const FACTS = 1_200;
const AT = '2026-11-20T10:00:00.000Z';
const WORDS = `filter user list choice reload server answer schema field column index query route button label panel state store cache
  request response error retry limit budget review accept reject change file folder branch commit test case number value string empty
  first last next before after while until unless every other shall must may should returns throws takes gives keeps drops`.split(/\s+/);

const digest = makeDigest();
const must = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

/** Words in an order of their own for each seed (mulberry32): compresses to about a third, as prose does. */
function textOf(seed: number, sizeBytes: number): string {
  let state = seed;
  let text = '';
  while (text.length < sizeBytes) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const drawn = (mixed ^ (mixed >>> 14)) >>> 0;
    text += `${WORDS[drawn % WORDS.length] ?? ''}${drawn % 11 === 0 ? '.\n' : ' '}`;
  }
  return text;
}

/** Pair `n` of a history: a feature has six, one for each role. */
export function pairOf(n: number): Pair {
  const folder = FOLDERS[n % FOLDERS.length] ?? '01-architect';
  const role = folder.slice(3);
  const feature = must(parseFeature(`FEAT-${String(1_000 + Math.floor(n / FOLDERS.length))}-user-filters`));
  const prompt = Buffer.from(
    `---\nfeature: ${feature.id}\nagent: ${role}\nprompt_spec_version: 2.1.0\nrevision: 1\n---\n\n${textOf(4 * n, PROMPT)}\n`,
  );
  const brief = textOf(4 * n + 1, BRIEF);
  const result = Buffer.from(textOf(4 * n + 2, RESULT));
  const promptSha256 = digest.sha256(prompt);
  const material: MaterialBytes = { role: 'brief', name: 'brief', sha256: digest.sha256(brief), sizeBytes: brief.length, bytes: brief };
  const shared = {
    job: jobIdFrom(digest.randomBytes(10)),
    identity: { feature: feature.id, role: must(parseRoleName(role)), name: null, revision: 1 },
    roleFolder: folder,
    promptSha256,
    specVersion: '2.1.0',
    codeCommit: null,
    runner: 'claude',
    model: 'sonnet',
    at: AT,
  };
  const evidence = {
    _type: STATEMENT_TYPE,
    subject: [
      { name: 'prompt', digest: { sha256: promptSha256 } },
      { name: 'result', digest: { sha256: digest.sha256(result) } },
    ],
    predicateType: PREDICATE_TYPE,
    predicate: {
      job: shared.job,
      status: 'answered',
      materials: [{ role: 'brief', name: 'brief', sha256: material.sha256, sizeBytes: material.sizeBytes }],
      attempts: [{ n: 1, runId: shared.job, facts: textOf(4 * n + 3, FACTS) }],
    },
  };
  return {
    submission: { ...shared, featureName: feature.name, title: 'User filters', stream: 'feature', prompt },
    answer: {
      ...shared,
      status: 'answered',
      result,
      evidence: `${JSON.stringify(evidence, null, 2)}\n`,
      materials: [material],
      attempts: [],
    },
  };
}

/** The files of a pair as the history lays them out. */
export function filesOf({ submission, answer }: Pair): readonly { readonly path: string; readonly bytes: Uint8Array | string }[] {
  const folder = `${submission.featureName}/${submission.roleFolder}`;
  return [
    { path: `${submission.featureName}/feature.json`, bytes: `${JSON.stringify({ v: 1, id: submission.identity.feature }, null, 2)}\n` },
    { path: `${folder}/prompt_v1.md`, bytes: submission.prompt },
    { path: `${folder}/result_v1.md`, bytes: answer.result ?? '' },
    { path: `${folder}/evidence_v1.json`, bytes: answer.evidence },
    ...answer.materials.map(({ sha256, bytes }) => ({ path: `materials/sha256/${sha256.slice(0, 2)}/${sha256}`, bytes })),
  ];
}
