import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dieWhilePurging } from './purge-die.ts';

test('a purge that dies on the way is brought to its end by the next one, and nothing recorded is lost', async () => {
  assert.ok((await dieWhilePurging(13)) > 30);
});
