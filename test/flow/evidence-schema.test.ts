import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { makeRig, promptText, ROOT } from '#test/support/rig.ts';

const rig = makeRig(
  { after },
  'runner: offline\nretry: { attempts: 1 }\nrunners:\n  copy: { kind: command, program: /bin/cat, args: [], output: text }\n  broken: { kind: command, program: /bin/false, args: [], output: text }\n',
);
const schema = JSON.parse(readFileSync(path.join(ROOT, 'schemas', 'evidence.schema.json'), 'utf8')) as Record<string, unknown>;
const fits = new Ajv2020({ strict: false, formats: { 'date-time': true } }).compile(schema);

before(async () => {
  await rig.start();
});

for (const [name, suffix, extra] of [
  ['briefed', 'processed', ''],
  ['answered', 'processed', 'runner: copy\nscope: { files: ["src/**"] }\n'],
  ['failed', 'failed', 'runner: broken\n'],
] as const) {
  test(`evidence of a ${name} prompt has the published form, and a change of it has not`, async () => {
    rig.drop(`${name}.md`, promptText({ feature: `FEAT-${String(name.length)}`, extra }));
    await rig.ended(name, suffix);
    const evidence = rig.evidence(name);
    assert.ok(fits(evidence), JSON.stringify(fits.errors));
    assert.equal(evidence.predicate.status, name);
    assert.equal(fits({ ...evidence, predicate: { ...evidence.predicate, status: 'merged' } }), false);
  });
}

test('evidence of a revision names the record before it, by job and hashes; of one that nobody recorded it says so', async () => {
  rig.drop('first.md', promptText({ feature: 'FEAT-20', extra: 'runner: copy\n' }));
  await rig.ended('first');
  const first = rig.evidence('first');
  assert.equal(first.predicate.revises, undefined);
  rig.drop('second.md', promptText({ feature: 'FEAT-20', revision: 2, extra: 'runner: copy\nrevises: FEAT-20/architect@1\n' }));
  rig.drop('third.md', promptText({ feature: 'FEAT-20', revision: 3, extra: 'runner: copy\nrevises: FEAT-21/architect@1\n' }));
  await rig.ended('second');
  await rig.ended('third');
  const hash = (name: string): string | undefined => first.subject.find((one) => one.name.startsWith(name))?.digest.sha256;
  const [second, third] = ['second', 'third'].map((name) => rig.evidence(name));
  for (const one of [second, third]) assert.ok(fits(one), JSON.stringify(fits.errors));
  assert.deepEqual(second?.predicate.revises, {
    record: 'FEAT-20/architect@1',
    job: first.predicate.job,
    promptSha256: hash('prompt_'),
    resultSha256: hash('result_'),
  });
  assert.deepEqual(third?.predicate.revises, { record: 'FEAT-21/architect@1', job: null, promptSha256: null, resultSha256: null });
});

test('a prompt that says in another form what it revises is rejected', async () => {
  for (const [index, text] of ['FEAT-20/architect', '../x@1', 'FEAT-20/architect@0', 'architect@1'].entries()) {
    rig.drop(`wrong-${String(index)}.md`, promptText({ feature: 'FEAT-22', revision: index + 1, extra: `revises: ${text}\n` }));
    await rig.ended(`wrong-${String(index)}`, 'rejected');
  }
});
