/**
 * `docket status` while a daemon runs with the settings as they are: one question, and the names in the folders. It loads nothing else, because most of a
 * short program's time is the loading (docs/bench.md). Whatever is not plain (null) is for the verb itself, status.ts, which says the same in the same form.
 */

import path from 'node:path';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { takeHeapRoom } from '#platform/heap.ts';
import { makeSockets } from '#platform/socket.ts';
import { askOnce } from './control-once.ts';
import { readHolder } from './holder.ts';
import { paint, show, type Io } from './io.ts';
import { controlSocket } from './places.ts';
import { factsOf, isOf } from './status-ask.ts';
import { statusData } from './status-data.ts';
import { lookAtFolders, rolesToLookAt } from './status-folders.ts';
import { quickPlace } from './status-place.ts';
import type { QuickWords } from './quick-words.ts';
import { statusLines } from './status-words.ts';

/** False: nothing was said, and the verb itself is asked. */
export async function quickStatus(io: Io, { json, root }: QuickWords): Promise<boolean> {
  takeHeapRoom();
  const fs = makeFs();
  const place = await quickPlace(fs, io.cwd, root, io.env);
  if (place === null) return false;
  const state = path.join(place.queues, '.docket');
  const reply = await askOnce(makeSockets(), controlSocket(state), 'glance');
  const sha256 = makeDigest().sha256(`${place.shared}\0${place.local ?? ''}`);
  if (reply === null || !isOf(reply, { ...place, sha256 })) return false;
  const facts = factsOf(reply, await readHolder(fs, state));
  const folders = await lookAtFolders(fs, place.queues, rolesToLookAt(place.queues, facts.roles, facts.faults));
  if (folders.faults.length > 0) return false;
  const data = statusData(facts, folders);
  const look = { paint: (style: Parameters<typeof paint>[1], text: string) => paint(io, style, text), columns: io.columns?.() ?? null };
  show(io, { json }, data, json ? '' : statusLines(data, facts, look).join('\n'));
  return true;
}
