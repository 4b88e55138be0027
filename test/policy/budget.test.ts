import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { makeCalendar } from '#core/day.ts';
import { makeBudget, type Ask, type Budget, type BudgetLimits, type Charge, type Reserving } from '#policy/budget.ts';
import { describeRefusals } from '#policy/budget-words.ts';

const UTC = makeCalendar('UTC');
const NOON = Date.parse('2026-11-20T12:00:00Z');
const PAST: Reserving = { how: 'past', firstMicros: 500_000 };
const usd = (amount: number): number => Math.round(amount * 1e6);

const budgetOf = (limits: Partial<BudgetLimits>, reserving = PAST): Budget =>
  makeBudget({ feature: null, day: null, lanes: new Map(), soft: 0.8, ...limits }, reserving, UTC);
const ask = (job: string, micros: number, more: Partial<Ask> = {}): Ask => ({ job, feature: 'FEAT-1', lane: 'a', micros, ...more });
const charge = (runId: string, micros: number, more: Partial<Charge> = {}): Charge => ({
  runId,
  atMs: NOON,
  feature: 'FEAT-1',
  role: 'ui',
  lane: 'a',
  micros,
  isAnswer: true,
  ...more,
});

describe('budgets', () => {
  test('what runs is reserved, what has ended is spent, and a charge told twice counts once', () => {
    const budget = budgetOf({ day: usd(2) });
    assert.deepEqual(budget.reserve(ask('one', usd(1)), NOON), []);
    assert.deepEqual(budget.reserve(ask('two', usd(1)), NOON), []);
    assert.equal(budget.refusals(ask('three', 1), NOON)[0]?.reserved, usd(2));
    budget.charge(charge('run-1', usd(0.25)));
    budget.charge(charge('run-1', usd(0.25)));
    budget.release('one');
    assert.deepEqual(budget.refusals(ask('three', usd(0.75)), NOON), []);
    assert.equal(budget.refusals(ask('three', usd(0.75) + 1), NOON).length, 1);
  });

  test('a feature has its own, whatever the case of its name; so has the day of a lane', () => {
    const budget = budgetOf({ feature: usd(1), lanes: new Map([['b', usd(3)]]) });
    budget.charge(charge('r1', usd(1), { feature: 'feat-1', lane: 'b' }));
    assert.deepEqual(
      budget.refusals(ask('x', 1), NOON).map(({ kind, name }) => [kind, name]),
      [['feature', 'FEAT-1']],
    );
    assert.deepEqual(budget.refusals(ask('x', usd(1), { feature: 'FEAT-2', lane: 'b' }), NOON), []);
    budget.charge(charge('r2', usd(2), { feature: 'FEAT-3', lane: 'b' }));
    assert.deepEqual(
      budget.refusals(ask('x', 1, { feature: 'FEAT-4', lane: 'b' }), NOON).map(({ kind, name }) => [kind, name]),
      [['lane', 'b']],
    );
    assert.deepEqual(budget.refusals(ask('x', 1, { feature: 'FEAT-4' }), NOON), []);
  });

  test('a day ends at midnight of its own time zone, and with it what was spent', () => {
    const berlin = makeCalendar('Europe/Berlin');
    const budget = makeBudget({ feature: null, day: usd(1), lanes: new Map(), soft: 1 }, PAST, berlin);
    budget.charge(charge('r1', usd(1), { atMs: Date.parse('2026-11-20T22:59:59Z') }));
    const over = budget.refusals(ask('x', 1), Date.parse('2026-11-20T22:59:59Z'));
    assert.equal(over[0]?.untilMs, Date.parse('2026-11-20T23:00:00Z'));
    assert.deepEqual(budget.refusals(ask('x', usd(1)), Date.parse('2026-11-20T23:00:00Z')), []);
    const words = describeRefusals(over, berlin, 'ui/foo');
    assert.match(words, /\$1\.00 spent, of \$1\.00 \(budgets\.day_usd\).*the day ends \(2026-11-20T23:00:00\.000Z, Europe\/Berlin\)/);
    assert.match(words, /docket release ui\/foo/);
  });

  test("a run is taken to cost what the role's dearest answer did, what its prompt sets, or what the first may cost", () => {
    const budget = budgetOf({});
    assert.equal(budget.estimate('ui', null, usd(5)), usd(0.5));
    assert.equal(budget.estimate('ui', null, usd(0.1)), usd(0.1));
    assert.equal(budget.estimate('ui', usd(3), usd(3)), usd(3));
    for (let n = 0; n < 30; n++) budget.charge(charge(`r${String(n)}`, usd(n === 5 ? 4 : 0.2), { atMs: NOON + n }));
    assert.equal(budget.estimate('ui', null, usd(5)), usd(0.2));
    budget.charge(charge('failed', usd(3), { isAnswer: false }));
    assert.equal(budget.estimate('ui', null, usd(5)), usd(0.2));
    assert.equal(budgetOf({}, { how: 'cap', firstMicros: 1 }).estimate('ui', null, usd(5)), usd(5));
  });

  test('a soft limit is told once for each budget and day', () => {
    const budget = budgetOf({ day: usd(10), feature: usd(20) });
    budget.charge(charge('r1', usd(7.9)));
    assert.deepEqual(budget.warnings(NOON), []);
    budget.hold(ask('one', usd(0.2)));
    assert.deepEqual(
      budget.warnings(NOON).map(({ kind, spent, reserved }) => [kind, spent, reserved]),
      [['day', usd(7.9), usd(0.2)]],
    );
    budget.charge(charge('r2', usd(9)));
    assert.deepEqual(
      budget.warnings(NOON).map(({ kind }) => kind),
      ['feature'],
    );
  });

  test('whatever starts and whatever it costs: a budget is passed only by what runs cost beyond their reservation', () => {
    const step = fc.record({
      what: fc.constantFrom('start', 'start', 'end'),
      job: fc.nat(11),
      lane: fc.constantFrom('a', 'b', 'c'),
      feature: fc.constantFrom('F-1', 'F-2'),
      wanted: fc.nat(400),
      beyond: fc.integer({ min: -300, max: 100 }),
      laterMs: fc.nat(20_000_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const limits = { feature: 2_000, day: 1_500, lanes: new Map([['a', 700]]), soft: 0.8 };
        const budget = makeBudget(limits, PAST, UTC);
        const running = new Map<string, { readonly asked: Ask; readonly cost: number }>();
        let nowMs = NOON;
        let beyond = 0;
        let runs = 0;
        for (const one of steps) {
          nowMs += one.laterMs;
          const job = String(one.job);
          const at = running.get(job);
          if (one.what === 'start' && at === undefined) {
            const asked = ask(job, one.wanted, { feature: one.feature, lane: one.lane });
            const may = budget.refusals(asked, nowMs).length === 0;
            assert.equal(budget.reserve(asked, nowMs).length === 0, may);
            if (may) running.set(job, { asked, cost: Math.max(0, one.wanted + one.beyond) });
          } else if (one.what === 'end' && at !== undefined) {
            const { feature, lane } = at.asked;
            budget.charge(charge(`run-${String((runs += 1))}`, at.cost, { feature, lane, atMs: nowMs }));
            budget.release(job);
            running.delete(job);
            beyond += Math.max(0, at.cost - at.asked.micros);
          }
          for (const state of budget.view(nowMs)) {
            assert.ok(Number.isSafeInteger(state.spent) && Number.isSafeInteger(state.reserved));
            assert.ok(state.spent + state.reserved <= state.limit + beyond, JSON.stringify(state));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
