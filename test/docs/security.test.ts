/** docs/security.md says which file stands against which threat and which test shows it: all of them must be there, word for word. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { SECURITY_KEYS } from '#cli/settings-strict.ts';
import { SETTING_KEYS } from '#cli/settings-values.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'docs/security.md'), 'utf8');
const read = (file: string): string => (existsSync(path.join(ROOT, file)) ? readFileSync(path.join(ROOT, file), 'utf8') : '');
const FILE = /`((?:[a-z-]+\/)+[a-z0-9.-]+\.(?:ts|js|md))`/g;
/** A row of a table of which the last cell is tests: `file` "sentence"; `file` "sentence". */
const rows = PAGE.split('\n').filter((line) => line.startsWith('|') && line.includes('`test/'));

suite('docs/security.md', () => {
  test('names files that are there', () => {
    const missing = [...PAGE.matchAll(FILE)].map(([, file = '']) => file).filter((file) => !existsSync(path.join(ROOT, file)));
    assert.deepEqual(missing, []);
  });

  test('names tests that are there, by their own words', () => {
    let sentences = 0;
    for (const row of rows)
      for (const [, file = '', sentence = ''] of row.matchAll(/`(test\/[a-z0-9./-]+\.ts)` "([^"]+)"/g)) {
        sentences++;
        assert.ok(read(file).includes(sentence), `${file} has no test ${JSON.stringify(sentence)}`);
      }
    assert.ok(sentences > 40, `only ${String(sentences)}`);
  });

  test('has each letter of STRIDE, and each threat has a mechanism, a file and a test', () => {
    const stride = PAGE.slice(PAGE.indexOf('## STRIDE'), PAGE.indexOf('## Limits, input by input'));
    const heads = [...stride.matchAll(/^### (.+)$/gm)].map(([, head]) => head);
    assert.deepEqual(heads, ['Spoofing', 'Tampering', 'Repudiation', 'Disclosure', 'Denial of service', 'Elevation']);
    const threats = stride.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:threat|-)/.test(line));
    assert.ok(threats.length > 30);
    for (const row of threats) {
      const [, threat = '', mechanism = '', files = '', tests = ''] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      assert.ok(threat !== '' && mechanism !== '', row);
      assert.match(files, /^`[a-z-]+\/.+`$/, row);
      assert.match(tests, /`test\/.+` "/, row);
    }
  });

  test('names settings that are there', () => {
    const named = [
      ...PAGE.matchAll(
        /`((?:limits|policy|intake|tools|retention|throttle|retry|log|http|review|emit|contract|context|notify|mcp|signing)\.[a-z_]+)(?:: \w+)?`/g,
      ),
    ].map(([, key = '']) => key);
    assert.deepEqual(
      named.filter((key) => !(SETTING_KEYS as readonly string[]).includes(key)),
      [],
    );
    assert.ok(SECURITY_KEYS.length > 20);
  });
});
