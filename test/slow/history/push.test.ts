import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { parsePushedRefs } from '#history/push.ts';
import { spellingsOf } from '#history/purge-spellings.ts';
import { opened, why, type Opened } from '../../history/purge-rig.ts';
import { answer, makeRig, submission, value, type Rig } from '../../history/rig.ts';

/** Made of parts, so that no secret stands in the repository. */
const tokenText = (): string => ['ghp', '16C7e42F292c6912E7710c838347Ae178B4a'].join('_');

const tipOf = (place: string): string =>
  execFileSync('git', ['-C', place, 'for-each-ref', '--format=%(objectname)'], { encoding: 'utf8' }).trim();

suite('pushing the history', () => {
  let rig: Rig;
  let history: Opened;
  let remote: string;
  let other: string;
  const bare = (name: string): string => {
    const place = path.join(rig.root, name);
    execFileSync('git', ['init', '-q', '--bare', place], { stdio: 'ignore' });
    return place;
  };
  const recordOne = async (prompt = 'What is to be done?\n', feature = 'FEAT-1'): Promise<void> => {
    const one = submission({ feature, prompt });
    value(await history.submit(one));
    value(await history.record(answer(one)));
  };
  type Pushed = {
    readonly outcome: string;
    readonly reason: string | null;
    readonly found: readonly { readonly path: string; readonly rule: string; readonly fingerprint: string | null }[];
    readonly allowed: readonly { readonly fingerprint: string; readonly by: string; readonly reason: string }[];
  };
  const pushes = (): Pushed[] =>
    readFileSync(path.join(rig.dir, '.git/docket/pushes.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Pushed);

  beforeEach(async () => {
    rig = makeRig();
    remote = bare('allowed.git');
    other = bare('other.git');
    history = await opened(rig, { pushRemotes: [remote] });
  });
  afterEach(async () => {
    await history.close();
    await rig.end();
  });

  test('an allowed remote takes it after a scan that is on record; another one is refused', async () => {
    await recordOne();
    rig.git('push', '-q', remote, 'main');
    assert.equal(tipOf(remote), rig.git('rev-parse', 'main').trim());
    assert.deepEqual(
      pushes().map(({ outcome, found }) => ({ outcome, found })),
      [{ outcome: 'passed', found: [] }],
    );
    assert.equal(statSync(path.join(rig.dir, '.git/docket/pushes.jsonl')).mode & 0o777, 0o600);
    assert.throws(() => rig.git('push', '-q', other, 'main'), /not an allowed remote/);
    assert.equal(tipOf(other), '');
  });

  test('no nickname of an allowed address leads elsewhere: insteadOf, pushInsteadOf, pushurl', async () => {
    await recordOne();
    for (const trick of [
      ['-c', `url.${other}.insteadOf=${remote}`, 'push', '-q', remote, 'main'],
      ['-c', `url.${other}.pushInsteadOf=${remote}`, 'push', '-q', remote, 'main'],
      ['-c', `remote.allowed.url=${remote}`, '-c', `remote.allowed.pushurl=${other}`, 'push', '-q', 'allowed', 'main'],
    ])
      assert.throws(() => rig.git(...trick), /not an allowed remote/, trick.join(' '));
    assert.equal(tipOf(other), '');
  });

  test('a secret stops it, told by rule and place only; a reason of a person lets it through and is on record', async () => {
    const token = tokenText();
    await recordOne();
    rig.git('push', '-q', remote, 'main');
    await recordOne(`Log in with ${token}\n`, 'FEAT-2');
    assert.throws(
      () => rig.git('push', '-q', remote, 'main'),
      (error: Error) => /prompt_v1\.md, line 1: looks like a secret/.test(error.message) && !error.message.includes(token),
    );
    assert.notEqual(tipOf(remote), rig.git('rev-parse', 'main').trim());
    rig.gitWith({ DOCKET_PUSH_REASON: 'a token of a\ntest account' }, 'push', '-q', remote, 'main');
    assert.equal(tipOf(remote), rig.git('rev-parse', 'main').trim());
    const last = pushes().at(-1);
    assert.deepEqual([last?.outcome, last?.reason], ['let-through', 'a token of a test account']);
    assert.ok(last?.found.some(({ path: at }) => at.endsWith('FEAT-2-user-filters/01-architect/prompt_v1.md')));
    assert.ok(!readFileSync(path.join(rig.dir, '.git/docket/pushes.jsonl'), 'utf8').includes(token));
    assert.throws(() => rig.git('push', '-q', remote, 'main:later'), /looks like a secret/);
    assert.equal(pushes().at(-1)?.outcome, 'refused', 'a new branch there has no base: all of it is looked at again');
  });

  test('what the committed docket.yaml lets pass by its fingerprint goes through, on its word and on record; nothing else does', async () => {
    const [token, second] = [tokenText(), tokenText().replace('16C7', '27D8')];
    const app = path.join(rig.root, 'app');
    const file = path.join(app, 'docket.yaml');
    const git = (...args: readonly string[]): void =>
      void execFileSync('git', ['-C', app, '-c', 'user.name=Ada', '-c', 'user.email=a@example.com', ...args], { stdio: 'pipe' });
    const settings = (rows: readonly string[]): void => {
      const allow = rows.map((print) => `    - { fingerprint: "${print}", reason: a key of the manual, by: Ada Lovelace }\n`).join('');
      writeFileSync(
        file,
        `history: ${rig.dir}\npolicy:\n  push_remotes: ["${remote}"]\n  allow_secrets:${allow === '' ? ' []' : `\n${allow}`}\n`,
      );
    };
    mkdirSync(app);
    git('init', '-q');
    settings([]);
    git('add', '.');
    git('commit', '-q', '-m', 'settings');
    const scan = { node: process.execPath, file: path.resolve(import.meta.dirname, '../../../cli/push-scan.ts'), deadlineMs: 60_000 };
    await (await opened(rig, { pushRemotes: [remote], pushScan: { ...scan, workspace: app } })).close();
    const state = path.join(app, 'queues', '.docket');
    mkdirSync(state, { recursive: true });
    await recordOne(`Log in with ${token}\n`);
    const refused = (words: RegExp): string => {
      const { status, stderr } = spawnSync('git', ['-C', rig.dir, 'push', '-q', remote, 'main'], { encoding: 'utf8' });
      assert.equal(status, 1);
      assert.match(stderr, words);
      assert.ok(!stderr.includes(token) && !stderr.includes(second));
      assert.equal(tipOf(remote), '');
      return stderr;
    };
    refused(/nothing was let pass by its fingerprint: .* has no key/);
    writeFileSync(path.join(state, 'fingerprint.key'), Buffer.alloc(32, 7), { mode: 0o600 });
    const [print = ''] = /hmac:[0-9a-f]{32}/.exec(refused(/github-token, hmac:/)) ?? [];
    settings([print]);
    refused(/looks like a secret/);
    git('commit', '-q', '-am', 'a false alarm');
    await recordOne(`Log in with ${token} and ${second}\n`, 'FEAT-2');
    refused(/FEAT-2-user-filters.*looks like a secret/);
    const left = new Set((pushes().at(-1)?.found ?? []).map(({ fingerprint }) => fingerprint ?? ''));
    assert.equal(left.size, 1, 'only the other one is told');
    const [next = ''] = left;
    assert.notEqual(next, print);
    settings([print, next]);
    git('commit', '-q', '-am', 'another one');
    rig.git('push', '-q', remote, 'main');
    assert.equal(tipOf(remote), rig.git('rev-parse', 'main').trim());
    const last = pushes().at(-1);
    assert.deepEqual(
      [last?.outcome, last?.found, last?.allowed.map(({ by, reason }) => [by, reason])],
      ['passed', [], [print, next].map(() => ['Ada Lovelace', 'a key of the manual'])],
    );
    assert.deepEqual(last?.allowed.map(({ fingerprint }) => fingerprint).toSorted(), [print, next].toSorted());
    writeFileSync(file, 'history: [');
    assert.throws(() => rig.git('push', '-q', remote, 'main:later'), /nothing was let pass by its fingerprint: the settings/);
    writeFileSync(file, `history: ${rig.dir}-2\n`);
    assert.throws(() => rig.git('push', '-q', remote, 'main:later'), /has another history/);
  });

  test('messages, tags and names are looked at, too', async () => {
    const token = tokenText();
    await recordOne();
    rig.git('commit', '-q', '--allow-empty', '-m', `note ${token}`);
    assert.throws(() => rig.git('push', '-q', remote, 'main'), /commit [0-9a-f]{40}, line 1: looks like a secret/);
    rig.git('tag', '-a', 'mine', '-m', `tag ${token}`, 'main~1');
    assert.throws(() => rig.git('push', '-q', remote, 'mine'), /a tag, line \d+: looks like a secret/);
    rig.git('reset', '-q', '--hard', 'main~1');
    writeFileSync(path.join(rig.dir, `${token}.md`), 'x');
    rig.git('add', '.');
    rig.git('commit', '-q', '-m', 'a name');
    assert.throws(() => rig.git('push', '-q', remote, 'main'), /looks like a secret/);
  });

  test('it fails closed with words: no program, no node, a scan that is too slow', async () => {
    await recordOne();
    const node = process.execPath;
    const file = path.join(rig.root, 'gone.ts');
    const reopen = async (scan: { node: string; file: string; deadlineMs: number; workspace: string | null } | null): Promise<void> => {
      const again = await opened(rig, { pushRemotes: [remote], pushScan: scan });
      await again.close();
    };
    for (const scan of [
      null,
      { node, file, deadlineMs: 1_000, workspace: null },
      { node: '/nonexistent/node', file: import.meta.filename, deadlineMs: 1_000, workspace: null },
    ]) {
      await reopen(scan);
      assert.throws(() => rig.git('push', '-q', remote, 'main'), /not scanned for secrets, so it is stopped/);
    }
    await reopen({ node, file: path.resolve(import.meta.dirname, '../../../cli/push-scan.ts'), deadlineMs: 0, workspace: null });
    assert.throws(() => rig.git('push', '-q', remote, 'main'), /was not scanned/);
    assert.equal(tipOf(remote), '');
  });

  test('what was purged cannot be pushed, whatever the reason; --no-verify is what no hook can stop', async () => {
    const secret = 'the name of a customer, spelled out';
    await recordOne(`About ${secret}.\n`);
    const old = rig.git('rev-parse', 'main').trim();
    const clone = path.join(rig.root, 'clone');
    execFileSync('git', ['clone', '-q', rig.dir, clone], { stdio: 'ignore' });
    await history.purging().purge({ spellings: spellingsOf(Buffer.from(secret)) }, why);
    rig.git('fetch', '-q', clone, 'main');
    const env = { DOCKET_PUSH_REASON: 'I want to' };
    assert.throws(() => rig.gitWith(env, 'push', '-q', remote, `${old}:refs/heads/main`), /content that was purged/);
    assert.equal(tipOf(remote), '');
    rig.git('push', '-q', '--no-verify', other, `${old}:refs/heads/main`);
    assert.equal(tipOf(other), old);
  });

  test('a hook that lost its mode is made right by the next open', async () => {
    const hook = path.join(rig.dir, '.git/hooks/pre-push');
    chmodSync(hook, 0o755);
    rmSync(hook);
    await (await opened(rig)).close();
    assert.ok(existsSync(hook));
    assert.equal(statSync(hook).mode & 0o100, 0o100);
  });
});

test('lines that git does not give are no lines', () => {
  const id = 'a'.repeat(40);
  assert.deepEqual(parsePushedRefs(`refs/heads/main ${id} refs/heads/main ${'0'.repeat(40)}\n`), [
    { localRef: 'refs/heads/main', local: id, remoteRef: 'refs/heads/main', remote: '0'.repeat(40) },
  ]);
  assert.equal(parsePushedRefs('refs/heads/main x y z\n'), null);
  assert.deepEqual(parsePushedRefs(''), []);
});
