/**
 * `depends_on`: which answers a prompt waits for, how each of them stands, and what they said. Only an accepted answer satisfies one: not a brief, not a
 * failure, not an answer that nobody has judged (docs/chain.md).
 */

import { Buffer } from 'node:buffer';
import type { ContextFact } from '#core/evidence.ts';
import type { Filed, History } from '#core/history.ts';
import type { Sha256 } from '#core/names.ts';
import type { Digest } from '#core/ports.ts';
import type { Dependency, Identity } from '#core/prompt.ts';
import { unreachable } from '#core/result.ts';
import { isAccepted, type Standing } from '#core/verdict.ts';
import type { Acceptance, Recorded } from './acceptance.ts';

/** How one dependency stands. */
export type Looked = {
  readonly wanted: Dependency;
  /** The accepted answer that satisfies it. */
  readonly found: Recorded | null;
  /** Otherwise: the newest of it that is recorded; null: nothing is. */
  readonly newest: Recorded | null;
};

/** `FEAT-1/ui`, `FEAT-1/ui/panel`, with `@2` when a revision is named. */
export const describeDependency = (wanted: Dependency): string =>
  `${wanted.feature}/${wanted.role}${wanted.name === null ? '' : `/${wanted.name}`}${wanted.revision === null ? '' : `@${String(wanted.revision)}`}`;

const shownOf = ({ identity }: Pick<Recorded, 'identity'>): string => describeDependency(identity);

/** That revision, or the newest that is accepted. */
export async function lookAt(acceptance: Pick<Acceptance, 'of'>, wanted: Dependency): Promise<Looked> {
  const all = (await acceptance.of(wanted)).filter(({ identity }) => wanted.revision === null || identity.revision === wanted.revision);
  const found = all.find(({ standing }) => standing !== null && isAccepted(standing)) ?? null;
  return { wanted, found, newest: all[0] ?? null };
}

/** Those that are not satisfied. */
export async function missingDependencies(
  acceptance: Pick<Acceptance, 'of'>,
  dependsOn: readonly Dependency[],
): Promise<readonly Looked[]> {
  const looked = await Promise.all(dependsOn.map(async (wanted) => lookAt(acceptance, wanted)));
  return looked.filter(({ found }) => found === null);
}

/** Why one waits for it, and what would release it; both for people. */
export type MissingWords = { readonly because: string; readonly next: string };

/** @param waiting `ui/foo.md`: a prompt that would answer it, and waits itself; null: there is none; left out: nobody looked */
export function describeMissing({ wanted, newest }: Looked, waiting?: string | null): MissingWords {
  const name = describeDependency(wanted);
  if (newest === null) {
    const drop = `drop a prompt for ${name}, and approve its answer`;
    if (waiting === undefined) return { because: `nothing of ${name} is recorded yet`, next: drop };
    if (waiting === null) return { because: `no prompt for ${name} was dropped yet`, next: drop };
    return { because: `${name} is not answered yet: ${waiting} waits, too`, next: `\`docket why ${waiting}\` says what for` };
  }
  const shown = shownOf(newest);
  return newest.standing === null ? unanswered(newest.filed, shown) : judgedWords(newest.standing, shown);
}

function unanswered({ status }: Filed, shown: string): MissingWords {
  const why = `\`docket why ${shown}\` says more`;
  switch (status) {
    case 'submitted':
    case 'answered':
      return { because: `${shown} is not answered yet`, next: why };
    case 'briefed':
      return { because: `${shown} has only a brief of the offline runner, which is no answer`, next: 'choose a runner, and drop it again' };
    case 'failed':
    case 'cancelled':
      return { because: `${shown} ${status === 'failed' ? 'failed' : 'was cancelled'}`, next: why };
    default:
      return unreachable(status);
  }
}

/** How an answer stands, and what a person can do about it. @param shown `FEAT-1/architect@2` */
export function judgedWords(standing: Standing, shown: string): MissingWords {
  const approve = `\`docket approve ${shown}\``;
  const revise = `\`docket revise ${shown.replace(/@[0-9]+$/, '')}\``;
  switch (standing) {
    case 'awaiting':
      return { because: `${shown} awaits a verdict`, next: approve };
    case 'lapsed':
      return { because: `the approval of ${shown} has lapsed: it was about another content`, next: `look at it again: ${approve}` };
    case 'changes-requested':
      return { because: `changes were requested of ${shown}`, next: `${revise} makes the next revision` };
    case 'rejected':
      return { because: `${shown} was rejected`, next: `${revise} makes the next revision` };
    case 'held':
      return { because: `${shown} is held by a reviewer`, next: `whoever holds it lets it go: ${approve}` };
    case 'accepted':
      return { because: `${shown} is accepted`, next: 'nothing to do: what depends on it goes on by itself' };
    case 'unreviewed':
      return {
        because: `${shown} counts without a verdict: review.unreviewed_roles lists its role`,
        next: 'nothing to do: what depends on it goes on by itself',
      };
    default:
      return unreachable(standing);
  }
}

