/** work/<job>/record.json: what history will be told about the end of a job, so that a crash before the commit changes nothing in it. */

import { Buffer, isUtf8 } from 'node:buffer';
import type { Answer } from '#core/history.ts';

export const RECORD_FILE = 'record.json';

/** What history is told, and the number of the attempt that it came from (0: none was made). */
export type Told = { readonly answer: Answer; readonly attempt: number };

type Packed = { readonly text: string } | { readonly base64: string };

/** Text stays text: it is nearly always one. */
function pack(bytes: Uint8Array): Packed {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { text: buffer.toString('utf8') } : { base64: buffer.toString('base64') };
}

const unpack = (packed: Packed): Buffer => ('text' in packed ? Buffer.from(packed.text) : Buffer.from(packed.base64, 'base64'));

export const writeRecord = ({ answer, attempt }: Told): string =>
  JSON.stringify({
    v: 1,
    attempt,
    answer: {
      ...answer,
      result: answer.result === null ? null : pack(answer.result),
      attempts: answer.attempts.map(({ name, bytes }) => ({ name, bytes: pack(bytes) })),
    },
  });

/** Our own file, written whole and synced: throws on anything else. */
export function readRecord(bytes: Uint8Array): Told {
  const data = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    readonly v: number;
    readonly attempt: number;
    readonly answer: Omit<Answer, 'result' | 'attempts'> & {
      readonly result: Packed | null;
      readonly attempts: readonly { readonly name: string; readonly bytes: Packed }[];
    };
  };
  if (data.v !== 1) throw new Error(`record.json of version ${String(data.v)}: written by a newer docket`);
  const { answer, attempt } = data;
  return {
    attempt,
    answer: {
      ...answer,
      result: answer.result === null ? null : unpack(answer.result),
      attempts: answer.attempts.map(({ name, bytes: packed }) => ({ name, bytes: unpack(packed) })),
    },
  };
}
