/**
 * The answers that a person judges, and the one way to give a verdict: `docket approve`, `reject`, `ask-changes`, `hold` and `review` all come here.
 *
 *   answered -> item with its standing (core/verdict.ts decides) -> who, shown, confirmed, signed -> recorded -> the daemon is told
 * Invariant: a verdict is about the bytes that were shown: the hash that the person saw is the hash that is recorded.
 */

import { confirm, isCancel } from '@clack/prompts';
import type { Filed, History } from '#core/history.ts';
import { printable, type FeatureName, type RoleFolder } from '#core/names.ts';
import { describeIdentity, identityKey, type Identity } from '#core/prompt.ts';
import type { Workspace } from '#core/settings.ts';
import {
  addressOf,
  isAccepted,
  ruleOf,
  standingOf,
  STRICT_RULE,
  type Closing,
  type Judged,
  type Person,
  type ReviewRule,
  type Standing,
  type Verdict,
  type VerdictWord,
} from '#core/verdict.ts';
import { isAsRecorded } from '#history/as-recorded.ts';
import { changedPaths, filesNow } from '#history/code-now.ts';
import { evidenceFile, promptFile, resultFile } from '#history/layout.ts';
import { openStatement, objectIn, textIn } from '#history/loose-json.ts';
import { signReview } from '#history/review-signature.ts';
import { makeDigest } from '#platform/digest.ts';
import { scanText } from '#policy/scan-text.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { codeHead } from './code.ts';
import { CliError, EXIT, type Io } from './io.ts';
import type { HistoryRecord } from './job-words-find.ts';
import type { Sources } from './job-words-sources.ts';
import { connectControl } from './open.ts';
import { reviewerOf, type Reviewer } from './person.ts';
import { clock } from './parts.ts';

/** What a look at answers needs; `withSources` gives it. */
export type ReviewSources = Pick<Sources, 'workspace' | 'roles' | 'fs' | 'history'>;

export type ReviewItem = {
  readonly identity: Identity;
  readonly featureName: FeatureName;
  readonly roleFolder: RoleFolder;
  /** Of the prompt; null: it has none. */
  readonly title: string | null;
  /** E-mail address of who wrote the prompt; null: nobody said. */
  readonly author: string | null;
  readonly filed: Filed;
  /** ISO 8601: when it was answered; empty: the evidence does not say. */
  readonly at: string;
  readonly standing: Standing;
  /** All verdicts about this identity, oldest first. */
  readonly verdicts: readonly Judged[];
  readonly rule: ReviewRule;
  /** In history. */
  readonly resultPath: string;
  readonly evidencePath: string;
  /** Files that the run changed, as they are now. */
  readonly codeNow: Verdict['code']['files'];
  /** The accepted or else the newest earlier revision; null: there is none. */
  readonly previous: { readonly identity: Identity; readonly resultPath: string; readonly isAccepted: boolean } | null;
  /** Why nobody has to judge it any more: a newer revision was answered, or its feature is closed. */
  readonly isPast: boolean;
};

export type ReviewFilter = {
  /** Left out: all. */
  readonly standing?: readonly Standing[] | Standing;
  readonly feature?: string;
  readonly role?: string;
};

