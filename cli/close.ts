/**
 * `docket close` and `docket reopen`: the end of a feature as a record of its own, given by a person as a verdict is (cli/person.ts).
 *
 *   open -> close: all accepted, the merge in the code repository -> closed, no new prompt is taken -> reopen -> open
 * Invariant: what is not accepted is shown, and closing over it takes --anyway and a reason that is recorded.
 */

import type { Command } from 'commander';
import type { History } from '#core/history.ts';
import { parseFeature, printable, type FeatureId } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { type Closing } from '#core/verdict.ts';
import { signReview } from '#history/review-signature.ts';
import { commitNamed } from './code.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { reviewerOf } from './person.ts';
import { atTerminal, checkedText, pokeDaemon, recorded, reviewItems } from './reviews.ts';

type Options = Common & { readonly merged?: string; readonly comment?: string; readonly anyway?: boolean };
type Open = { readonly identity: Identity; readonly standing: string };

export function addClose(program: Command, io: Io): void {
  program
    .command('close')
    .description('close a feature: who validated it, the merge commit, all verdicts; no new prompt of it is taken')
    .argument('<feature>', 'such as FEAT-123')
    .requiredOption('--merged <commit>', 'the commit of the code that the feature was merged with')
    .option('--comment <text>', 'what to say about it; - reads standard input')
    .option('--anyway', 'close it over answers that are not accepted, or a commit that is not in the code repository; needs --comment')
    .addHelpText(
      'after',
      '\nOnly a person closes a feature, as with `docket approve`. It is a record of its own; `docket reopen` is the next one. docs/review.md\n\nExamples:\n  docket close FEAT-123 --merged main\n  docket close FEAT-123 --merged 4f2a9c1 --anyway --comment "the UI part moved to FEAT-130"',
    )
    .action(async (text: string, _options: Options, command: Command) => {
      const options = command.opts<Options>();
      await withSources(io, commonOf(command), async (sources) => {
        const { history, feature, last } = await featureIn(sources, text);
        if (last?.kind === 'closing')
          throw new CliError(`${feature} was closed by ${printable(last.by.name)} at ${last.at} already`, EXIT.wrongUse);
        const comment = await commentOf(io, sources, options.comment);
        const commit = await mergedOf(sources, options.merged ?? '');
        const open = await openIn(sources, history, feature);
        mustBeDone(feature, { open, commit, comment, isAnyway: options.anyway === true });
        await say(io, commonOf(command), sources, history, { kind: 'closing', feature, comment, merged: commit });
      });
    });
}

export function addReopen(program: Command, io: Io): void {
  program
    .command('reopen')
    .description('open a closed feature again: its prompts are taken again')
    .argument('<feature>', 'such as FEAT-123')
    .requiredOption('--comment <text>', 'why; - reads standard input')
    .addHelpText(
      'after',
      '\nThe closing stays in the history; this is a record after it.\n\nExamples:\n  docket reopen FEAT-123 --comment "the export was forgotten"',
    )
    .action(async (text: string, _options: Options, command: Command) => {
      await withSources(io, commonOf(command), async (sources) => {
        const { history, feature, last } = await featureIn(sources, text);
        if (last?.kind !== 'closing') throw new CliError(`${feature} is not closed`, EXIT.wrongUse);
        const comment = await commentOf(io, sources, command.opts<Options>().comment);
        if (comment === null) throw new CliError('say why it is opened again: --comment "…"', EXIT.wrongUse);
        await say(io, commonOf(command), sources, history, { kind: 'reopening', feature, comment, merged: null });
      });
    });
}

export async function featureIn(
  sources: Sources,
  text: string,
): Promise<{ readonly history: History; readonly feature: FeatureId; readonly last: Closing | null }> {
  const parsed = parseFeature(text);
  if (!parsed.ok) throw new CliError(`${JSON.stringify(printable(text))} is no feature: ${parsed.error}`, EXIT.wrongUse);
  const history = await sources.history();
  // As it was written when its first prompt was recorded.
  for await (const { identity } of history?.records({ feature: parsed.value.id }) ?? [])
    if (history !== null) return { history, feature: identity.feature, last: (await history.closings(identity.feature)).at(-1) ?? null };
  throw new CliError(`nothing is recorded of ${parsed.value.id}: \`docket log\` lists what is`, EXIT.wrongUse);
}

export async function commentOf(io: Io, { workspace }: Sources, given: string | undefined): Promise<string | null> {
  const text = (given === '-' ? await io.readInput() : (given ?? '')).replaceAll('\r\n', '\n').trim();
  return text === '' ? null : checkedText(text, workspace.settings['review.comment_bytes']);
}

