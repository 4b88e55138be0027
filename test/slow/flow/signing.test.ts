/** Signing with the real daemon: a key that goes away stops recording, loudly; nothing is lost, no tool is started twice, and it goes on when it is back. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';
import { onlySandboxed } from '#test/support/sandbox.ts';
import { makeKey, opensslVerifies, writeSigners, type TestKey } from '#test/support/signing.ts';

type Signed = {
  readonly rig: Rig;
  readonly key: TestKey;
  readonly signers: string;
  readonly starts: () => number;
  readonly open: () => void;
};

/** A tool that writes down each start and waits at a gate; the key where docket looks for it by default. */
function signedRig(t: TestContext): Signed {
  const rig = makeRig(t);
  const [book, gate] = [path.join(rig.base, 'book'), path.join(rig.base, 'gate')];
  execFileSync('mkfifo', [gate]);
  const folder = path.join(rig.base, '.config', 'docket');
  mkdirSync(folder, { recursive: true });
  const key = makeKey(folder, 'signing_key');
  const signers = writeSigners(path.join(rig.root, 'allowed_signers'), [{ line: key.signer.publicLine, options: 'namespaces="git"' }]);
  rig.settings(
    settingsWith(
      [shellRunner('slow', `cat >/dev/null; echo start >> ${book}; cat ${gate} >/dev/null; echo "# Answer"`)],
      'signing: { mode: required, signers: allowed_signers }\n',
    ),
  );
  return {
    rig,
    key,
    signers,
    starts: () => (existsSync(book) ? readFileSync(book, 'utf8').split('\n').length - 1 : 0),
    open: () => {
      writeFileSync(gate, 'go\n');
    },
  };
}

const waitingPrompt = (feature: string): string => promptText({ feature, extra: 'runner: slow\n' });

function assertSigned({ rig, key, signers }: Signed, stem: string): void {
  for (const commit of rig.git('rev-list', 'main').trim().split('\n')) {
    const verified = spawnSync('git', ['-C', rig.history, '-c', `gpg.ssh.allowedSignersFile=${signers}`, 'verify-commit', commit], {
      env: rig.env,
    });
    assert.equal(verified.status, 0, verified.stderr.toString());
  }
  const envelope = rig.read(path.join(rig.out(), `${stem}_evidence.dsse.json`));
  assert.ok(opensslVerifies(rig.base, key.signer.publicLine, envelope));
  const { payload } = JSON.parse(envelope) as { payload: string };
  assert.equal(Buffer.from(payload, 'base64').toString(), rig.read(path.join(rig.out(), `${stem}_evidence.json`)));
  const evidence = rig
    .git('ls-tree', '-r', '--name-only', 'main')
    .split('\n')
    .filter((name) => name.endsWith('.dsse.json'));
  assert.ok(evidence.length > 0);
  assertVerified(rig, true);
}

test('a key that is gone when an answer comes: all says so, nothing is recorded or shown, and the answer is when it is back', async (t) => {
  const signed = signedRig(t);
  const { rig, key, starts, open } = signed;
  const daemon = await rig.start();
  rig.drop('one.md', waitingPrompt('FEAT-1'));
  await rig.until(rig.base, () => starts() === 1, 'the start of the tool');
  const commits = rig.commits();
  renameSync(key.file, `${key.file}.away`);
  open();
  await rig.logged('nothing can be recorded, because records are signed and the key cannot be used');

  assert.match(rig.run(['status']).out, /role architect waits: nothing can be recorded.*there is no such file/s);
  assert.match(rig.run(['why', 'one']).out, /it cannot go on now: nothing can be recorded/);
  const doctor = rig.run(['doctor']);
  assert.match(doctor.out, /bad +signing +nothing can be recorded: .*there is no such file/);
  assert.equal(doctor.code, 1);
  assert.equal(rig.commits(), commits);
  assert.deepEqual(readdirSync(rig.out()), []);
  assert.ok(!existsSync(path.join(rig.in(), 'one.processed')));

  renameSync(`${key.file}.away`, key.file);
  await rig.ended('one');
  assert.equal(rig.read(path.join(rig.out(), 'one_result.md')), '# Answer\n');
  assert.deepEqual(
    rig.evidence('one').predicate.attempts.map(({ outcome, starts: told }) => [outcome, told]),
    [['answered', 1]],
  );
  assert.equal(starts(), 1);
  await rig.logged(/role architect goes on/);
  assert.equal(await daemon.stop(), 0);
  assertSigned(signed, 'one');
});

