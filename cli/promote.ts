/**
 * `docket promote`: a named person saw it work, and says where and by what. It raises the level of a capability or makes an issue resolved, as a record of
 * its own in the history; --edit also writes it into the table or the log of this work tree. docs/streams.md.
 *
 *   who (cli/person.ts, as for a verdict: never a run) -> the level there is -> may it be moved? -> one commit -> the edit, when it was asked for
 * Invariant: the record is what counts; an edit that cannot be made is refused before the record is written.
 */

import path from 'node:path';
import type { Command } from 'commander';
import type { History } from '#core/history.ts';
import { isLevel, LEVELS, moveLevel, type Level } from '#core/levels.ts';
import { printable, type FeatureId } from '#core/names.ts';
import type { Promotion } from '#core/verdict.ts';
import { signReview } from '#history/review-signature.ts';
import { hashFile } from '#platform/hash-file.ts';
import { withWords } from '#worktrees/issue-write.ts';
import { featureNamed, type PrdFeature } from '#worktrees/prd.ts';
import { commentOf, featureIn } from './close.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { reviewerOf } from './person.ts';
import { atTerminal, checkedText, recorded } from './reviews.ts';
import { readDoc, readLog, readPrdFolder, writeDoc, type Doc } from './stream-docs.ts';

type Options = Common & {
  readonly to: string;
  readonly where: string;
  readonly evidence: string;
  readonly comment?: string;
  readonly edit?: boolean;
};
/** What is promoted, as the work tree and the history have it. */
type Subject = {
  readonly feature: FeatureId;
  readonly capability: string | null;
  readonly from: Promotion['from'];
  readonly to: Promotion['to'];
  /** Null: the work tree holds no place for it. */
  readonly place: { readonly doc: Doc; readonly at: { readonly start: number; readonly end: number } } | null;
};

export function addPromote(program: Command, io: Io): void {
  program
    .command('promote')
    .description('a person saw it work on production: a capability’s level goes up, or an issue is resolved')
    .argument('<feature>', 'such as FEAT-123, prd-sales-crm or ISSUE-14')
    .argument('[capability]', 'of a requirements document: the row of its table, by id or name')
    .requiredOption('--to <level>', `${LEVELS.slice(1).join(', ')} of a capability; resolved of an issue`)
    .requiredOption('--where <place>', 'where it was seen, such as production')
    .requiredOption('--evidence <address|file>', 'what shows it: an address, or a file, whose SHA-256 is recorded')
    .option('--comment <text>', 'what to say about it; - reads standard input')
    .option('--edit', 'also write it into the table or the issue log of this work tree (nothing is committed there)')
    .addHelpText(
      'after',
      '\nOnly a person says so, as with `docket approve`: at a terminal, or with the key of `review.key`. The stream feature moves a level up to L2, the stream fix to L3 and L4. docs/streams.md\n\nExamples:\n  docket promote ISSUE-14 --to resolved --where production --evidence https://shop.example.com/cart\n  docket promote prd-sales-crm Leads --to L2 --where staging --evidence test-run.txt --edit',
    )
    .action(async (text: string, capability: string | undefined, _options: Options, command: Command) => {
      const options = command.opts<Options>();
      await withSources(io, commonOf(command), async (sources) => {
        const { history, feature } = await featureIn(sources, text);
        const subject = await subjectOf(sources, history, feature, capability ?? null, options.to);
        const place = options.edit === true ? placeOf(subject) : null;
        const comment = await commentOf(io, sources, options.comment);
        const evidence = await evidenceOf(io, options.evidence);
        const said = { where: oneLine('--where', options.where, 200), evidence, comment };
        await promote(io, commonOf(command), sources, history, subject, said, place);
      });
    });
}

function oneLine(flag: string, text: string, lengthMax: number): string {
  const clean = text.trim();
  if (clean === '' || clean.length > lengthMax || printable(clean, lengthMax) !== clean)
    throw new CliError(
      `${flag} takes one line of 1 to ${String(lengthMax)} printable characters, got ${JSON.stringify(printable(text, 60))}`,
      EXIT.wrongUse,
    );
  return checkedText(clean, lengthMax * 4);
}

