import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AUTO_ORDER } from '#agents/registry.ts';
import { shippedProfiles } from '#test/support/profiles.ts';
import { renderTable, TABLE_TOOLS } from '#test/support/tool-table.ts';

const DOC = readFileSync(new URL('../../docs/tools.md', import.meta.url), 'utf8');

test('the table of scenarios in docs/tools.md is the one that the real tools are tested by', () => {
  const [, table] = /<!-- table: test\/support\/tool-table\.ts -->\n\n([\s\S]*?)\n<!-- end -->/.exec(DOC) ?? [];
  assert.equal(table, renderTable());
});

test('docs/tools.md lists each AI tool with the versions that were tested, and the order of auto', () => {
  const ai = [...shippedProfiles().values()].filter(({ kind }) => kind === 'ai');
  for (const { id, tested, prompt } of ai) {
    const how = tested.how === 'transcript' ? 'transcript' : tested.from === tested.to ? tested.from : `${tested.from} to ${tested.to}`;
    const row = new RegExp(String.raw`^\| ${id} +\| ${how.replaceAll('.', String.raw`\.`)} +\| ${prompt} `, 'm');
    assert.match(DOC, row);
  }
  assert.ok(DOC.includes(`in this order: ${AUTO_ORDER.join(', ')}.`));
  assert.deepEqual(
    ai
      .filter(({ tested }) => tested.how === 'real')
      .map(({ id }) => id)
      .toSorted(),
    [...TABLE_TOOLS].toSorted(),
  );
});
