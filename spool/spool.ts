/**
 * The spool: the queue folders' protocol, from in/foo.md to in/foo.processed. Start here; each step is a file of its own:
 * scan -> head -> claim -> read -> (attempts) -> decide -> publish -> finish -> clean, and leftovers after a crash.
 *
 * Invariant: state is which files exist, and what the ledger says of them. Every step tests its own effect before it acts, so a step that was interrupted anywhere is done
 * again from the start, by another process too. Bytes are durable before the name that promises them.
 */

import type { JobId, RoleFolder } from '#core/names.ts';
import type { Spool } from '#core/spool.ts';
import { keepAltered, putBack } from './altered.ts';
import { claim } from './claim.ts';
import { clean } from './clean.ts';
import { decide, privateCopy } from './decide.ts';
import { drop, dropAll } from './drop.ts';
import { childStems, enqueue } from './enqueue.ts';
import { finish } from './finish.ts';
import { makeFolderSync } from './folder-sync.ts';
import { makeHeads } from './head.ts';
import { heldHead, heldPrompts, hold, release } from './held-prompts.ts';
import { attemptFolder, keep, keepAhead, kept } from './keep.ts';
import { makeLayout } from './layout.ts';
import { leftovers } from './leftovers.ts';
import { makeLedger, type Ledger } from './ledger.ts';
import { ended, list } from './list.ts';
import { roleOf, type Parts, type SpoolInput } from './parts.ts';
import { prepare } from './prepare.ts';
import { publish } from './publish.ts';
import { prompt, read } from './read.ts';
import { reopen } from './reopen.ts';
import { retire } from './retire.ts';
import { scan } from './scan.ts';
import { makeSights } from './settle.ts';
import { makeStemsInFlight } from './stems-in-flight.ts';

export type { SpoolInput, SpoolSettings } from './parts.ts';

/** Port: core/spool.ts. Failures of the disk are thrown with their code, except those of one role's in/ during a scan. */
export function makeSpool({ queues, ...input }: SpoolInput): Spool {
  const layout = makeLayout(queues);
  const sync = makeFolderSync(input.fs);
  const claiming = new Set<JobId>();
  const ledgers = new Map<RoleFolder, Ledger>();
  const ledgerOf = (folder: RoleFolder): Ledger => {
    const known = ledgers.get(folder) ?? makeLedger({ ...input, layout, sync, claiming }, folder);
    ledgers.set(folder, known);
    return known;
  };
  const parts: Parts = {
    ...input,
    layout,
    sync,
    ledgerOf,
    sights: makeSights(),
    listings: new Map(),
    stems: makeStemsInFlight(input.fs, layout, ledgerOf),
    decidedHere: new Set(),
    claiming,
    owed: new Map(),
    lookedAt: new Set(),
    counted: new Set(),
    network: new Map(),
    works: new Map(),
    linkless: new Set(),
    unready: new Map(),
    oldestEnded: new Map(),
  };
  const heads = makeHeads();
  return {
    prepare: () => prepare(parts),
    unready: () => parts.roles.filter(({ folder }) => parts.unready.has(folder)).map(({ name }) => name),
    scan: (options) => scan(parts, options),
    head: (waiting) => heads.head(parts, waiting),
    claim: (entries, told) => claim(parts, entries, told),
    read: (_dir, id, folder) => read(parts, id, folder),
    prompt: (claimed) => prompt(parts, claimed),
    attemptFolder: (claimed, n, beside) => attemptFolder(parts, claimed, n, beside),
    keepAhead: (claimed, file) => keepAhead(parts, claimed, file),
    keep: (claimed, name, bytes) => keep(parts, claimed, name, bytes),
    kept: (claimed, name) => kept(parts, claimed, name),
    decide: (claimed, decided) => decide(parts, claimed, decided),
    note: async ({ job }) => (await ledgerOf(job.folder).entry(job.id))?.note ?? null,
    blob: ({ job }, sha256) => ledgerOf(job.folder).blob(sha256),
    privateCopy: (claimed, final, as) => privateCopy(parts, claimed, final, as),
    putBack: (claimed, final, as, bytes) => putBack(parts, claimed, final, as, bytes),
    keepAltered: (claimed, final) => keepAltered(parts, claimed, final),
    childStems: (claimed, wanted) => childStems(parts, claimed, wanted),
    enqueue: (claimed, final, reached) => enqueue(parts, claimed, final, reached),
    heldPrompts: () => heldPrompts(parts),
    heldHead: (role, stem) => heldHead(parts, roleOf(parts, role).folder, stem),
    hold: (role, file) => hold(parts, role, file),
    release: (held, onOne) => release(parts, held, onOne),
    publish: (claimed, final) => publish(parts, claimed, final),
    finish: (claimed, final) => finish(parts, claimed, final),
    clean: (claimed) => clean(parts, claimed),
    leftovers: (folder) => leftovers(parts, folder),
    list: (options) => list(parts, options),
    drop: (role, stem, bytes, isStated) => drop(parts, role, stem, bytes, isStated),
    dropAll: (prompts) => dropAll(parts, prompts),
    reopen: (role, stem) => reopen(parts, role, stem),
    retire: (endedBefore) => retire(parts, endedBefore),
    ended: (role) => ended(parts, role),
  };
}