/** An address is taken as it is; of a file the name and the hash are, never a path of this machine. */
async function evidenceOf(io: Io, text: string): Promise<Promotion['evidence']> {
  const reference = oneLine('--evidence', text, 2_000);
  if (/^https?:\/\/[^\s@]+$/i.test(reference)) return { reference, sha256: null };
  const file = path.resolve(io.cwd, reference);
  const sha256 = await hashFile(file).then(
    (found) => found.sha256,
    () => null,
  );
  if (sha256 === null)
    throw new CliError(
      `--evidence takes an address (https://…, without a user in it) or a file that is there, got ${printable(reference)}`,
      EXIT.wrongUse,
    );
  return { reference: path.basename(file), sha256 };
}

async function subjectOf(sources: Sources, history: History, feature: FeatureId, capability: string | null, to: string): Promise<Subject> {
  const issue = /^ISSUE-0*([0-9]{1,9})$/i.exec(feature)?.[1];
  const promotions = await history.promotions(feature);
  const lastOf = (name: string | null): Promotion['to'] | null =>
    promotions.findLast((one) => one.capability?.toLowerCase() === name?.toLowerCase())?.to ?? null;
  if (issue !== undefined) return issueOf(sources, feature, Number(issue), capability, to, lastOf(null));
  if (!isLevel(to) || to === 'L0')
    throw new CliError(
      `a capability goes to one of ${LEVELS.slice(1).join(', ')}, got ${printable(to)}${to === 'resolved' ? ' (that is for ISSUE-n)' : ''}`,
      EXIT.wrongUse,
    );
  const row = await rowOf(sources, feature, capability);
  const last = lastOf(row?.name ?? null);
  const known = last !== null && isLevel(last) ? last : null;
  const from = higher(known, row?.feature.level ?? null);
  const moved = moveLevel(from, to, sources.workspace.work?.stream ?? null);
  if (!moved.ok) throw new CliError(`${feature}${capability === null ? '' : `, ${printable(capability)}`}: ${moved.error}`, EXIT.wrongUse);
  const at = row?.feature.levelAt ?? null;
  return { feature, capability: row?.name ?? null, from, to, place: row === null || at === null ? null : { doc: row.doc, at } };
}

/** The table may be ahead of the history, or behind it. */
const higher = (one: Level | null, other: Level | null): Level =>
  LEVELS[Math.max(LEVELS.indexOf(one ?? 'L0'), LEVELS.indexOf(other ?? 'L0'))] ?? 'L0';

type TableRow = { readonly feature: PrdFeature; readonly doc: Doc; /** As it is recorded. */ readonly name: string };

/** The row of the feature's document. Null: the feature is none of a document. */
async function rowOf({ workspace }: Sources, feature: FeatureId, capability: string | null): Promise<TableRow | null> {
  const name = /^prd-(.+)$/i.exec(feature)?.[1];
  if (name === undefined) {
    if (capability === null) return null;
    throw new CliError(`${feature} is no requirements document: leave ${JSON.stringify(printable(capability))} out`, EXIT.wrongUse);
  }
  const folder = `${workspace.settings['streams.prd'].replace(/\/+$/, '')}/${name}`;
  const { docs, prd } = await readPrdFolder(workspace, folder);
  const names = prd.features.map((one) => one.id ?? one.name).join(', ');
  if (capability === null)
    throw new CliError(
      `say which capability of ${printable(folder)}: ${printable(names === '' ? 'its table is empty' : names, 1_000)}`,
      EXIT.wrongUse,
    );
  const found = featureNamed(prd.features, capability);
  const doc = docs.find(({ file }) => file === found?.file);
  if (found === undefined || doc === undefined)
    throw new CliError(
      `${printable(folder)} has no feature ${JSON.stringify(printable(capability))}; it has ${printable(names, 1_000)}`,
      EXIT.wrongUse,
    );
  return { feature: found, doc, name: found.id ?? found.name };
}

