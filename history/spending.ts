/** What all recorded runs cost: every evidence in the tip, also of attempts that failed and of records that a merge laid beside. */

import { STATEMENT_TYPE } from '#core/evidence.ts';
import { NO_USAGE, type AttemptRecord, type Usage } from '#core/run.ts';
import { spendLine, type SpendLine } from '#core/spending.ts';
import { featureIdOf } from './layout.ts';
import type { Oid } from './objects.ts';
import type { Tip } from './record.ts';
import { entries, parseTree } from './tree.ts';

/** `evidence_v2.json`, `attempts/<job>/evidence_3.json`, `brief_evidence.json`, `twice_evidence_v1.json` (layout.ts, merge.ts). */
const EVIDENCE = /^(?:[a-z]+_)*evidence(?:_v?[0-9]+)*\.json$/;
/** FEAT-1 / 03-ui / attempts / <job>: no evidence lies deeper. */
const LEVELS_MAX = 4;

/**
 * In no order that means anything: folders level by level, each level and then all evidence as they lie on the disk. A file that is no evidence, or
 * was changed into none, says nothing here: `docket verify` names it.
 */
export async function* readSpending(tip: Tip): AsyncGenerator<SpendLine> {
  const top = (await tip.snapshot.list('')) ?? [];
  let folders = new Set<Oid>(top.filter(({ kind, name }) => kind === 'folder' && featureIdOf(name) !== null).map(({ oid }) => oid));
  const evidence = new Set<Oid>();
  for (let level = 0; level < LEVELS_MAX && folders.size > 0; level++) {
    const inner = new Set<Oid>();
    for await (const { object } of tip.store.many(folders)) {
      for (const { kind, name, oid } of entries(parseTree(object.bytes))) {
        if (kind === 'folder') inner.add(oid);
        else if (EVIDENCE.test(name)) evidence.add(oid);
      }
    }
    folders = inner;
  }
  for await (const { object } of tip.store.many(evidence)) yield* spendLinesOf(object.bytes.toString('utf8'));
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const objectIn = (value: Json, key: string): Json => (isObject(value[key]) ? value[key] : {});
const textIn = (value: Json, key: string): string | null => (typeof value[key] === 'string' ? value[key] : null);
const numberIn = (value: Json, key: string): number | null =>
  typeof value[key] === 'number' && Number.isFinite(value[key]) && value[key] >= 0 ? value[key] : null;

/** The runs of one evidence (core/evidence.ts). The file may be anybody's: every field is looked at. */
export function spendLinesOf(text: string): readonly SpendLine[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return [];
  }
  if (!isObject(document) || document['_type'] !== STATEMENT_TYPE || !isObject(document['predicate'])) return [];
  const { predicate } = document;
  const runner = objectIn(predicate, 'runner');
  if (runner['callsProvider'] === false) return [];
  const context = {
    job: textIn(predicate, 'job') ?? '',
    feature: textIn(objectIn(predicate, 'feature'), 'id') ?? '',
    role: textIn(predicate, 'role') ?? '',
    tool: textIn(runner, 'name'),
    model: textIn(runner, 'model'),
    lane: textIn(runner, 'lane'),
  };
  const attempts = predicate['attempts'];
  return (Array.isArray(attempts) ? attempts.filter(isObject) : []).flatMap((attempt) => spendLine(attemptOf(attempt), context) ?? []);
}

function attemptOf(attempt: Json): AttemptRecord {
  const lane = textIn(attempt, 'lane');
  const model = textIn(attempt, 'model');
  return {
    n: numberIn(attempt, 'n') ?? 0,
    runId: textIn(attempt, 'runId') ?? '',
    startedAt: textIn(attempt, 'startedAt') ?? '',
    endedAt: textIn(attempt, 'endedAt') ?? '',
    outcome: textIn(attempt, 'outcome') ?? '',
    failure: null,
    usage: usageOf(objectIn(attempt, 'usage')),
    starts: numberIn(attempt, 'starts') ?? 1,
    ...(lane === null ? {} : { lane }),
    ...(model === null ? {} : { model }),
  };
}

function usageOf(usage: Json): Usage {
  const counts = Object.fromEntries((Object.keys(NO_USAGE) as (keyof typeof NO_USAGE)[]).map((key) => [key, numberIn(usage, key)]));
  return { ...NO_USAGE, ...counts, ...(usage['estimated'] === true ? { estimated: true as const } : {}) };
}
