/** How the newest answers stand, counted from commits: each read once, whatever is kept or lost in between. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogEntry } from '#core/history.ts';
import type { RoleName } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import type { Standing } from '#core/verdict.ts';
import { makeBoard } from '#daemon/board.ts';
import { makeFs } from '#platform/files.ts';
import path from 'node:path';
import { writeFileSync } from 'node:fs';
import { makeFakeClock, type FakeClock } from '#test/support/fake-clock.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const hash = (seed: string): string => seed.repeat(64).slice(0, 64);
let made = 0;
const entry = (subject: string, trailers: Record<string, string>): LogEntry => ({
  commit: String(++made).padStart(40, '0'),
  at: '2026-11-20T12:00:00.000Z',
  subject,
  trailers,
});
const answered = (role: string, revision = 1, feature = 'FEAT-1', status = 'answered'): LogEntry =>
  entry(`ai(${feature}): ${role} r${String(revision)} ${status}`, {
    'Docket-Feature': feature,
    'Docket-Role': role,
    'Docket-Revision': String(revision),
    'Docket-Status': status,
    'Result-SHA256': hash(String(revision)),
  });
const said = (role: string, verdict: string, by = 'Ada <ada@example.com>', revision = 1, result = hash(String(revision))): LogEntry =>
  entry(`ai(FEAT-1): ${role} r${String(revision)} ${verdict}`, {
    'Docket-Feature': 'FEAT-1',
    'Docket-Role': role,
    'Docket-Revision': String(revision),
    'Docket-Verdict': verdict,
    'Docket-Reviewer': by,
    'Result-SHA256': result,
  });

const role = (name: string, more: Partial<Role> = {}): Role =>
  ({ name, review: 'required', reviewers: 1, authorMayApprove: true, emits: 'document', ...more }) as unknown as Role;

type Rig = {
  readonly commits: LogEntry[];
  /** Commits that were read. */
  readonly reads: () => number;
  readonly file: string;
  readonly clock: FakeClock;
  readonly asked: string[];
  readonly counts: (name: string, isAnew?: boolean) => Promise<Partial<Record<Standing, number>>>;
};

async function rig(
  t: Parameters<typeof temporaryFolder>[0],
  roles: readonly Role[],
  listed: readonly string[] = [],
  asks: Standing = 'accepted',
): Promise<Rig> {
  const commits: LogEntry[] = [];
  const asked: string[] = [];
  const file = path.join(await temporaryFolder(t), 'board.json');
  const clock = makeFakeClock();
  let reads = 0;
  const make = () =>
    makeBoard({
      history: {
        async *log() {
          for (const one of commits.toReversed()) {
            reads++;
            yield await Promise.resolve(one);
          }
        },
      },
      fs: makeFs(),
      file,
      roles: new Map(roles.map((one) => [one.name, one])),
      listed,
      standing: async ({ feature, role: name, revision }) => {
        asked.push(`${feature}/${name}@${String(revision)}`);
        return Promise.resolve(asks);
      },
      clock,
    });
  let board = make();
  return {
    commits,
    reads: () => reads,
    file,
    clock,
    asked,
    async counts(name, isAnew = false) {
      if (isAnew) board = make();
      const counted = (await board.standings()).get(name as RoleName) ?? {};
      return Object.fromEntries(Object.entries(counted).filter(([, count]) => Number(count) > 0));
    },
  };
}

test('an answer awaits, a verdict makes a standing, a newer revision awaits again; briefs and failures are none', async (t) => {
  const { commits, counts } = await rig(t, [role('ui')]);
  commits.push(answered('ui'), answered('ui', 1, 'FEAT-2', 'briefed'), answered('ui', 1, 'FEAT-3', 'failed'));
  assert.deepEqual(await counts('ui'), { awaiting: 1 });
  commits.push(said('ui', 'changes-requested'));
  assert.deepEqual(await counts('ui'), { 'changes-requested': 1 });
  commits.push(answered('ui', 2));
  assert.deepEqual(await counts('ui'), { awaiting: 1 });
  commits.push(said('ui', 'approved', 'Ada <ada@example.com>', 2));
  assert.deepEqual(await counts('ui'), { accepted: 1 });
  commits.push(said('ui', 'rejected', 'Ada <ada@example.com>', 1));
  assert.deepEqual(await counts('ui'), { accepted: 1 }, 'a word about an older revision');
});

