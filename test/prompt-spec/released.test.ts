import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Sha256 } from '#core/names.ts';
import { checkReleased, parseReleased } from '#prompt-spec/check-released.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../prompt-spec');

test('no prompt spec that was released has changed', () => {
  const recorded = parseReleased(readFileSync(path.join(FOLDER, 'released.json'), 'utf8'));
  assert.ok(recorded.ok);
  const files = globSync('v*/*.md', { cwd: FOLDER });
  const present = new Map(
    files.map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(path.join(FOLDER, file)))
        .digest('hex') as Sha256,
    ]),
  );
  assert.equal(present.size, 32);
  assert.deepEqual(checkReleased(recorded.value, present), []);
});
