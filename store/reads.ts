/**
 * How often the head of a waiting file was read before anybody parsed it: durable before the parser sees a byte, so a file that crashes it
 * is known after a restart. Keys change with the file, so old ones are dropped, least recently read first.
 */

import type { Database } from '#platform/sqlite.ts';

const KEYS_MAX = 20_000;
const PRUNE_EVERY = 500;

export function makeReadCounter(database: Database): (fileKey: string) => number {
  const take = database.prepare('DELETE FROM file_read WHERE key = ? RETURNING count');
  const put = database.prepare('INSERT INTO file_read (key, count) VALUES (?, ?)');
  const prune = database.prepare(`DELETE FROM file_read WHERE id <= (SELECT max(id) FROM file_read) - ${String(KEYS_MAX)}`);
  let counted = 0;
  return (fileKey) =>
    database.transaction(() => {
      const before = take.get(fileKey)?.['count'];
      const count = (typeof before === 'number' ? before : 0) + 1;
      put.run(fileKey, count);
      counted += 1;
      if (counted % PRUNE_EVERY === 0) prune.run();
      return count;
    });
}