test('an approval of other bytes has lapsed, and four eyes are two people', async (t) => {
  const { commits, counts } = await rig(t, [role('ui', { reviewers: 2 })]);
  commits.push(answered('ui'), said('ui', 'approved', 'Ada <ada@example.com>', 1, hash('f')));
  assert.deepEqual(await counts('ui'), { lapsed: 1 });
  commits.push(said('ui', 'approved'), said('ui', 'approved', 'Ada again <ADA@example.com>'));
  assert.deepEqual(await counts('ui'), { awaiting: 1 });
  commits.push(said('ui', 'approved', 'Bob <bob@example.com>'));
  assert.deepEqual(await counts('ui'), { accepted: 1 });
});

test('after the first look only newer commits are read, also by another process', async (t) => {
  const { commits, counts, reads } = await rig(t, [role('ui')]);
  for (let n = 0; n < 50; n++) commits.push(answered('ui', 1, `FEAT-${String(n + 1)}`));
  assert.deepEqual(await counts('ui'), { awaiting: 50 });
  const first = reads();
  assert.deepEqual(await counts('ui', true), { awaiting: 50 });
  assert.equal(reads() - first, 1, 'the tip alone');
  commits.push(said('ui', 'approved'));
  assert.deepEqual(await counts('ui'), { awaiting: 49, accepted: 1 });
  assert.equal(reads() - first, 3);
});

test('what is kept and torn, or of another history, is not believed', async (t) => {
  const { commits, counts, file } = await rig(t, [role('ui')]);
  commits.push(answered('ui'));
  for (const text of ['{', '{"v":2,"tip":"f","rows":[["ui feat-9 ",1,null]],"closed":[]}', '{"v":1}']) {
    writeFileSync(file, text);
    assert.deepEqual(await counts('ui', true), { awaiting: 1 });
  }
});

const closing = (feature: string, word: string): LogEntry =>
  entry(`ai(${feature}): ${word}`, { 'Docket-Feature': feature, 'Docket-Closing': word });

test('of a closed feature nothing awaits a verdict, until it is opened again', async (t) => {
  const { commits, counts } = await rig(t, [role('ui')]);
  commits.push(answered('ui'), answered('ui', 1, 'FEAT-2'), answered('ui', 1, 'FEAT-3'), said('ui', 'approved'));
  commits.push(closing('FEAT-1', 'closed'), closing('FEAT-2', 'closed'));
  assert.deepEqual(await counts('ui'), { awaiting: 1, accepted: 1 });
  commits.push(closing('FEAT-1', 'reopened'), answered('ui', 2));
  assert.deepEqual(await counts('ui', true), { awaiting: 2 }, 'what was closed is kept, too');
  commits.push(closing('FEAT-2', 'reopened'));
  assert.deepEqual(await counts('ui'), { awaiting: 3 });
});

test('a commit that is no record, such as a merge, makes all be read again', async (t) => {
  const { commits, counts } = await rig(t, [role('ui')]);
  commits.push(answered('ui', 2));
  assert.deepEqual(await counts('ui'), { awaiting: 1 });
  // What the other clone had came in below what was known.
  commits.unshift(answered('ui', 1, 'FEAT-7'));
  commits.push(entry('Merge histories', {}));
  assert.deepEqual(await counts('ui'), { awaiting: 2 });
});

test('of an unreviewed role answers count, unless a person says no; one that is listed without effect awaits', async (t) => {
  const { commits, counts } = await rig(
    t,
    [role('notes', { review: 'none' }), role('code', { review: 'none', emits: 'changes' })],
    ['notes', 'code'],
  );
  commits.push(answered('notes'), answered('code'));
  assert.deepEqual(await counts('notes'), { unreviewed: 1 });
  assert.deepEqual(await counts('code'), { awaiting: 1 });
  commits.push(said('notes', 'rejected'));
  assert.deepEqual(await counts('notes'), { rejected: 1 });
});

test('where author or code decide too, that is asked of what would be accepted, and again after a while', async (t) => {
  const { commits, counts, asked, clock } = await rig(t, [role('code', { emits: 'changes' })], [], 'lapsed');
  commits.push(answered('code'));
  assert.deepEqual(await counts('code'), { awaiting: 1 });
  commits.push(said('code', 'approved'));
  assert.deepEqual(await counts('code'), { lapsed: 1 });
  await counts('code');
  assert.deepEqual(asked, ['feat-1/code@1']);
  await clock.advance(60_000);
  await counts('code');
  assert.equal(asked.length, 2);
});
