/**
 * A checkpoint: the head of the chain as one small JSON document, for a ticket, a mail or another machine. Signed, it is the payload of a DSSE
 * envelope. Source: docs/formats.md "Checkpoints".
 * Invariant: the same checkpoint gives the same bytes, and only what `renderCheckpoint` could have written is read.
 */

import type { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Checkpoint } from '#core/history.ts';
import { isSha256, printable } from '#core/names.ts';
import { firstParents } from './chain.ts';
import { whyNot, type AllowedSigner } from './allowed-signers.ts';
import * as dsse from './dsse.ts';
import { isOid } from './objects.ts';
import { readTip } from './ref.ts';
import type { Repository } from './repository.ts';

export const CHECKPOINT_TYPE = 'application/vnd.docket.checkpoint+json';
const NAME_LENGTH_MAX = 200;

/** Walks the whole log once: a person asks for it now and then. */
export async function makeCheckpoint({ fs, gitDir, dir, store, clock }: Repository): Promise<Checkpoint> {
  const commit = await readTip(fs, gitDir);
  if (commit === null) throw new Error(`${dir} has no branch main any more`);
  let record: Checkpoint['record'] = null;
  let records = 0;
  for await (const { link } of firstParents(store, commit)) {
    if (link === null) continue;
    record ??= link.hash;
    records++;
  }
  return { v: 1, history: path.basename(dir), commit, record, records, time: clock.now().toISOString() };
}

/** One line of JSON and a newline, keys in the order of core/history.ts. */
export const renderCheckpoint = ({ v, history, commit, record, records, time }: Checkpoint): string =>
  `${JSON.stringify({ v, history, commit, record, records, time })}\n`;

/** Null: this is no checkpoint of a version that is known. */
function parseCheckpoint(text: string): Checkpoint | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof document !== 'object' || document === null) return null;
  const { v, history, commit, record, records, time } = document as Record<string, unknown>;
  if (v !== 1 || typeof history !== 'string' || typeof commit !== 'string' || !isOid(commit) || typeof records !== 'number') return null;
  if (!Number.isSafeInteger(records) || records < 0 || typeof time !== 'string' || Number.isNaN(Date.parse(time))) return null;
  if (record !== null && (typeof record !== 'string' || !isSha256(record))) return null;
  if ((record === null) !== (records === 0)) return null;
  return { v, history: printable(history, NAME_LENGTH_MAX), commit, record, records, time: new Date(time).toISOString() };
}

/** `signedBy`: the key that the envelope names (nothing is proved by that); null: it is not signed. */
export type ReadCheckpoint = { readonly checkpoint: Checkpoint; readonly signedBy: string | null };

export function readCheckpoint(file: Buffer): ReadCheckpoint | null {
  const text = file.toString('utf8');
  const envelope = dsse.read(text);
  if (envelope === null) {
    const checkpoint = parseCheckpoint(text);
    return checkpoint === null ? null : { checkpoint, signedBy: null };
  }
  const checkpoint = envelope.payloadType === CHECKPOINT_TYPE ? parseCheckpoint(envelope.payload.toString('utf8')) : null;
  return checkpoint === null ? null : { checkpoint, signedBy: envelope.keyid };
}

/** Why a signed checkpoint cannot be taken; null: its signature is good, and its key may sign. @param signers null: any whole signature would do, so nothing is proved */
export function checkpointFault(file: Buffer, signers: readonly AllowedSigner[] | null): string | null {
  if (signers === null) return 'there is no list of allowed signers to check its signature with (signing.signers)';
  const judged = dsse.check(
    file.toString('utf8'),
    CHECKPOINT_TYPE,
    (keyid) => signers.find(({ key }) => key.fingerprint === keyid)?.key ?? null,
  );
  if (!judged.ok) return judged.error.message;
  const read = readCheckpoint(file);
  return read === null
    ? 'it is no checkpoint'
    : whyNot(signers, judged.value.by, null, Math.floor(Date.parse(read.checkpoint.time) / 1000));
}
