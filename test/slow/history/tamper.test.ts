/**
 * A history is changed as somebody with its folder and git could, byte class by byte class, and two verifiers that share no code must both say so, in the
 * same words for programs: `docket verify` and scripts/verify-standalone.mjs. Places are drawn at random; a failing draw prints its seed.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as fc from 'fast-check';
import type { Checkpoint } from '#core/history.ts';
import { makeCheckpoint, renderCheckpoint } from '#history/checkpoint.ts';
import { spellingsOf } from '#history/purge-spellings.ts';
import { openObjects } from '#history/read-objects.ts';
import type { Repository } from '#history/repository.ts';
import { makeSigning } from '#history/signer.ts';
import { verifyHistory } from '#history/verify.ts';
import { makeFs } from '#platform/files.ts';
import { answer, collect, makeRig, submission, value, verdictOn, type Rig } from '#test/history/rig.ts';
import { fill, opened, secretText, why } from '#test/history/purge-rig.ts';
import { makeKey, writeSigners } from '#test/support/signing.ts';

/** Not opened: that would mend what can be mended (put-back.ts). */
async function looking<T>(rig: Rig, dir: string, act: (repository: Repository) => Promise<T>): Promise<T> {
  const gitDir = path.join(dir, '.git');
  const store = openObjects(makeFs(), gitDir);
  try {
    return await act({ ...rig.options({ dir }), gitDir, stateDir: path.join(gitDir, 'docket'), store });
  } finally {
    await store.close();
  }
}

const STANDALONE = path.resolve(import.meta.dirname, '../../../scripts/verify-standalone.mjs');
const RUNS = 40;

/** A folder that holds a history, and git in it. */
type Copy = { readonly dir: string; readonly at: (bound: number) => number; git(args: readonly string[], input?: string | Buffer): Buffer };
/** @returns false: this copy has nothing of that kind */
type Tamper = (copy: Copy) => boolean | undefined;

const text = (copy: Copy, ...args: readonly string[]): string => copy.git(args).toString('latin1').trim();
const pathsOf = (copy: Copy, pattern: RegExp): string[] =>
  text(copy, 'ls-tree', '-r', '--name-only', 'main')
    .split('\n')
    .filter((one) => pattern.test(one));
const one = <T>(copy: Copy, all: readonly T[]): T => all[copy.at(all.length)] as T;

function toTip(copy: Copy, tree: string, message: string): void {
  const commit = copy.git(['commit-tree', tree, '-p', 'main'], message).toString().trim();
  copy.git(['reset', '-q', '--hard', commit]);
}
function withFile(copy: Copy, file: string, bytes: Buffer | null): string {
  copy.git(['read-tree', 'main']);
  if (bytes === null) copy.git(['rm', '-q', '--cached', file]);
  else copy.git(['update-index', '--cacheinfo', `100644,${copy.git(['hash-object', '-w', '--stdin'], bytes).toString().trim()},${file}`]);
  return text(copy, 'write-tree');
}

/** One byte of one recorded file is another, in a new commit on top. */
const byteOf =
  (pattern: RegExp): Tamper =>
  (copy) => {
    const file = one(copy, pathsOf(copy, pattern));
    const bytes = copy.git(['cat-file', 'blob', `main:${file}`]);
    const at = copy.at(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << copy.at(7));
    toTip(copy, withFile(copy, file, bytes), 'a small change\n');
    return true;
  };
const removed =
  (pattern: RegExp): Tamper =>
  (copy) => {
    toTip(copy, withFile(copy, one(copy, pathsOf(copy, pattern)), null), 'tidied up\n');
    return true;
  };