async function mergedOf({ workspace }: Sources, named: string): Promise<{ readonly commit: string; readonly isThere: boolean }> {
  const found = await commitNamed(workspace.code, named);
  if (found !== null) return { commit: found, isThere: true };
  if (/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(named)) return { commit: named, isThere: false };
  throw new CliError(
    `the code repository ${workspace.code} has no commit ${JSON.stringify(printable(named))} (fetch it, or give its full id with --anyway)`,
    EXIT.wrongUse,
  );
}

/** What is not accepted: of each series its newest revision. The offline runner's briefs await nothing. */
async function openIn(sources: Sources, history: History, feature: FeatureId): Promise<readonly Open[]> {
  const standings = new Map((await reviewItems(sources, { feature })).map((item) => [identityKey(item.identity), item.standing]));
  const newest = new Map<string, Open>();
  for await (const { identity, filed } of history.records({ feature })) {
    const series = identityKey({ ...identity, revision: 0 });
    const known = newest.get(series);
    if (filed.status === 'briefed' || (known !== undefined && known.identity.revision > identity.revision)) continue;
    newest.set(series, { identity, standing: standings.get(identityKey(identity)) ?? filed.status });
  }
  return [...newest.values()].filter(({ standing }) => standing !== 'accepted' && standing !== 'unreviewed');
}

function mustBeDone(
  feature: FeatureId,
  {
    open,
    commit,
    comment,
    isAnyway,
  }: { open: readonly Open[]; commit: { commit: string; isThere: boolean }; comment: string | null; isAnyway: boolean },
): void {
  const faults = [
    ...open.map(
      ({ identity, standing }) =>
        `  ${identity.role}${identity.name === null ? '' : `/${identity.name}`} r${String(identity.revision)}: ${standing}`,
    ),
    ...(commit.isThere ? [] : [`  the code repository has no commit ${commit.commit}`]),
  ];
  if (faults.length === 0) return;
  if (!isAnyway)
    throw new CliError(`${feature} is not done:\n${faults.join('\n')}\n--anyway --comment "…" closes it all the same`, EXIT.notWell);
  if (comment === null)
    throw new CliError(`--anyway needs a reason, which is recorded: --comment "…"\n${faults.join('\n')}`, EXIT.wrongUse);
}

type Wish = Pick<Closing, 'kind' | 'feature' | 'comment' | 'merged'>;

async function say(io: Io, common: Common, sources: Sources, history: History, wish: Wish): Promise<void> {
  const { workspace } = sources;
  const at = clock.now().toISOString();
  const reviewer = await reviewerOf(io, workspace, at);
  const { person, key } = reviewer;
  const verdicts = await history.verdicts({ feature: wish.feature });
  const verb = wish.kind === 'closing' ? 'Close' : 'Reopen';
  const facts = [
    ...(wish.merged === null ? [] : [`merged  ${wish.merged.commit}`]),
    ...(wish.comment === null ? [] : [`says    ${printable(wish.comment)}`]),
    `by      ${printable(person.name)} <${printable(person.email)}>${key === null ? '' : `, signed with ${key.signer.fingerprint}`}`,
    `after   ${String(verdicts.length)} verdicts`,
  ];
  if (reviewer.how === 'terminal' && !(await atTerminal(io)(`${verb} ${wish.feature}?`, facts)))
    throw new CliError('nothing was recorded', EXIT.stopped);
  const unsigned: Closing = {
    v: 1,
    kind: wish.kind,
    feature: wish.feature,
    merged: wish.merged,
    by: person,
    at,
    comment: wish.comment,
    verdicts: verdicts.map(({ verdict: { verdict, result_sha256, by, at: saidAt }, identity: { role, name, revision }, path }) => ({
      path,
      role,
      name,
      revision,
      verdict,
      result_sha256,
      by,
      at: saidAt,
    })),
    signature: null,
  };
  const closing = key === null ? unsigned : signReview(key.signer, unsigned);
  const { path, commit } = await recorded(async () => history.closeFeature(closing));
  const hasDaemon = await pokeDaemon(workspace);
  const word = wish.kind === 'closing' ? 'closed' : 'open again';
  const data = {
    feature: wish.feature,
    closed: wish.kind === 'closing',
    merged: wish.merged?.commit ?? null,
    by: person,
    path,
    commit,
    daemon: hasDaemon,
  };
  show(io, common, data, `${wish.feature} is ${word}\nrecorded as ${path}`);
}
