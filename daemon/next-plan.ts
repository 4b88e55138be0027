/**
 * The prompts that come next: for each accepted answer whose role says `next:`, a prompt of that role, where the feature has none yet
 * (docs/decisions/0042). `docket next` and the daemon (auto-next.ts) write the same.
 *
 *   the feature's records + what lies in the queues -> plan (pure) -> dropped
 *
 * Invariants: a role that has a prompt of the feature, in any state but rejected, gets no other one, so asking twice writes nothing. The bytes follow from
 * the history alone (created_at is when the answer was accepted): two that ask at once write the same prompt, and the second one is a duplicate.
 */

import path from 'node:path';
import type { History } from '#core/history.ts';
import type { JobView } from '#core/job.ts';
import { parseStem, sameFeature, type FeatureId, type RoleName, type Stem } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { Spool } from '#core/spool.ts';
import { isAccepted } from '#core/verdict.ts';
import { listIn, objectIn, openStatement, textIn } from '#history/loose-json.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { newestVersion } from '#prompt-spec/resolve.ts';
import { writePrompt } from '#prompt-spec/write.ts';
import { makeLayout } from '#spool/layout.ts';
import type { Acceptance } from './acceptance.ts';

export type NextPorts = {
  readonly history: Pick<History, 'records' | 'read' | 'closings'>;
  readonly acceptance: Pick<Acceptance, 'of'>;
  readonly spool: Pick<Spool, 'list'>;
  readonly fs: Pick<Fs, 'readHead'>;
  readonly queues: string;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly specs: readonly PromptSpec[];
  /** Of the prompts: `Ada Example <ada@example.com>`. Null: git names nobody. */
  readonly author: string | null;
};

/** Handed in only where the setting is on. */
export type NextUp = {
  /** Of the prompts; asked each time, git may be told another name. */
  readonly author: () => Promise<string | null>;
  /** Features with an answer that counts without a verdict, recorded since the last look (conclude.ts). */
  readonly features: Set<FeatureId>;
};

/** An answer that counts: the newest accepted one of its series. */
export type AcceptedAnswer = {
  readonly identity: Identity;
  readonly featureName: string;
  readonly title: string | null;
  readonly stream: 'feature' | 'fix' | null;
  /** ISO 8601: the newest approval; of an answer that needs none, its end. */
  readonly at: string;
  /** Prompts that it enqueued itself. */
  readonly emitted: number;
};

export type NextFacts = {
  readonly feature: FeatureId;
  readonly isClosed: boolean;
  readonly accepted: readonly AcceptedAnswer[];
  /** Prompts of the feature, wherever they are. */
  readonly present: readonly { readonly identity: Pick<Identity, 'role' | 'name'>; readonly where: string }[];
};

export type NextPrompt = { readonly role: RoleName; readonly stem: Stem; readonly text: string; readonly dependsOn: readonly string[] };
export type LeftOut = { readonly role: RoleName; readonly after: readonly string[]; readonly why: string };
export type NextPlan = { readonly prompts: readonly NextPrompt[]; readonly leftOut: readonly LeftOut[] };

/** Null: nothing of the feature is recorded. */
export async function nextFacts(ports: NextPorts, feature: FeatureId): Promise<NextFacts | null> {
  // Before the records: a prompt goes from the queues into the history and never back, so none is missed that goes meanwhile.
  const queued = await promptsInQueues(ports, feature);
  const accepted = new Map<string, AcceptedAnswer>();
  const present = new Map<string, NextFacts['present'][number]>();
  const put = (identity: Pick<Identity, 'role' | 'name'>, where: string): void => {
    const key = `${identity.role}/${identity.name ?? ''}`;
    if (!present.has(key)) present.set(key, { identity, where });
  };
  for await (const { identity, folder, evidence } of ports.history.records({ feature })) {
    if (!sameFeature(identity.feature, feature)) continue;
    put(identity, 'recorded');
    const key = identityKey({ ...identity, revision: 0 });
    if (accepted.has(key)) continue;
    const newest = (await ports.acceptance.of(identity)).find(({ standing }) => standing !== null && isAccepted(standing));
    if (newest === undefined || newest.identity.revision !== identity.revision) continue;
    accepted.set(key, await answerOf(ports, identity, folder, evidence, newest.approvals.at(-1)?.verdict.at ?? null));
  }
  if (present.size === 0) return null;
  for (const { identity, where } of queued) put(identity, where);
  const isClosed = (await ports.history.closings(feature)).at(-1)?.kind === 'closing';
  return { feature, isClosed, accepted: [...accepted.values()], present: [...present.values()] };
}

