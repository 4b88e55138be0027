import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dieWhilePurging } from '../../history/purge-die.ts';

test('a purge that dies at any step at all is brought to its end by the next one, and nothing recorded is lost', async () => {
  assert.ok((await dieWhilePurging(1)) > 30);
});