/** Without an answer that was ever given by a tool there is nothing to judge: `briefed`, failed and running jobs are not among them. Newest answers last. */
export async function reviewItems(sources: ReviewSources, filter: ReviewFilter = {}): Promise<readonly ReviewItem[]> {
  const history = await sources.history();
  if (history === null) return [];
  const { feature, role, standing } = filter;
  const wanted = { ...(feature === undefined ? {} : { feature }), ...(role === undefined ? {} : { role }) };
  const verdicts = byIdentity(await history.verdicts(wanted));
  const earlier = new Map<string, { readonly record: HistoryRecord; readonly isAccepted: boolean }[]>();
  const items: ReviewItem[] = [];
  for await (const record of history.records(wanted)) {
    if (record.filed.status !== 'answered') continue;
    const item = await itemOf(sources, history, record, verdicts.get(identityKey(record.identity)) ?? []);
    const series = identityKey({ ...record.identity, revision: 0 });
    earlier.set(series, [...(earlier.get(series) ?? []), { record, isAccepted: isAccepted(item.standing) }]);
    items.push(item);
  }
  const isWanted = (item: ReviewItem): boolean =>
    standing === undefined || (typeof standing === 'string' ? item.standing === standing : standing.includes(item.standing));
  const closed = closedFeatures(await history.closings(feature));
  return items
    .filter(isWanted)
    .map((item) => {
      const series = earlier.get(identityKey({ ...item.identity, revision: 0 })) ?? [];
      const isNewest = series.every(({ record }) => record.identity.revision <= item.identity.revision);
      return {
        ...item,
        previous: previousOf(item.identity, series),
        isPast: !isNewest || closed.has(item.identity.feature.toLowerCase()),
      };
    })
    .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** In small letters. @param closings oldest first */
function closedFeatures(closings: readonly Pick<Closing, 'feature' | 'kind'>[]): ReadonlySet<string> {
  const last = new Map(closings.map(({ feature, kind }) => [feature.toLowerCase(), kind]));
  return new Set([...last].flatMap(([feature, kind]) => (kind === 'closing' ? [feature] : [])));
}

function byIdentity(verdicts: readonly Judged[]): ReadonlyMap<string, readonly Judged[]> {
  const found = new Map<string, Judged[]>();
  for (const one of verdicts) {
    const key = identityKey(one.identity);
    const known = found.get(key);
    if (known === undefined) found.set(key, [one]);
    else known.push(one);
  }
  return found;
}

function previousOf(
  { revision }: Identity,
  series: readonly { readonly record: HistoryRecord; readonly isAccepted: boolean }[],
): ReviewItem['previous'] {
  const before = series
    .filter(({ record }) => record.identity.revision < revision)
    .toSorted((a, b) => b.record.identity.revision - a.record.identity.revision);
  const chosen = before.find((one) => one.isAccepted) ?? before[0];
  if (chosen === undefined) return null;
  const { identity, folder } = chosen.record;
  return { identity, resultPath: `${folder}/${resultFile(identity.revision)}`, isAccepted: chosen.isAccepted };
}

/** One answer, by its record. Throws CliError 2 with words when there is nothing to judge. */
export async function reviewItem(sources: ReviewSources, record: HistoryRecord): Promise<ReviewItem> {
  const { identity, filed } = record;
  if (filed.status !== 'answered')
    throw new CliError(
      filed.status === 'briefed'
        ? `${describeIdentity(identity)} is briefed: the offline runner wrote the brief down, and no AI answered it, so there is nothing to judge`
        : `${describeIdentity(identity)} is ${filed.status}: there is no answer to judge yet`,
      EXIT.wrongUse,
    );
  const series = await reviewItems(sources, { feature: identity.feature, role: identity.role });
  const item = series.find((one) => identityKey(one.identity) === identityKey(identity));
  if (item === undefined) throw new CliError(`${describeIdentity(identity)} is not in the history any more`, EXIT.notWell);
  return item;
}

const FRONT_MATTER = { promptBytes: 8_000_000, frontMatterBytes: 65_536 };

async function itemOf(
  { workspace, roles, fs }: ReviewSources,
  history: History,
  { identity, filed, folder, evidence }: HistoryRecord,
  verdicts: readonly Judged[],
): Promise<ReviewItem> {
  const [featureName = '', roleFolder = ''] = folder.split('/');
  const role = roles.get(identity.role);
  const rule = role === undefined ? STRICT_RULE : ruleOf(role, workspace.settings['review.unreviewed_roles']);
  const prompt = await history.read(`${folder}/${promptFile(identity.revision)}`);
  const front = prompt === null ? null : readFrontMatter(prompt, FRONT_MATTER);
  const data = front?.ok === true ? front.value.data : {};
  const author = addressOf(data['author']);
  const codeNow = await filesNow(fs, makeDigest(), workspace.code, evidence === null ? [] : changedPaths(evidence));
  const { resultSha256 } = filed;
  const said = verdicts.map(({ verdict }) => verdict);
  const predicate = evidence === null ? null : (openStatement(evidence)?.predicate ?? null);
  const resultPath = `${folder}/${resultFile(identity.revision)}`;
  const standing = resultSha256 === null ? 'awaiting' : standingOf(rule, said, { resultSha256, author, codeNow });
  const isIntact =
    resultSha256 === null || !isAccepted(standing) || (await isAsRecorded({ history, digest: makeDigest() }, resultPath, resultSha256));
  return {
    identity,
    featureName: featureName as FeatureName,
    roleFolder: roleFolder as RoleFolder,
    title: typeof data['title'] === 'string' ? data['title'] : null,
    author,
    filed,
    at: predicate === null ? '' : (textIn(objectIn(predicate, 'times'), 'ended') ?? ''),
    standing: isIntact ? standing : 'lapsed',
    verdicts,
    rule,
    resultPath,
    evidencePath: `${folder}/${evidenceFile(identity.revision)}`,
    codeNow,
    previous: null,
    isPast: false,
  };
}

export type Wish = { readonly verdict: VerdictWord; readonly comment: string | null };
/** Asked when no key is set: a question, and the lines that say who, what and which hash. */
export type Confirm = (question: string, facts: readonly string[]) => Promise<boolean>;
export type Given = {
  readonly verdict: Verdict;
  readonly path: string;
  readonly commit: string;
  readonly standing: Standing;
  readonly hasDaemon: boolean;
};

const DONE: Readonly<Record<VerdictWord, string>> = {
  approved: 'Approve',
  'changes-requested': 'Ask for changes of',
  rejected: 'Reject',
  held: 'Hold',
};

/** `Approve revision 1 of FEAT-1/architect?` */
export const questionOf = ({ identity }: ReviewItem, verdict: VerdictWord): string => `${DONE[verdict]} ${describeIdentity(identity)}?`;

export const atTerminal =
  (io: Pick<Io, 'out'>): Confirm =>
  async (question, facts) => {
    for (const line of facts) io.out(line);
    const answer = await confirm({ message: question, initialValue: false });
    return !isCancel(answer) && answer;
  };

/**
 * Gives a verdict as the person at this terminal, or with the key. Throws CliError with words when it is refused, and nothing was written.
 * @param ask another way to ask at a terminal (`docket review`); never asked with `review.key`
 */
export async function giveVerdict(
  io: Io,
  sources: ReviewSources,
  item: ReviewItem,
  wish: Wish,
  ask: Confirm = atTerminal(io),
): Promise<Given> {
  const { workspace, fs } = sources;
  const at = clock.now().toISOString();
  const comment = checkedComment(workspace, wish);
  const reviewer = await reviewerOf(io, workspace, at);
  const history = await sources.history();
  const { identity, filed } = item;
  if (history === null || filed.resultSha256 === null || filed.evidenceSha256 === null)
    throw new CliError(`${describeIdentity(identity)} has no answer to judge`, EXIT.wrongUse);
  await mustBeOpen(history, identity.feature);
  const bytes = await history.read(item.resultPath);
  if (bytes === null || makeDigest().sha256(bytes) !== filed.resultSha256)
    throw new CliError(
      `${item.resultPath} is not what was recorded, so it cannot be judged: \`docket verify\` says what became of it`,
      EXIT.notWell,
    );
  if (reviewer.how === 'terminal' && !(await ask(questionOf(item, wish.verdict), factsOf(item, wish, reviewer))))
    throw new CliError('nothing was recorded', EXIT.stopped);
  const files = await filesNow(
    fs,
    makeDigest(),
    workspace.code,
    item.codeNow.map(({ path }) => path),
  );
  const changed = files.find(({ path, sha256 }, index) => item.codeNow[index]?.path !== path || item.codeNow[index].sha256 !== sha256);
  if (changed !== undefined)
    throw new CliError(`${printable(changed.path)} was changed after it was shown: nothing was recorded, look at it again`, EXIT.notWell);
  const unsigned: Verdict = {
    v: 1,
    kind: 'verdict',
    job: filed.job,
    feature: item.featureName,
    role: identity.role,
    name: identity.name,
    revision: identity.revision,
    verdict: wish.verdict,
    result_sha256: filed.resultSha256,
    evidence_sha256: filed.evidenceSha256,
    code: { head: await codeHead(workspace.code), files },
    by: reviewer.person,
    at,
    comment,
    how: reviewer.how,
    signature: null,
  };
  const verdict = reviewer.key === null ? unsigned : signReview(reviewer.key.signer, unsigned);
  const { path, commit } = await recorded(async () => history.judge(verdict));
  const said = [...item.verdicts.map((one) => one.verdict), verdict];
  const standing = standingOf(item.rule, said, { resultSha256: filed.resultSha256, author: item.author, codeNow: files });
  return { verdict, path, commit, standing, hasDaemon: await pokeDaemon(workspace) };
}

/** What the history refuses comes with words instead of a stack. */
export async function recorded<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    const isRefused = 'code' in error && error.code === 'EVERDICT';
    throw new CliError(error.message, isRefused ? EXIT.wrongUse : EXIT.environment);
  }
}

