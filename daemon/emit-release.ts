/**
 * The prompts of an answer start when it is accepted: `<stem>.held` -> `<stem>.md`, all of them at one look (docs/emit.md "Release").
 *
 *   waits (in `heldChildren`) -> its parent is accepted, or its role is one of emit.auto_release: released
 *                             -> a newer answer of its parent's series is accepted: superseded, told once, never touched
 *                             -> a person holds it (docket hold), or it ran before: left alone
 *
 * Looked at after a poke, at each whole look at the folders and at the start; what a crash cut short is still .held then, and is released. Nothing here is
 * a verdict: verdicts come from people (cli/reviews.ts), and daemon/acceptance.ts says what they make of an answer.
 */

import { parentIn } from '#spool/held-prompts.ts';
import type { JobId, RoleName } from '#core/names.ts';
import { describeIdentity, type Identity } from '#core/prompt.ts';
import type { HeldPrompt } from '#core/spool.ts';
import { isAccepted } from '#core/verdict.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { holdOf } from './holds.ts';
import type { Acceptance } from './acceptance.ts';
import type { Ports } from './ports.ts';

export type Stands = Pick<Acceptance, 'standing' | 'newestAccepted'>;

export type ChildReleases = {
  /** What an earlier start left: every prompt in in/ that is held and has a parent. */
  load(): Promise<void>;
  /** Releases what may go. Answers how many. */
  look(): Promise<number>;
};

type ReleasePorts = Pick<Ports, 'spool' | 'history' | 'heldChildren' | 'roles' | 'workspace' | 'log' | 'fs' | 'digest'> & {
  readonly reached: Ports['reached'];
};

export function makeChildReleases(ports: ReleasePorts, stands: Stands): ChildReleases {
  const { heldChildren, log } = ports;
  const parents = new Map<JobId, Identity>();
  /** Told as superseded. */
  const told = new Set<JobId>();
  const isAuto = (role: RoleName): boolean =>
    ports.workspace.settings['emit.auto_release'].includes(role) && ports.roles.get(role)?.emits === 'document';

  const identityOf = async (parent: JobId): Promise<Identity | null> => {
    const known = parents.get(parent);
    if (known !== undefined) return known;
    for await (const { identity } of ports.history.records({ job: parent })) {
      parents.set(parent, identity);
      return identity;
    }
    return null;
  };

  /** Which of the children of one answer may go now. */
  const ripe = async (parent: JobId, held: readonly HeldPrompt[]): Promise<readonly HeldPrompt[]> => {
    const auto = held.filter(({ role }) => isAuto(role));
    const identity = await identityOf(parent);
    if (identity === null) return auto;
    const newest = (await stands.newestAccepted(identity))?.identity.revision ?? null;
    if (newest !== null && newest > identity.revision) {
      if (!told.has(parent))
        log.warn(
          `${String(held.length)} prompts out of ${describeIdentity(identity)} stay held: revision ${String(newest)} is accepted and took its place`,
        );
      told.add(parent);
      return [];
    }
    const standing = await stands.standing(identity);
    return standing !== null && isAccepted(standing) ? held : auto;
  };

  /** Of a prompt that came out of this answer there is a record: it was released before, and ended as held. */
  const hasRun = async (one: HeldPrompt): Promise<boolean> => {
    const head = await ports.spool.heldHead(one.role, one.stem);
    const peek = head === null ? null : peekPrompt(head);
    if (peek === null) return false;
    const { feature, agent: role, name, revision } = peek;
    const filed = await ports.history.find({ feature, role, name, revision });
    if (filed === null) return false;
    for await (const { folder } of ports.history.records({ job: filed.job })) {
      const recorded = await ports.history.read(`${folder}/prompt_v${String(revision)}.md`);
      return recorded !== null && parentIn(recorded) === one.parent;
    }
    return false;
  };

  const lookAt = async (parent: JobId): Promise<number> => {
    const held = heldChildren.get(parent) ?? [];
    const going: HeldPrompt[] = [];
    const left: HeldPrompt[] = [];
    const may = new Set(await ripe(parent, held));
    for (const one of held) {
      if (!may.has(one)) left.push(one);
      else if ((await holdOf({ ...ports, state: ports.workspace.state }, one)) !== null) left.push(one);
      else if (!(await hasRun(one))) going.push(one);
    }
    if (going.length === 0) {
      if (left.length < held.length) remember(parent, held, left);
      return 0;
    }
    let count = 0;
    const released = await ports.spool.release(going, () => {
      if (count++ === 0) ports.reached('first-released', parent);
    });
    ports.reached('released', parent);
    remember(parent, held, left);
    for (const { role, stem, name } of released)
      if (name !== null) log.info(`${role}/${stem}.held: released as ${name}`, { job: parent, role });
    return count;
  };

  /** What came meanwhile stays. */
  const remember = (parent: JobId, before: readonly HeldPrompt[], left: readonly HeldPrompt[]): void => {
    if (heldChildren.get(parent) !== before) return;
    if (left.length === 0) heldChildren.delete(parent);
    else heldChildren.set(parent, left);
  };

  return {
    async load() {
      for (const one of await ports.spool.heldPrompts()) {
        if (one.parent === null) continue;
        const known = heldChildren.get(one.parent) ?? [];
        if (!known.some(({ role, stem }) => role === one.role && stem === one.stem)) heldChildren.set(one.parent, [...known, one]);
      }
      for (const name of ports.workspace.settings['emit.auto_release'])
        if (ports.roles.get(name as RoleName)?.emits !== 'document')
          log.warn(
            `emit.auto_release names ${name}, which is no role that emits documents: its prompts wait for the approval all the same`,
          );
    },
    async look() {
      let count = 0;
      for (const parent of [...heldChildren.keys()]) {
        try {
          count += await lookAt(parent);
        } catch (error) {
          // The next look tries again; the other answers do not wait for it.
          log.warn(`prompts out of an answer could not be released: ${error instanceof Error ? error.message : String(error)}`, {
            job: parent,
          });
        }
      }
      return count;
    },
  };
}
