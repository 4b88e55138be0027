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
