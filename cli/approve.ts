/** `docket approve`, `docket reject`, `docket ask-changes`: a person's verdict on one answer. Only a person gives one: cli/person.ts, docs/review.md. */

import type { Command } from 'commander';
import { isSha256, printable } from '#core/names.ts';
import { describeIdentity } from '#core/prompt.ts';
import { isAccepted, type VerdictWord } from '#core/verdict.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { findSubject, nameOf, recordOf } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { workspaceAfter } from './on-approve.ts';
import { commonOf } from './open.ts';
import { giveVerdict, isOwn, reviewItem, type Given, type ReviewItem } from './reviews.ts';

type Options = Common & { readonly comment?: string; readonly hash?: string };

const WHO = 'a job id, role/name, name, or FEATURE/role@revision (without @: the newest)';
const NEEDS =
  '\nOnly a person gives a verdict: at a terminal, where it is confirmed, or with the key that `review.key` names. It is recorded with git’s user.name and user.email. docs/review.md\n';

export function addApprove(program: Command, io: Io): void {
  verb(
    program,
    io,
    'approve',
    'approved',
    'approve an answer: what depends on it may go on',
    'docket approve FEAT-123/architect\n  docket approve FEAT-123/architect@2 --hash <sha256 of the result> --comment "as agreed"',
  );
}

export function addReject(program: Command, io: Io): void {
  verb(
    program,
    io,
    'reject',
    'rejected',
    'reject an answer: nothing goes on with it',
    'docket reject FEAT-123/openapi --comment "the wrong feature"',
  );
}

export function addAskChanges(program: Command, io: Io): void {
  verb(
    program,
    io,
    'ask-changes',
    'changes-requested',
    'ask for changes: the comment becomes part of the next revision',
    'docket ask-changes FEAT-123/architect --comment - < notes.md',
  );
}

function verb(program: Command, io: Io, name: string, verdict: VerdictWord, what: string, example: string): void {
  program
    .command(name)
    .description(what)
    .argument('<answer>', WHO)
    .option('--comment <text>', `what to say about it${verdict === 'approved' ? '' : ' (needed)'}; - reads standard input`)
    .option('--hash <sha256>', 'refuse unless the result has this SHA-256: what you read is what you judge')
    .addHelpText('after', `${NEEDS}\nExamples:\n  ${example}`)
    .action(async (text: string, _options: Options, command: Command) => {
      const common = commonOf(command);
      const { comment, hash } = command.opts<Options>();
      await withSources(io, common, async (sources) => {
        const item = await answerNamed(sources, text);
        mustBeThese(item, hash);
        const words = comment === '-' ? await io.readInput() : (comment ?? null);
        const given = await giveVerdict(io, sources, item, { verdict, comment: words });
        show(io, common, dataOf(item, given), wordsOf(item, given));
        const made = await workspaceAfter(io, sources.workspace, item, given);
        if (made !== null) io.err(`note: ${made}`);
      });
    });
}

/** Throws CliError 2 with words: nothing is called so, it is not recorded, or there is no answer. */
export async function answerNamed(sources: Sources, text: string): Promise<ReviewItem> {
  const subject = await findSubject(sources, text);
  const record = await recordOf(sources, subject);
  if (record === null)
    throw new CliError(
      `nothing is recorded of ${nameOf(subject)} yet: \`docket why ${nameOf(subject)}\` says how it stands`,
      EXIT.wrongUse,
    );
  return reviewItem(sources, record);
}

function mustBeThese({ filed, identity }: ReviewItem, hash: string | undefined): void {
  if (hash === undefined) return;
  if (!isSha256(hash)) throw new CliError(`--hash takes 64 hexadecimal digits, got ${printable(hash, 80)}`, EXIT.wrongUse);
  if (hash !== filed.resultSha256)
    throw new CliError(
      `the result of ${describeIdentity(identity)} is ${filed.resultSha256 ?? 'not there'}, not ${hash}: read it again before you judge it`,
      EXIT.notWell,
    );
}

const dataOf = ({ identity, rule }: ReviewItem, { verdict, path, commit, standing, hasDaemon }: Given): unknown => ({
  ...identity,
  job: verdict.job,
  verdict: verdict.verdict,
  standing,
  reviewers: rule.reviewers,
  by: verdict.by,
  how: verdict.how,
  signed_with: verdict.signature?.key ?? null,
  result_sha256: verdict.result_sha256,
  path,
  commit,
  daemon: hasDaemon,
});

function wordsOf(item: ReviewItem, { verdict, path, standing, hasDaemon }: Given): string {
  const { identity, rule } = item;
  const lines = [`${describeIdentity(identity)}: ${verdict.verdict} by ${printable(verdict.by.name)}; it is ${standing}`];
  if (verdict.verdict === 'approved' && !isAccepted(standing))
    lines.push(
      isOwn(item, verdict.by)
        ? 'you wrote this prompt: the role asks for the approval of somebody else, so yours does not count'
        : standing === 'awaiting'
          ? `the role asks for ${String(rule.reviewers)} approvals of different people`
          : 'somebody else said no: that weighs more',
    );
  lines.push(`recorded as ${path}${verdict.signature === null ? '' : `, signed with ${verdict.signature.key}`}`);
  if (!hasDaemon && isAccepted(standing)) lines.push('no daemon runs: what waits for it goes on with `docket up`');
  return lines.join('\n');
}
