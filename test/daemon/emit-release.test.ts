/** Which prompts of an answer are let go, and which stay, whoever asks how often. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Filed } from '#core/history.ts';
import type { JobId, Stem } from '#core/names.ts';
import type { Identity } from '#core/prompt.ts';
import type { HeldPrompt } from '#core/spool.ts';
import type { Standing } from '#core/verdict.ts';
import { makeChildReleases, type ChildReleases } from '#daemon/emit-release.ts';
import { clearHold, holdOf, setHold } from '#daemon/holds.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { promptText } from '#test/support/rig.ts';
import { roleNamed } from '#test/support/workspace.ts';

type Ports = Parameters<typeof makeChildReleases>[0];
const ONE = 'aaaaaaaaaaaaaaaa' as JobId;
const TWO = 'bbbbbbbbbbbbbbbb' as JobId;
const RAN = 'cccccccccccccccc' as JobId;

type Place = {
  readonly releases: ChildReleases;
  readonly standings: Map<JobId, Standing | Error>;
  readonly accepted: { revision: number | null };
  readonly released: string[];
  readonly children: Map<JobId, readonly HeldPrompt[]>;
  readonly ran: Map<string, JobId>;
  readonly log: string[];
  readonly holds: Parameters<typeof holdOf>[0];
};

const held = (stem: string, parent: JobId): HeldPrompt => ({ role: roleNamed('ui'), stem: stem as Stem, parent });
/** Parent ONE is revision 1 of meta, TWO is revision 2. */
const identityOf = (job: JobId): Identity => ({
  feature: 'FEAT-1' as Identity['feature'],
  role: roleNamed('meta'),
  name: null,
  revision: job === TWO ? 2 : 1,
});

function makePlace(t: TestContext, auto: readonly string[] = []): Place {
  const state = mkdtempSync(path.join(tmpdir(), 'docket-spool-'));
  t.after(() => {
    rmSync(state, { recursive: true });
  });
  const standings: Place['standings'] = new Map();
  const accepted: Place['accepted'] = { revision: null };
  const released: string[] = [];
  const ran: Place['ran'] = new Map();
  const log: string[] = [];
  const children: Place['children'] = new Map();
  const say = (words: string): void => void log.push(words);
  const ports = {
    heldChildren: children,
    fs: makeFs(),
    digest: makeDigest(),
    workspace: { state, settings: { 'emit.auto_release': auto } },
    roles: new Map([
      [roleNamed('ui'), { emits: 'document' }],
      [roleNamed('meta'), { emits: 'prompts' }],
    ]),
    log: { info: say, warn: say },
    reached: () => undefined,
    spool: {
      heldPrompts: async () => Promise.resolve([held('a', ONE), { ...held('plain', ONE), parent: null }]),
      heldHead: async (_role: string, stem: string) =>
        Promise.resolve(new TextEncoder().encode(promptText({ agent: 'ui', extra: `name: ${stem}\n` }))),
      release: async (going: readonly HeldPrompt[], onOne: () => void) => {
        for (const { stem } of going) {
          released.push(stem);
          onOne();
        }
        return Promise.resolve(going.map((one) => ({ ...one, name: `${one.stem}.md` })));
      },
    },
    history: {
      find: async ({ name }: Identity) => Promise.resolve(ran.has(name ?? '') ? ({ job: RAN } as unknown as Filed) : null),
      async *records({ job }: { readonly job: JobId }) {
        await Promise.resolve();
        yield { identity: identityOf(job), folder: job };
      },
      read: async () => Promise.resolve(new TextEncoder().encode(promptText({ extra: `parent: ${[...ran.values()][0] ?? ''}\n` }))),
    },
  } as unknown as Ports;
  const releases = makeChildReleases(ports, {
    standing: async (identity) => {
      const standing = standings.get(identity.revision === 2 ? TWO : ONE) ?? 'awaiting';
      if (standing instanceof Error) throw standing;
      return Promise.resolve(standing);
    },
    newestAccepted: async () =>
      Promise.resolve(accepted.revision === null ? null : ({ identity: { ...identityOf(ONE), revision: accepted.revision } } as never)),
  });
  return { releases, standings, accepted, released, children, ran, log, holds: { fs: makeFs(), digest: makeDigest(), state } };
}

test('what a start finds with a parent is released when its answer is accepted, once', async (t) => {
  const place = makePlace(t);
  await place.releases.load();
  for (const standing of ['awaiting', 'rejected', 'changes-requested', 'held', 'lapsed'] as const) {
    place.standings.set(ONE, standing);
    assert.equal(await place.releases.look(), 0, standing);
  }
  place.standings.set(ONE, 'accepted');
  assert.equal(await place.releases.look(), 1);
  assert.equal(await place.releases.look(), 0);
  assert.deepEqual([place.released, place.children.size], [['a'], 0]);
});

test('what a person holds stays, until the hold is taken back; a hold of another parent says nothing', async (t) => {
  const place = makePlace(t);
  const hold = { by: 'Ada', at: '2026-01-01T00:00:00Z', comment: 'later' };
  await setHold(place.holds, held('a', ONE), hold);
  await setHold(place.holds, held('b', TWO), hold);
  assert.deepEqual(await holdOf(place.holds, held('a', ONE)), hold);
  place.children.set(ONE, [held('a', ONE), held('b', ONE)]);
  place.standings.set(ONE, 'accepted');
  assert.equal(await place.releases.look(), 1);
  await clearHold(place.holds, held('a', ONE));
  assert.equal(await place.releases.look(), 1);
  assert.deepEqual(place.released, ['b', 'a']);
});

test('a newer accepted answer supersedes: the older prompts stay, and that is told once', async (t) => {
  const place = makePlace(t);
  place.children.set(ONE, [held('a', ONE)]);
  place.standings.set(ONE, 'accepted');
  place.accepted.revision = 2;
  await place.releases.look();
  await place.releases.look();
  assert.deepEqual(place.released, []);
  assert.equal(place.log.filter((line) => line.includes('stay held')).length, 1);
});

test('a prompt that ran and ended as held is not released again; one of another parent with its identity is', async (t) => {
  const place = makePlace(t);
  place.standings.set(ONE, 'accepted');
  place.children.set(ONE, [held('a', ONE)]);
  place.ran.set('a', ONE);
  assert.equal(await place.releases.look(), 0);
  assert.equal(place.children.size, 0, 'nobody asks about it any more');
  place.ran.set('a', TWO);
  place.children.set(ONE, [held('a', ONE)]);
  assert.equal(await place.releases.look(), 1);
});

test('emit.auto_release counts for roles that emit documents; an answer that cannot be looked up keeps no other from its prompts', async (t) => {
  const place = makePlace(t, ['ui', 'meta']);
  place.children.set(ONE, [held('a', ONE), { ...held('b', ONE), role: roleNamed('meta') }]);
  await place.releases.look();
  assert.deepEqual(place.released, ['a']);
  await place.releases.load();
  assert.match(place.log.join('\n'), /emit\.auto_release names meta/);

  const other = makePlace(t);
  other.children.set(ONE, [held('a', ONE)]);
  other.children.set(TWO, [held('c', TWO)]);
  other.standings.set(ONE, new Error('made up'));
  other.standings.set(TWO, 'accepted');
  assert.equal(await other.releases.look(), 1);
  other.standings.set(ONE, 'accepted');
  await other.releases.look();
  assert.deepEqual(other.released, ['c', 'a']);
});