/** An accepted answer as it goes into a brief. */
export type ContextText = {
  /** Path in the history. */
  readonly name: string;
  /** As much of it as is sent. */
  readonly text: string;
  /** Of the whole answer; null: a record of a docket before verdicts, which did not say it in the brief. */
  readonly sha256: Sha256 | null;
  readonly sizeBytes: number;
  readonly sentBytes: number;
};

/** The same with what evidence says of it. */
export type Context = ContextText & {
  /** All of it, for the material. */
  readonly whole: string;
  readonly fact: ContextFact;
};

export type ContextPorts = {
  readonly history: Pick<History, 'read'>;
  readonly acceptance: Pick<Acceptance, 'of'>;
  readonly digest: Pick<Digest, 'sha256'>;
};

// A byte order mark is part of what was hashed.
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The accepted answers, in the order of depends_on. Together at most so many bytes: the short ones whole, of longer ones the beginning.
 * @param sent the brief of an earlier start, if there was one: what stood in it stays, whatever is accepted now
 */
export async function contextOf(
  { history, acceptance, digest }: ContextPorts,
  dependsOn: readonly Dependency[],
  maxBytes: number,
  sent: string | null = null,
): Promise<readonly Context[]> {
  const whole: { readonly found: Recorded; readonly path: string; readonly text: string; readonly sizeBytes: number }[] = [];
  for (const wanted of dependsOn) {
    const found = await usedFor(acceptance, wanted, sent);
    const path = found === null ? null : pathOf(found);
    if (found === null || path === null || whole.some((one) => one.path === path)) continue;
    const bytes = await history.read(path);
    // What a purge took out, or a hand put there, is not what was accepted.
    const isJudged = bytes !== null && digest.sha256(bytes) === found.filed.resultSha256;
    if (isJudged) whole.push({ found, path, text: DECODER.decode(bytes), sizeBytes: bytes.length });
  }
  const room = shares(
    whole.map(({ sizeBytes }) => sizeBytes),
    maxBytes,
  );
  return whole.map(({ found, path, text, sizeBytes }, index) => {
    const part = beginning(text, sizeBytes, room[index] ?? 0);
    const sentBytes = part === text ? sizeBytes : Buffer.byteLength(part);
    const { identity, filed, standing, approvals } = found;
    const sha256 = filed.resultSha256 as Sha256;
    return {
      name: path,
      text: part,
      whole: text,
      sha256,
      sizeBytes,
      sentBytes,
      fact: {
        path,
        sha256,
        sizeBytes,
        sentBytes,
        job: filed.job,
        feature: identity.feature,
        role: identity.role,
        name: identity.name,
        revision: identity.revision,
        standing: standing ?? 'awaiting',
        verdicts: approvals.map((one) => ({ path: one.path, commit: one.commit })),
      },
    };
  });
}

const pathOf = ({ folder, identity }: Recorded): string => `${folder}/result_v${String(identity.revision)}.md`;

async function usedFor(acceptance: Pick<Acceptance, 'of'>, wanted: Dependency, sent: string | null): Promise<Recorded | null> {
  if (sent === null) return (await lookAt(acceptance, wanted)).found;
  const all = await acceptance.of(wanted);
  return all.find((one) => one.filed.resultSha256 !== null && sent.includes(headOf(pathOf(one), one.filed.resultSha256))) ?? null;
}

/** How many bytes of each: the room is shared equally, and what the short ones leave goes to the long ones. */
export function shares(sizes: readonly number[], maxBytes: number): readonly number[] {
  const room = sizes.map(() => 0);
  let left = maxBytes;
  const open = sizes.map((size, index) => ({ size, index })).toSorted((a, b) => a.size - b.size);
  for (const [done, { size, index }] of open.entries()) {
    const share = Math.min(size, Math.floor(left / (open.length - done)));
    room[index] = share;
    left -= share;
  }
  return room;
}

/** At most so many bytes of a text, whole lines where there are any. */
function beginning(text: string, sizeBytes: number, maxBytes: number): string {
  if (sizeBytes <= maxBytes) return text;
  const cut = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(text).subarray(0, maxBytes), { stream: true });
  const line = cut.lastIndexOf('\n');
  return line > cut.length / 2 ? cut.slice(0, line + 1) : cut;
}

const headOf = (path: string, sha256: string): string => `${path} (SHA-256 ${sha256}`;

/** The context part of a brief: each answer below a line that says which it is, and how much of it follows. */
export const briefContext = (context: readonly ContextText[]): string =>
  context
    .map(({ name, text, sha256, sizeBytes, sentBytes }) => {
      if (sha256 === null) return `${name}:\n\n${text}`;
      const cut =
        sentBytes === sizeBytes ? '' : `; only its first ${String(sentBytes)} of ${String(sizeBytes)} bytes: the rest is left out here`;
      return `${headOf(name, sha256)}${cut}):\n\n${text}`;
    })
    .join('\n\n');

/** Does an identity satisfy what is wanted, once it is accepted? */
export const isWanted = (wanted: Dependency, identity: Identity): boolean =>
  wanted.role === identity.role &&
  wanted.name === identity.name &&
  (wanted.revision === null || wanted.revision === identity.revision) &&
  wanted.feature.toLowerCase() === identity.feature.toLowerCase();
