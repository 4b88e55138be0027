/**
 * What is known of a feature: its series (a role, or a role and a name) with their revisions, from the history, and what waits or ended badly, from the folders.
 * It is the same with the journal deleted, but for what runs: that the folders of work/ tell.
 */

import { showUsd, usdOf, type Micros } from '#core/money.ts';
import { parseFeature, printable, type JobId, type PromptName, type RoleFolder, type RoleName } from '#core/names.ts';
import { identityKey, type Dependency, type Identity } from '#core/prompt.ts';
import { describeStale, staleOf, usedIn, type MadeFrom } from '#core/stale.ts';
import { isAccepted, type Standing, type VerdictWord } from '#core/verdict.ts';
import { openStatement, objectIn, textIn } from '#history/loose-json.ts';
import { spendLinesOf } from '#history/spending.ts';
import { changeOf, namesInFolder } from '#platform/folder-names.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { peekPrompt, type Peek } from '#prompt-spec/peek.ts';
import { parseEndedName } from '#spool/layout.ts';
import path from 'node:path';
import type { Sources } from './job-words-sources.ts';
import { fileNameOf, isWaitingFile, peekInFlight, stateWord } from './job-words.ts';
import { reviewItems } from './reviews.ts';

export type Said = { readonly verdict: VerdictWord; readonly by: string; readonly at: string; readonly comment: string | null };

/** One revision of a series: a record, a file that waits, or both. */
export type Revision = {
  readonly revision: number;
  readonly job: JobId | null;
  /** `answered`, `briefed`, `submitted`, `failed` … of the record; `waiting`, `running`, `held` … of what lies in the folders. */
  readonly state: string;
  /** Null: it has no answer of a tool. */
  readonly standing: Standing | null;
  readonly verdicts: readonly Said[];
  /** Why it is stale, in words. */
  readonly stale: readonly string[];
  /** ISO 8601: when it was answered, or came. */
  readonly at: string | null;
  readonly micros: Micros;
  readonly title: string | null;
  readonly dependsOn: readonly Dependency[];
  /** Job of the answer that its prompt came out of. */
  readonly parent: string | null;
  /** File name in in/, where it lies there; null: it does not. */
  readonly file: string | null;
};

export type Series = {
  readonly feature: string;
  readonly role: RoleName;
  readonly name: PromptName | null;
  /** Newest first; at least one. */
  readonly revisions: readonly Revision[];
};

export type FeatureFacts = {
  readonly feature: string;
  /** As its folder in the history is called. */
  readonly featureName: string;
  readonly series: readonly Series[];
  readonly closings: readonly {
    readonly kind: 'closing' | 'reopening';
    readonly by: string;
    readonly at: string;
    readonly commit: string | null;
  }[];
};

/** Held, and nothing is wrong with it. */
export const ON_HOLD = 'on hold';

export const seriesId = ({ role, name }: Pick<Series, 'role' | 'name'>): string => (name === null ? role : `${role}/${name}`);
export const costWords = (micros: Micros): string => showUsd(Math.ceil(micros / 10_000) * 10_000);

const FRONT_MATTER = { promptBytes: 8_000_000, frontMatterBytes: 65_536 };
const HEAD_BYTES = 20_480;

type Front = Pick<Revision, 'title' | 'dependsOn' | 'parent'>;
const NO_FRONT: Front = { title: null, dependsOn: [], parent: null };

function frontOf(prompt: Uint8Array | null, peek: Peek | null): Front {
  if (prompt === null) return NO_FRONT;
  const front = readFrontMatter(prompt, FRONT_MATTER);
  const data = front.ok ? front.value.data : {};
  const text = (key: string): string | null => (typeof data[key] === 'string' ? printable(data[key], 200) : null);
  return { title: text('title'), dependsOn: (peek ?? peekPrompt(prompt))?.dependsOn ?? [], parent: text('parent') };
}

type Gathered = {
  readonly feature: string;
  readonly featureName: string;
  readonly revisions: Map<string, { readonly identity: Identity; readonly revision: Revision }>;
};

