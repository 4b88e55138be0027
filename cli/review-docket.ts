/** The desk of the terminal review on a real workspace: answers from the history, verdicts by the one way there is to give one (reviews.ts). */

import { standingOf, type Person, type Said, type VerdictWord } from '#core/verdict.ts';
import { filesNow } from '#history/code-now.ts';
import { promptFile } from '#history/layout.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { workspaceAfter } from './on-approve.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { isWaitingFile, peekOf } from './job-words.ts';
import { listAll, type Sources } from './job-words-sources.ts';
import { personOf, reviewerOf } from './person.ts';
import { clock } from './parts.ts';
import { changedFiles } from './review-code.ts';
import type { Desk } from './review-desk.ts';
import { eyesWord, revisionWord } from './review-draw.ts';
import { editText } from './review-edit.ts';
import { emittedIn, evidenceSections, findingsIn, verdictSection } from './review-evidence.ts';
import { makeDocs } from './review-pages.ts';
import type { Entry, Facts, Fault, Pages } from './review-state.ts';
import { giveVerdict, questionOf, reviewItems, sealFacts, type ReviewItem } from './reviews.ts';

/** Prompts in the inboxes that are looked through for those that wait for an answer. */
const WAITING_MAX = 500;
const decode = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array());

const roleWord = ({ identity }: ReviewItem): string => `${identity.role}${identity.name === null ? '' : `/${identity.name}`}`;

/** How many of the approvals that are asked for were given, by the rule itself: the most that it would call accepted with. */
function approvalsOf(
  { rule, verdicts, filed, author, codeNow, standing }: ReviewItem,
  said: readonly Said[] = verdicts.map(({ verdict }) => verdict),
): number {
  const { resultSha256 } = filed;
  if (resultSha256 === null || standing === 'lapsed') return 0;
  let count = 0;
  for (; count < rule.reviewers; count++) {
    const asked = { ...rule, review: 'required' as const, reviewers: count + 1 };
    if (standingOf(asked, said, { resultSha256, author, codeNow }) !== 'accepted') break;
  }
  return count;
}

/** The same once this person has approved it, too: who did already, or wrote the prompt, adds nothing. */
function approvalsAfter(item: ReviewItem, person: Person | null): number {
  const { filed, codeNow, verdicts, standing } = item;
  if (person === null || filed.resultSha256 === null) return approvalsOf(item);
  const mine = { verdict: 'approved', result_sha256: filed.resultSha256, code: { head: null, files: codeNow }, by: person } as const;
  return approvalsOf({ ...item, standing: standing === 'lapsed' ? 'awaiting' : standing }, [
    ...verdicts.map(({ verdict }) => verdict),
    mine,
  ]);
}

export function entryFor(item: ReviewItem): Entry {
  const { identity, rule, filed } = item;
  const atMs = Date.parse(item.at);
  return {
    key: `${identity.feature}/${roleWord(item)}@${String(identity.revision)}`,
    feature: identity.feature,
    role: roleWord(item),
    revision: identity.revision,
    title: item.title ?? '',
    author: item.author,
    atMs: Number.isNaN(atMs) ? 0 : atMs,
    standing: item.standing,
    approvals: approvalsOf(item),
    reviewers: rule.reviewers,
    resultSha256: filed.resultSha256 ?? '',
    isPast: item.isPast,
  };
}

