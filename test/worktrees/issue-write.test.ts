/** What is added to a log or a spec: in the form that is there, and nothing else changes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readIssueLog } from '#worktrees/issue-log.ts';
import { withGap, withIssue, withWords, type Edited } from '#worktrees/issue-write.ts';

const entry = { title: 'Totals | are\nwrong', severity: 'high', steps: '', day: '2026-11-21' } as const;
const add = (text: string, steps = ''): Edited => withIssue(text, readIssueLog('x', text, 100), { ...entry, steps });

/** All of `before` stands in `after`, around what was put in. */
function mustHoldAll(before: string, after: string): void {
  let at = 0;
  while (at < before.length && before[at] === after[at]) at++;
  assert.ok(after.endsWith(before.slice(at)), `${JSON.stringify(before)} -> ${JSON.stringify(after)}`);
}

describe('found: an issue', () => {
  for (const [what, log, line] of [
    [
      'a table',
      '| # | Title | Severity | Status |\n|-|-|-|-|\n| #7 | a | low | open |\n\nafter\n',
      String.raw`| #8 | Totals \| are wrong | high | open |`,
    ],
    [
      'a table with CRLF and a byte order mark',
      '\uFEFF| ID | Title | Sev |\r\n|-|-|-|\r\n| ISSUE-007 | a | low |\r\n\r\nafter',
      String.raw`| ISSUE-008 | Totals \| are wrong | high |`,
    ],
    [
      'a table at the end, without a line end',
      '| # | Title | Severity |\n|-|-|-|\n| 7 | a | low |',
      String.raw`| 8 | Totals \| are wrong | high |`,
    ],
    ['headings', '# Log\n\n### ISSUE-7: a\n- Severity: low\n', '### ISSUE-8: Totals | are wrong'],
    ['headings of another form', '## #7 a', '## #8 Totals | are wrong'],
    ['a checklist', '# Log\n* [ ] #7 a (low)\n', '* [ ] #8 Totals | are wrong'],
  ] as const)
    test(`goes into ${what}, in its form`, () => {
      const { text, number, line: at } = add(log);
      mustHoldAll(log, text);
      assert.equal(number, 8);
      assert.equal(text.split(/\r?\n/)[at - 1], line);
      const read = readIssueLog('x', text, 100);
      assert.deepEqual(read.faults, []);
      const issue = read.issues.find((one) => one.number === 8);
      assert.deepEqual([issue?.title, issue?.severity, issue?.state], ['Totals | are wrong', 'high', 'open']);
    });
  test('begins a log', () => {
    const { text, number } = add('');
    assert.equal(number, 1);
    assert.equal(text, '## #1 Totals | are wrong\n\n- Severity: high\n- Status: open\n- Found: 2026-11-21\n');
  });
  test('keeps its steps, whatever they hold', () => {
    const steps = '1. Open\n## #99 no issue\n```sh\n# a comment\n';
    const { text } = add('## #7 a\n', steps);
    const { issues } = readIssueLog('x', text, 100);
    assert.deepEqual(
      issues.map(({ number }) => number),
      [7, 8],
    );
    assert.equal(issues[1]?.steps, '1. Open\n\\## #99 no issue\n```sh\n# a comment\n```');
    assert.equal(readIssueLog('x', add(text).text, 100).issues.length, 3);
  });
  test('has the steps in the cell of a table', () => {
    const { text } = add('| # | Title | Severity | Steps |\n|-|-|-|-|\n| 1 | a | low | |\n', 'a | b\nc');
    assert.equal(readIssueLog('x', text, 100).issues[1]?.steps, 'a | b\nc');
  });
});

describe('found: a gap', () => {
  test('goes under the heading Gaps, or makes it', () => {
    const gap = { title: 'No export', severity: 'low', steps: '', day: '2026-11-21' } as const;
    const made = withGap('# Spec\n\ntext', gap);
    assert.equal(made.text, '# Spec\n\ntext\n\n## Gaps\n\n- [ ] No export (low, found 2026-11-21)\n');
    assert.equal(made.text.split('\n')[made.line - 1], '- [ ] No export (low, found 2026-11-21)');
    const next = withGap(`${made.text}\n## After\n`, gap);
    mustHoldAll(`${made.text}\n## After\n`, next.text);
    assert.match(next.text, /2026-11-21\)\n- \[ \] No export \(low, found 2026-11-21\)\n\n## After\n$/);
  });
});

test('words are put in place of words', () => {
  const text = '| # | Title | Severity | Status |\r\n|-|-|-|-|\r\n| 7 | a | low | open |\r\n';
  const at = readIssueLog('x', text, 9).issues[0]?.statusAt;
  assert.ok(at !== null && at !== undefined);
  assert.equal(withWords(text, at, 'resolved'), text.replace('open', 'resolved'));
});
