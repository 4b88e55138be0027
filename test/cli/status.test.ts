/** What `docket status` tells while no daemon runs: it stands in the journal alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addStatus } from '#cli/status.ts';
import { makeTempWorkspace } from '../support/workspace.ts';

test('a lane whose circuit is open is named while no daemon runs, also when its wait is over', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const { journal } = await workspace.rooms();
  const at = '2026-11-20T08:00:00.000Z';
  const record = { lane: 'anthropic', cause: 'errors', runner: null, tries: 2, cap: 1, threshold: 1, breaker: null } as const;
  await journal.commit([
    { do: 'lane', record, at },
    { do: 'lane', record: { ...record, lane: 'openai', cause: null }, at },
  ]);
  const { code, out } = await workspace.run(addStatus, 'status');
  assert.equal(code, 1, 'no daemon runs');
  assert.match(out, /^lane anthropic: circuit open after provider errors in a row, the next start lets one run go first to see$/m);
  assert.doesNotMatch(out, /openai/);
  const { data } = await workspace.json(addStatus, 'status');
  assert.deepEqual((data as { readonly circuits: readonly string[] }).circuits, ['anthropic']);
});
