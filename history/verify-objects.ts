/**
 * Every object against its id, once; what the later questions need of it is kept (verify-seen.ts). Damage is told and never stops the look at the rest;
 * a thread that breaks does, as an error.
 */

import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Finding } from '#core/history.ts';
import type { Sha256 } from '#core/names.ts';
import { oidOf, type GitObject, type Oid } from './objects.ts';
import type { PackFile } from './pack-file.ts';
import type { StoredObject } from './read-objects.ts';
import type { Repository } from './repository.ts';
import type { ReadStatement } from './statement.ts';
import { finding, words, type Count } from './verify-finding.ts';
import type { Look } from './verify-look.ts';
import { openForParts, readPackIndex, type OpenPack, type PackIndex } from './verify-pack.ts';
import { seeBlob, seeCommit, type Seen } from './verify-seen.ts';
import { LookBroke, makeLooks, type Looks } from './verify-threads.ts';

/** Below this a thread is not worth its start. */
const THREADS_FROM = 5_000;

function see(seen: Seen, oid: Oid, { type, bytes }: GitObject): void {
  if (type === 'commit') seeCommit(seen, oid, bytes);
  else if (type === 'blob' && !seen.hashes.has(oid)) seeBlob(seen, oid, bytes, hash('sha256', bytes) as Sha256);
}

/** What a look at a part saw; `oidAt` is the id of an object by its index there. */
function seeLook(seen: Seen, look: Look, oidAt: (index: number) => Oid): void {
  const { commitAt, blobs } = look;
  const commits = Buffer.from(look.commits.buffer, look.commits.byteOffset, look.commits.byteLength);
  const hashes = Buffer.from(look.hashes.buffer, look.hashes.byteOffset, look.hashes.byteLength);
  for (let at = 0, from = 0; at < commitAt.length; at += 2) {
    const to = commitAt[at + 1] ?? from;
    seeCommit(seen, oidAt(commitAt[at] ?? 0), commits.subarray(from, to));
    from = to;
  }
  for (const [at, index] of blobs.entries()) seen.hashes.set(oidAt(index), hashes.toString('hex', at * 32, at * 32 + 32) as Sha256);
  for (const index of look.marked) seen.marked.add(oidAt(index));
  for (const [index, statement] of JSON.parse(look.statements) as [number, ReadStatement][]) seen.statements.set(oidAt(index), statement);
}

/** Something that goes on, and what there is to tell of it when its turn comes. */
type Step = { readonly look: Promise<Look> | null; readonly tell: (look: Look | null) => AsyncIterable<Finding> };

export async function* verifyObjects(
  { store, gitDir, fs, verifyThreads = 0, makeLooks: given }: Repository,
  seen: Seen,
  count: Count,
): AsyncGenerator<Finding> {
  const read: typeof store.read = async (oid) => store.read(oid);
  let looks: Looks | null = null;
  try {
    const { total, packs, loose } = await store.all();
    count.total += total;
    looks = given?.() ?? makeLooks(total < THREADS_FROM ? 0 : verifyThreads);
    yield* inTurn(stepsOf(packs, looks), looks.ahead);
    for await (const object of loose) {
      yield* one(object);
      count.step();
    }
  } catch (error) {
    if (error instanceof LookBroke) throw error;
    yield finding('object-damaged', `${gitDir}/objects`, words(error));
  } finally {
    await looks?.close();
  }

  async function* stepsOf(packs: readonly PackFile[], by: Looks): AsyncGenerator<Step> {
    for (const pack of packs) {
      const where = `${pack.name}.pack`;
      /** What ends the look at a pack is told once. */
      let isOver = false;
      const orEnd = (act: () => AsyncGenerator<Finding>): AsyncGenerator<Finding> =>
        (async function* () {
          if (isOver) return;
          try {
            yield* act();
          } catch (error) {
            isOver = true;
            // A person repacks: what was in it lies elsewhere.
            if ((error as { code?: unknown }).code !== 'ENOENT') yield finding('object-damaged', where, words(error));
          }
        })();
      const fails = (error: unknown): Step => ({
        look: null,
        tell: () =>
          orEnd(() => {
            throw error;
          }),
      });
      let open: OpenPack | null = null;
      try {
        const index = await readPackIndex(fs, pack.name);
        if (!index.isSound) yield { look: null, tell: () => orEnd(() => just(damaged(`${pack.name}.idx`))) };
        open = await openForParts(fs, pack.name, index);
        const { cuts, isSound } = open;
        for (const [at, from] of cuts.slice(0, -1).entries()) {
          const to = cuts[at + 1] ?? from;
          const part = await open.part(from, to);
          yield { look: by.look(part), tell: (look) => orEnd(() => tellPart(look, to - from, from, pack, index)) };
        }
        if (!isSound) yield { look: null, tell: () => orEnd(() => just(damaged(where))) };
      } catch (error) {
        yield fails(error);
      } finally {
        // Whoever stops listening leaves no file open.
        await open?.close();
      }
    }
  }

  async function* tellPart(
    look: Look | null,
    length: number,
    from: number,
    pack: PackFile,
    { ids, offsets }: PackIndex,
  ): AsyncGenerator<Finding> {
    const oidAt = (index: number): Oid => ids.toString('hex', (from + index) * 20, (from + index) * 20 + 20);
    if (look !== null) seeLook(seen, look, oidAt);
    for (const index of look?.slow ?? [])
      yield* one({ oid: oidAt(index), where: `${pack.name}.pack`, read: async () => pack.readAt(offsets[from + index] ?? 0, read) });
    count.step(length);
  }

  async function* one(stored: StoredObject): AsyncGenerator<Finding> {
    const { oid, where } = stored;
    try {
      const object = await stored.read();
      const actual = oidOf(object.type, object.bytes);
      if (actual === oid) see(seen, oid, object);
      else yield finding('object-damaged', where, `the object ${oid} has other bytes than its id says`, oid, actual);
    } catch (error) {
      yield finding('object-damaged', where, `the object ${oid} cannot be read: ${words(error)}`, oid);
    }
  }
}

/** Told in the order of the steps, of which so many go on ahead. */
async function* inTurn(steps: AsyncIterable<Step>, ahead: number): AsyncGenerator<Finding> {
  const going: Step[] = [];
  for await (const step of steps) {
    // Whoever tells it hears of a fault; nobody may be left to.
    step.look?.catch(() => undefined);
    going.push(step);
    if (going.length <= ahead) continue;
    const first = going.shift();
    if (first !== undefined) yield* first.tell(await first.look);
  }
  for (const step of going) yield* step.tell(await step.look);
}

// eslint-disable-next-line require-await -- a stream, as the others
async function* just(one: Finding): AsyncGenerator<Finding> {
  yield one;
}

const damaged = (path: string): Finding => finding('object-damaged', path, `${path} has other bytes than its checksum says`);
