/** What all recorded runs cost: every evidence in the tip, also of attempts that failed and of records that a merge laid beside. */

import { Buffer } from 'node:buffer';
import { STATEMENT_TYPE } from '#core/evidence.ts';
import { NO_USAGE, type AttemptRecord, type Usage } from '#core/run.ts';
import { spendLine, type SpendLine } from '#core/spending.ts';
import { entriesBelow } from './files-in-tip.ts';
import { featureIdOf } from './layout.ts';
import type { Tip } from './record.ts';

/** `evidence_v2.json`, `attempts/<job>/evidence_3.json`, `brief_evidence.json`, `twice_evidence_v1.json` (layout.ts, merge.ts). */
const EVIDENCE = /(?:^|\/)(?:[a-z]+_)*evidence(?:_v?[0-9]+)*\.json$/;

/** In git's order. A file that is no evidence, or was changed into none, says nothing here: `docket verify` names it. */
export async function* readSpending(tip: Tip): AsyncGenerator<SpendLine> {
  for (const top of (await tip.snapshot.list('')) ?? []) {
    if (top.kind !== 'folder' || featureIdOf(top.name) === null) continue;
    for await (const { path, oid } of entriesBelow(tip.snapshot, top.name)) {
      if (EVIDENCE.test(path)) yield* spendLinesOf(Buffer.from(await tip.store.readType(oid, 'blob')).toString('utf8'));
    }
  }
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
