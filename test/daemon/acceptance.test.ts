import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RoleName } from '#core/names.ts';
import { sha256Of } from '#test/support/book.ts';
import { SETTINGS } from '#core/settings.ts';
import type { Role } from '#core/role.ts';
import { makeAcceptance, type Acceptance } from '#daemon/acceptance.ts';
import { briefContext, contextOf, describeMissing, lookAt, shares } from '#daemon/dependencies.ts';
import { makeBook, type Book } from '#test/support/book.ts';
import { identityNamed } from '#test/support/verdicts.ts';

const role = (name: string, more: Partial<Role> = {}): [RoleName, Role] => [
  name as RoleName,
  { name, review: 'required', reviewers: 1, authorMayApprove: true, emits: 'document', ...more } as Role,
];

function ready(
  roles: readonly [RoleName, Role][],
  files = new Map<string, string>(),
): { readonly book: Book; readonly acceptance: Acceptance } {
  const book = makeBook();
  const acceptance = makeAcceptance({
    history: book.history,
    roles: new Map(roles),
    code: {
      fs: {
        readBounded: async (file) => {
          const text = files.get(String(file));
          if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
          return Promise.resolve({ bytes: new TextEncoder().encode(text) } as never);
        },
      },
      digest: { sha256: sha256Of },
      root: '/code',
    },
    settings: { 'review.unreviewed_roles': ['notes', 'ui'] },
  });
  return { book, acceptance };
}
const of = async (acceptance: Acceptance, what: string): Promise<string | null> => acceptance.standing(identityNamed(what));
const newest = async (acceptance: Acceptance, what: string): Promise<number | null> =>
  (await acceptance.newestAccepted(identityNamed(what)))?.identity.revision ?? null;

describe('what counts', () => {
  test('an answer as soon as its verdict is committed, and no longer than that; the newest accepted revision of a series', async () => {
    const { book, acceptance } = ready([role('architect')]);
    assert.equal(await of(acceptance, 'FEAT-1/architect@1'), null);
    book.answer('FEAT-1/architect@1');
    book.answer('FEAT-1/architect@2');
    book.answer('FEAT-1/architect/other@3');
    book.judge('FEAT-1/architect/other@3');
    assert.equal(await newest(acceptance, 'FEAT-1/architect'), null);
    book.judge('FEAT-1/architect@1');
    assert.equal(await newest(acceptance, 'FEAT-1/architect'), 1);
    book.judge('FEAT-1/architect@2');
    assert.equal(await newest(acceptance, 'FEAT-1/architect'), 2);
    book.judge('FEAT-1/architect@2', 'rejected');
    assert.equal(await newest(acceptance, 'FEAT-1/architect'), 1);
  });

  test('neither a brief, nor a failure, nor what is under way', async () => {
    const { book, acceptance } = ready([role('architect')]);
    for (const [index, status] of (['briefed', 'failed', 'cancelled', 'submitted'] as const).entries()) {
      book.answer(`FEAT-1/architect@${String(index + 1)}`, status);
      book.judge(`FEAT-1/architect@${String(index + 1)}`);
    }
    assert.equal(await newest(acceptance, 'FEAT-1/architect'), null);
    const { newest: last } = await lookAt(acceptance, { ...identityNamed('FEAT-1/architect'), revision: null });
    assert.equal(last?.standing, null);
  });

  test('two people where the role asks for two, and not the one who wrote the prompt', async () => {
    const { book, acceptance } = ready([role('architect', { reviewers: 2, authorMayApprove: false })]);
    book.answer('FEAT-1/architect@1');
    book.prompts.set('FEAT-1/01-architect/prompt_v1.md', '---\nauthor: "Ada <ada@example.com>"\n---\n\nDo it.\n');
    book.judge('FEAT-1/architect@1');
    book.judge('FEAT-1/architect@1', 'approved', { by: 'bob@example.com' });
    assert.equal(await of(acceptance, 'FEAT-1/architect@1'), 'awaiting');
    book.judge('FEAT-1/architect@1', 'approved', { by: 'eve@example.com' });
    assert.equal(await of(acceptance, 'FEAT-1/architect@1'), 'accepted');
  });

  test('the author of the longest header that settings may allow is known, whatever they allow today', async () => {
    const { book, acceptance } = ready([role('architect', { reviewers: 1, authorMayApprove: false })]);
    book.answer('FEAT-1/architect@1');
    const [first, last] = ['---\nauthor: ada@example.com\n# ', '\n---\n'];
    const long = `${first}${'x'.repeat((SETTINGS['limits.front_matter_bytes'].max ?? 0) - first.length - last.length)}${last}`;
    book.prompts.set('FEAT-1/01-architect/prompt_v1.md', `${long}\nDo it.\n`);
    book.judge('FEAT-1/architect@1');
    assert.equal(await of(acceptance, 'FEAT-1/architect@1'), 'awaiting');
  });

  test('without a verdict only of a role that says so, emits documents and is listed', async () => {
    const none = { review: 'none' } as const;
    const { book, acceptance } = ready([role('notes', none), role('architect', none), role('ui', { ...none, emits: 'changes' })]);
    for (const name of ['notes', 'architect', 'ui']) book.answer(`FEAT-1/${name}@1`);
    assert.equal(await of(acceptance, 'FEAT-1/notes@1'), 'unreviewed');
    assert.equal(await of(acceptance, 'FEAT-1/architect@1'), 'awaiting');
    assert.equal(await of(acceptance, 'FEAT-1/ui@1'), 'awaiting');
    const before = acceptance.news();
    acceptance.recorded(identityNamed('FEAT-1/architect@1'));
    assert.equal(acceptance.news(), before, 'it needs a person first');
    acceptance.recorded(identityNamed('FEAT-1/notes@1'));
    assert.equal(acceptance.news(), before + 1);
  });

  test('an approval lapses with the files that it was about, and counts again when they are as they were', async () => {
    const files = new Map([['/code/src/a.ts', 'as judged']]);
    const { book, acceptance } = ready([role('ui')], files);
    book.answer('FEAT-1/ui@1');
    book.changes('FEAT-1/ui@1', ['src/a.ts']);
    book.judge('FEAT-1/ui@1', 'approved', { files: [{ path: 'src/a.ts', sha256: sha256Of('as judged') }] });
    assert.equal(await of(acceptance, 'FEAT-1/ui@1'), 'accepted');
    files.set('/code/src/a.ts', 'changed since');
    assert.equal(await of(acceptance, 'FEAT-1/ui@1'), 'lapsed');
    const looked = await lookAt(acceptance, { ...identityNamed('FEAT-1/ui'), revision: null });
    assert.match(describeMissing(looked).because, /the approval of FEAT-1\/ui@1 has lapsed/);
    files.set('/code/src/a.ts', 'as judged');
    assert.equal(await of(acceptance, 'FEAT-1/ui@1'), 'accepted');
  });
});

