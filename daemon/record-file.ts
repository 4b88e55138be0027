/** work/<job>/record.json: what history will be told about the end of a job, so that a crash before the commit changes nothing in it. */

import type { Answer } from '#core/history.ts';

export const RECORD_FILE = 'record.json';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export const writeRecord = (answer: Answer): string =>
  JSON.stringify({
    v: 1,
    ...answer,
    result: answer.result === null ? null : base64(answer.result),
    attempts: answer.attempts.map((attempt) => ({ name: attempt.name, bytes: base64(attempt.bytes) })),
  });

/** Our own file, written whole and synced: throws on anything else. */
export function readRecord(bytes: Uint8Array): Answer {
  const data = JSON.parse(Buffer.from(bytes).toString('utf8')) as Omit<Answer, 'result' | 'attempts'> & {
    readonly v: number;
    readonly result: string | null;
    readonly attempts: readonly { readonly name: string; readonly bytes: string }[];
  };
  if (data.v !== 1) throw new Error(`record.json of version ${String(data.v)}: written by a newer docket`);
  const { v: _version, ...answer } = data;
  return {
    ...answer,
    result: data.result === null ? null : Buffer.from(data.result, 'base64'),
    attempts: data.attempts.map((attempt) => ({ name: attempt.name, bytes: Buffer.from(attempt.bytes, 'base64') })),
  };
}
