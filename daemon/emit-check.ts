/**
 * May the prompts of an answer be enqueued? Each is held to what a dropped file is held to (shape, role, spec, runner, scope, secrets, size), and all of them
 * together to what only an answer can do wrong: two of one identity, a wait that never ends, more than the limits allow. All findings at once, with the
 * place in the answer; one of them is enough that none is enqueued.
 */

import { promptsIn, type PromptBlock } from '#agents/prompts-answer.ts';
import { describe } from '#core/failure.ts';
import type { Fault } from '#core/fault.ts';
import { isJobId, sameFeature, type JobId } from '#core/names.ts';
import { describeIdentity, identityKey, type Dependency } from '#core/prompt.ts';
import { listIn, openStatement } from '#history/loose-json.ts';
import { scopeFaults } from '#policy/scope.ts';
import { streamFaults } from '#policy/streams.ts';
import { placeOfField } from '#prompt-spec/parse.ts';
import { resolveSpec } from '#prompt-spec/resolve.ts';
import { describeDependency } from './dependencies.ts';
import { limitsOf, parseAnswer, type Child, type Parsed } from './emit-answer.ts';
import type { Ports } from './ports.ts';
import type { Submitted } from './task.ts';
import { chooseRunner } from './validate.ts';

/** A finding without the name of its check; 1-based, of the answer. */
export type EmitFlaw = { readonly line: number; readonly column: number; readonly message: string };

type Checking = Pick<Ports, 'roles' | 'workspace' | 'clock' | 'specs' | 'secrets'> & {
  readonly scope: Pick<Ports['scope'], 'rules'>;
  /** Null: which runner a prompt asks for is looked at when it is claimed. */
  readonly runners: Ports['runners'] | null;
  /** Null: nothing was ever recorded. */
  readonly history: Pick<Ports['history'], 'find' | 'records' | 'read'> | null;
};
type Recorded = Checking & { readonly history: NonNullable<Checking['history']> };
type Asking = Pick<Submitted, 'identity' | 'role' | 'recordAs' | 'prompt'>;

const DAY_MS = 86_400_000;