async function issueOf(
  { workspace }: Sources,
  feature: FeatureId,
  number: number,
  capability: string | null,
  to: string,
  last: Promotion['to'] | null,
): Promise<Subject> {
  if (to !== 'resolved') throw new CliError(`an issue goes to resolved, got ${printable(to)}`, EXIT.wrongUse);
  if (capability !== null) throw new CliError(`${feature} is an issue: leave ${JSON.stringify(printable(capability))} out`, EXIT.wrongUse);
  if (last === 'resolved')
    throw new CliError(`${feature} is resolved already: \`docket log --feature ${feature}\` says by whom`, EXIT.wrongUse);
  if (workspace.work?.stream === 'feature')
    throw new CliError(
      `an issue is resolved in the stream fix, and this work tree belongs to the stream feature: say it elsewhere`,
      EXIT.wrongUse,
    );
  const read = await readLog(workspace);
  const issue = read?.log.issues.find((one) => one.number === number);
  const at = issue?.statusAt ?? null;
  return { feature, capability: null, from: 'open', to, place: read === null || at === null ? null : { doc: read.doc, at } };
}

function placeOf({ feature, place, to }: Subject): NonNullable<Subject['place']> {
  if (place !== null) return place;
  throw new CliError(
    `--edit finds no place for ${to} of ${feature} in this work tree: ${to === 'resolved' ? 'the log has no status for it (add `- Status: open` or a column Status)' : 'its table has no level for it (add a column Level)'}; nothing was recorded`,
    EXIT.wrongUse,
  );
}

type SaidOf = Pick<Promotion, 'where' | 'evidence' | 'comment'>;

async function promote(
  io: Io,
  common: Common,
  sources: Sources,
  history: History,
  { feature, capability, from, to }: Subject,
  said: SaidOf,
  place: Subject['place'],
): Promise<void> {
  const { workspace } = sources;
  const at = clock.now().toISOString();
  const reviewer = await reviewerOf(io, workspace, at);
  const { person, key } = reviewer;
  const what = capability === null ? feature : `${feature}, ${capability},`;
  const facts = [
    `moves    ${from} -> ${to}`,
    `seen at  ${said.where}`,
    `evidence ${said.evidence.reference}${said.evidence.sha256 === null ? '' : ` (SHA-256 ${said.evidence.sha256})`}`,
    ...(said.comment === null ? [] : [`says     ${printable(said.comment)}`]),
    `by       ${printable(person.name)} <${printable(person.email)}>${key === null ? '' : `, signed with ${key.signer.fingerprint}`}`,
  ];
  if (reviewer.how === 'terminal' && !(await atTerminal(io)(`Promote ${what} to ${to}?`, facts)))
    throw new CliError('nothing was recorded', EXIT.stopped);
  const unsigned: Promotion = { v: 1, kind: 'promotion', feature, capability, from, to, ...said, by: person, at, signature: null };
  // In the order of the format.
  const { v, kind, where, evidence, by, comment, signature } = key === null ? unsigned : signReview(key.signer, unsigned);
  const promotion: Promotion = { v, kind, feature, capability, from, to, where, evidence, by, at, comment, signature };
  const { path: file, commit } = await recorded(async () => history.promote(promotion));
  const edited = place === null ? null : await edit(workspace, place, to);
  const data = { feature, capability, from, to, where, evidence, by, path: file, commit, edited };
  show(
    io,
    common,
    data,
    [
      `${what.replace(/,$/, '')} is at ${to}, was ${from}`,
      `recorded as ${file}${signature === null ? '' : `, signed with ${signature.key}`}`,
      ...(edited === null ? [] : [`${edited} says so now; commit it`]),
    ].join('\n'),
  );
}

async function edit(workspace: Sources['workspace'], { doc, at }: NonNullable<Subject['place']>, to: string): Promise<string> {
  const now = await readDoc(workspace, doc.file);
  if (now?.text !== doc.text)
    throw new CliError(`it is recorded, but ${printable(doc.file)} was changed meanwhile and not edited`, EXIT.notWell);
  await writeDoc(doc, withWords(doc.text, at, to));
  return doc.file;
}
