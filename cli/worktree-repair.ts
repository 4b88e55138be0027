/** `docket worktree repair`: what orphans.ts finds, mended where that loses nothing, explained where a person must look. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { findOrphans, type Orphan } from '#worktrees/orphans.ts';
import { repair, type Mended } from '#worktrees/repair.ts';
import { timeWord } from '#worktrees/removals.ts';
import { askLine } from '#worktrees/repository.ts';
import { EXIT, show, type Common, type Io } from './io.ts';
import { clock } from './parts.ts';
import { locked, removePorts } from './worktree-cleanup.ts';
import { openPlace, reopen, type Place } from './worktree-look.ts';
import { orphanData, orphanLines } from './worktree-words.ts';

const LOG_BYTES_MAX = 1_000_000;

/** The newest commit in the log of a worktree's HEAD: `<old> <new> <who> <time> <words>`. */
async function lastInLog(fs: Pick<Fs, 'readBounded'>, admin: string): Promise<string | null> {
  const read = await fs.readBounded(path.join(admin, 'logs', 'HEAD'), LOG_BYTES_MAX).catch(() => null);
  const lines = read === null ? [] : new TextDecoder().decode(read.bytes).split('\n');
  const ids = lines.map((line) => line.split(' ')[1] ?? '').filter((id) => /^[0-9a-f]{40,64}$/.test(id) && !/^0+$/.test(id));
  return ids.at(-1) ?? null;
}

export async function orphansOf({ git, fs, repository, entries, records, removals }: Place): Promise<readonly Orphan[]> {
  const loose = new Map<string, number>();
  const lastCommit = new Map<string, string>();
  for (const { folder, registered, hasFolder, isLinkGood, admin } of entries) {
    if (registered?.isDetached === true && hasFolder && isLinkGood && registered.head !== null)
      loose.set(
        folder,
        Number(await askLine(git, folder, ['rev-list', '--count', registered.head, '--not', '--branches', '--tags', '--remotes'])),
      );
    const last = registered !== null && registered.head === null && admin !== null ? await lastInLog(fs, admin) : null;
    if (last !== null) lastCommit.set(folder, last);
  }
  const branches = (await askLine(git, repository.common, ['for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads'])) ?? '';
  return findOrphans({ entries, records, removals, branches: new Set(branches.split('\n')), loose, lastCommit });
}

/** These say how something is, and ask nobody to do anything. */
const FINE: readonly Orphan['code'][] = ['locked', 'record-alone'];

export async function runRepair(io: Io, common: Common, isDryRun: boolean): Promise<void> {
  const before = await openPlace(io, common);
  const { found, mended } = await locked(before, async () => {
    const place = await reopen(before);
    const orphans = await orphansOf(place);
    const done: Mended[] = [];
    if (!isDryRun)
      for (const orphan of orphans) {
        const one = await repair({ ...removePorts(place), fs: place.fs, time: timeWord(clock.now()) }, place.repository, orphan);
        if (one !== null) done.push(one);
      }
    return { found: orphans, mended: done };
  });
  const lines = found.flatMap((orphan) => {
    const done = mended.find((one) => one.orphan === orphan);
    const end =
      done === undefined
        ? orphan.by === null
          ? ''
          : '  (would be mended)'
        : done.failed === null
          ? '  mended'
          : `  NOT mended: ${done.failed}`;
    const [first = '', ...rest] = orphanLines(orphan);
    return [`${first}${end}`, ...rest];
  });
  const data = {
    dry_run: isDryRun,
    findings: found.map((orphan) => {
      const done = mended.find((one) => one.orphan === orphan);
      return { ...orphanData(orphan), mended: done?.failed === null, failed: done?.failed ?? null };
    }),
  };
  show(io, common, data, lines.length === 0 ? 'every worktree is as git and docket have it' : lines.join('\n'));
  const isLeft = found.some((orphan) => !FINE.includes(orphan.code) && mended.find((one) => one.orphan === orphan)?.failed !== null);
  if (isLeft) io.setExitCode(EXIT.notWell);
}