/** Throws CliError 2 when the feature's last word is that it is closed. */
export async function mustBeOpen(history: Pick<History, 'closings'>, feature: string): Promise<void> {
  const last = (await history.closings(feature)).at(-1);
  if (last?.kind === 'closing')
    throw new CliError(
      `${printable(feature)} was closed by ${printable(last.by.name)} at ${last.at}: \`docket reopen ${printable(feature)}\` opens it again`,
      EXIT.wrongUse,
    );
}

function checkedComment({ settings }: Workspace, { verdict, comment }: Wish): string | null {
  const text = comment === null ? '' : comment.replaceAll('\r\n', '\n').trim();
  if (text === '') {
    if (verdict === 'rejected' || verdict === 'changes-requested')
      throw new CliError(`say what is wrong: --comment "…" (or --comment - for standard input)`, EXIT.wrongUse);
    return null;
  }
  return checkedText(text, settings['review.comment_bytes']);
}

/** A comment is recorded for ever, so what must not be there is refused first. Throws CliError 2. */
export function checkedText(text: string, bytesMax: number): string {
  const sizeBytes = new TextEncoder().encode(text).length;
  if (sizeBytes > bytesMax)
    throw new CliError(`the comment has ${String(sizeBytes)} bytes, and review.comment_bytes allows ${String(bytesMax)}`, EXIT.wrongUse);
  const [secret] = scanText(text);
  if (secret !== undefined)
    throw new CliError(
      `the comment looks as if it held a secret (${secret.excerpt} in line ${String(secret.line)}): say it without, it is recorded for good`,
      EXIT.wrongUse,
    );
  return text;
}

