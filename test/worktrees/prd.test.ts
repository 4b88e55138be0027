/** A requirements document: its table of features, and the queue of documents; slugs out of titles; the order of fixes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixOrder, type Claim } from '#worktrees/fix-order.ts';
import { readIssueLog } from '#worktrees/issue-log.ts';
import { featureNamed, isToBuild, prdQueue, readPrd } from '#worktrees/prd.ts';
import { slugOf } from '#worktrees/slug.ts';

describe('a requirements document', () => {
  const INDEX =
    '# Sales CRM\n\n| State | Feature | Level | ID |\n|-|-|-|-|\n| planned | [Leads](spec/leads.md) | L0 | CRM-1 |\n| built | Deals | **L2** | CRM-2 |\n';
  test('has a table of features, columns by name', () => {
    const { title, features, faults } = readPrd([{ file: 'index.md', text: INDEX }], 100);
    assert.equal(title, 'Sales CRM');
    assert.deepEqual(faults, []);
    assert.deepEqual(
      features.map(({ id, name, level, state, links }) => [id, name, level, state, links]),
      [
        ['CRM-1', 'Leads', 'L0', 'planned', ['spec/leads.md']],
        ['CRM-2', 'Deals', 'L2', 'built', []],
      ],
    );
    assert.deepEqual(features.map(isToBuild), [true, false]);
    assert.equal(featureNamed(features, 'crm-1')?.name, 'Leads');
    assert.equal(featureNamed(features, 'deals')?.id, 'CRM-2');
  });
  test('may have its table in the spec; another level there is told', () => {
    const spec = {
      file: 'spec/index.md',
      text: '| Name | Level |\n|-|-|\n| Other | 1 |\n\n| ID | Name | Level |\n|-|-|-|\n| CRM-2 | Deals | L1 |\n',
    };
    const { features, faults } = readPrd([{ file: 'index.md', text: INDEX }, spec], 100);
    assert.deepEqual(
      features.map(({ name, level, file }) => `${name} ${level} ${file}`),
      ['Leads L0 index.md', 'Deals L2 index.md', 'Other L1 spec/index.md'],
    );
    assert.deepEqual(
      faults.map(({ file, line, expected, found }) => [file, line, expected, found]),
      [['spec/index.md', 7, 'L2, as there', 'Deals L1']],
    );
  });
  test('tells what it does not understand', () => {
    const { features, faults } = readPrd([{ file: 'i', text: '| Name | Level |\n|-|-|\n| a | L7 |\n| | L1 |\n' }], 100);
    assert.deepEqual(
      features.map(({ name, level }) => [name, level]),
      [['a', 'L0']],
    );
    assert.deepEqual(
      faults.map(({ line, column, found }) => [line, column, found]),
      [
        [3, 7, 'L7'],
        [4, 2, ' | L1'],
      ],
    );
    assert.match(
      readPrd([{ file: 'i', text: '| Name | State |\n|-|-|\n| a | x |\n' }], 9).faults[0]?.message ?? '',
      /no column for the level/,
    );
    assert.match(
      readPrd([{ file: 'i', text: '| Name | Level |\n|-|-|\n| a | L1 |\n| b | L1 |\n' }], 1).faults[0]?.message ?? '',
      /more features/,
    );
  });
  test('stands in a queue: in the order of the table, then by name', () => {
    const index = '| Prd | Owner |\n|-|-|\n| [Web](./web/index.md) | a |\n| sales-crm | b |\n| [gone](gone/) | c |\n';
    assert.deepEqual(prdQueue(index, ['api', 'sales-crm', 'web', 'aaa']), ['web', 'sales-crm', 'aaa', 'api']);
    assert.deepEqual(prdQueue('- [b](b)\n- [a](a/)\n', ['a', 'b']), ['b', 'a']);
    assert.deepEqual(prdQueue(null, ['b', 'a']), ['a', 'b']);
  });
});

test('a slug is safe, whatever the title', () => {
  for (const [title, slug] of [
    ['Totals are wrong!', 'totals-are-wrong'],
    ['Größe über Łódź', 'grosse-uber-lodz'],
    ['../../etc/passwd', 'etc-passwd'],
    ['--force', 'force'],
    ['日本語', 'issue'],
    ['a.lock @{1} ~^:', 'a-lock-1'],
    ['word '.repeat(30), 'word-word-word-word-word-word-word-word'],
    ['x'.repeat(300), 'x'.repeat(40)],
  ] as const)
    assert.equal(slugOf(title, 'issue'), slug);
});

describe('the order of fixes', () => {
  const { issues } = readIssueLog(
    'x',
    '| # | Title | Severity | Status | Blocked by |\n|-|-|-|-|-|\n| 9 | a | P0 | open | |\n| 3 | b | high | open | |\n| 2 | c | major | open | #3 |\n| 5 | d | low | wip | |\n| 4 | e | P0 | closed | |\n| 1 | f | high | blocked | |\n| 8 | g | high | open | #4 |\n',
    99,
  );
  test('is severity, then the older number; what is done is not in it', () => {
    const claims: Claim[] = [{ number: 9, where: 'remote-branch', by: 'origin/fix/9-a' }];
    assert.deepEqual(
      fixOrder(issues, claims).map(({ issue, isFree, why }) => `${String(issue.number)} ${String(isFree)} ${why}`),
      [
        '9 false critical (P0); taken by origin/fix/9-a (a branch of a remote)',
        '1 false high; blocked, says its status',
        '2 false high (major); waits for #3',
        '3 true high',
        '8 true high',
        '5 false low; taken by somebody, says its status (in the log)',
      ],
    );
  });
});