/** The commits of main made anew, one of them edited as text; null leaves it out. Whoever does it cannot sign. */
function remake(copy: Copy, edit: (raw: string, index: number) => string | null): true {
  let parent: string | null = null;
  for (const [index, id] of text(copy, 'rev-list', '--reverse', 'main').split('\n').entries()) {
    const raw = edit(copy.git(['cat-file', 'commit', id]).toString('latin1'), index);
    if (raw === null) continue;
    const moved: string = parent === null ? raw : raw.replace(/^parent .*$/m, `parent ${parent}`);
    parent = copy.git(['hash-object', '-t', 'commit', '-w', '--stdin'], Buffer.from(moved, 'latin1')).toString().trim();
  }
  copy.git(['reset', '-q', '--hard', parent ?? '']);
  return true;
}
const count = (copy: Copy): number => Number(text(copy, 'rev-list', '--count', 'main'));
const flipHex = (digit: string): string => (digit === 'a' ? 'b' : 'a');
const trailer: Tamper = (copy) => {
  const which = 1 + copy.at(count(copy) - 1);
  const key = one(copy, ['Prompt-SHA256', 'Docket-Before', 'Docket-Before-In-Feature']);
  return remake(copy, (raw, index) =>
    index === which
      ? raw.replace(new RegExp(`^(${key}: )(?:none|([0-9a-f])(.{63}))$`, 'm'), (_, name: string, digit?: string, rest = '') =>
          digit === undefined ? `${name}${'0'.repeat(64)}` : `${name}${flipHex(digit)}${rest as string}`,
        )
      : raw,
  );
};
const leftOut: Tamper = (copy) => {
  const which = 1 + copy.at(count(copy) - 2);
  return remake(copy, (raw, index) => (index === which ? null : raw));
};
const redated: Tamper = (copy) => {
  const which = copy.at(count(copy));
  return remake(copy, (raw, index) => (index === which ? raw.replace(/^(author .*> )\d+/m, '$11700000000') : raw));
};
const signature: Tamper = (copy) => {
  const which = copy.at(count(copy));
  // In the middle: the signature's own bytes lie in the last line, the key's in the first.
  return remake(copy, (raw, index) =>
    index === which ? raw.replace(/^( \S{69})(\S)/m, (_, line: string, last: string) => line + (last === 'A' ? 'B' : 'A')) : raw,
  );
};
const unsigned: Tamper = (copy) => {
  const which = 1 + copy.at(count(copy) - 1);
  return remake(copy, (raw, index) => (index >= which ? raw.replace(/^gpgsig .*\n(?: .*\n)*/m, '') : raw));
};
const cut: Tamper = (copy) => {
  copy.git(['reset', '-q', '--hard', `main~${String(1 + copy.at(count(copy) - 2))}`]);
  return true;
};
const packed: Tamper = (copy) => {
  const folder = path.join(copy.dir, '.git', 'objects', 'pack');
  const file = path.join(
    folder,
    one(
      copy,
      readdirSync(folder)
        .filter((name) => name.endsWith('.pack'))
        .toSorted(),
    ),
  );
  const bytes = readFileSync(file);
  // The head of the first object, or anywhere.
  const at = 12 + (copy.at(2) === 0 ? copy.at(3) : copy.at(bytes.length - 32));
  bytes[at] = (bytes[at] ?? 0) ^ 0x40;
  rmSync(file);
  writeFileSync(file, bytes);
  return true;
};

