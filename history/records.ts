/** All records in the tip, feature by feature, for `docket show`. */

import type { Filed, LogEntry } from '#core/history.ts';
import type { Identity } from '#core/prompt.ts';
import { entriesBelow } from './files-in-tip.ts';
import { featureIdOf, parseSeriesFile, roleOf } from './layout.ts';
import { featureKey, roleKey, type LogFilter } from './log.ts';
import { parseRecord } from './message.ts';
import { evidenceOf, findFiled, type Tip } from './record.ts';

export type Recorded = {
  readonly identity: Identity;
  readonly filed: Filed;
  readonly folder: string;
  readonly evidence: string | null;
};

async function recorded(tip: Tip, identity: Identity): Promise<Recorded | null> {
  const found = await findFiled(tip, identity);
  if (found === null) return null;
  return { identity, filed: found.filed, folder: found.folder, evidence: await evidenceOf(tip, identity, found.filed, found.folder) };
}

/** @param log newest first, already filtered: the short way to one job */
export async function* readRecords(tip: Tip, filter: LogFilter, log: () => AsyncIterable<LogEntry>): AsyncGenerator<Recorded> {
  if (filter.job !== undefined) {
    for await (const { trailers } of log()) {
      const facts = parseRecord(trailers);
      const record = facts === null ? null : await recorded(tip, facts.identity);
      if (record === null) continue;
      yield record;
      return;
    }
    return;
  }
  for (const top of (await tip.snapshot.list('')) ?? []) {
    const feature = top.kind === 'folder' ? featureIdOf(top.name) : null;
    if (feature === null || (filter.feature !== undefined && featureKey(filter.feature) !== feature.toLowerCase())) continue;
    for (const role of (await tip.snapshot.list(top.name)) ?? []) {
      const name = role.kind === 'folder' ? roleOf(role.name) : null;
      if (name === null || (filter.role !== undefined && roleKey(filter.role) !== name)) continue;
      for await (const { path } of entriesBelow(tip.snapshot, `${top.name}/${role.name}`)) {
        const file = parseSeriesFile(path);
        const record = file?.kind === 'prompt' ? await recorded(tip, file.identity) : null;
        if (record !== null) yield record;
      }
    }
  }
}