/** Everything of one feature, or of all. By feature id in lower case. */
export async function featureFacts(sources: Sources, wanted: string | null): Promise<ReadonlyMap<string, FeatureFacts>> {
  const found = new Map<string, Gathered>();
  const put = (identity: Identity, featureName: string, revision: Revision): void => {
    const key = identity.feature.toLowerCase();
    const feature: Gathered = found.get(key) ?? { feature: identity.feature, featureName, revisions: new Map() };
    found.set(key, feature);
    const known = feature.revisions.get(identityKey(identity))?.revision;
    // The record knows more; the folders know where it is now.
    const both = known === undefined ? revision : { ...known, state: revision.state, file: revision.file };
    feature.revisions.set(identityKey(identity), { identity, revision: both });
  };
  for (const { identity, featureName, revision } of await recorded(sources, wanted)) put(identity, featureName, revision);
  for (const { peek, ...lying } of await inFolders(sources, wanted)) {
    const { feature, agent: role, name, revision } = peek;
    put({ feature, role, name, revision }, feature, lying);
  }
  const history = await sources.history();
  const closings = history === null ? [] : await history.closings(wanted ?? undefined);
  return new Map(
    [...found].map(([key, { feature, featureName, revisions }]) => [
      key,
      {
        feature,
        featureName,
        series: seriesOf([...revisions.values()]),
        closings: closings
          .filter((one) => one.feature.toLowerCase() === key)
          .map(({ kind, by, at, merged }) => ({ kind, by: by.name, at, commit: merged?.commit ?? null })),
      },
    ]),
  );
}

