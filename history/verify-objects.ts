/** Every object against its id, once; what the later questions need of it is kept (verify-seen.ts). Damage is told and never stops the look at the rest. */

import type { Finding } from '#core/history.ts';
import { oidOf } from './objects.ts';
import type { Repository } from './repository.ts';
import { finding, words, type Count } from './verify-finding.ts';
import { seeBlob, seeCommit, type Seen, type Wanted } from './verify-seen.ts';

export async function* verifyObjects(
  { store, gitDir, digest }: Repository,
  wanted: Wanted,
  seen: Seen,
  count: Count,
): AsyncGenerator<Finding> {
  try {
    const { total, packs, objects } = await store.all();
    count.total += total;
    for (const pack of packs)
      for (const path of await pack.damagedFiles()) yield finding('object-damaged', path, `${path} has other bytes than its checksum says`);
    for await (const object of objects) {
      const { oid, where } = object;
      try {
        const { type, bytes } = await object.read();
        const actual = oidOf(type, bytes);
        if (actual !== oid) yield finding('object-damaged', where, `the object ${oid} has other bytes than its id says`, oid, actual);
        else if (type === 'commit') seen.commits.set(oid, seeCommit(oid, bytes));
        else if (wanted.files.has(oid) && !seen.hashes.has(oid)) seeBlob(seen, wanted, oid, bytes, digest.sha256(bytes));
      } catch (error) {
        yield finding('object-damaged', where, `the object ${oid} cannot be read: ${words(error)}`, oid);
      }
      count.step();
    }
  } catch (error) {
    yield finding('object-damaged', `${gitDir}/objects`, words(error));
  }
}