function factsOf(item: ReviewItem, wish: Wish, reviewer: Reviewer): readonly string[] {
  return [
    `${describeIdentity(item.identity)}${item.title === null ? '' : `: ${printable(item.title)}`}`,
    ...(wish.comment === null ? [] : [`says    ${printable(wish.comment)}`]),
    ...sealFacts(item, wish.verdict, reviewer),
  ];
}

/** Does the role leave this person's approval out, who wrote the prompt? */
export const isOwn = ({ rule, author }: Pick<ReviewItem, 'rule' | 'author'>, person: Person): boolean =>
  !rule.authorMayApprove && author !== null && author.toLowerCase() === person.email.toLowerCase();

/** Lines of what a verdict is bound to: which bytes, which person, which key. */
export function sealFacts({ filed, rule, author }: ReviewItem, verdict: VerdictWord, { person, key, note }: Reviewer): readonly string[] {
  const own = isOwn({ rule, author }, person);
  return [
    `result  ${filed.resultSha256 ?? ''}`,
    `by      ${printable(person.name)} <${printable(person.email)}>${key === null ? '' : `, signed with ${key.signer.fingerprint}`}`,
    ...(note === null ? [] : [printable(note, 500)]),
    ...(own && verdict === 'approved'
      ? ['you wrote this prompt: the role asks for the approval of somebody else, so yours does not count']
      : []),
  ];
}

/** Dependents go at once. False: no daemon runs. */
export async function pokeDaemon(workspace: Pick<Workspace, 'state'>): Promise<boolean> {
  const control = await connectControl(workspace);
  if (control === null) return false;
  await control.ask('poke');
  control.close();
  return true;
}