function seriesOf(all: readonly { readonly identity: Identity; readonly revision: Revision }[]): readonly Series[] {
  const groups = Map.groupBy(all, ({ identity }) => `${identity.role}/${identity.name ?? ''}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { feature, role, name } = first.identity;
    const revisions = group.map(({ revision }) => revision).toSorted((a, b) => b.revision - a.revision);
    return [{ feature, role, name, revisions }];
  });
}

type Found = { readonly identity: Identity; readonly featureName: string; readonly revision: Revision };

async function recorded(sources: Sources, wanted: string | null): Promise<readonly Found[]> {
  const history = await sources.history();
  if (history === null) return [];
  const filter = wanted === null ? {} : { feature: wanted };
  const items = new Map((await reviewItems(sources, filter)).map((item) => [identityKey(item.identity), item]));
  const found: (Found & { readonly made: MadeFrom })[] = [];
  for await (const { identity, filed, folder, evidence } of history.records(filter)) {
    const item = items.get(identityKey(identity));
    const prompt = await history.read(`${folder}/prompt_v${String(identity.revision)}.md`);
    const predicate = evidence === null ? null : (openStatement(evidence)?.predicate ?? null);
    const standing = item?.standing ?? null;
    found.push({
      identity,
      featureName: folder.split('/')[0] ?? identity.feature,
      made: { identity, isAccepted: standing !== null && isAccepted(standing), used: evidence === null ? [] : usedIn(evidence) },
      revision: {
        revision: identity.revision,
        job: filed.job,
        state: filed.status,
        standing,
        verdicts: (item?.verdicts ?? []).map(({ verdict: { verdict, by, at, comment } }) => ({ verdict, by: by.name, at, comment })),
        stale: [],
        at: predicate === null ? null : textIn(objectIn(predicate, 'times'), 'ended'),
        micros: evidence === null ? 0 : spendLinesOf(evidence).reduce((sum, { spend }) => sum + spend.micros, 0),
        ...frontOf(prompt, null),
        file: null,
      },
    });
  }
  const stale = staleOf([...found.map(({ made }) => made), ...(wanted === null ? [] : await upstream(sources, found, wanted))]);
  return found.map(({ identity, featureName, revision }) => ({
    identity,
    featureName,
    revision: { ...revision, stale: (stale.get(identityKey(identity)) ?? []).map(describeStale) },
  }));
}

/** Answers of other features that this one's were made with. */
async function upstream(sources: Sources, found: readonly { readonly made: MadeFrom }[], wanted: string): Promise<readonly MadeFrom[]> {
  const others = new Set(
    found.flatMap(({ made }) => made.used.map(({ feature }) => feature)).filter((one) => one.toLowerCase() !== wanted.toLowerCase()),
  );
  const made: MadeFrom[] = [];
  for (const feature of others)
    for (const { identity, standing } of await reviewItems(sources, { feature }))
      made.push({ identity, isAccepted: isAccepted(standing), used: [] });
  return made;
}

type InFolder = Revision & { readonly peek: Peek };

/** What waits, what is in work, and what ended badly: by the front matter of the files. */
async function inFolders(sources: Sources, wanted: string | null): Promise<readonly InFolder[]> {
  const { spool, roles, layout } = sources;
  const isWanted = (peek: Peek | null): peek is Peek =>
    peek !== null && (wanted === null || peek.feature.toLowerCase() === wanted.toLowerCase());
  const found: InFolder[] = [];
  for (const view of await spool.list({ ended: false, onFault: () => undefined })) {
    const folder = roles.get(view.role)?.folder;
    if (folder === undefined) continue;
    if (isWaitingFile(view)) {
      const name = view.file ?? fileNameOf(view) ?? '';
      const read = await readPrompt(sources, path.join(layout.in(folder), name));
      if (isWanted(read.peek)) found.push(fileRevision(read, read.peek, 'waiting', view.since, name));
    } else if (view.id !== null) {
      const peek = await peekInFlight(sources, folder, view.id);
      const read = { ...(await readPrompt(sources, layout.job(folder, view.id).claimed)), peek };
      if (isWanted(peek)) found.push({ ...fileRevision(read, peek, stateWord(view.state), view.since, null), job: view.id });
    }
  }
  for (const { folder } of roles.values()) for (const one of await badEnds(sources, folder)) if (isWanted(one.peek)) found.push(one);
  return found;
}

async function badEnds(sources: Sources, folder: RoleFolder): Promise<readonly InFolder[]> {
  const found: InFolder[] = [];
  for (const latin of namesIn(sources.layout.in(folder))) {
    const ended = parseEndedName(Buffer.from(latin, 'latin1').toString());
    if (ended === null || ended.suffix === 'processed') continue;
    const name = `${ended.stem}.${ended.suffix}`;
    const read = await readPrompt(sources, path.join(sources.layout.in(folder), name));
    const error = path.join(sources.layout.out(folder), `${ended.stem}_error.md`);
    const isOnHold = ended.suffix === 'held' && changeOf(error) === null;
    if (read.peek !== null) found.push({ ...fileRevision(read, read.peek, isOnHold ? ON_HOLD : ended.suffix, null, name) });
  }
  return found;
}

/** A folder that cannot be read is told by `docket status`. */
function namesIn(folder: string): readonly string[] {
  try {
    return namesInFolder(folder);
  } catch {
    return [];
  }
}

type Read = Front & { readonly peek: Peek | null };

async function readPrompt({ fs }: Sources, file: string): Promise<Read> {
  try {
    const { bytes } = await fs.readHead(file, HEAD_BYTES);
    const peek = peekPrompt(bytes);
    return { ...frontOf(bytes, peek), peek };
  } catch {
    return { ...NO_FRONT, peek: null };
  }
}

const fileRevision = (read: Front, peek: Peek, state: string, at: string | null, file: string | null): InFolder => ({
  revision: peek.revision,
  job: null,
  state,
  standing: null,
  verdicts: [],
  stale: [],
  at,
  micros: 0,
  title: read.title,
  dependsOn: peek.dependsOn,
  parent: read.parent,
  file,
  peek,
});

/** US dollars of all revisions. */
export const costOf = ({ series }: Pick<FeatureFacts, 'series'>): number =>
  usdOf(series.reduce((sum, { revisions }) => sum + revisions.reduce((inner, { micros }) => inner + micros, 0), 0));

/** `FEAT-123-user-filters` and `feat-123` are one. Null: it is no feature's name. */
export function featureIdIn(text: string): string | null {
  const parsed = parseFeature(text);
  return parsed.ok ? parsed.value.id : null;
}