/** What is needed to see it: nothing (hashes alone), signatures, or a checkpoint that was kept elsewhere. */
const CLASSES: Readonly<Record<string, { readonly needs: 'nothing' | 'signatures' | 'checkpoint'; readonly tamper: Tamper }>> = {
  'a byte of a prompt': { needs: 'nothing', tamper: byteOf(/\/prompt_v\d+\.md$/) },
  'a byte of a result': { needs: 'nothing', tamper: byteOf(/\/result_v\d+\.md$/) },
  'a byte of evidence': { needs: 'nothing', tamper: byteOf(/\/evidence_v\d+\.json$/) },
  'a byte of a material': { needs: 'nothing', tamper: byteOf(/^materials\//) },
  'a byte of a verdict': { needs: 'nothing', tamper: byteOf(/\/review_v\d+\.json$/) },
  'a byte of an envelope': { needs: 'signatures', tamper: byteOf(/\.dsse\.json$/) },
  'a file of a record removed': {
    needs: 'nothing',
    tamper: removed(/\/(?:prompt|result|evidence|review)_v\d+\.(?:md|json)$|^materials\//),
  },
  'an envelope removed': { needs: 'signatures', tamper: removed(/\.dsse\.json$/) },
  'a trailer': { needs: 'nothing', tamper: trailer },
  'a commit left out': { needs: 'nothing', tamper: leftOut },
  'the date of a commit': { needs: 'signatures', tamper: redated },
  'a byte of a signature': { needs: 'signatures', tamper: signature },
  'signatures taken off': { needs: 'signatures', tamper: unsigned },
  'the ref set back': { needs: 'checkpoint', tamper: cut },
  'a byte of a pack': { needs: 'nothing', tamper: packed },
};

suite('what is changed in a history is found, by docket and by a verifier that shares no code with it', () => {
  const rigs: Rig[] = [];
  const made: { readonly rig: Rig; readonly signers: string | null; readonly checkpoint: Checkpoint; readonly checkpointFile: string }[] =
    [];

  before(async () => {
    for (const isSigned of [false, true]) {
      const rig = makeRig();
      rigs.push(rig);
      const key = makeKey(rig.root);
      const signing = makeSigning({
        fs: makeFs(),
        keyFile: key.file,
        forbidden: () => Promise.resolve([]),
        userId: process.getuid?.() ?? null,
      });
      const history = await rig.open({ signing: isSigned ? signing : null });
      for (const [n, feature] of ['FEAT-1', 'FEAT-2', 'FEAT-1'].entries()) {
        const prompt = submission({
          feature,
          revision: feature === 'FEAT-1' && n > 0 ? 2 : 1,
          prompt: `What is to be done, ${String(n)}?\n`,
        });
        value(await history.submit(prompt));
        if (n === 2) value(await history.record(answer(prompt, { status: 'failed', runId: 'run-0' })));
        const end = answer(prompt, { runId: `run-${String(n + 1)}` });
        value(await history.record(end));
        if (n > 0) await history.judge(verdictOn(prompt, end));
      }
      await history.close();
      const checkpoint = await looking(rig, rig.dir, makeCheckpoint);
      const checkpointFile = path.join(rig.root, 'checkpoint.json');
      writeFileSync(checkpointFile, renderCheckpoint(checkpoint));
      const signers = isSigned
        ? writeSigners(path.join(rig.root, 'signers'), [{ line: key.signer.publicLine, options: 'namespaces="git"' }])
        : null;
      made.push({ rig, signers, checkpoint, checkpointFile });
    }
  });
  after(async () => {
    for (const rig of rigs) await rig.end();
  });

  type Made = (typeof made)[number];
  const byDocket = async ({ rig, signers, checkpoint }: Made, dir: string): Promise<string[]> => {
    const trust = { signers: signers === null ? null : readFileSync(signers, 'utf8'), isDemanded: signers !== null };
    const found = await looking(rig, dir, async (repository) => collect(verifyHistory(repository, () => undefined, trust, checkpoint)));
    return [...new Set(found.filter(({ isNotice }) => isNotice !== true).map(({ what }) => what))].toSorted();
  };
  const byAnother = ({ signers, checkpointFile }: Made, dir: string): string[] => {
    const args = [
      STANDALONE,
      dir,
      '--json',
      '--against',
      checkpointFile,
      ...(signers === null ? [] : ['--signers', signers, '--require-signatures']),
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status === 1 && stdout === '') return [/^[a-z-]+/.exec(stderr)?.[0] ?? stderr];
    assert.ok(status === 0 || status === 1, stderr);
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly { readonly what: string }[] };
    assert.equal(status, findings.length === 0 ? 0 : 1);
    return [...new Set(findings.map(({ what }) => what))].toSorted();
  };

  test('nothing is found where nothing was changed', async () => {
    for (const history of made) {
      assert.deepEqual(await byDocket(history, history.rig.dir), []);
      assert.deepEqual(byAnother(history, history.rig.dir), []);
    }
  });

  test('a purge is no break: nothing is found afterwards, also against a checkpoint of before', async () => {
    const rig = makeRig();
    rigs.push(rig);
    const history = await opened(rig);
    const secret = secretText();
    await fill(history, secret);
    const checkpoint = await looking(rig, rig.dir, makeCheckpoint);
    const checkpointFile = path.join(rig.root, 'checkpoint.json');
    writeFileSync(checkpointFile, renderCheckpoint(checkpoint));
    await history.purging().purge({ spellings: spellingsOf(Buffer.from(secret)) }, why);
    await history.close();
    const purged = { rig, signers: null, checkpoint, checkpointFile };
    assert.deepEqual(await byDocket(purged, rig.dir), []);
    assert.deepEqual(byAnother(purged, rig.dir), []);
    const placeholder = 'FEAT-2-user-filters/01-architect/prompt_v1.md';
    const words = readFileSync(path.join(rig.dir, placeholder), 'utf8');
    writeFileSync(path.join(rig.dir, placeholder), words.replace('a key leaked', 'no reason'));
    rig.git('commit', '-q', '-a', '-m', 'another reason');
    assert.deepEqual(byAnother(purged, rig.dir), await byDocket(purged, rig.dir));
    assert.notDeepEqual(byAnother(purged, rig.dir), []);
  });

  test('two clones that became one are whole for both, and what both recorded is a finding of both', async () => {
    const rig = makeRig();
    rigs.push(rig);
    const here = await opened(rig);
    value(await here.submit(submission({ feature: 'FEAT-1' })));
    const there = path.join(rig.root, 'there-ai-history');
    rig.git('clone', '-q', rig.dir, there);
    const other = await opened(rig, { dir: there });
    for (const [history, feature] of [
      [here, 'FEAT-2'],
      [other, 'FEAT-3'],
    ] as const) {
      const prompt = submission({ feature });
      value(await history.submit(prompt));
      value(await history.record(answer(prompt)));
    }
    const merge = async (): Promise<void> => {
      rig.git('fetch', '-q', there, 'main');
      assert.notEqual(await here.merge(rig.git('rev-parse', 'FETCH_HEAD').trim()), null);
    };
    await merge();
    const checkpoint = await looking(rig, rig.dir, makeCheckpoint);
    const checkpointFile = path.join(rig.root, 'checkpoint.json');
    writeFileSync(checkpointFile, renderCheckpoint(checkpoint));
    const merged = { rig, signers: null, checkpoint, checkpointFile };
    assert.deepEqual(await byDocket(merged, rig.dir), []);
    assert.deepEqual(byAnother(merged, rig.dir), []);
    for (const history of [here, other])
      value(await history.submit(submission({ feature: 'FEAT-4', prompt: `By ${history === here ? 'one' : 'two'}.\n` })));
    await merge();
    await here.close();
    await other.close();
    assert.deepEqual(await byDocket(merged, rig.dir), ['recorded-twice']);
    assert.deepEqual(byAnother(merged, rig.dir), ['recorded-twice']);
  });

  for (const [name, { needs, tamper }] of Object.entries(CLASSES))
    test(`${name} (${needs === 'nothing' ? 'hashes' : needs})`, async () => {
      const draws = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.boolean());
      await fc.assert(
        fc.asyncProperty(draws, async ([a, b, c, isSigned]) => {
          const on = made[isSigned || needs === 'signatures' ? 1 : 0] as Made;
          const folder = mkdtempSync(path.join(on.rig.root, 'copy-'));
          const dir = path.join(folder, path.basename(on.rig.dir));
          try {
            cpSync(on.rig.dir, dir, { recursive: true });
            let drawn = 0;
            const env = {
              PATH: process.env['PATH'] ?? '',
              GIT_CONFIG_NOSYSTEM: '1',
              GIT_CONFIG_GLOBAL: '/dev/null',
              GIT_AUTHOR_NAME: 'x',
              GIT_AUTHOR_EMAIL: 'x@x',
              GIT_COMMITTER_NAME: 'x',
              GIT_COMMITTER_EMAIL: 'x@x',
            };
            const copy: Copy = {
              dir,
              at: (bound) => ([a, b, c][drawn++ % 3] ?? 0) % bound,
              git: (args, input) => execFileSync('git', args, { cwd: dir, env, input, stdio: ['pipe', 'pipe', 'pipe'] }),
            };
            tamper(copy);
            const [docket, another] = [await byDocket(on, dir), byAnother(on, dir)];
            assert.ok(docket.length > 0, 'docket verify found nothing');
            assert.ok(another.length > 0, 'the other verifier found nothing');
            assert.equal(another.includes('object-damaged'), docket.includes('object-damaged'));
            if (!another.includes('object-damaged')) assert.deepEqual(another, docket);
          } finally {
            rmSync(folder, { recursive: true, force: true });
          }
        }),
        { numRuns: Math.ceil(RUNS / Object.keys(CLASSES).length) },
      );
    });
});
