/** What `verify` says of signatures: forged, taken off, by a stranger, by a key whose time was over. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Finding, History, Trust } from '#core/history.ts';
import type { Signing } from '#core/signing.ts';
import { parseAllowedSigners, whyNot } from '#history/allowed-signers.ts';
import { makeSigning } from '#history/signer.ts';
import { makeFs } from '#platform/files.ts';
import { makeKey, writeSigners, type TestKey } from '#test/support/signing.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

const signingBy = (keyFile: string): Signing =>
  makeSigning({ fs: makeFs(), keyFile, forbidden: () => Promise.resolve([]), userId: process.getuid?.() ?? null });

const signersIn = (text: string): string => {
  const parsed = parseAllowedSigners(text);
  return parsed.ok ? parsed.value.map(({ principals, namespaces }) => `${principals} ${String(namespaces)}`).join('; ') : parsed.error;
};

suite('verify of signatures', () => {
  let rig: Rig;
  let key: TestKey;
  let history: History;
  const folder = 'FEAT-1-user-filters/01-architect';
  const prompt = submission();
  beforeEach(async () => {
    rig = makeRig();
    key = makeKey(rig.root);
    history = await rig.open({ signing: signingBy(key.file) });
    value(await history.submit(prompt));
    value(await history.record(answer(prompt)));
  });
  afterEach(() => rig.end());

  const trusting = (...entries: { line: string; options?: string }[]): Trust => {
    const file = writeSigners(path.join(rig.root, 'signers'), entries);
    return { signers: readFileSync(file, 'utf8'), isDemanded: true };
  };
  const trust = (): Trust => trusting({ line: key.signer.publicLine });
  const findings = (given = trust(), of = history): Promise<Finding[]> => collect(of.verify(undefined, given));
  const aboutSignatures = async (given = trust(), of = history): Promise<string[]> =>
    (await findings(given, of)).filter(({ what }) => what.startsWith('sign')).map(({ what, path: file }) => `${what} ${file}`);
  const commitOf = (rev: string): string => rig.git('rev-parse', rev).trim();
  /** Another commit object in place of the tip, as somebody with the folder could write it. */
  const replaceTip = (change: (text: string) => string): string => {
    const raw = rig.git('cat-file', 'commit', 'main');
    const file = path.join(rig.root, 'commit');
    writeFileSync(file, change(raw));
    const oid = rig.git('hash-object', '-t', 'commit', '-w', file).trim();
    rig.git('update-ref', 'refs/heads/main', oid);
    return oid;
  };

  test('a sound history is fine for those who trust its key, and each signature is a finding for those who do not', async () => {
    assert.deepEqual(await findings(), []);
    assert.deepEqual(await findings({ signers: null, isDemanded: false }), []);
    const stranger = makeKey(rig.root, 'stranger').signer.publicLine;
    assert.deepEqual(await aboutSignatures(trusting({ line: stranger })), [
      ...rig
        .git('rev-list', 'main')
        .trim()
        .split('\n')
        .map((commit) => `signer-unknown ${commit}`),
      `signer-unknown ${folder}/evidence_v1.dsse.json`,
    ]);
  });

  test('a byte changed in a signed commit is found, whatever it is', async () => {
    for (const change of [
      (text: string) => text.replace('Runner: claude', 'Runner: claudf'),
      (text: string) => text.replace(/^author docket/m, 'author Docket'),
      (text: string) => text.replace(/^(committer .*> )([0-9]+)/m, (_all, who: string, at: string) => `${who}${String(Number(at) + 1)}`),
      (text: string) =>
        text.replace(
          /^(gpgsig [^\n]*\n [^\n]*\n .{20})(.)/m,
          (_all, before: string, byte: string) => `${before}${byte === 'A' ? 'B' : 'A'}`,
        ),
    ]) {
      const before = commitOf('main');
      const forged = replaceTip(change);
      assert.notEqual(forged, before, 'the change was none');
      assert.deepEqual(await aboutSignatures(), [`signature-invalid ${forged}`]);
      rig.git('update-ref', 'refs/heads/main', before);
    }
  });

  test('a signature that was taken off, and a record after it without one, are found when signing is demanded', async () => {
    const naked = replaceTip((text) => text.replace(/^gpgsig [^\n]*\n(?: [^\n]*\n)*/m, ''));
    assert.deepEqual(await aboutSignatures(), [`signature-missing ${naked}`]);
    const [one] = await findings();
    assert.equal(one?.job, prompt.job);
    assert.equal(one.commit, naked);
    assert.deepEqual(await aboutSignatures({ ...trust(), isDemanded: false }), []);

    const unsigned = await rig.open();
    value(await unsigned.submit(submission({ revision: 2 })));
    assert.deepEqual(await aboutSignatures(trust(), unsigned), [`signature-missing ${commitOf('main')}`, `signature-missing ${naked}`]);
  });

  test('records from before signing was turned on are fine, and so is a commit of a person', async () => {
    const other = makeRig();
    try {
      const before = await other.open();
      value(await before.submit(prompt));
      await before.close();
      const signed = await other.open({ signing: signingBy(key.file) });
      value(await signed.record(answer(prompt)));
      writeFileSync(path.join(other.dir, 'note.md'), 'a note\n');
      other.git('add', 'note.md');
      other.git('commit', '-q', '-m', 'a note');
      value(await signed.submit(submission({ revision: 2 })));
      assert.deepEqual(await aboutSignatures(trust(), signed), []);
    } finally {
      await other.end();
    }
  });

  test('an envelope that was changed, exchanged, forged or taken away is found', async () => {
    const place = `${folder}/evidence_v1.dsse.json`;
    const commit = (): void => {
      rig.git('add', '-A');
      rig.git('commit', '-q', '-m', 'tampered');
    };
    const original = readFileSync(path.join(rig.dir, place), 'utf8');
    const put = async (text: string): Promise<string[]> => {
      writeFileSync(path.join(rig.dir, place), text);
      commit();
      return aboutSignatures();
    };
    const envelope = JSON.parse(original) as { payloadType: string; payload: string; signatures: { keyid: string; sig: string }[] };
    const [signature] = envelope.signatures;
    assert.ok(signature !== undefined);
    const stranger = makeKey(rig.root, 'stranger').signer;
    const withSignature = (more: Partial<typeof signature>): string =>
      `${JSON.stringify({ ...envelope, signatures: [{ ...signature, ...more }] })}\n`;
    assert.deepEqual(await put(`${original} `), [`signature-invalid ${place}`]);
    assert.deepEqual(await put(withSignature({ sig: Buffer.alloc(64).toString('base64') })), [`signature-invalid ${place}`]);
    assert.deepEqual(await put(withSignature({ keyid: stranger.fingerprint })), [`signer-unknown ${place}`]);
    const payload = Buffer.from('{}').toString('base64');
    assert.deepEqual(await put(`${JSON.stringify({ ...envelope, payload })}\n`), [`signature-invalid ${place}`]);
    assert.deepEqual(await put(original), []);
    rmSync(path.join(rig.dir, place));
    commit();
    assert.deepEqual(await aboutSignatures(), [`signature-missing ${place}`]);
  });

  test('a key that was followed by another one is good for its time only', async () => {
    const next = makeKey(rig.root, 'next');
    const rotated = await rig.open({ signing: signingBy(next.file) });
    value(await rotated.submit(submission({ revision: 2 })));
    const both = [{ line: key.signer.publicLine, options: 'namespaces="git"' }, { line: next.signer.publicLine }];
    assert.deepEqual(await aboutSignatures(trusting(...both), rotated), []);
    assert.deepEqual(await aboutSignatures(trusting({ line: key.signer.publicLine }), rotated), [`signer-unknown ${commitOf('main')}`]);
    const ended = [{ line: key.signer.publicLine, options: 'valid-before="20200101Z"' }, { line: next.signer.publicLine }];
    const [first] = await aboutSignatures(trusting(...ended), rotated);
    assert.equal(first, `signer-unknown ${commitOf('main~1')}`);
    const forFiles = [{ line: key.signer.publicLine, options: 'namespaces="file"' }, { line: next.signer.publicLine }];
    assert.match((await findings(trusting(...forFiles), rotated))[0]?.message ?? '', /may not sign for "git"/);
  });

  test('a list of signers is read as ssh-keygen reads it, and what is not understood is a fault with its line', () => {
    const { publicLine } = key.signer;
    assert.equal(
      signersIn(`# words\n\n a@b,c@d ${publicLine} a comment\n"x y" namespaces="git,file" ${publicLine}\n`),
      'a@b,c@d null; x y git,file',
    );
    assert.equal(signersIn('a@b ssh-rsa AAAA\nca cert-authority ssh-ed25519 AAAA\n'), '', 'other algorithms and authorities are left out');
    assert.match(signersIn(`\na@b valid-from="20200101" ${publicLine}`), /^line 2: the option .*valid-from/);
    assert.match(signersIn(`a@b valid-before="tomorrow" ${publicLine}`), /^line 1: the option/);
    assert.match(signersIn('a@b ssh-ed25519 AAAA'), /line 1: this is no ssh-ed25519 key/);
    assert.match(signersIn('a@b'), /line 1/);
    const parsed = parseAllowedSigners(`a@b valid-after="20260101Z",valid-before="202602010000Z" ${publicLine}`);
    assert.ok(parsed.ok);
    const at = (text: string): string | null => whyNot(parsed.value, key.key.publicKey, null, Date.parse(text) / 1000);
    assert.match(at('2025-12-31T23:59:59Z') ?? '', /was not valid at that time/);
    assert.equal(at('2026-01-01T00:00:00Z'), null);
    assert.equal(at('2026-02-01T00:00:00Z'), null);
    assert.match(at('2026-02-01T00:00:01Z') ?? '', /was not valid/);
  });
});