export async function makeDesk(io: Io, sources: Sources): Promise<Desk> {
  const { workspace, fs } = sources;
  const person = await personOf(workspace);
  const history = await sources.history();
  let items = new Map<string, ReviewItem>();
  const itemOf = (key: string): ReviewItem => {
    const item = items.get(key);
    if (item === undefined) throw new CliError(`${key} is not in the history any more`, EXIT.notWell);
    return item;
  };
  const read = async (path: string): Promise<string> => decode((await history?.read(path)) ?? null);

  /** Waiting prompts that this answer holds up. */
  async function waitingFor({ identity }: ReviewItem): Promise<string[]> {
    const { views } = await listAll(sources.spool, { limit: WAITING_MAX });
    const names: string[] = [];
    for (const view of views.filter(isWaitingFile)) {
      const folder = sources.roles.get(view.role)?.folder;
      const peek = folder === undefined ? null : await peekOf(sources, folder, view);
      const isFor = peek?.dependsOn.some(
        (one) =>
          one.feature.toLowerCase() === identity.feature.toLowerCase() &&
          one.role === identity.role &&
          one.name === identity.name &&
          (one.revision === null || one.revision === identity.revision),
      );
      if (isFor === true) names.push(`${view.role}/${view.stem}`);
    }
    return names;
  }

  async function pagesOf(item: ReviewItem): Promise<Pages | Fault> {
    const evidence = await read(item.evidencePath);
    const sections = evidenceSections(evidence);
    const bytes = await history?.read(item.resultPath);
    if (sections === null || bytes === null || bytes === undefined)
      return { fault: `${item.resultPath} or its evidence cannot be read: docket verify says what is wrong with the history` };
    const sha256 = makeDigest().sha256(bytes);
    if (sha256 !== item.filed.resultSha256)
      return { fault: `${item.resultPath} is not what was recorded (${sha256}): it cannot be judged. docket verify says more` };
    const folder = item.resultPath.slice(0, item.resultPath.lastIndexOf('/'));
    const { previous, identity } = item;
    const approvals = approvalsOf(item);
    const [prompt, before, files, waiting] = await Promise.all([
      read(`${folder}/${promptFile(identity.revision)}`),
      previous === null ? null : read(previous.resultPath),
      changedFiles({ ask: askProgram, fs, digest: makeDigest() }, workspace.code, evidence),
      waitingFor(item),
    ]);
    const name =
      previous === null ? '' : `r${String(previous.identity.revision)}${previous.isAccepted ? ' (accepted)' : ' (not accepted)'}`;
    return {
      facts: { sizeBytes: bytes.length, findings: findingsIn(sections) },
      doc: makeDocs({
        answer: decode(bytes),
        prompt,
        previous: before === null ? null : { name, text: before },
        files,
        sections: [verdictSection(item.rule, approvals, item.author, item.verdicts, item.filed.resultSha256), ...sections],
      }),
      follows: (verdict) => followsOf(item, verdict, approvalsAfter(item, person), emittedIn(evidence), waiting),
    };
  }

  return {
    sitter: { person: person === null ? 'nobody: git has no user.name and user.email here' : `${person.name} <${person.email}>` },
    commentBytesMax: workspace.settings['review.comment_bytes'],
    async entries() {
      const found = await reviewItems(sources);
      const entries = found.map((item) => ({ item, entry: entryFor(item) }));
      items = new Map(entries.map(({ item, entry }) => [entry.key, item]));
      return entries.map(({ entry }) => entry).toSorted((a, b) => a.atMs - b.atMs);
    },
    async facts(keys) {
      const facts = new Map<string, Facts>();
      for (const key of keys) {
        const item = items.get(key);
        const bytes = item === undefined ? null : await history?.read(item.resultPath);
        const sections = item === undefined ? null : evidenceSections(await read(item.evidencePath));
        if (bytes !== null && bytes !== undefined && sections !== null)
          facts.set(key, { sizeBytes: bytes.length, findings: findingsIn(sections) });
      }
      return facts;
    },
    async pages(key) {
      const listed = itemOf(key);
      const paths = listed.codeNow.map(({ path }) => path);
      // A verdict is about the files as they are shown now, not as they were when the list was made.
      const item = { ...listed, codeNow: await filesNow(fs, makeDigest(), workspace.code, paths) };
      items.set(key, item);
      return pagesOf(item);
    },
    async give(key, verdict, comment, ask) {
      const item = itemOf(key);
      let isConfirmed = false;
      // With `review.key` nobody would be asked: on a screen a person is, whoever signs.
      const reviewer = await reviewerOf(io, workspace, clock.now().toISOString());
      const words = [questionOf(item, verdict), ...sealFacts(item, verdict, reviewer)].join('\n');
      const confirmed = async (): Promise<boolean> => (isConfirmed ||= await ask(words));
      if (reviewer.how === 'key' && !(await confirmed())) throw new CliError('nothing was recorded', EXIT.stopped);
      const given = await giveVerdict(io, sources, item, { verdict, comment }, confirmed);
      const follows = given.standing === 'accepted' && !given.hasDaemon ? '; no daemon runs: what waits for it goes on with docket up' : '';
      // The screen is not for the words of a setup.
      const made = await workspaceAfter({ ...io, err: () => undefined }, workspace, item, given);
      const also = made === null ? '' : `; ${made.split('\n')[0] ?? ''}`;
      return `${revisionWord(entryFor(item))}: ${verdict.replace('-', ' ')}, it is ${given.standing.replace('-', ' ')}${follows}${also}`;
    },
    edit: async (text) => editText(io, text),
  };
}

const listed = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${String(names.length - 5)} more`;

/** What a verdict would set off, in words. @param approvals that count once it is one of them */
export function followsOf(
  item: ReviewItem,
  verdict: VerdictWord,
  approvals: number,
  emitted: readonly string[],
  waiting: readonly string[],
): readonly string[] {
  const held = emitted.length === 0 ? [] : [`the ${String(emitted.length)} prompts it wrote stay held: ${listed(emitted)}`];
  const { identity, rule } = item;
  if (verdict === 'changes-requested' || verdict === 'rejected') {
    const revise = `docket revise ${identity.feature}/${roleWord(item)}`;
    return [verdict === 'rejected' ? 'nothing goes on with it' : `the comment is for the next revision: ${revise}`, ...held];
  }
  if (verdict === 'held') return ['nothing goes on with it until somebody decides', ...held];
  const after = { approvals, reviewers: rule.reviewers };
  if (after.approvals < rule.reviewers)
    return [`then ${eyesWord(after)}: it counts once enough others approve it, and nobody says no`, ...held];
  return [
    ...(emitted.length === 0 ? [] : [`it releases the ${String(emitted.length)} prompts it wrote: ${listed(emitted)}`]),
    ...(waiting.length === 0 ? [] : [`what waits for it goes on: ${listed(waiting)}`]),
    ...(emitted.length + waiting.length === 0 ? ['nothing waits for it yet'] : []),
  ];
}
