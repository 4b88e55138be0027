/** The bodies of the first prompts of both streams: Markdown that stands alone. Pure. */

import type { Issue } from '#worktrees/issue-log.ts';
import { isToBuild, type PrdFeature } from '#worktrees/prd.ts';
import type { PrdFolder } from './stream-docs.ts';

/** A fence that nothing in the text closes. */
function fenced(text: string, info: string): string {
  const longest = (text.match(/`{3,}/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}${info}\n${text.replace(/\n$/, '')}\n${fence}`;
}

export function issueBody(issue: Issue, log: string): string {
  const { number, title, severity, severityText, opened, steps, line } = issue;
  return [
    '## Issue',
    `#${String(number)}: ${title === '' ? '(the log gives no title)' : title}`,
    [
      `- Severity: ${severity}${severityText === null ? ' (the log gives none)' : ''}`,
      ...(opened === null ? [] : [`- Found: ${opened}`]),
      `- Log: ${log}, line ${String(line)}`,
    ].join('\n'),
    '## Steps to reproduce',
    steps === ''
      ? 'The log gives none. Find them first, and say how sure you are; without any, answer blocked with what you would need.'
      : fenced(steps, 'markdown'),
    '## Wanted',
    'The steps show what they should. A test fails before the mend and passes after it. Nothing else changes.',
    '## Out of scope',
    'Other issues of the log, however near; anything that the requirements documents plan.',
    '## Acceptance criteria',
    [
      '- the steps, or the reason why they do not lead there, end at a line of the code',
      '- a test is given that fails today for that reason',
      '- the change is the smallest that removes the cause',
      '- it is said what a person does on production to see that it is resolved',
    ].join('\n'),
    '',
  ].join('\n\n');
}

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll(/\s+/g, ' ');

function tableOf(features: readonly PrdFeature[]): string {
  const rows = features.map(
    (one) =>
      `| ${cell(one.id ?? '')} | ${cell(one.name)} | ${one.level} | ${cell(one.state)} | ${isToBuild(one) ? 'to build' : 'not now'} | ${one.links.map(cell).join(' ')} |`,
  );
  return ['| id | feature | level | state | this stream | links |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

/**
 * @param chosen the feature that is planned; null: the whole document
 * @param bytesMax what does not fit is left out and named
 */
export function prdBody({ folder, prd, docs }: PrdFolder, chosen: PrdFeature | null, series: string | null, bytesMax: number): string {
  const goal =
    chosen === null
      ? `Decide which features of ${folder} are built next, in which order, and write the prompt of each.`
      : `Plan one feature of ${folder}: ${chosen.name}${chosen.id === null ? '' : ` (${chosen.id})`}. It is at ${chosen.level}; this stream builds it up to L2.`;
  const head = [
    '## Goal',
    goal,
    ...(series === null || chosen === null
      ? []
      : [
          '## Names',
          `Every prompt of this plan has a \`name\` that begins with \`${series}-\`: other features of the document have prompts for the same roles.`,
        ]),
    '## Levels',
    'L0 named, L1 built, L2 built and tested, L3 seen to work on production, L4 relied on there. A person moves them, with evidence.',
    '## Features',
    prd.features.length === 0 ? 'The document has no table of features that could be read.' : tableOf(prd.features),
    '## Out of scope',
    chosen === null ? 'Features at L2 or above, done or dropped. The issue log.' : 'Every other row of the table. The issue log.',
    '## Documents',
  ];
  const parts = [...head];
  let room = bytesMax - new TextEncoder().encode(head.join('\n\n')).length;
  for (const { file, text } of docs) {
    const part = `### ${file}\n\n${fenced(text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'), 'markdown')}`;
    const bytes = new TextEncoder().encode(part).length + 2;
    parts.push(bytes <= room ? part : `### ${file}\n\nToo long to be given here (${String(bytes)} bytes): read it in the working folder.`);
    if (bytes <= room) room -= bytes;
  }
  return [...parts, ''].join('\n\n');
}
