/**
 * What history will be told about the end of a job, kept with the decision in the ledger, so that a crash before the commit changes nothing in it.
 * What lies elsewhere in work/ is named, not repeated: evidence and result are private copies for out/, raw output is the attempts' own.
 */

import { Buffer } from 'node:buffer';
import type { Answer, MaterialBytes } from '#core/history.ts';
import type { Material } from '#core/evidence.ts';
import type { FinalFile } from '#core/job.ts';
import type { Sha256 } from '#core/names.ts';
import type { Claimed, Decided, Spool } from '#core/spool.ts';

/** What history is told, and the number of the attempt that it came from (0: none was made). */
export type Told = { readonly answer: Answer; readonly attempt: number };

type Note = {
  readonly v: 2;
  readonly attempt: number;
  readonly answer: Omit<Answer, 'result' | 'evidence' | 'envelope' | 'attempts' | 'materials'>;
  readonly hasResult: boolean;
  /** `in: 'result'`: the offline runner's brief is its answer. */
  readonly materials: readonly (Material & { readonly in: 'result' | 'ledger' })[];
  /** `a1-stdout` stands for a1/stdout. */
  readonly attempts: readonly string[];
};

/** @param resultSha256 null when there is no result */
export function noteOf({ answer, attempt }: Told, resultSha256: Sha256 | null): Required<Pick<Decided, 'note' | 'blobs'>> {
  const { result, evidence: _evidence, envelope: _envelope, attempts, materials, ...rest } = answer;
  const note: Note = {
    v: 2,
    attempt,
    answer: rest,
    hasResult: result !== null,
    materials: materials.map(({ bytes: _bytes, ...material }) => ({
      ...material,
      in: material.sha256 === resultSha256 ? 'result' : 'ledger',
    })),
    attempts: attempts.map(({ name }) => name),
  };
  return { note, blobs: materials.filter((material) => material.sha256 !== resultSha256) };
}

/**
 * The same after a crash. Null: nothing is to be told, because no note was kept or because it is published, and so recorded, already.
 * Throws when a part is missing that only a damaged disk can have taken.
 */
export async function readTold(spool: Spool, claimed: Claimed, final: FinalFile): Promise<Told | null> {
  const note = await spool.note(claimed);
  if (note === null) return null;
  if (note['v'] === 1) return readOld(note);
  if (note['v'] !== 2) throw new Error(`the note of job ${claimed.job.id} has version ${String(note['v'])}: written by a newer docket`);
  const { answer, attempt, hasResult, materials, attempts } = note as unknown as Note;
  const evidence = await spool.privateCopy(claimed, final, '_evidence.json');
  const envelope = await spool.privateCopy(claimed, final, '_evidence.dsse.json');
  const result = await spool.privateCopy(claimed, final, '_result.md');
  // Published means recorded: nothing goes to out/ before its commit.
  if (evidence === null || (hasResult && result === null)) return null;
  return {
    attempt,
    answer: {
      ...answer,
      result: hasResult ? result : null,
      evidence: textOf(evidence),
      ...(envelope === null ? {} : { envelope: textOf(envelope) }),
      materials: await Promise.all(materials.map(async (material) => withBytes(spool, claimed, material, result))),
      attempts: await rawOutputs(spool, claimed, attempts),
    },
  };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

async function withBytes(
  spool: Spool,
  claimed: Claimed,
  kept: Note['materials'][number],
  result: Uint8Array | null,
): Promise<MaterialBytes> {
  const { in: place, ...material } = kept;
  const bytes = place === 'result' ? result : await spool.blob(claimed, material.sha256);
  if (bytes === null) throw new Error(`the ${material.role} that job ${claimed.job.id} was given is not in work/ any more`);
  return { ...material, bytes: textOf(bytes) };
}

async function rawOutputs(spool: Spool, claimed: Claimed, names: readonly string[]): Promise<Answer['attempts']> {
  const outputs: { name: string; bytes: Uint8Array }[] = [];
  for (const name of names) {
    const bytes = await spool.kept(claimed, name.replace('-', '/'));
    if (bytes !== null) outputs.push({ name, bytes });
  }
  return outputs;
}

type Packed = { readonly text: string } | { readonly base64: string };
const unpack = (packed: Packed): Buffer => ('text' in packed ? Buffer.from(packed.text) : Buffer.from(packed.base64, 'base64'));

/** record.json of docket 0.1 had everything in it. */
function readOld(note: Readonly<Record<string, unknown>>): Told {
  const { attempt, answer } = note as unknown as {
    readonly attempt: number;
    readonly answer: Omit<Answer, 'result' | 'attempts'> & {
      readonly result: Packed | null;
      readonly attempts: readonly { readonly name: string; readonly bytes: Packed }[];
    };
  };
  return {
    attempt,
    answer: {
      ...answer,
      result: answer.result === null ? null : unpack(answer.result),
      attempts: answer.attempts.map(({ name, bytes }) => ({ name, bytes: unpack(bytes) })),
    },
  };
}
