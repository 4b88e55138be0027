/** A person's verdict on the command line: who may give one, what is recorded, and what is refused before anything is. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { addAdd } from '#cli/add.ts';
import { addApprove, addAskChanges, addReject } from '#cli/approve.ts';
import { addClose } from '#cli/close.ts';
import { withSources } from '#cli/job-words-sources.ts';
import { makeDesk } from '#cli/review-docket.ts';
import { giveVerdict, reviewItems, type ReviewItem } from '#cli/reviews.ts';
import type { Io } from '#cli/io.ts';
import type { Verdict } from '#core/verdict.ts';
import { checkReviewSignature } from '#history/review-signature.ts';
import { generateKey, renderPrivateKey, type PrivateKey } from '#history/ssh-key.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, rememberingIo, roleNamed, seedJob, stemNamed, type TempWorkspace } from '../support/workspace.ts';

type Place = { readonly workspace: TempWorkspace; readonly key: PrivateKey; readonly keyFile: string };

/** A workspace in a git repository with an identity, and a key outside of it. */
async function place(t: TestContext, settings = '', more: { readonly isKeyed?: boolean } = {}): Promise<Place> {
  const folder = await temporaryFolder(t);
  const key = generateKey('ada');
  const keyFile = path.join(folder, 'review_key');
  writeFileSync(keyFile, renderPrivateKey(key), { mode: 0o600 });
  const workspace = await makeTempWorkspace(
    t,
    `runner: offline\n${more.isKeyed === false ? '' : `review:\n  key: ${keyFile}\n`}${settings}`,
  );
  git(workspace, 'init', '-q');
  person(workspace, 'Ada Example', 'ada@example.com');
  return { workspace, key, keyFile };
}

const git = (workspace: TempWorkspace, ...args: string[]): string =>
  execFileSync('git', ['-C', workspace.root, ...args], { encoding: 'utf8' });
function person(workspace: TempWorkspace, name: string, email: string): void {
  git(workspace, 'config', 'user.name', name);
  git(workspace, 'config', 'user.email', email);
}

const ANSWER = { status: 'answered', answer: 'Two modules.\n' } as const;

async function items(workspace: TempWorkspace): Promise<readonly ReviewItem[]> {
  return withSources(rememberingIo(workspace.root).io, {}, async (sources) => reviewItems(sources));
}

/** As at a terminal, where the person says yes. */
async function atTerminal(workspace: TempWorkspace, verdict: Verdict['verdict'], words: (text: string) => boolean): Promise<string> {
  const io: Io = { ...rememberingIo(workspace.root).io, canAsk: true };
  return withSources(io, {}, async (sources) => {
    const [item] = await reviewItems(sources);
    assert.ok(item !== undefined);
    const given = await giveVerdict(
      io,
      sources,
      item,
      { verdict, comment: verdict === 'approved' ? null : 'no' },
      async (question, facts) => Promise.resolve(words([question, ...facts].join('\n'))),
    );
    return given.standing;
  });
}