test('killed while the key is gone: no start without it, and then the answer that lay in work/ is signed, with no second run', async (t) => {
  const signed = signedRig(t);
  const { rig, key, starts, open } = signed;
  const daemon = await rig.start();
  rig.drop('one.md', waitingPrompt('FEAT-1'));
  await rig.until(rig.base, () => starts() === 1, 'the start of the tool');
  renameSync(key.file, `${key.file}.away`);
  open();
  await rig.logged('nothing can be recorded');
  await daemon.kill();

  const refused = rig.launch();
  assert.equal(await refused.exit(), 3);
  assert.match(refused.output(), /not started: nothing can be recorded/);

  renameSync(`${key.file}.away`, key.file);
  const next = await rig.start();
  await rig.ended('one');
  assert.equal(starts(), 1);
  assert.equal(rig.read(path.join(rig.out(), 'one_result.md')), '# Answer\n');
  assert.equal(await next.stop(), 0);
  assertSigned(signed, 'one');
});

for (const point of ['ran', 'recorded', 'published', 'renamed'] as const)
  test(`killed right after the point ${point}: the next start gives one record, one envelope, and both proved`, async (t) => {
    const signed = signedRig(t);
    const { rig } = signed;
    const dying = rig.launch({ DOCKET_CRASH_AT: point });
    rig.drop('one.md', promptText());
    assert.equal(await dying.exit(), 'SIGKILL');
    const next = await rig.start();
    await rig.ended('one');
    assert.equal(await next.stop(), 0);
    assert.equal(rig.commits(), 3);
    assert.deepEqual(readdirSync(rig.out()).toSorted(), ['one_evidence.dsse.json', 'one_evidence.json', 'one_result.md']);
    assert.equal(
      rig.git('show', 'main:FEAT-1/01-architect/evidence_v1.dsse.json'),
      rig.read(path.join(rig.out(), 'one_evidence.dsse.json')),
    );
    assertSigned(signed, 'one');
  });

test('a tool in the sandbox does not see the key', onlySandboxed(null), async (t) => {
  const { rig, key } = signedRig(t);
  const look = `cat >/dev/null; ls -A ${path.dirname(key.file)} | wc -l; if cat ${key.file} >/dev/null 2>&1; then echo read; else echo kept; fi`;
  rig.settings(settingsWith([shellRunner('slow', look)], 'tools: { sandbox: required }\nsigning: { mode: required }\n'));
  const daemon = await rig.start();
  rig.drop('one.md', waitingPrompt('FEAT-1'));
  await rig.ended('one');
  assert.match(rig.read(path.join(rig.out(), 'one_result.md')), /^\s*0\nkept\n$/);
  assert.equal(await daemon.stop(), 0);
});

test('another key in the same place stops recording too; a start with it goes on, and both keys are believed when the list has both', async (t) => {
  const signed = signedRig(t);
  const { rig, key, signers, open } = signed;
  const daemon = await rig.start();
  rig.drop('one.md', waitingPrompt('FEAT-1'));
  await rig.until(rig.base, () => signed.starts() === 1, 'the start of the tool');
  const next = makeKey(rig.base, 'next');
  renameSync(next.file, key.file);
  open();
  await rig.logged(/holds another key now \(SHA256:/);
  assert.equal(await daemon.stop(), 0);
  const again = await rig.start();
  await rig.ended('one');
  assert.equal(await again.stop(), 0);
  const verified = rig.run(['verify']);
  assert.equal(verified.code, 1);
  assert.match(verified.out, /signer-unknown/);
  writeSigners(signers, [{ line: key.signer.publicLine }, { line: next.signer.publicLine }]);
  assertSigned({ ...signed, key: next }, 'one');
});
