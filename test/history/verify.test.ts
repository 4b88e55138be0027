import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Finding, History } from '#core/history.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

suite('verify', () => {
  let rig: Rig;
  let history: History;
  const prompt = submission();
  const folder = 'FEAT-1-user-filters/01-architect';
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
    value(await history.submit(prompt));
    value(await history.record(answer(prompt, { materials: ['a brief'] })));
  });
  afterEach(() => rig.end());
  const findings = (): Promise<Finding[]> => collect(history.verify());
  const kinds = async (): Promise<string[]> =>
    (await findings()).map(({ what, path: file }) => `${what} ${file.replace(`${rig.dir}/`, '')}`);
  /** A person's commit that changes a file, work tree and all. */
  const tamper = (file: string, text: string | null): void => {
    if (text === null) rig.git('rm', '-q', file);
    else {
      writeFileSync(path.join(rig.dir, file), text);
      rig.git('add', file);
    }
    rig.git('commit', '-q', '-m', 'tampered');
  };

  test('a sound history has no findings, tells how far it is, and a prompt in flight is none', async () => {
    value(await history.submit(submission({ revision: 2 })));
    const steps: [number, number][] = [];
    assert.deepEqual(await collect(history.verify((done, total) => steps.push([done, total]))), []);
    assert.deepEqual(steps.at(-1)?.[0], steps.at(-1)?.[1]);
  });

  test('what only our own reader would understand is found: another implementation of git reads the tip too', async () => {
    const own = makeHistoryGit();
    const tipFiles = async function* (gitDir: string, commit: string): AsyncGenerator<{ path: string; oid: string }> {
      for await (const file of own.tipFiles(gitDir, commit)) if (!file.path.endsWith('result_v1.md')) yield file;
    };
    const doubted = await rig.open({ git: { ...own, tipFiles } });
    const found = await collect(doubted.verify());
    assert.deepEqual(
      found.map(({ what, message }) => `${what}: ${message}`),
      ['object-damaged: a second reader finds another number of files in the tip'],
    );
  });

  test('an edited prompt, result, evidence or material is found, each by its name', async () => {
    tamper(`${folder}/prompt_v1.md`, 'other words');
    assert.ok((await kinds()).includes(`hash-differs ${folder}/prompt_v1.md`));
    tamper(`${folder}/result_v1.md`, 'other words');
    assert.ok((await kinds()).includes(`hash-differs ${folder}/result_v1.md`));
    tamper(`${folder}/evidence_v1.json`, '{}');
    const all = await kinds();
    assert.ok(all.includes(`hash-differs ${folder}/evidence_v1.json`));
    assert.ok(all.includes(`unreadable ${folder}/evidence_v1.json`));
    const [material = ''] = rig.git('ls-files', 'materials').trim().split('\n');
    tamper(material, 'another brief');
    assert.ok((await kinds()).includes(`hash-differs ${material}`));
  });

  test('a removed result, material or prompt is found', async () => {
    const [material = ''] = rig.git('ls-files', 'materials').trim().split('\n');
    tamper(material, null);
    tamper(`${folder}/result_v1.md`, null);
    const all = await kinds();
    assert.ok(all.includes(`missing ${folder}/result_v1.md`));
    assert.ok(all.includes(`missing ${folder}/evidence_v1.json`), all.join('\n'));
    tamper(`${folder}/prompt_v1.md`, null);
    assert.ok((await kinds()).some((one) => one.startsWith('missing feat-1/architect')));
  });

  test('a file nobody recorded is found', async () => {
    tamper(`${folder}/result_v7.md`, 'smuggled');
    assert.deepEqual(await kinds(), [`unexpected ${folder}/result_v7.md`]);
  });

  test('a work-tree file that differs or is gone is found, with both hashes', async () => {
    writeFileSync(path.join(rig.dir, folder, 'result_v1.md'), 'edited');
    rmSync(path.join(rig.dir, folder, 'prompt_v1.md'));
    assert.deepEqual((await kinds()).toSorted(), [`hash-differs ${folder}/result_v1.md`, `missing ${folder}/prompt_v1.md`]);
    assert.match((await findings()).find(({ what }) => what === 'hash-differs')?.found ?? '', /^[0-9a-f]{64}$/);
  });

  test('a damaged pack is found, whatever byte is hit, and never stops the look at the rest', async () => {
    const pack = path.join(
      rig.dir,
      '.git/objects/pack',
      readdirSync(path.join(rig.dir, '.git/objects/pack')).find((name) => name.endsWith('.pack')) ?? '',
    );
    chmodSync(pack, 0o600);
    const sound = readFileSync(pack);
    for (let at = 4; at < sound.length; at += 61) {
      const bytes = Buffer.from(sound);
      bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      writeFileSync(pack, bytes);
      assert.ok(
        (await findings()).some(({ what, path: file }) => what === 'object-damaged' && file === pack),
        `byte ${String(at)}`,
      );
    }
    writeFileSync(pack, sound);
    assert.deepEqual(await findings(), []);
  });
});
