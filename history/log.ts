/** Reading the log as `docket log` shows it. */

import type { LogEntry } from '#core/history.ts';
import { parseFeature } from '#core/names.ts';
import { parseMessage } from './message.ts';
import type { Oid } from './objects.ts';
import type { ObjectStore } from './read-objects.ts';
import { walkCommits } from './record-index.ts';

export type LogFilter = { readonly feature?: string; readonly role?: string; readonly job?: string; readonly limit?: number };

/** `FEAT-1-with-slug`, `feat-1` and `FEAT-1` are one. */
export const featureKey = (text: string): string => {
  const feature = parseFeature(text);
  return (feature.ok ? feature.value.id : text).toLowerCase();
};

/** `01-architect` and `architect` are one. */
export const roleKey = (text: string): string => text.replace(/^[0-9]{2}-/, '');

/** Newest first. */
export async function* readLog(store: ObjectStore, tip: Oid, filter: LogFilter): AsyncGenerator<LogEntry> {
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  for await (const { oid, commit } of walkCommits(store, [tip])) {
    const { subject, trailers } = parseMessage(commit.message);
    if (filter.feature !== undefined && featureKey(trailers['Docket-Feature'] ?? '') !== featureKey(filter.feature)) continue;
    if (filter.role !== undefined && trailers['Docket-Role'] !== roleKey(filter.role)) continue;
    if (filter.job !== undefined && trailers['Docket-Job'] !== filter.job) continue;
    yield { commit: oid, at: new Date(commit.authoredAtS * 1000).toISOString(), subject, trailers };
    left--;
    if (left <= 0) return;
  }
}
