/**
 * Putting a prompt into in/ so that it is whole the moment it is seen: temporary name, sync, link, sync. No name is ever replaced.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { RoleName, Stem } from '#core/names.ts';
import { isPromptName, numberedStem, PROMPT_ENDING, statedEnding, temporaryName } from './layout.ts';
import { randomText, roleOf, unlinkIfThere, type Parts, type SpoolRole } from './parts.ts';
import { linkTo, renameIfFree } from './place.ts';
import { contentOf } from './settle.ts';

/** A starting daemon sweeps temporary names; who loses one writes it again. */
const TRIES = 5;
/** File times tick every 4 to 10 ms on most systems. */
const TICKS = 20;

export type Dropped = { readonly name: string; readonly path: string };

/** @param isStated the name says what SHA-256 the content has, and the claim checks it */
export async function drop(parts: Parts, name: RoleName, stem: Stem, bytes: Uint8Array | string, isStated = false): Promise<Dropped> {
  const role = roleOf(parts, name);
  const ending = isStated ? statedEnding(parts.digest.sha256(bytes)) : PROMPT_ENDING;
  const inFolder = parts.layout.in(role.folder);
  if (!isPromptName(Buffer.from(`${stem}${PROMPT_ENDING}`)))
    throw new Error(`${stem}${PROMPT_ENDING} is a name docket never looks at: choose another`);
  for (let tried = 1; ; tried++) {
    const temporary = path.join(inFolder, temporaryName(parts.processId, randomText(parts.digest)));
    try {
      await parts.fs.writeNew(temporary, bytes, 'safety', 0o600);
      await announce(parts, temporary);
      const dropped = await enter(parts, role, temporary, stem, ending);
      if (dropped !== null) {
        await unlinkIfThere(parts.fs, temporary);
        await parts.sync(inFolder, 'safety');
        return dropped;
      }
      if (tried === TRIES)
        throw new Error(`the temporary file of ${stem}${PROMPT_ENDING} was removed ${String(TRIES)} times in ${inFolder}`);
    } catch (error) {
      await unlinkIfThere(parts.fs, temporary).catch(() => undefined);
      throw error;
    }
  }
}

export type Wanted = { readonly role: RoleName; readonly stem: Stem; readonly bytes: Uint8Array; readonly isHeld: boolean };

/**
 * Several at once: all are on the disk before the first has its name, so what keeps one from being written keeps all of them out. Names that state the
 * SHA-256, but of those that are held: a person may change these.
 */
export async function dropAll(parts: Parts, wanted: readonly Wanted[]): Promise<readonly Dropped[]> {
  const staged: { readonly one: Wanted; readonly role: SpoolRole; readonly temporary: string }[] = [];
  try {
    for (const one of wanted) {
      const role = roleOf(parts, one.role);
      const temporary = path.join(parts.layout.in(role.folder), temporaryName(parts.processId, randomText(parts.digest)));
      staged.push({ one, role, temporary });
      await parts.fs.writeNew(temporary, one.bytes, 'safety', 0o600);
      await announce(parts, temporary);
    }
    const dropped: Dropped[] = [];
    for (const { one, role, temporary } of staged) {
      const ending = one.isHeld ? '.held' : statedEnding(parts.digest.sha256(one.bytes));
      const stem = one.isHeld ? await quietStem(parts, role, one.stem) : one.stem;
      // A starting daemon took the temporary file for one of a crash: written once more.
      dropped.push((await enter(parts, role, temporary, stem, ending)) ?? (await drop(parts, one.role, one.stem, one.bytes, true)));
    }
    return dropped;
  } finally {
    for (const { temporary } of staged) await unlinkIfThere(parts.fs, temporary).catch(() => undefined);
    for (const role of new Set(staged.map((one) => one.role))) await parts.sync(parts.layout.in(role.folder), 'safety');
  }
}

/** Beside a page that tells of a bad end a held prompt would look like that end. */
async function quietStem(parts: Parts, role: SpoolRole, stem: Stem): Promise<Stem> {
  for (let n = 1; ; n++) {
    const next = numberedStem(stem, n);
    if ((await parts.fs.facts(path.join(parts.layout.out(role.folder), `${next}_error.md`))) === null) return next;
  }
}

/**
 * To this process the file is known whole by its inode. To another it must look like one that came by rename: ctime later than mtime.
 * Both may still stand on the same tick of the file system's clock, so the ctime is moved until it is.
 */
async function announce(parts: Parts, temporary: string): Promise<void> {
  for (let tick = 0; tick < TICKS; tick++) {
    const facts = await parts.fs.facts(temporary);
    if (facts === null) return;
    parts.sights.announced.set(contentOf(facts), parts.clock.monotonicMs());
    if (facts.ctimeNs > facts.mtimeNs) return;
    if (tick > 0) await parts.clock.sleep(1);
    await parts.fs.chmod(temporary, 0o600);
  }
}

/** Links the file as the first free name of `foo.md`, `foo~2.md` …; null when it is gone. Its first name stays, but where there are no hard links. */
export async function enter(parts: Parts, role: SpoolRole, temporary: string, stem: Stem, ending = PROMPT_ENDING): Promise<Dropped | null> {
  for (let n = 1; ; n++) {
    const dropped = droppedAs(parts, role, `${numberedStem(stem, n)}${ending}`);
    const answer = await linkTo(parts.fs, temporary, dropped.path);
    if (answer === 'linked' || answer === 'already') return dropped;
    if (answer === 'gone') return null;
    if (answer === 'no-links') return enterByRename(parts, role, temporary, stem, ending);
  }
}

const droppedAs = (parts: Parts, role: SpoolRole, name: string): Dropped => ({ name, path: path.join(parts.layout.in(role.folder), name) });

/** Without hard links a name that nobody else would make keeps the rename from replacing anything. */
async function enterByRename(parts: Parts, role: SpoolRole, temporary: string, stem: Stem, ending: string): Promise<Dropped | null> {
  for (;;) {
    const dropped = droppedAs(parts, role, `${stem}~${randomText(parts.digest, 4)}${ending}`);
    const answer = await renameIfFree(parts.fs, temporary, dropped.path);
    if (answer !== 'taken') return answer === 'gone' ? null : dropped;
  }
}
