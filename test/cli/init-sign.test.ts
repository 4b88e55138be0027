/** `docket init` signs from the first commit on when it is asked to, and never otherwise. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { askSigning } from '#cli/init-sign.ts';
import { CliError } from '#cli/io.ts';
import { DOCKET, type Ran } from '#test/support/rig.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

type Place = { readonly home: string; readonly root: string; readonly key: string; readonly signers: string; readonly history: string };

async function makePlace(t: TestContext): Promise<Place> {
  const base = await temporaryFolder(t);
  const [home, root] = [path.join(base, 'home'), path.join(base, 'shop')];
  for (const folder of [home, root]) mkdirSync(folder);
  execFileSync('git', ['init', '-q', root], { stdio: 'ignore' });
  const key = path.join(home, '.config', 'docket', 'signing_key');
  return { home, root, key, signers: path.join(root, 'allowed_signers'), history: path.join(base, 'shop-ai-history') };
}
/** In a process of its own: the key lies in the home folder. */
function docket({ home, root }: Place, ...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [DOCKET, ...args], {
    cwd: root,
    env: { PATH: '/usr/bin:/bin', HOME: home },
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}
const isSignedBy = ({ history }: Place, signers: string): boolean =>
  spawnSync('git', ['-C', history, '-c', `gpg.ssh.allowedSignersFile=${signers}`, 'verify-commit', 'main']).status === 0;

suite('docket init and signing', { concurrency: 2 }, () => {
  test('--sign makes a key, the list and the settings, and the first commit of the history is signed', async (t) => {
    const place = await makePlace(t);
    const { code, out, err } = docket(place, 'init', '--sign', '--yes', '--json');
    assert.equal(code, 0, err);
    const { signing, untracked } = JSON.parse(out) as { signing: Readonly<Record<string, unknown>>; untracked: readonly string[] };
    assert.deepEqual([signing['key'], signing['key_made'], signing['signers_made']], [place.key, true, true]);
    assert.deepEqual(untracked.toSorted(), ['allowed_signers', 'docket.yaml']);
    assert.equal(statSync(place.key).mode & 0o777, 0o600);
    assert.match(readFileSync(path.join(place.root, 'docket.yaml'), 'utf8'), /^signing: \{ mode: required, signers: allowed_signers \}$/m);
    assert.match(readFileSync(place.signers, 'utf8'), /^\S+ namespaces="git" ssh-ed25519 \S+$/m);
    assert.ok(isSignedBy(place, place.signers));
    assert.match(err, /verdicts count here when a person's own key signed them/);
    const verified = docket(place, 'verify');
    assert.equal(verified.code, 0, verified.out + verified.err);
    assert.match(verified.out, /1 signed commit/);
    const again = docket(place, 'init', '--sign', '--yes');
    assert.equal(again.code, 0, again.err);
    assert.doesNotMatch(again.err, /--sign/);
  });

  test('not asked, it signs nothing and makes no key; a workspace that is there is not changed, and that is said', async (t) => {
    const place = await makePlace(t);
    assert.equal(docket(place, 'init', '--yes').code, 0);
    assert.ok(!existsSync(place.key) && !existsSync(place.signers));
    assert.doesNotMatch(readFileSync(path.join(place.root, 'docket.yaml'), 'utf8'), /signing/);
    const later = docket(place, 'init', '--sign', '--yes');
    assert.equal(later.code, 0, later.err);
    assert.match(later.err, /docket\.yaml is kept as it is, so --sign changed nothing/);
    assert.ok(!existsSync(place.key));
  });

  test('a key that is there is used; a list that does not name it is not touched, and nothing is made', async (t) => {
    const place = await makePlace(t);
    assert.equal(docket(place, 'key', 'new').code, 0);
    const key = readFileSync(place.key, 'utf8');
    writeFileSync(place.signers, '# nobody yet\n');
    const refused = docket(place, 'init', '--sign', '--yes');
    assert.equal(refused.code, 3, refused.out);
    const [line = ''] = /\S+ namespaces="git" ssh-ed25519 \S+/.exec(refused.err) ?? [];
    assert.match(refused.err, /Add this line:\n .*\nnothing was made/s);
    assert.ok(!existsSync(path.join(place.root, 'docket.yaml')) && !existsSync(place.history));
    writeFileSync(place.signers, `# by hand\n${line}\n`);
    const { code, out, err } = docket(place, 'init', '--sign', '--yes');
    assert.equal(code, 0, err);
    assert.match(out, /signing_key, was there\); allowed_signers names it/);
    assert.equal(readFileSync(place.key, 'utf8'), key);
    assert.equal(readFileSync(place.signers, 'utf8'), `# by hand\n${line}\n`);
    assert.ok(isSignedBy(place, place.signers));
  });

  test('a key that others may read is refused before anything is made', async (t) => {
    const place = await makePlace(t);
    mkdirSync(path.dirname(place.key), { recursive: true });
    writeFileSync(place.key, 'no key\n', { mode: 0o644 });
    const { code, err } = docket(place, 'init', '--sign', '--yes');
    assert.equal(code, 3);
    assert.match(err, /docket cannot sign with the key that is there: .*may be read by others.*nothing was made/s);
    assert.ok(!existsSync(place.signers) && !existsSync(place.history));
  });

  test('at a terminal it is a question; whoever leaves it makes nothing', async () => {
    const asked: string[] = [];
    const answer = async (said: boolean | null): Promise<boolean> =>
      askSigning(async (question) => {
        asked.push(question);
        return Promise.resolve(said);
      });
    assert.equal(await answer(true), true);
    assert.equal(await answer(false), false);
    await assert.rejects(answer(null), (error: unknown) => error instanceof CliError && error.exitCode === 130);
    assert.match(asked[0] ?? '', /^Sign the records\?.*docs\/signing\.md/);
  });
});
