/** The issue log: what logs look like in real repositories, read; what cannot be understood, told with its place. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readIssueLog, type Issue } from '#worktrees/issue-log.ts';

const read = (text: string, max = 20_000): ReturnType<typeof readIssueLog> => readIssueLog('docs/issues.md', text, max);
const short = ({ number, title, severity, state }: Issue): string => `${String(number)} ${title} ${severity} ${state}`;
const all = (text: string): string[] => read(text).issues.map(short);

describe('an issue log', () => {
  test('is a table with columns by name, in any order', () => {
    assert.deepEqual(
      all('| Status | Severity | Summary | # |\n|--|:-:|---|--:|\n| open | High | Totals | #14 |\n| Fixed in 1.4 | P3 | b | 15 |\n'),
      ['14 Totals high open', '15 b low done'],
    );
    assert.deepEqual(all('Issue | Title | Prio\n---|---|---\nISSUE-3 | no borders | P0\n'), ['3 no borders critical open']);
  });
  test('is headings with fields below them, bold or not, in a list, plain, or a table of two columns', () => {
    const text =
      '# Log\n\n## #14 Totals are wrong\n- Severity: high\n- **Status:** in progress\n\n### ISSUE-15: Slow\n**Severity**: minor\n\nBug 16 - Old\n---\nPriority: p1\n\n## 17. A table\n| Field | Value |\n|---|---|\n| Severity | blocker |\n| Status | won’t fix |\n';
    assert.deepEqual(all(text), ['14 Totals are wrong high taken', '15 Slow low open', '16 Old high open', '17 A table critical done']);
  });
  test('is a checklist, and sections say what their issues do not', () => {
    assert.deepEqual(all('## High\n- [ ] #1 one\n- [x] #2 two\n\n## P3\n- [ ] ISSUE-3: three (critical)\n\n## Closed\n- #4 four\n'), [
      '1 one high open',
      '2 two high done',
      '3 three critical open',
      '4 four medium done',
    ]);
  });
  test('gives the steps as they are written, fences with them', () => {
    const [one, two, three] = read(
      '## #1 a\n### Steps to reproduce\n1. Open\n\n```sh\n## #9 no issue\n```\n\n### Notes\nno\n\n## #2 b\nSteps:\n\n- Click\n- Look\n\nStatus: open\n\n## #3 c\n- Repro: run it\n',
    ).issues;
    assert.equal(one?.steps, '1. Open\n\n```sh\n## #9 no issue\n```');
    assert.equal(two?.steps, '- Click\n- Look');
    assert.equal(two.state, 'open');
    assert.equal(three?.steps, 'run it');
  });
  test('reads no fence, no comment and no front matter', () => {
    const table = '| # | Title | Severity |\n|--|--|--|\n| 9 | no | P0 |\n';
    for (const text of [
      `\`\`\`\n${table}\`\`\`\n`,
      `~~~md\n${table}`,
      `<!--\n${table}-->\n`,
      `---\n${table}---\n`,
      `- \`\`\`\n  ${table}  \`\`\`\n`,
    ])
      assert.deepEqual(all(text), [], text);
    assert.deepEqual(all(`${table.trimEnd()}\n<!-- | 8 | no | P0 | -->\n| 10 | \`<!--\` | low |\n`), [
      '9 no critical open',
      '10 <!-- low open',
    ]);
  });
  test('takes CRLF, a byte order mark, escaped pipes and links', () => {
    const { issues, faults } = read('\uFEFF| # | Title | Severity |\r\n|-|-|-|\r\n| [#7](x/7) | a \\| `b \\| c` | **major** |\r\n');
    assert.deepEqual(issues.map(short), ['7 a | b | c high open']);
    assert.deepEqual(faults, []);
  });
  test('tells what it does not understand: place, expected, got, mend', () => {
    const { issues, faults } = read(
      '| # | Title | Severity | Status |\n|-|-|-|-|\n| x | a | high | open |\n| 5 | b | huge | what |\n| 5 | c | low | open |\n',
    );
    assert.deepEqual(issues.map(short), ['5 b medium open']);
    assert.deepEqual(
      faults.map(({ file, line, column, found }) => `${file}:${String(line)}:${String(column)} ${found}`),
      ['docs/issues.md:3:3 x', 'docs/issues.md:5:1 #5', 'docs/issues.md:4:11 huge', 'docs/issues.md:4:18 what'],
    );
    for (const { message, expected, mend } of faults) assert.ok(message !== '' && expected !== '' && mend !== '');
  });
  test('says which column a table has not got', () => {
    const { issues, faults } = read('| # | Title |\n|-|-|\n| 5 | b |\n');
    assert.deepEqual(issues.map(short), ['5 b medium open']);
    assert.equal(faults[0]?.message, 'this table of issues has no column for the severity');
  });
  test('joins a row with the heading of the same number', () => {
    const [one] = read('| # | Title | Severity |\n|-|-|-|\n| 5 | b | high |\n\n## #5 b, at length\nSteps: click\n').issues;
    assert.deepEqual([one?.title, one?.severity, one?.steps, one?.form], ['b', 'high', 'click', 'row']);
  });
  test('leaves other tables, headings and items alone', () => {
    assert.deepEqual(all('# UTF-8 breaks\n\n| Name | Level |\n|-|-|\n| a | 1 |\n\n- 14 days later\n- utf-8\n\n## 2026 plans\n'), []);
  });
  test('knows who has it and what it waits for', () => {
    const [one, two] = read(
      '| # | Title | Severity | Assignee | Blocked by |\n|-|-|-|-|-|\n| 1 | a | low | Ada | #2, ISSUE-3 |\n| 2 | b | low | - | |\n',
    ).issues;
    assert.deepEqual([one?.assignee, one?.blockedBy, two?.assignee, two?.blockedBy], ['Ada', [2, 3], null, []]);
  });
  test('holds ten thousand rows, and says when there are more than are read', () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => `| ${String(index + 1)} | t | ${index % 2 === 0 ? 'low' : 'odd'} |`);
    const { issues, faults, faultsLeftOut } = read(`| # | Title | Severity |\n|-|-|-|\n${rows.join('\n')}\n`);
    assert.deepEqual([issues.length, faults.length, faultsLeftOut], [10_000, 100, 4_900]);
    const bounded = read(`| # | Title | Severity |\n|-|-|-|\n${rows.join('\n')}\n`, 10);
    assert.equal(bounded.issues.length, 10);
    assert.match(bounded.faults[0]?.message ?? '', /more issues than are read/);
  });
  test('is read however odd it is', () => {
    for (const odd of [
      '',
      '\n',
      '|',
      '|-|',
      '# ',
      '##',
      '- [ ] ',
      '```',
      '<!--',
      '---',
      'a\n=',
      '['.repeat(9_000),
      `# ${' '.repeat(50_000)}x`,
      `|${'`'.repeat(50_000)}`,
      '\0\uFFFE',
    ])
      assert.deepEqual(read(odd).issues, [], JSON.stringify(odd.slice(0, 20)));
  });
});
