import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATEMENT_TYPE } from '#core/evidence.ts';
import { spendLinesOf } from '#history/spending.ts';

const evidence = (predicate: unknown): string => JSON.stringify({ _type: STATEMENT_TYPE, predicate });
const attempt = { n: 1, runId: 'r1', startedAt: '2026-11-20T11:00:00Z', endedAt: '2026-11-20T11:30:00Z', outcome: 'answered', starts: 1 };
const predicate = {
  job: 'k',
  feature: { id: 'F-1', name: 'F-1-x' },
  role: 'ui',
  runner: { name: 'claude', lane: 'anthropic', model: 'sonnet', callsProvider: true },
  attempts: [{ ...attempt, usage: { inputTokens: 5, costUsd: 0.25 } }],
};

test('each run of an evidence is a line; what an attempt says of itself goes before what the job says', () => {
  const [line, other] = spendLinesOf(
    evidence({
      ...predicate,
      attempts: [
        ...predicate.attempts,
        {
          ...attempt,
          runId: 'r2',
          runner: 'codex',
          lane: 'second',
          model: 'opus',
          outcome: 'agent-limit',
          usage: { costUsd: 0.1, estimated: true },
        },
      ],
    }),
  );
  assert.equal(line?.atMs, Date.parse('2026-11-20T11:30:00Z'));
  assert.deepEqual([line.feature, line.role, line.tool, line.lane, line.model], ['F-1', 'ui', 'claude', 'anthropic', 'sonnet']);
  assert.deepEqual(line.spend, { micros: 250_000, isEstimated: false, unknownRuns: 0 });
  assert.deepEqual(
    [other?.tool, other?.lane, other?.model, other?.spend.micros, other?.spend.isEstimated],
    ['codex', 'second', 'opus', 100_000, true],
  );
});

test('briefs cost nothing, and neither does what is no evidence, or says nonsense', () => {
  for (const text of [
    '',
    '[]',
    'null',
    '{"_type":"other"}',
    evidence(null),
    evidence({}),
    evidence({ ...predicate, attempts: 'many' }),
    evidence({ ...predicate, runner: { ...predicate.runner, callsProvider: false } }),
    evidence({ ...predicate, attempts: [{ ...attempt, starts: 0 }] }),
    evidence({ ...predicate, attempts: [{ ...attempt, endedAt: 'soon' }] }),
  ])
    assert.deepEqual(spendLinesOf(text), [], text);
  const [line] = spendLinesOf(evidence({ ...predicate, attempts: [{ ...attempt, usage: { costUsd: -5, inputTokens: 'x' } }] }));
  assert.deepEqual(line?.spend, { micros: 0, isEstimated: false, unknownRuns: 1 });
});
