/** Is an answer in the tip what was recorded? A verdict is about the recorded bytes, so an answer that somebody changed by hand is judged by nobody. */

import type { History } from '#core/history.ts';
import type { Sha256 } from '#core/names.ts';
import type { Digest } from '#core/ports.ts';
import { isPlaceholder } from './tombstone.ts';

export type AsRecordedPorts = { readonly history: Pick<History, 'read'>; readonly digest: Pick<Digest, 'sha256'> };

/** What was purged counts as recorded: its hash stands in the tombstone. @param path of the result in history */
export async function isAsRecorded({ history, digest }: AsRecordedPorts, path: string, recorded: Sha256): Promise<boolean> {
  const bytes = await history.read(path);
  return bytes !== null && (isPlaceholder(bytes) || digest.sha256(bytes) === recorded);
}
