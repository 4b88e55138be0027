/**
 * What a state of the model is, and what must hold in each. A state is what a crash at that instant would leave to its fate: the disk (what is there, what of
 * it is durable, which changes of names are pending), history, journal, runs and their keeper, what other hands did, and how many crashes came before.
 * The daemon's own memory is no part of it: two lives that leave the same world are one state here. Nor are times, which no recovery asks for.
 *
 * Invariant: two worlds that differ in anything a program could see, times aside, have different keys (but for chance: 52 bits).
 */

import { Buffer } from 'node:buffer';
import { makeDigest } from '#platform/digest.ts';
import { addDisk, durableBytes, makeHash, type Disk } from '#test/support/sim-disk.ts';
import type { Outside } from './outside.ts';
import type { Scenario } from './scenarios.ts';

export type World = { readonly disk: Disk; readonly outside: Outside };

/** Times, and bytes whose hashes stand beside them. */
const NOT_TOLD = new Set(['claimedAt', 'changedAt', 'startedAt', 'endedAt', 'evidence', 'result']);
const WORD = 0x4000000;
const parts = new WeakMap<object, number>();

const toText = (key: string, value: unknown): unknown =>
  NOT_TOLD.has(key) ? undefined : value instanceof Map ? [...(value as Map<unknown, unknown>)] : value;

/** Of one part of a world; parts are never changed in place, so most have been asked for before. */
function hashOf(part: object): number {
  let sum = parts.get(part);
  if (sum === undefined) {
    const hash = makeHash();
    const text = JSON.stringify(part instanceof Map ? [...(part as Map<unknown, unknown>)] : part, toText);
    for (let index = 0; index < text.length; index++) hash.add(text.charCodeAt(index));
    sum = hash.sum();
    parts.set(part, sum);
  }
  return sum;
}

/** @param crashes how many came before: with them change the ids that are given, and what is left to try */
export function keyOf({ disk, outside }: World, crashes: number): number {
  const { dropped, taken, records, commits, jobs, attempts, runs, done, wrong } = outside;
  const hash = makeHash();
  hash.add(crashes);
  hash.add(taken);
  for (const part of [dropped, records, commits, jobs, attempts, runs, done, wrong]) {
    const sum = hashOf(part);
    hash.add(sum % WORD);
    hash.add(Math.floor(sum / WORD));
  }
  addDisk(hash, disk);
  return hash.sum();
}

const DIGEST = makeDigest();
const forms = new Map<string, { readonly plain: Buffer; readonly inLine: Buffer; readonly sha256: string }>();
/** A prompt as a file, and as the ledger writes it into a line (spool/ledger-lines.ts). */
function formsOf(text: string): { readonly plain: Buffer; readonly inLine: Buffer; readonly sha256: string } {
  let form = forms.get(text);
  if (form === undefined) {
    form = { plain: Buffer.from(text), inLine: Buffer.from(JSON.stringify(text)), sha256: DIGEST.sha256(text) };
    forms.set(text, form);
  }
  return form;
}

const holders = new WeakMap<Uint8Array, Map<string, boolean>>();
function holds(bytes: Uint8Array, text: string): boolean {
  const known = holders.get(bytes) ?? new Map<string, boolean>();
  holders.set(bytes, known);
  let does = known.get(text);
  if (does === undefined) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { plain, inLine } = formsOf(text);
    does = buffer.includes(plain) || buffer.includes(inLine);
    known.set(text, does);
  }
  return does;
}

/**
 * Looked for in every state: whether a prompt that its author was told of is durable, byte for byte, in the history or in a file that is still there when the power goes
 * in this instant, with no pending change of a name come through and with all of them.
 * @returns what is wrong; null: all is well
 */
export function loss({ prompts, hands }: Scenario, { disk, outside }: World): string | null {
  // What its author did not sync may be half of it: then half is what was read, and what is kept.
  if (hands.includes('careless-author')) return null;
  for (const { stem, text } of prompts) {
    if (!outside.dropped.includes(stem)) continue;
    const { sha256 } = formsOf(text);
    if ([...outside.records.values()].some(({ filed }) => filed.promptSha256 === sha256)) continue;
    for (const tables of disk.steps.length === 0 ? [disk.durable] : [disk.durable, disk.now])
      if (!durableBytes(disk, tables).some((bytes) => holds(bytes, text)))
        return `${stem}: a power cut would lose the prompt in this instant`;
  }
  return null;
}
