/** The table of states is what the journal does, and what docs/state_machine.md says. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { JOB_STATES } from '#core/job.ts';
import { jobIdFrom, type JobId } from '#core/names.ts';
import { MOVES, PHASES, STATES, type JobState } from '#core/states.ts';
import { makeClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { openJournal, type OpenedJournal } from '#store/journal.ts';
import { judgeMove } from '#store/moves.ts';
import { renderStates } from '../../scripts/states-page.ts';

const AT = '2026-11-20T10:00:00.000Z';

function journalIn(t: TestContext): { readonly journal: OpenedJournal; readonly file: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'docket-states-'));
  const file = path.join(folder, 'journal.db');
  const journal = openJournal({ path: file, openDatabase, clock: makeClock(), log: silentLog() });
  t.after(() => {
    journal.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { journal, file };
}

/** All states that can be reached; a set that grows while it is walked is walked to its end. */
function reach(start: JobState, way: (state: JobState) => readonly JobState[]): ReadonlySet<JobState> {
  const seen = new Set<JobState>([start]);
  for (const state of seen) for (const next of way(state)) seen.add(next);
  return seen;
}

test('docs/state_machine.md is what the table says (else: npm run states)', () => {
  const page = path.resolve(import.meta.dirname, '../../docs/state_machine.md');
  assert.equal(readFileSync(page, 'utf8'), renderStates());
});

test('every state has its meaning, its phase and a way from the claim to the end', () => {
  for (const state of JOB_STATES) {
    assert.ok(STATES[state].length > 10, state);
    assert.equal(PHASES.filter(({ states }) => states.includes(state)).length, 1, state);
  }
  assert.equal(new Set(MOVES.map(({ from, to }) => `${from} ${to}`)).size, MOVES.length, 'no move is told twice');
  const forward = reach('claimed', (state) => MOVES.filter(({ from }) => from === state).map(({ to }) => to));
  const backward = reach('done', (state) => MOVES.filter(({ to }) => to === state).map(({ from }) => from));
  assert.equal(forward.size, JOB_STATES.length);
  assert.equal(backward.size, JOB_STATES.length);
});

test('the journal takes each move of the table, leaves a repeated step alone, and refuses all others with an event', async (t) => {
  const { journal, file } = journalIn(t);
  const refused: string[] = [];
  let made = 0;
  for (const from of JOB_STATES) {
    for (const to of JOB_STATES) {
      made += 1;
      const id: JobId = jobIdFrom(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1, made]));
      await journal.commit([
        {
          do: 'job',
          job: {
            id,
            role: 'architect',
            stem: `foo${String(made)}`,
            state: from,
            outcome: null,
            feature: null,
            name: null,
            revision: null,
            sha256: null,
            claimedAt: AT,
            changedAt: AT,
            attempts: 0,
            reason: null,
          },
        },
      ]);
      const verdict = judgeMove(from, to);
      const move = journal.commit([{ do: 'move', id, to, at: AT }]);
      if (verdict === 'refuse') {
        refused.push(`job ${id} cannot go from ${from} to ${to}`);
        await assert.rejects(move, { code: 'ILLEGAL_CHANGE' });
      } else await move;
      assert.equal(journal.job(id)?.state, verdict === 'go' ? to : from, `${from} to ${to}`);
      const isInTable = from === to || MOVES.some((one) => one.from === from && one.to === to);
      assert.equal(verdict === 'go', isInTable, `${from} to ${to}`);
    }
  }
  assert.ok(refused.length > 20);
  journal.close();
  const database = openDatabase(file);
  const events = database.prepare("SELECT detail FROM event WHERE kind = 'refused' ORDER BY id").all();
  database.close();
  assert.deepEqual(
    events.map((row) => row['detail']),
    refused,
  );
});