const FRONT_LIMITS = { promptBytes: 8_000_000, frontMatterBytes: 65_536 };

async function answerOf(
  { history }: NextPorts,
  identity: Identity,
  folder: string,
  evidence: string | null,
  approvedAt: string | null,
): Promise<AcceptedAnswer> {
  const bytes = await history.read(`${folder}/prompt_v${String(identity.revision)}.md`);
  const front = bytes === null ? null : readFrontMatter(bytes, FRONT_LIMITS);
  const data = front?.ok === true ? front.value.data : {};
  const predicate = evidence === null ? null : (openStatement(evidence)?.predicate ?? null);
  const { title, stream, feature } = data;
  return {
    identity,
    featureName: typeof feature === 'string' ? feature : identity.feature,
    title: typeof title === 'string' ? title : null,
    stream: stream === 'feature' || stream === 'fix' ? stream : null,
    at: approvedAt ?? (predicate === null ? null : textIn(objectIn(predicate, 'times'), 'ended')) ?? '1970-01-01T00:00:00Z',
    emitted: predicate === null ? 0 : listIn(predicate, 'emitted').length,
  };
}

/** Nothing comes of these any more, or they are recorded. */
const OVER: ReadonlySet<string> = new Set(['rejected', 'cancelled', 'answered', 'briefed', 'duplicate', 'failed']);
const HEAD_BYTES = 20_480;
/** While prompts of other features are claimed all the time, the look ends with this one. */
const LOOKS_MAX = 5;

export type QueuedPrompt = { readonly identity: Identity; readonly where: string };

/** Prompts of a feature that wait, are held or are in work, by their front matter. */
export async function promptsInQueues(
  ports: Pick<NextPorts, 'spool' | 'fs' | 'queues' | 'roles'>,
  feature: FeatureId,
): Promise<readonly QueuedPrompt[]> {
  const found = new Map<string, QueuedPrompt>();
  // One that is claimed between the list and the look at it is in the next list under its new name.
  for (let looks = 0, isMoving = true; isMoving && looks < LOOKS_MAX; looks++) {
    isMoving = false;
    for (const view of await ports.spool.list({ ended: true })) {
      if (OVER.has(view.state)) continue;
      const peek = await peekAt(ports, view);
      isMoving ||= peek === 'gone';
      if (peek === null || peek === 'gone' || !sameFeature(peek.feature, feature)) continue;
      const file = `${view.role}/${view.stem}`;
      const where = view.state === 'waiting-in' ? `${file} waits` : view.state === 'held' ? `${file} is held` : `${file} is in work`;
      const identity = { feature, role: peek.agent, name: peek.name, revision: peek.revision };
      found.set(`${file} ${identityKey(identity)}`, { identity, where });
    }
  }
  return [...found.values()];
}

async function peekAt(
  { fs, queues, roles }: Pick<NextPorts, 'fs' | 'queues' | 'roles'>,
  view: JobView,
): Promise<ReturnType<typeof peekPrompt> | 'gone'> {
  const folder = roles.get(view.role)?.folder;
  if (folder === undefined) return null;
  const layout = makeLayout(queues);
  const file =
    view.state === 'waiting-in'
      ? path.join(layout.in(folder), view.file ?? `${view.stem}.md`)
      : view.state === 'held'
        ? path.join(layout.in(folder), `${view.stem}.held`)
        : view.id === null
          ? null
          : layout.job(folder, view.id).claimed;
  if (file === null) return null;
  try {
    return peekPrompt((await fs.readHead(file, HEAD_BYTES)).bytes);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'gone';
    // A link, or nothing that can be read: not a prompt of this feature that anybody knows of.
    return null;
  }
}

