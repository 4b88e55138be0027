/**
 * Stems that jobs in flight hold. Invariant: two jobs in flight of one role never hold the same stem, whatever the case of its letters
 * (`Twin.md`, `twin.md`), also when one of them was left by a crash: the first question of a process reads what lies in work/.
 */

import type { JobId, RoleFolder } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { Layout } from './layout.ts';
import type { Ledger } from './ledger.ts';
import { workNames } from './work-names.ts';

/** Which job holds a stem, and which stems a job holds. */
type Held = { readonly by: Map<string, JobId>; readonly of: Map<JobId, Set<string>> };

export type StemsInFlight = {
  /** Takes the stem for this job if no other job in flight has it. */
  reserve(folder: RoleFolder, stem: string, id: JobId): Promise<boolean>;
  /** Gives back one stem of a job. */
  free(folder: RoleFolder, stem: string, id: JobId): void;
  /** Gives back all stems of a job that is over. */
  forget(folder: RoleFolder, id: JobId): void;
};

/** One spelling for names that some file system would take for the same. */
const folded = (stem: string): string => stem.normalize('NFC').toLowerCase();

function hold({ by, of }: Held, stem: string, id: JobId): void {
  by.set(stem, id);
  const stems = of.get(id);
  if (stems === undefined) of.set(id, new Set([stem]));
  else stems.add(stem);
}

export function makeStemsInFlight(fs: Fs, layout: Layout, ledgerOf: (folder: RoleFolder) => Ledger): StemsInFlight {
  const roles = new Map<RoleFolder, Promise<Held>>();
  const loaded = new Map<RoleFolder, Held>();

  const load = async (folder: RoleFolder): Promise<Held> => {
    const held: Held = { by: new Map(), of: new Map() };
    for (const id of (await workNames(fs, layout.work(folder))).keys()) {
      const entry = await ledgerOf(folder).entry(id);
      for (const record of [entry?.job, entry?.final]) if (record !== undefined && record !== null) hold(held, folded(record.stem), id);
    }
    loaded.set(folder, held);
    return held;
  };

  return {
    async reserve(folder, stem, id) {
      let loading = roles.get(folder);
      if (loading === undefined) {
        loading = load(folder);
        roles.set(folder, loading);
        loading.catch(() => roles.delete(folder));
      }
      const held = await loading;
      const holder = held.by.get(folded(stem));
      if (holder !== undefined && holder !== id) return false;
      hold(held, folded(stem), id);
      return true;
    },
    free(folder, stem, id) {
      const held = loaded.get(folder);
      if (held?.by.get(folded(stem)) !== id) return;
      held.by.delete(folded(stem));
      held.of.get(id)?.delete(folded(stem));
    },
    forget(folder, id) {
      const held = loaded.get(folder);
      for (const stem of held?.of.get(id) ?? []) if (held?.by.get(stem) === id) held.by.delete(stem);
      held?.of.delete(id);
    },
  };
}