describe('docket approve', () => {
  test('records the person, the hash and the standing, signed with the key, and tells the daemon', async (t) => {
    const { workspace, key } = await place(t);
    await seedJob(await workspace.rooms(), 'a', { feature: 'FEAT-1-filters' }, ANSWER);
    const { asked } = await workspace.serve(() => ({ ok: true }));
    const { code, data } = await workspace.json(addApprove, 'approve', 'FEAT-1/architect', '--comment', 'As agreed.');
    assert.equal(code, 0);
    const told = data as Record<string, unknown>;
    assert.equal(told['standing'], 'accepted');
    assert.equal(told['how'], 'key');
    assert.equal(told['signed_with'], key.publicKey.fingerprint);
    assert.deepEqual(told['by'], { name: 'Ada Example', email: 'ada@example.com' });
    assert.deepEqual(
      asked.map(({ op }) => op),
      ['poke'],
    );
    const [item] = await items(workspace);
    assert.equal(item?.standing, 'accepted');
    const [judged] = item.verdicts;
    assert.equal(judged?.path, 'FEAT-1-filters/01-architect/review_v1.json');
    assert.equal(judged.verdict.comment, 'As agreed.');
    assert.deepEqual(checkReviewSignature(judged.verdict, null), { ok: true, value: key.publicKey.fingerprint });
    const changed = checkReviewSignature({ ...judged.verdict, comment: 'As agreed!' }, null);
    assert.equal(changed.ok ? '' : changed.error.what, 'signature-invalid');
  });

  test('a newer word of the same person is the one that counts; a no weighs more than a yes', async (t) => {
    const { workspace } = await place(t);
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    const said = async (verb: string, add: Parameters<TempWorkspace['run']>[0], ...args: string[]): Promise<string | undefined> => {
      const { code, err } = await workspace.run(add, verb, 'a', ...args);
      assert.equal(code, 0, err);
      return (await items(workspace))[0]?.standing;
    };
    assert.equal(await said('reject', addReject, '--comment', 'the wrong feature'), 'rejected');
    assert.equal(await said('approve', addApprove), 'accepted');
    person(workspace, 'Bob Example', 'bob@example.com');
    assert.equal(await said('ask-changes', addAskChanges, '--comment', 'name the modules'), 'changes-requested');
    assert.equal(await said('approve', addApprove), 'accepted');
  });

  test('four eyes: the author does not count, and it takes as many as the role says', async (t) => {
    const { workspace } = await place(t);
    await workspace.write(
      'agents/01-architect/role.yaml',
      'name: architect\nnumber: 1\ntitle: Architect\nresponsibility: Decides.\naccess: read-only\ntimeout: 30m\nreview: required\nreviewers: 2\nemits: document\n',
    );
    await seedJob(await workspace.rooms(), 'a', { more: 'author: "Ada Example <ada@example.com>"\n' }, ANSWER);
    const approve = async (): Promise<string> => {
      const { code, out, err } = await workspace.run(addApprove, 'approve', 'a');
      assert.equal(code, 0, err);
      return out;
    };
    assert.match(await approve(), /it is awaiting\nyou wrote this prompt: the role asks for the approval of somebody else/);
    person(workspace, 'Bob Example', 'bob@example.com');
    assert.match(await approve(), /it is awaiting\nthe role asks for 2 approvals of different people/);
    assert.match(await approve(), /it is awaiting/);
    const follows = async (): Promise<string> => {
      const { io } = rememberingIo(workspace.root);
      return withSources(io, {}, async (sources) => {
        const desk = await makeDesk(io, sources);
        const [entry] = await desk.entries();
        const pages = await desk.pages(entry?.key ?? '');
        return 'fault' in pages ? pages.fault : pages.follows('approved').join('\n');
      });
    };
    assert.match(await follows(), /^then 1 of 2: it counts once enough others approve it/, 'Bob has approved it already');
    person(workspace, 'Cy Example', 'cy@example.com');
    assert.equal(await follows(), 'nothing waits for it yet');
    assert.match(await approve(), /it is accepted/);
  });

  test('docket add names its author, so that four eyes can be told apart', async (t) => {
    const { workspace } = await place(t);
    await workspace.write('notes.txt', 'List the modules.\n');
    assert.equal((await workspace.run(addAdd, 'add', 'architect', '--feature', 'FEAT-9', path.join(workspace.root, 'notes.txt'))).code, 0);
    const inbox = path.dirname(workspace.in('x'));
    const [name = ''] = readdirSync(inbox).filter((one) => one.endsWith('.md'));
    assert.match(readFileSync(path.join(inbox, name), 'utf8'), /^author: "?Ada Example <ada@example\.com>"?$/m);
  });

  test('an approval lapses when a file that the run changed is another one now', async (t) => {
    const { workspace } = await place(t);
    await workspace.write('src/a.ts', 'one\n');
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', { changed: ['src/a.ts', 'src/gone.ts', '../outside', '.git: config'] }, ANSWER);
    assert.equal((await workspace.run(addApprove, 'approve', 'a')).code, 0);
    const [item] = await items(workspace);
    assert.equal(item?.standing, 'accepted');
    assert.deepEqual(
      item.verdicts[0]?.verdict.code.files.map((file) => [file.path, file.sha256 === null]),
      [
        ['src/a.ts', false],
        ['src/gone.ts', true],
      ],
    );
    await workspace.write('src/a.ts', 'two\n');
    assert.equal((await items(workspace))[0]?.standing, 'lapsed');
    await workspace.write('src/a.ts', 'one\n');
    assert.equal((await items(workspace))[0]?.standing, 'accepted');
  });

  test('what a hand changed in the history is not what was approved, and cannot be judged', async (t) => {
    const { workspace } = await place(t);
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    assert.equal((await workspace.run(addApprove, 'approve', 'a')).code, 0);
    const [item] = await items(workspace);
    assert.equal(item?.standing, 'accepted');
    const history = workspace.history;
    const inHistory = (...args: string[]): string => execFileSync('git', ['-C', history, ...args], { encoding: 'utf8' });
    inHistory('reset', '-q', '--hard');
    writeFileSync(path.join(history, item.resultPath), 'Three modules.\n');
    inHistory('-c', 'user.name=Eve', '-c', 'user.email=eve@example.com', 'commit', '-qam', 'a better answer');
    assert.equal((await items(workspace))[0]?.standing, 'lapsed');
    const { code, err } = await workspace.run(addApprove, 'approve', 'a');
    assert.equal(code, 1);
    assert.match(err, /result_v1\.md is not what was recorded, so it cannot be judged/);
  });

  test('a file that changes while a person is asked was not what the person saw', async (t) => {
    const { workspace } = await place(t, '', { isKeyed: false });
    await workspace.write('src/a.ts', 'one\n');
    await seedJob(await workspace.rooms(), 'a', { changed: ['src/a.ts'] }, ANSWER);
    await assert.rejects(
      atTerminal(workspace, 'approved', () => {
        writeFileSync(path.join(workspace.root, 'src/a.ts'), 'two\n');
        return true;
      }),
      /src\/a\.ts was changed after it was shown: nothing was recorded/,
    );
    assert.deepEqual((await items(workspace))[0]?.verdicts, []);
    assert.equal(await atTerminal(workspace, 'approved', () => true), 'accepted');
  });

  test('what a newer revision replaced, and what belongs to a closed feature, is past', async (t) => {
    const { workspace } = await place(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', {}, ANSWER);
    await seedJob(rooms, 'b', { revision: 2 }, ANSWER);
    await seedJob(rooms, 'c', { feature: 'FEAT-2' }, ANSWER);
    await workspace.run(addClose, 'close', 'FEAT-2', '--anyway', '--comment', 'not wanted', '--merged', 'a'.repeat(40));
    const past = (await items(workspace)).map(({ identity, isPast }) => [identity.feature, identity.revision, isPast]);
    assert.deepEqual(
      past.toSorted((x, y) => String(x).localeCompare(String(y))),
      [
        ['FEAT-1', 1, true],
        ['FEAT-1', 2, false],
        ['FEAT-2', 1, true],
      ],
    );
  });

  test('what is refused writes nothing: each with words', async (t) => {
    const { workspace, keyFile } = await place(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', {}, ANSWER);
    await seedJob(rooms, 'b', { feature: 'FEAT-2' }, { status: 'briefed', answer: 'x' });
    await seedJob(rooms, 'c', { feature: 'FEAT-3' }, { status: 'failed', failure: { kind: 'no-answer', runner: 'fake', message: 'x' } });
    await rooms.spool.drop(roleNamed('architect'), stemNamed('d'), 'not yet\n');
    const token = ['ghp', 'Ab1'.repeat(12)].join('_');
    const refused: [Parameters<TempWorkspace['run']>[0], string[], number, RegExp][] = [
      [addApprove, ['approve', 'b'], 2, /is briefed: the offline runner/],
      [addApprove, ['approve', 'c'], 2, /is failed: there is no answer/],
      [addApprove, ['approve', 'd'], 2, /nothing is recorded of architect\/d yet/],
      [addApprove, ['approve', 'nobody'], 2, /nothing here is called/],
      [addApprove, ['approve', 'a', '--hash', 'f'.repeat(64)], 1, /read it again before you judge it/],
      [addApprove, ['approve', 'a', '--hash', 'abc'], 2, /64 hexadecimal digits/],
      [addReject, ['reject', 'a'], 2, /say what is wrong/],
      [addAskChanges, ['ask-changes', 'a', '--comment', '  '], 2, /say what is wrong/],
      [addReject, ['reject', 'a', '--comment', `use ${token}`], 2, /looks as if it held a secret/],
      [addReject, ['reject', 'a', '--comment', 'x'.repeat(64_001)], 2, /review.comment_bytes allows 64000/],
    ];
    for (const [add, args, code, words] of refused) {
      const said = await workspace.run(add, ...args);
      assert.equal(said.code, code, `${args.join(' ')}: ${said.err}`);
      assert.match(said.err, words);
    }
    chmodSync(keyFile, 0o644);
    assert.match((await workspace.run(addApprove, 'approve', 'a')).err, /may be read by others/);
    chmodSync(keyFile, 0o600);
    git(workspace, 'config', 'user.email', '');
    assert.match((await workspace.run(addApprove, 'approve', 'a')).err, /a verdict needs a name and an e-mail address/);
    person(workspace, 'Ada Example', 'ada@example.com');
    assert.deepEqual(
      (await items(workspace)).flatMap(({ verdicts }) => verdicts),
      [],
    );
  });

  test('without a key it takes a terminal, and a person who says yes', async (t) => {
    const { workspace } = await place(t, '', { isKeyed: false });
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    const said = await workspace.run(addApprove, 'approve', 'a');
    assert.equal(said.code, 2);
    assert.match(said.err, /needs a terminal where a person confirms it/);
    await assert.rejects(
      atTerminal(workspace, 'approved', () => false),
      /nothing was recorded/,
    );
    const hash = (await items(workspace))[0]?.filed.resultSha256 ?? '';
    const seen: string[] = [];
    assert.equal(await atTerminal(workspace, 'approved', (text) => seen.push(text) > 0), 'accepted');
    for (const words of ['Approve revision 1 of FEAT-1/architect?', `result  ${hash}`, 'by      Ada Example <ada@example.com>'])
      assert.ok(seen[0]?.includes(words), seen[0]);
    assert.equal((await items(workspace))[0]?.verdicts[0]?.verdict.how, 'terminal');
  });

  test('a key that stands in docket.yaml and was not committed is not taken, and the words say so', async (t) => {
    const { workspace, keyFile } = await place(t, '', { isKeyed: false });
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    git(workspace, 'add', 'docket.yaml');
    git(workspace, 'commit', '-qm', 'settings');
    writeFileSync(path.join(workspace.root, 'docket.yaml'), `runner: offline\nreview: { key: ${keyFile} }\n`);
    const { code, err } = await workspace.run(addApprove, 'approve', 'FEAT-1/architect');
    assert.equal(code, 2);
    assert.match(err, /needs a terminal[^\n]*review\.key is nothing, not [^\n]*only a commit loosens it/);
    git(workspace, 'commit', '-qam', 'a key');
    assert.equal((await workspace.run(addApprove, 'approve', 'FEAT-1/architect')).code, 0);
  });

  test('at a terminal it is signed with the key that git signs with', async (t) => {
    const { workspace, key, keyFile } = await place(t, '', { isKeyed: false });
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    git(workspace, 'config', 'gpg.format', 'ssh');
    git(workspace, 'config', 'user.signingkey', `${keyFile}.pub`);
    await atTerminal(workspace, 'approved', (text) => text.includes(key.publicKey.fingerprint));
    assert.equal((await items(workspace))[0]?.verdicts[0]?.verdict.signature?.key, key.publicKey.fingerprint);
  });

  test('a program that docket started gives none, terminal and key or not', async (t) => {
    const { workspace } = await place(t);
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    for (const mark of ['DOCKET_RUN_ID', 'DOCKET_EVENT']) {
      const io: Io = { ...rememberingIo(workspace.root).io, canAsk: true, env: { [mark]: 'x' } };
      await withSources(io, {}, async (sources) => {
        const [item] = await reviewItems(sources);
        assert.ok(item !== undefined);
        await assert.rejects(
          giveVerdict(io, sources, item, { verdict: 'approved', comment: null }, async () => Promise.resolve(true)),
          /was started by docket, so it cannot give one/,
        );
      });
    }
    const child = [
      `import { isBelowMarked } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../platform/process-facts.ts'))};`,
      "process.stdout.write(String(isBelowMarked('DOCKET_RUN_ID', process.env)));",
    ].join('\n');
    const inner = ['-u', 'DOCKET_RUN_ID', process.execPath, '--input-type=module', '-e', child];
    const shell = (env: Record<string, string>): string =>
      execFileSync('/bin/sh', ['-c', 'env "$@"; true', 'sh', ...inner], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '', ...env },
      });
    // Whoever takes the mark out of the environment is known by the process that started it, where there is /proc.
    assert.equal(shell({ DOCKET_RUN_ID: 'run-1' }), String(process.platform === 'linux'));
    assert.equal(shell({}), 'false');
  });

  test('with a list of signers the key must be on it, for this use and for this person', async (t) => {
    const folder = await temporaryFolder(t);
    const list = path.join(folder, 'signers');
    const { workspace, key } = await place(t, `signing:\n  signers: ${list}\n`);
    await seedJob(await workspace.rooms(), 'a', {}, ANSWER);
    const given = async (line: string): Promise<string> => {
      writeFileSync(list, line);
      return (await workspace.run(addApprove, 'approve', 'a')).err;
    };
    const { line } = key.publicKey;
    assert.match(await given(''), /is not among the allowed signers/);
    assert.match(await given(`bob@example.com ${line}\n`), /belongs to another address than ada@example.com/);
    assert.match(await given(`ada@example.com namespaces="git" ${line}\n`), /may not sign for "docket-verdict"/);
    assert.equal(await given(`*@example.com namespaces="git,docket-verdict" ${line}\n`), '');
  });
});