/** Every way in which the prompts of an answer may not be enqueued, in the order of the answer; an empty list when they may, or when it has none. */
export async function emitFlaws(ports: Recorded, job: Asking, answer: string): Promise<readonly EmitFlaw[]> {
  const { blocks } = promptsIn(answer);
  // Of far too many only as many are looked at as could be enqueued: that there are too many is a finding already.
  const parsed = parseAnswer(ports, job.role, job.recordAs, blocks.slice(0, ports.workspace.settings['emit.prompts_max']));
  if (parsed.length === 0) return [];
  const flaws: EmitFlaw[] = [...limitFlaws(ports, blocks)];
  for (const one of parsed) {
    flaws.push(...one.faults.map((fault) => flawOf(one, fault)));
    if (!one.block.isClosed)
      flaws.push(atFence(one, 'the block of this prompt is never closed: end it with as many signs as it began with'));
    if (one.child !== null) flaws.push(...(await childFlaws(ports, job, one.child)));
    else if (one.faults.length === 0) flaws.push(atFence(one, 'this prompt has no front matter that is closed by ---'));
  }
  const children = parsed.flatMap(({ child }) => child ?? []);
  // What those say of others that were not looked at is not known.
  if (blocks.length === parsed.length) flaws.push(...(await groupFlaws(ports, children)));
  const [first] = parsed;
  if (first !== undefined) flaws.push(...(await runawayFlaws(ports, job, first, blocks.length)));
  return flaws.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** What several prompts that come together can do wrong. @param placed where a flaw inside of a prompt is told */
export async function groupFlaws(
  ports: Checking,
  children: readonly Child[],
  placed: (child: Child, flaw: EmitFlaw) => EmitFlaw = (_child, flaw) => flaw,
): Promise<readonly EmitFlaw[]> {
  const flaws = [...twinFlaws(children), ...cycleFlaws(children)];
  for (const child of children) for (const flaw of await needFlaws(ports, child, children)) flaws.push(placed(child, flaw));
  return flaws;
}

export const atFence = ({ block }: Pick<Parsed, 'block'>, message: string): EmitFlaw => ({
  line: block.fenceLine,
  column: block.indent + 1,
  message,
});

export function flawOf({ block }: Pick<Parsed, 'block'>, fault: Fault): EmitFlaw {
  const message = `${fault.field}: ${fault.message} (expected: ${fault.expected}; found: ${fault.found}; ${fault.mend})`;
  if (fault.line <= 0) return atFence({ block }, message);
  return { line: block.line + fault.line - 1, column: fault.column + block.indent, message };
}

/** At a key of the child's front matter; where it does not stand, at the fence. */
function atField(ports: Pick<Ports, 'workspace'>, { block }: Child, field: string, message: string): EmitFlaw {
  const place = placeOfField(new TextEncoder().encode(block.text), field, limitsOf(ports));
  return place.line === 0
    ? atFence({ block }, `${field}: ${message}`)
    : { line: block.line + place.line - 1, column: place.column + block.indent, message: `${field}: ${message}` };
}

function limitFlaws({ workspace: { settings } }: Checking, blocks: readonly PromptBlock[]): EmitFlaw[] {
  const most = settings['emit.prompts_max'];
  const tooMany = blocks[most];
  if (tooMany === undefined) return [];
  return [
    atFence(
      { block: tooMany },
      `the answer holds ${String(blocks.length)} prompts, at most ${String(most)} are enqueued (emit.prompts_max): ask for less at once`,
    ),
  ];
}

/** Of a prompt out of an answer: it is of this feature, and speaks for nobody. */
async function childFlaws(ports: Checking, job: Asking, child: Child): Promise<EmitFlaw[]> {
  const { prompt } = child;
  const flaws: EmitFlaw[] = [];
  if (!sameFeature(prompt.feature.id, job.identity.feature))
    flaws.push(atField(ports, child, 'feature', `a prompt out of an answer is of the same feature: write ${job.prompt.feature.name}`));
  if (prompt.rest['parent'] !== undefined) flaws.push(atField(ports, child, 'parent', 'docket writes this line: leave it out'));
  if (prompt.rest['author'] !== undefined)
    flaws.push(atField(ports, child, 'author', 'names a person who wrote the prompt, and no person did: leave it out'));
  return [...flaws, ...(await promptFlaws(ports, child))];
}

/** What any dropped file is held to, beyond its shape; and that its place in the history is free. @param isSame the very bytes may be recorded there */
export async function promptFlaws(
  ports: Checking,
  child: Child,
  isSame: (sha256: string) => boolean = () => false,
): Promise<readonly EmitFlaw[]> {
  const { prompt, role, block } = child;
  const flaws: EmitFlaw[] = [];
  const bytes = new TextEncoder().encode(block.text);
  const limits = limitsOf(ports);
  if (child.bytes.length > limits.promptBytes)
    flaws.push(
      atFence(
        child,
        `this prompt has ${String(child.bytes.length)} bytes, at most ${String(limits.promptBytes)} are taken (limits.prompt_bytes)`,
      ),
    );
  const spec = resolveSpec(prompt.specVersion, prompt.agent, ports.specs, () => placeOfField(bytes, 'prompt_spec_version', limits));
  if (!spec.ok) flaws.push(flawOf(child, spec.error));
  const scope = ports.scope.rules(role.access, prompt.rest['scope'], prompt.stream);
  const faults = [
    ...scopeFaults(scope, () => placeOfField(bytes, 'scope', limits)),
    ...streamFaults(ports.workspace.work?.stream, prompt.stream, () => placeOfField(bytes, 'stream', limits)),
  ];
  flaws.push(...faults.map((fault) => flawOf(child, fault)));
  const model = prompt.model ?? role.model ?? (ports.workspace.settings.model === '' ? null : ports.workspace.settings.model);
  const runner = ports.runners === null ? null : chooseRunner({ runners: ports.runners }, role, prompt, model);
  // What only the installation lacks is no fault of the answer: the child will wait for it.
  if (runner?.ok === false && runner.error.kind === 'prompt-invalid')
    flaws.push(
      ...runner.error.faults.map((fault) =>
        atField(ports, child, fault.field, `${fault.message} (expected: ${fault.expected}; ${fault.mend})`),
      ),
    );
  const scan = await ports.secrets.scan('prompt', block.text);
  if (!scan.ok) flaws.push(atFence(child, describe(scan.error)));
  const filed = (await ports.history?.find(child.identity)) ?? null;
  if (filed !== null && !isSame(filed.promptSha256))
    flaws.push(
      atField(
        ports,
        child,
        'revision',
        `${describeIdentity(child.identity)} is recorded already (job ${filed.job}): raise the revision, or give this prompt a name of its own`,
      ),
    );
  return flaws;
}

function twinFlaws(children: readonly Child[]): EmitFlaw[] {
  const first = new Map<string, Child>();
  return children.flatMap((child) => {
    const key = identityKey(child.identity);
    const twin = first.get(key);
    if (twin === undefined) {
      first.set(key, child);
      return [];
    }
    const where = `the prompt at line ${String(twin.block.fenceLine)}`;
    return [atFence(child, `${describeIdentity(child.identity)} is what ${where} is, too: give each a name of its own`)];
  });
}

const isMeant = ({ identity }: Child, wanted: Dependency): boolean =>
  sameFeature(identity.feature, wanted.feature) &&
  identity.role === wanted.role &&
  identity.name === wanted.name &&
  (wanted.revision === null || wanted.revision === identity.revision);

const wordOf = ({ identity: { feature, role, name } }: Child): string => `${feature}/${role}${name === null ? '' : `/${name}`}`;

/** Each circle once, told at the prompt of it that stands first. A prompt that waits for earlier revisions of its own series is no circle. */
function cycleFlaws(children: readonly Child[]): EmitFlaw[] {
  const next = new Map(
    children.map((child) => [
      child,
      children.filter((other) => other !== child && child.prompt.dependsOn.some((one) => isMeant(other, one))),
    ]),
  );
  const state = new Map<Child, 'open' | 'done'>();
  const flaws: EmitFlaw[] = [];
  const visit = (child: Child, way: readonly Child[]): void => {
    if (state.get(child) === 'done') return;
    if (state.get(child) === 'open') {
      const circle = [...way.slice(way.indexOf(child)), child].map(wordOf).join(' -> ');
      flaws.push(atFence(child, `depends_on: these prompts wait for each other for ever: ${circle}`));
      return;
    }
    state.set(child, 'open');
    for (const other of next.get(child) ?? []) visit(other, [...way, child]);
    state.set(child, 'done');
  };
  for (const child of children) visit(child, []);
  return flaws;
}

/** A wait for something that neither this answer nor the history has. A role alone may still get its prompt from a person. */
async function needFlaws(ports: Checking, child: Child, children: readonly Child[]): Promise<EmitFlaw[]> {
  const flaws: EmitFlaw[] = [];
  for (const wanted of child.prompt.dependsOn) {
    if (children.some((other) => isMeant(other, wanted))) continue;
    const named = children.filter(
      ({ identity }) => identity.role === wanted.role && identity.name !== null && sameFeature(identity.feature, wanted.feature),
    );
    if (wanted.name === null && wanted.revision === null && named.length === 0) continue;
    if (await isInHistory(ports, wanted)) continue;
    const hint =
      named.length === 0
        ? 'name a prompt of this answer, or one that is recorded'
        : `did you mean ${named.map(wordOf).slice(0, 5).join(' or ')}?`;
    flaws.push(atField(ports, child, 'depends_on', `nothing is called ${describeDependency(wanted)}: ${hint}`));
  }
  return flaws;
}

async function isInHistory({ history }: Checking, wanted: Dependency): Promise<boolean> {
  const { feature, role, name, revision } = wanted;
  if (history === null) return false;
  if (revision !== null) return (await history.find({ feature, role, name, revision })) !== null;
  for await (const { identity } of history.records({ feature, role })) if (identity.name === name) return true;
  return false;
}

/** Against prompts that write prompts without end. */
async function runawayFlaws(ports: Recorded, job: Asking, first: Parsed, count: number): Promise<EmitFlaw[]> {
  const { settings } = ports.workspace;
  const flaws: EmitFlaw[] = [];
  const generation = await generationOf(ports, job.prompt.rest['parent'], settings['emit.generations']);
  if (generation >= settings['emit.generations'])
    flaws.push(
      atFence(
        first,
        `this prompt came out of an answer itself, ${String(generation)} generations below one that a person dropped, and may have no more of them (emit.generations: ${String(settings['emit.generations'])}): answer without prompts, or let a person drop them`,
      ),
    );
  const most = settings['emit.feature_day_max'];
  const today = await emittedSince(ports, job, ports.clock.now().getTime() - DAY_MS);
  if (today + count > most)
    flaws.push(
      atFence(
        first,
        `answers have enqueued ${String(today)} prompts for ${job.identity.feature} within 24 hours, and ${String(count)} more are above ${String(most)} (emit.feature_day_max): answer with ${today >= most ? 'none' : `at most ${String(Math.min(most - today, settings['emit.prompts_max']))}`}, or let a person drop them`,
      ),
    );
  return flaws;
}

/** How many answers a prompt is away from one that a person dropped: 0 without a parent. Counted no further than `most`. */
export async function generationOf({ history }: Pick<Recorded, 'history'>, parent: unknown, most: number): Promise<number> {
  let generation = 0;
  let job: JobId | null = typeof parent === 'string' && isJobId(parent) ? parent : null;
  while (job !== null && generation < most) {
    generation++;
    let above: JobId | null = null;
    for await (const { identity, folder } of history.records({ job })) {
      const bytes = await history.read(`${folder}/prompt_v${String(identity.revision)}.md`);
      above = bytes === null ? null : parentOf(bytes);
    }
    job = above;
  }
  return generation;
}

/** The line that withParent writes (agents/prompts-answer.ts). */
function parentOf(prompt: Uint8Array): JobId | null {
  const header = new TextDecoder().decode(prompt.subarray(0, 20_480)).split(/\n---(?:\r?\n|$)/, 1)[0] ?? '';
  const parent = /^parent: "?([a-z2-7]{16})"?\r?$/m.exec(`${header}\n`)?.[1] ?? '';
  return isJobId(parent) ? parent : null;
}

async function emittedSince({ history, roles }: Recorded, { identity: { feature } }: Asking, sinceMs: number): Promise<number> {
  let count = 0;
  for (const role of roles.values()) {
    if (role.emits !== 'prompts') continue;
    for await (const { evidence } of history.records({ feature, role: role.name })) {
      const opened = evidence === null ? null : openStatement(evidence);
      if (opened === null) continue;
      const { times } = opened.predicate;
      const ended = typeof times === 'object' && times !== null && 'ended' in times ? Date.parse(String(times.ended)) : 0;
      if (ended >= sinceMs) count += listIn(opened.predicate, 'emitted').length;
    }
  }
  return count;
}
