/** out/<stem>_error.md: what is wrong, where, what was expected, what was found, how to mend it, and what to do next. Never a secret. */

import { classOf, describe, describeFinding, type Failure } from '#core/failure.ts';
import type { Fault } from '#core/fault.ts';
import { suffixOf, type Outcome } from '#core/job.ts';
import { microsOf, showUsd } from '#core/money.ts';
import type { AttemptRecord } from '#core/run.ts';
import type { Claimed } from '#core/spool.ts';
import type { Ports } from './ports.ts';

const NEXT: Partial<Record<Outcome, string>> = {
  rejected:
    'Mend the file and rename it from `.rejected` to `.md`, or run `docket retry`. Nothing was sent anywhere and nothing was recorded.',
  held: 'A person has to look. Mend the file and rename it from `.held` to `.md`, or run `docket retry`.',
  failed:
    'Run `docket retry` to try again, or change the prompt and raise `revision`. Prompt and evidence of each attempt are in the history.',
  cancelled: 'Run `docket retry` to take it up again.',
};

/** What is held for a secret has more ways out. */
function nextOf(outcome: Outcome, failure: Failure, name: string): string {
  const plain = NEXT[outcome] ?? '';
  const isFound = failure.kind === 'secret-found' || failure.kind === 'personal-data-found';
  if (!isFound || failure.in !== 'prompt') return plain;
  return `${plain} \`docket redact ${name}\` writes a version in which it is masked; what is no secret can be let pass by its fingerprint (policy.allow_secrets, docs/secrets.md).`;
}

const faultText = (fault: Fault): string =>
  [
    `- **${fault.field}**${fault.line > 0 ? ` (line ${String(fault.line)}, column ${String(fault.column)})` : ''}: ${fault.message}`,
    `  - expected: ${fault.expected}`,
    `  - found: ${fault.found}`,
    `  - mend: ${fault.mend}`,
    `  - code: \`${fault.code}\``,
  ].join('\n');

const attemptText = (attempt: AttemptRecord): string =>
  `- attempt ${String(attempt.n)}, ${attempt.startedAt} to ${attempt.endedAt}${costText(attempt)}: ${attempt.outcome}${attempt.failure === null ? '' : ` - ${describe(attempt.failure)}`}`;

const costText = ({ usage: { costUsd, estimated } }: AttemptRecord): string => {
  const micros = costUsd === null ? null : microsOf(costUsd);
  return micros === null ? '' : `, ${estimated === true ? '~' : ''}${showUsd(micros)}`;
};

function whatText(failure: Failure): string {
  if (failure.kind === 'prompt-invalid') return failure.faults.map(faultText).join('\n');
  if (failure.kind !== 'contract') return `${describe(failure)}.`;
  const found = failure.findings.map((finding) => `- ${describeFinding(finding)}`);
  const more = failure.leftOut === 0 ? [] : [`- and ${String(failure.leftOut)} more`];
  return ['The answer does not keep its contract (docs/contracts.md):', '', ...found, ...more].join('\n');
}

export function errorPage(
  ports: Pick<Ports, 'clock'>,
  claimed: Claimed,
  outcome: Outcome,
  failure: Failure,
  attempts: readonly AttemptRecord[],
): string {
  const { job } = claimed;
  const what = whatText(failure);
  const sections = [
    `# ${job.originalName}: ${outcome}`,
    what,
    ...(attempts.length === 0 ? [] : ['## Attempts', attempts.map(attemptText).join('\n')]),
    '## What to do',
    nextOf(outcome, failure, `${job.role}/${job.stem}`),
    '## Facts',
    [
      `- job: ${job.id}`,
      `- role: ${job.role}`,
      `- file: in/${job.stem}.${suffixOf(outcome)}`,
      `- class: ${classOf(failure)}`,
      `- SHA-256: ${job.sha256 ?? 'not read'}`,
      `- decided: ${ports.clock.now().toISOString()}`,
    ].join('\n'),
  ];
  return `${sections.join('\n\n')}\n`;
}