describe('the context of a brief', () => {
  test('the room is shared: short ones are whole, and what they leave goes to the long ones', () => {
    assert.deepEqual(shares([10, 100, 1_000], 600), [10, 100, 490]);
    assert.deepEqual(shares([1_000, 10, 1_000], 500), [245, 10, 245]);
    assert.deepEqual(shares([5, 5], 100), [5, 5]);
    assert.deepEqual(shares([5, 7], 0), [0, 0]);
    assert.deepEqual(shares([], 10), []);
  });

  const FIRST = 'FEAT-1/01-architect/result_v1.md';
  const dependsOn = [{ ...identityNamed('FEAT-1/architect'), revision: null }];
  const accepted = (): { readonly book: Book; readonly ports: Parameters<typeof contextOf>[0] } => {
    const { book, acceptance } = ready([role('architect')]);
    book.answer('FEAT-1/architect@1');
    book.judge('FEAT-1/architect@1');
    book.prompts.set(FIRST, '# One\n\nfirst line\nsecond line\n');
    book.prompts.set('FEAT-1/01-architect/result_v2.md', '# Two\n\nanother\n');
    return { book, ports: { history: book.history, acceptance, digest: { sha256: sha256Of } } };
  };

  test('is cut at a line where there is one, and says how much is left out; nothing is cut inside a character', async () => {
    const { book, ports } = accepted();
    const [whole] = await contextOf(ports, dependsOn, 1_000);
    assert.ok(whole);
    assert.equal(whole.text, book.prompts.get(FIRST));
    assert.doesNotMatch(briefContext([whole]), /left out/);
    const [cut] = await contextOf(ports, dependsOn, 25);
    assert.ok(cut);
    assert.equal(cut.text, '# One\n\nfirst line\n');
    assert.match(briefContext([cut]), /; only its first 18 of 30 bytes: the rest is left out here\):/);
    assert.equal(cut.whole, whole.whole);
    book.prompts.set(FIRST, 'ééééé');
    book.judge('FEAT-1/architect@1');
    const [half] = await contextOf(ports, dependsOn, 5);
    assert.deepEqual([half?.text, half?.sentBytes, half?.sizeBytes], ['éé', 4, 10]);
    const [nothing] = await contextOf(ports, dependsOn, 0);
    assert.equal(nothing?.text, '');
  });

  test('is never what somebody wrote over an accepted answer, nor what a purge left of it', async () => {
    const { book, ports } = accepted();
    const stands = async (): Promise<unknown> => (await ports.acceptance.of(identityNamed('FEAT-1/architect')))[0]?.standing;
    assert.equal(await stands(), 'accepted');
    book.altered.set(FIRST, '# One\n\nand something that nobody judged\n');
    book.judge('FEAT-1/architect@2');
    assert.equal(await stands(), 'lapsed', 'the bytes that were approved are not there any more');
    assert.deepEqual(await contextOf(ports, dependsOn, 1_000), []);
    book.altered.set(FIRST, 'docket: purged\nnot what its tombstone says\n');
    book.judge('FEAT-1/architect@2');
    assert.equal(await stands(), 'accepted', 'what was purged was accepted');
    assert.deepEqual(await contextOf(ports, dependsOn, 1_000), [], 'and its placeholder is handed to nobody');
    book.altered.delete(FIRST);
    book.judge('FEAT-1/architect@2');
    assert.equal(await stands(), 'accepted', 'put back as it was');
  });

  test('of a job that goes on with the brief of an earlier start is what stood in it, whatever is accepted now', async () => {
    const { book, ports } = accepted();
    const first = await contextOf(ports, dependsOn, 1_000);
    const sent = `# Brief\n\n${briefContext(first)}\n`;
    book.answer('FEAT-1/architect@2');
    book.judge('FEAT-1/architect@2');
    const revisions = async (brief: string | null): Promise<number[]> =>
      (await contextOf(ports, dependsOn, 1_000, brief)).map(({ fact }) => fact.revision);
    assert.deepEqual(await revisions(null), [2]);
    assert.deepEqual(await revisions(sent), [1]);
    book.judge('FEAT-1/architect@1', 'rejected');
    assert.deepEqual(await revisions(sent), [1], 'the brief was sent while it was accepted');
    assert.deepEqual(await revisions('# A brief without context'), []);
  });
});
