import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { envelopeSchema } from '#cli/schema-envelope.ts';
import * as dsse from '#history/dsse.ts';
import { makeSigning } from '#history/signer.ts';
import { generateKey, parsePrivateKey, parsePublicLine, renderPrivateKey } from '#history/ssh-key.ts';
import { checkSshSignature, makeSshSignature } from '#history/ssh-signature.ts';
import { makeFs } from '#platform/files.ts';
import { makeKey, opensslVerifies, sshKeygenKey, sshVerifies, writeSigners } from '#test/support/signing.ts';

const words = (outcome: { readonly ok: true } | { readonly ok: false; readonly error: unknown }): string =>
  outcome.ok ? 'fine' : String(outcome.error);
const signing = (keyFile: string, forbidden: { folder: string; what: string }[] = []): ReturnType<typeof makeSigning> =>
  makeSigning({ fs: makeFs(), keyFile, forbidden: () => Promise.resolve(forbidden), userId: process.getuid?.() ?? null });

suite('signatures', () => {
  let root = '';
  before(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-sign-')));
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  test("docket reads ssh-keygen's keys, and ssh-keygen reads docket's", () => {
    const theirs = sshKeygenKey(root, 'theirs');
    const read = parsePrivateKey(readFileSync(theirs, 'utf8'));
    assert.ok(read.ok);
    assert.equal(`${read.value.publicKey.line} theirs`, readFileSync(`${theirs}.pub`, 'utf8').trim());
    const listed = execFileSync('ssh-keygen', ['-l', '-f', theirs], { encoding: 'utf8' });
    assert.equal(listed.split(' ')[1], read.value.publicKey.fingerprint);

    const ours = makeKey(root, 'ours');
    assert.equal(
      execFileSync('ssh-keygen', ['-y', '-f', ours.file], { encoding: 'utf8' }).trim(),
      `${ours.signer.publicLine} ours@example.com`,
    );
    assert.equal(parsePublicLine(`${ours.signer.publicLine} words`)?.fingerprint, ours.signer.fingerprint);
  });

  test('a signature is one that ssh-keygen takes, for its bytes, its namespace and its key only', () => {
    const { signer } = makeKey(root, 'a');
    const other = makeKey(root, 'b');
    const mine = writeSigners(path.join(root, 'mine'), [{ line: signer.publicLine }]);
    const message = Buffer.from('what is signed\n');
    const armour = makeSshSignature(signer, 'git', message);
    assert.ok(sshVerifies(root, mine, 'git', armour, message));
    assert.ok(!sshVerifies(root, mine, 'file', armour, message));
    assert.ok(!sshVerifies(root, mine, 'git', armour, Buffer.from('something else\n')));
    assert.ok(!sshVerifies(root, mine, 'git', makeSshSignature(other.signer, 'git', message), message));

    const checked = checkSshSignature(armour, 'git', message);
    assert.equal(checked.ok && checked.value.fingerprint, signer.fingerprint);
    assert.match(words(checkSshSignature(armour, 'file', message)), /another use/);
    assert.match(words(checkSshSignature(armour, 'git', Buffer.from('x'))), /not the signature of these bytes/);
    assert.equal(makeSshSignature(signer, 'git', message), armour, 'the same bytes give the same signature');
  });

  test('docket takes a signature that ssh-keygen made', () => {
    const file = sshKeygenKey(root, 'signs');
    writeFileSync(path.join(root, 'message'), 'hello\n');
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', file, '-n', 'git', path.join(root, 'message')], { stdio: 'pipe' });
    const armour = readFileSync(path.join(root, 'message.sig'), 'utf8');
    const checked = checkSshSignature(armour, 'git', Buffer.from('hello\n'));
    assert.equal(checked.ok && `${checked.value.line} signs`, readFileSync(`${file}.pub`, 'utf8').trim());
  });

  test('no byte of a signature is free', () => {
    const { signer } = makeKey(root, 'strict');
    const message = Buffer.from('message');
    const armour = makeSshSignature(signer, 'git', message);
    for (let at = 0; at < armour.length - 1; at++) {
      const changed = `${armour.slice(0, at)}${armour[at] === 'A' ? 'B' : 'A'}${armour.slice(at + 1)}`;
      assert.ok(!checkSshSignature(changed, 'git', message).ok, `byte ${String(at)}`);
    }
    assert.ok(!checkSshSignature('', 'git', message).ok);
  });

  test('an envelope is one that openssl alone proves, and holds the payload byte for byte', () => {
    const { signer, key } = makeKey(root, 'dsse');
    const payload = '{"text":"häßlich — 𝄞"}\n';
    const envelope = dsse.wrap(signer, dsse.IN_TOTO, payload);
    assert.ok(opensslVerifies(root, signer.publicLine, envelope));
    const keyOf = (keyid: string): typeof key.publicKey | null => (keyid === signer.fingerprint ? key.publicKey : null);
    const opened = dsse.check(envelope, dsse.IN_TOTO, keyOf);
    assert.equal(opened.ok && opened.value.payload.toString('utf8'), payload);
    assert.equal(dsse.wrap(signer, dsse.IN_TOTO, payload), envelope, 'a repeat gives the same bytes');
    assert.ok(envelopeSchema.safeParse(JSON.parse(envelope)).success);
    assert.ok(!envelopeSchema.safeParse(JSON.parse(envelope.replace('"sig"', '"signature"'))).success);
    assert.equal(
      dsse.preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString(),
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  test('no byte of an envelope is free', () => {
    const { signer, key } = makeKey(root, 'strict-dsse');
    const envelope = dsse.wrap(signer, dsse.IN_TOTO, 'payload');
    const keyOf = (keyid: string): typeof key.publicKey | null => (keyid === signer.fingerprint ? key.publicKey : null);
    const kinds = new Set<string>();
    for (let at = 0; at < envelope.length; at++) {
      const changed = `${envelope.slice(0, at)}${envelope[at] === 'A' ? 'B' : 'A'}${envelope.slice(at + 1)}`;
      const checked = dsse.check(changed, dsse.IN_TOTO, keyOf);
      assert.ok(!checked.ok, `byte ${String(at)}`);
      kinds.add(checked.error.kind);
    }
    assert.deepEqual([...kinds].toSorted(), ['forged', 'malformed', 'unknown']);
  });

  test('an encrypted key, a key of another algorithm and a damaged one are refused with words that hold nothing of them', () => {
    const refusal = (file: string): string => words(parsePrivateKey(readFileSync(file, 'utf8')));
    const locked = path.join(root, 'locked');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-f', locked], { stdio: 'pipe' });
    assert.match(refusal(locked), /encrypted with a passphrase/);
    const rsa = path.join(root, 'rsa');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', rsa], { stdio: 'pipe' });
    assert.match(refusal(rsa), /another algorithm \(ecdsa/);
    assert.match(words(parsePrivateKey('hello')), /no OpenSSH private key/);
    const text = renderPrivateKey(generateKey('x'));
    const lines = text.split('\n');
    for (const gone of [1, 2, 3, 4])
      assert.match(
        words(parsePrivateKey([...lines.slice(0, gone), ...lines.slice(gone + 1)].join('\n'))),
        /cut short|damaged|no openssh-key-v1/,
      );
    const other = renderPrivateKey(generateKey('x')).split('\n');
    assert.match(words(parsePrivateKey([...lines.slice(0, 3), ...other.slice(3)].join('\n'))), /damaged|does not belong/);
  });

  test('a key file that others may read, or that lies where it would be committed, is refused', async () => {
    const { file, signer } = makeKey(root, 'guarded');
    chmodSync(file, 0o640);
    await assert.rejects(signing(file).signer(), /may be read by others \(mode 640\): chmod 600/);
    chmodSync(file, 0o600);
    assert.equal((await signing(file).signer()).fingerprint, signer.fingerprint);
    const code = path.join(root, 'code');
    mkdirSync(code);
    const inside = makeKey(code, 'inside').file;
    const forbidden = [{ folder: code, what: 'the code repository' }];
    await assert.rejects(signing(inside, forbidden).signer(), /lies in the code repository/);
    symlinkSync(inside, path.join(root, 'link'));
    await assert.rejects(signing(path.join(root, 'link'), forbidden).signer(), /lies in the code repository/);
    await assert.rejects(signing(path.join(root, 'nowhere')).signer(), { code: 'ESIGN', message: /docket key new/ });
  });

  test('a key that is gone or became another one is a fault until it is back', async () => {
    const { file, signer } = makeKey(root, 'comes-and-goes');
    const one = signing(file);
    assert.equal((await one.signer()).fingerprint, signer.fingerprint);
    renameSync(file, `${file}.away`);
    await assert.rejects(one.signer(), { code: 'ESIGN' });
    makeKey(root, 'comes-and-goes');
    await assert.rejects(one.signer(), /holds another key now/);
    renameSync(`${file}.away`, file);
    assert.equal((await one.signer()).fingerprint, signer.fingerprint);
  });
});
