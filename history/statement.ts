/** Builds and serialises evidence: pure, the same input gives the same bytes. The document is described in core/evidence.ts. */

import { PREDICATE_TYPE, STATEMENT_TYPE, type Predicate, type Statement } from '#core/evidence.ts';
import type { Sha256 } from '#core/names.ts';
import { promptFile, resultFile } from './layout.ts';
import { isObject, listIn, openStatement, type Json } from './loose-json.ts';

/** @param result null for a job without an answer: the prompt is then the only subject */
export function makeStatement(predicate: Predicate, prompt: Sha256, result: Sha256 | null): Statement {
  const subjects = [{ name: promptFile(predicate.revision), digest: { sha256: prompt } }];
  if (result !== null) subjects.push({ name: resultFile(predicate.revision), digest: { sha256: result } });
  return { _type: STATEMENT_TYPE, subject: subjects, predicateType: PREDICATE_TYPE, predicate };
}

const PREDICATE_KEYS = [
  'job',
  'feature',
  'role',
  'name',
  'revision',
  'status',
  'stem',
  'spec',
  'materials',
  'context',
  'runner',
  'account',
  'attempts',
  'usage',
  'sessionId',
  'code',
  'scope',
  'filesChanged',
  'policy',
  'outputMisses',
  'emitted',
  'failure',
  'daemon',
  'times',
] as const satisfies readonly (keyof Predicate)[];
/** Does not compile while a key of the predicate is missing above. */
type Missing = Exclude<keyof Predicate, (typeof PREDICATE_KEYS)[number]>;
const ALL_KEYS: Missing extends never ? typeof PREDICATE_KEYS : never = PREDICATE_KEYS;

/** Two-space indented JSON, keys in the order of core/evidence.ts, ending in a newline. */
export function renderStatement(statement: Statement): string {
  const predicate = Object.fromEntries(ALL_KEYS.map((key) => [key, statement.predicate[key]]));
  const { _type, subject, predicateType } = statement;
  return `${JSON.stringify({ _type, subject, predicateType, predicate }, null, 2)}\n`;
}

/** What verifying and filing read back of an evidence file; null when it is no such document. */
export type ReadStatement = {
  readonly subjects: readonly { readonly name: string; readonly sha256: string }[];
  readonly materials: readonly string[];
  readonly runIds: readonly string[];
};

const textsOf = (items: readonly Json[], key: string): string[] =>
  items.flatMap((item) => (typeof item[key] === 'string' ? [item[key]] : []));

export function readStatement(text: string): ReadStatement | null {
  const opened = openStatement(text);
  if (opened === null) return null;
  const { document, predicate } = opened;
  const subjects = listIn(document, 'subject').map((subject) => ({
    name: String(subject['name']),
    sha256: isObject(subject['digest']) ? String(subject['digest']['sha256']) : '',
  }));
  return {
    subjects,
    materials: textsOf(listIn(predicate, 'materials'), 'sha256'),
    runIds: textsOf(listIn(predicate, 'attempts'), 'runId'),
  };
}