/** Pure. In the order of the roles' numbers. */
export function planNext(
  { feature, isClosed, accepted, present }: NextFacts,
  { roles, specs, author }: Pick<NextPorts, 'roles' | 'specs' | 'author'>,
): NextPlan {
  const prompts: NextPrompt[] = [];
  const leftOut: LeftOut[] = [];
  const inOrder = [...roles.values()].toSorted((a, b) => a.number - b.number);
  for (const role of inOrder) {
    const leads = inOrder.filter(({ next }) => next.includes(role.name)).map(({ name }) => name);
    const after = accepted.filter(({ identity }) => leads.includes(identity.role));
    if (after.length === 0) continue;
    const leave = (why: string): void => void leftOut.push({ role: role.name, after: after.map(({ identity }) => shown(identity)), why });
    const there = present.find(({ identity }) => identity.role === role.name);
    if (there !== undefined) {
      leave(there.where === 'recorded' ? `a prompt for ${role.name} is recorded already` : there.where);
      continue;
    }
    // Whoever writes prompts has said itself what comes next.
    const asking = after.filter(({ emitted }) => emitted === 0);
    const version = newestVersion(role.name, specs);
    if (isClosed) leave(`${feature} is closed (\`docket reopen ${feature}\` first)`);
    else if (asking.length === 0) leave('the accepted answer enqueued the prompts that it wants itself');
    else if (version === null) leave(`no prompt spec of role ${role.name} is installed`);
    else {
      // Those that are written now stand before it, too.
      const before = [...present.map(({ identity }) => identity), ...prompts.map((prompt) => ({ role: prompt.role, name: null }))];
      prompts.push(promptOf(role, version, specs, asking, dependenciesOf(feature, leads, before), author));
    }
  }
  return { prompts, leftOut };
}

const shown = ({ feature, role, name, revision }: Identity): string =>
  `${feature}/${role}${name === null ? '' : `/${name}`}@${String(revision)}`;

/** All that leads to it and is on its way in this feature, accepted or not: it waits for those that are not. */
function dependenciesOf(
  feature: FeatureId,
  leads: readonly RoleName[],
  before: readonly Pick<Identity, 'role' | 'name'>[],
): readonly string[] {
  return before
    .filter(({ role }) => leads.includes(role))
    .map(({ role, name }) => (name === null ? role : `${feature}/${role}/${name}`))
    .toSorted();
}

function promptOf(
  role: Role,
  version: string,
  specs: readonly PromptSpec[],
  asking: readonly AcceptedAnswer[],
  dependsOn: readonly string[],
  author: string | null,
): NextPrompt {
  const newest = asking.reduce((one, other) => (other.at > one.at ? other : one));
  const { featureName, identity } = newest;
  const title = asking.find((one) => one.title !== null)?.title ?? null;
  const spec = specs.find((one) => one.role === role.name && one.version === version);
  const fields = {
    feature: featureName,
    agent: role.name,
    prompt_spec_version: version,
    revision: 1,
    created_at: newest.at,
    stream: newest.stream ?? undefined,
    title: title ?? undefined,
    depends_on: dependsOn,
    author: author ?? undefined,
  };
  const words = {
    feature: identity.feature,
    title: title ?? featureName,
    role: role.name,
    accepted: asking.map((one) => shown(one.identity)).join(', '),
  };
  const body = fill(templateOf(spec?.instructions ?? '') ?? PLAIN, words);
  const stem = parseStem(`${identity.feature}-${role.name}-r1`);
  if (!stem.ok) throw new Error(`a feature and a role make no file name: ${stem.error}`);
  return { role: role.name, stem: stem.value, text: writePrompt(fields, `\n${body}\n`), dependsOn };
}

const PLAIN = `# {title}

Do the part of your role for {feature}, as it follows from what was accepted: {accepted}.

The accepted answers are below as context. Answer for all of what they ask of your role, and for nothing else; name what they leave open, and ask.`;

/** The section \`## Next prompt\` of a prompt spec, up to the next heading of its level. */
function templateOf(instructions: string): string | null {
  const lines = instructions.split(/\r?\n/);
  const start = lines.findIndex((line) => /^## Next prompt\s*$/.test(line));
  if (start === -1) return null;
  const end = lines.findIndex((line, index) => index > start && /^##? /.test(line));
  const text = lines
    .slice(start + 1, end === -1 ? lines.length : end)
    .join('\n')
    .trim();
  return text === '' ? null : text;
}

/** `{feature}` and the like, once: what is put in is not filled again. */
const fill = (template: string, words: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\{(feature|title|role|accepted)\}/g, (_whole, key: string) => words[key] ?? '');
