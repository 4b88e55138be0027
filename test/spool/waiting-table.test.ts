import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileFacts } from '#core/ports.ts';
import type { RoleFolder, RoleName } from '#core/names.ts';
import { keyOf } from '#spool/file-key.ts';
import { NameIndex } from '#spool/name-index.ts';
import type { WaitingFile } from '#spool/waiting-file.ts';
import { WaitingTable } from '#spool/waiting-table.ts';

const OF = { folder: '03-ui' as RoleFolder, name: 'ui' as RoleName };

function randomly(seed: number): (below: number) => number {
  let now = seed;
  return (below) => (now = (now * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
}
const factsOf = (random: (below: number) => number): FileFacts => ({
  kind: 'file',
  dev: BigInt(random(3)),
  ino: BigInt(random(1_000)) ** BigInt(1 + random(6)),
  sizeBytes: random(2) === 0 ? random(2_000) : 2 ** 40 + random(2_000),
  mtimeNs: BigInt(random(2_000_000_000) - 1_000_000_000) * 1_000_000_007n,
  // Some of them after the year 2262, which no row can hold.
  ctimeNs: BigInt(random(2_000_000_000)) * (random(20) === 0 ? 100_000_000_000n : 1_000_000_000n),
  mode: 0o600,
  uid: random(2) === 0 ? 0 : 2 ** 32 - 1 - random(3),
  gid: 0,
  nlink: 1,
});
/** Few, so that they come again; some with bytes that are no text. */
const nameOf = (random: (below: number) => number, of: number): string =>
  `FEAT-${String(random(of))}${random(3) === 0 ? 'é\u0080ÿ' : ''}.md`;

type Told = { readonly name: string; readonly key: string; readonly ownerId: number; readonly kind: string; readonly lookedAtMs: number };
const told = ({ name, key, ownerId, kind, lookedAtMs }: WaitingFile): Told => ({ name, key, ownerId, kind, lookedAtMs });

test('names have their rows as in a Map, whatever comes and goes, and no two of them have the same', () => {
  const random = randomly(11);
  const index = new NameIndex();
  const plain = new Map<string, number>();
  for (let step = 0; step < 30_000; step++) {
    const name = nameOf(random, 600);
    // First they grow, then they go, then both.
    const isComing = step < 5_000 || (step > 10_000 && random(2) === 0);
    if (plain.has(name) && !isComing) {
      index.remove(name);
      plain.delete(name);
    } else if (!plain.has(name) && isComing) plain.set(name, index.add(name));
    assert.equal(index.rowOf(name), plain.get(name) ?? -1);
    if (step % 1_000 !== 0) continue;
    assert.equal(index.size, plain.size);
    assert.equal(new Set(plain.values()).size, plain.size);
    for (const [known, row] of plain) {
      assert.equal(index.rowOf(known), row);
      assert.equal(index.nameAt(row), known);
    }
  }
});

test('a table tells of each file what a Map of plain objects would, and of one that left what it was told when it came', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomly(seed);
    const table = new WaitingTable(OF);
    const plain = new Map<string, { readonly file: WaitingFile; told: Told; scan: number }>();
    const left: { readonly file: WaitingFile; readonly told: Omit<Told, 'lookedAtMs'> }[] = [];
    const leave = (name: string): void => {
      const gone = plain.get(name);
      if (gone === undefined) return;
      const { lookedAtMs: _seen, ...rest } = gone.told;
      left.push({ file: gone.file, told: rest });
      plain.delete(name);
    };
    for (let step = 0; step < 1_500; step++) {
      const name = nameOf(random, 150);
      assert.equal(table.has(name), plain.has(name));
      assert.equal(table.get(name), plain.get(name)?.file);
      if (random(4) === 0) {
        assert.equal(table.remove(name), plain.get(name)?.file);
        leave(name);
        continue;
      }
      const facts = factsOf(random);
      const more = [null, null, null, 250, 'a folder, not a file'][random(5)] ?? null;
      const settling = typeof more === 'number' ? { nlink: 1, sinceMs: 1, isAtomic: false, clean: null, againAtMs: 2 } : null;
      const file = table.put(name, facts, more, settling);
      leave(name);
      file.setSeen(step, step * 2);
      const kind = more === null ? 'file' : typeof more === 'number' ? 'settling' : 'refused';
      plain.set(name, { file, told: { name, key: keyOf(facts), ownerId: facts.uid, kind, lookedAtMs: step }, scan: step * 2 });
      assert.deepEqual(
        [file.againInMs, file.refusal, file.settling],
        [typeof more === 'number' ? more : null, typeof more === 'string' ? more : null, settling],
      );
    }
    assert.equal(table.size, plain.size);
    assert.deepEqual(new Set(table.values()), new Set([...plain.values()].map(({ file }) => file)));
    for (const { file, told: was, scan } of plain.values()) {
      assert.deepEqual(told(file), was);
      assert.deepEqual([file.scan, file.isGone, file.role, file.folder], [scan, false, OF.name, OF.folder]);
    }
    for (const { file, told: was } of left) {
      const { lookedAtMs: _seen, ...now } = told(file);
      assert.deepEqual(now, was);
      assert.equal(file.isGone, true);
    }
    for (const { name } of table.values()) table.remove(name);
    assert.deepEqual([table.size, [...table.values()]], [0, []]);
  }
});

test('a file of the same name with another inode is another one, and who holds the first still knows it by its own key', () => {
  const random = randomly(5);
  const table = new WaitingTable(OF);
  const [facts, others] = [
    { ...factsOf(random), ino: 7n },
    { ...factsOf(random), ino: 8n },
  ];
  const first = table.put('a.md', facts, null, null);
  const second = table.put('a.md', others, null, null);
  assert.deepEqual([first.isGone, first.key, second.isGone, second.key], [true, keyOf(facts), false, keyOf(others)]);
  assert.equal(table.get('a.md'), second);
  table.remove('a.md');
  table.put('b.md', factsOf(random), null, null);
  assert.deepEqual([first.name, second.name, second.key], ['a.md', 'a.md', keyOf(others)]);
});
