import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Sha256 } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { FIRST_SEEN, makePrograms, mayCall, type ProgramGate } from '#policy/program.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const hash = (letter: string): Sha256 => letter.repeat(64) as Sha256;
const facts = (letter: string, version: string | null = null) => ({ program: '/bin/tool', programSha256: hash(letter), version });

async function gateIn(t: TestContext, remembers = true): Promise<ProgramGate & { readonly file: string }> {
  const file = path.join(await temporaryFolder(t), 'programs.json');
  return { programs: makePrograms(makeFs(), file), now: () => new Date(0), remembers, file };
}

describe('the program of a runner', () => {
  test('is accepted when it is the first one seen, and its version is filled in when it is known', async (t) => {
    const gate = await gateIn(t);
    assert.equal(await mayCall(gate, 'x', facts('a')), null);
    assert.equal(await mayCall(gate, 'x', facts('a', '1.2.3')), null);
    const accepted = await gate.programs.of('x');
    assert.deepEqual(accepted, {
      runner: 'x',
      program: '/bin/tool',
      sha256: hash('a'),
      version: '1.2.3',
      by: FIRST_SEEN,
      at: '1970-01-01T00:00:00.000Z',
    });
  });
  test('that changed is refused with both hashes, by its content and by its place, until it is accepted', async (t) => {
    const gate = await gateIn(t);
    await mayCall(gate, 'x', facts('a', '1.2.3'));
    for (const other of [facts('b'), { ...facts('a'), program: '/opt/tool' }]) {
      const fault = await mayCall(gate, 'x', other);
      assert.ok(fault?.kind === 'environment' && fault.code === 'PROGRAM_CHANGED');
      assert.match(fault.message, /\/bin\/tool 1\.2\.3 \(sha256 aaaaaaaaaaaa…\).*there is now .*docket accept x/);
    }
    assert.equal(await mayCall(gate, 'y', facts('b')), null, 'another runner has its own');
    await gate.programs.accept({
      runner: 'x',
      program: '/bin/tool',
      sha256: hash('b'),
      version: null,
      by: 'me',
      at: '2026-01-01T00:00:00Z',
    });
    assert.equal(await mayCall(gate, 'x', facts('b')), null);
    assert.equal((await mayCall(gate, 'x', facts('a')))?.kind, 'environment', 'the old one is a change, too');
  });
  test('that could not be read is refused; one that is not there is another question', async (t) => {
    const gate = await gateIn(t);
    assert.equal((await mayCall(gate, 'x', { ...facts('a'), programSha256: null }))?.kind, 'environment');
    assert.equal(await mayCall(gate, 'x', { program: null, programSha256: null, version: null }), null);
  });
  test('is not remembered by those who only look', async (t) => {
    const gate = await gateIn(t, false);
    assert.equal(await mayCall(gate, 'x', facts('a')), null);
    assert.equal(await gate.programs.of('x'), null);
  });
  test('is refused while the file is none of ours, and the file stays as it is', async (t) => {
    const gate = await gateIn(t);
    for (const text of ['{', '{"v":2,"programs":[]}', '{"v":1,"programs":[{"runner":"x"}]}']) {
      await writeFile(gate.file, text);
      const fault = await mayCall(gate, 'x', facts('a'));
      assert.ok(fault?.kind === 'environment');
      assert.match(fault.message, /mend it, or remove it/);
      assert.equal(await readFile(gate.file, 'utf8'), text);
    }
  });
});
