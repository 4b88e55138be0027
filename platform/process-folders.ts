/** Which processes have their current folder below this one: whoever takes a folder away would leave them nowhere. From /proc (proc_pid_cwd(5)). */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type LivingThere = { readonly pid: number; readonly name: string };

/** Not this process itself; those of other users are not seen. Null: this system has no /proc. @param folder absolute, links resolved */
export function processesIn(folder: string): readonly LivingThere[] | null {
  if (process.platform !== 'linux') return null;
  const found: LivingThere[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const current = readlinkSync(`/proc/${name}/cwd`);
      if (current === folder || current.startsWith(`${folder}/`))
        found.push({ pid, name: readFileSync(`/proc/${name}/comm`, 'utf8').trim() });
    } catch {
      // It has ended, or is not ours to look into.
    }
  }
  return found;
}
