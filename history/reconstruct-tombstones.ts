/** What tombstones say (FORMATS "History repository"): content that a person purged; its hash stays, and names the tombstone. */

import { entriesBelow } from './files-in-tip.ts';
import type { HistoryReader } from './export-reader.ts';

const FOLDER = 'tombstones';
const WORDS_MAX = 500;

export type Purged = {
  readonly tombstone: string;
  readonly reason: string | null;
  readonly person: string | null;
  readonly at: string | null;
};

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const textIn = (value: Json, ...keys: readonly string[]): string | null => {
  for (const key of keys) if (typeof value[key] === 'string') return value[key].slice(0, WORDS_MAX);
  return null;
};

function purgedBy(path: string, text: string): Purged {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    document = null;
  }
  const predicate = isObject(document) && isObject(document['predicate']) ? document['predicate'] : {};
  return {
    tombstone: path,
    reason: textIn(predicate, 'reason'),
    person: textIn(predicate, 'person', 'by'),
    at: textIn(predicate, 'time', 'at', 'purgedAt'),
  };
}

/** Tombstones are few: they are read when something is missing, each once. @returns who purged the bytes of this hash; null: nobody did */
export function makeTombstones(reader: HistoryReader): (sha256: string) => Promise<Purged | null> {
  let all: Promise<readonly { readonly path: string; readonly text: string }[]> | null = null;
  const read = async (): Promise<readonly { readonly path: string; readonly text: string }[]> => {
    const found: { path: string; text: string }[] = [];
    for await (const { path } of entriesBelow(reader.snapshot, FOLDER)) {
      if (!path.endsWith('.json') || path.endsWith('.dsse.json')) continue;
      const file = await reader.file(path);
      if (file !== null) found.push({ path, text: file.bytes.toString('utf8') });
    }
    return found;
  };
  return async (sha256) => {
    all ??= read();
    const one = (await all).find(({ text }) => text.includes(sha256));
    return one === undefined ? null : purgedBy(one.path, one.text);
  };
}
