/** Answers that do not keep their contract, through the real program: mended once, then failed. One daemon for most of the file. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Statement } from '#core/evidence.ts';
import { assertVerified, makeRig, promptText, type Daemon, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const WRONG = '# Layout';
const RIGHT = String.raw`# Layout\n\n## Summary\n\nOne module.\n`;
/** Wrong first; right when it is told what was wrong. Each start stands in the book. */
const MENDS = (book: string): string =>
  `cat > brief; echo start >> ${book}; if grep -q '^## What was wrong with your last answer$' brief; then printf '${RIGHT}'; else echo '${WRONG}'; fi; rm brief`;

/** A document without the version of its info, and the whole one when that is told. */
const API = String.raw`cat > brief; v=; if grep -q 'info: the key .version. is missing' brief; then v='  version: 1.0.0\n'; fi; rm brief; printf '# Contract\n\n~~~openapi\nopenapi: 3.1.0\npaths: {}\ninfo:\n  title: Users\n'"$v"'~~~\n'`;
const HANDOVER = { type: 'object', properties: { feature: { type: 'string' } }, additionalProperties: false };

/** The specs of the plain workspace ask for something. */
function askFor(rig: Rig): void {
  const folder = path.join(rig.root, 'prompt-spec');
  for (const version of readdirSync(folder)) {
    const ask = (name: string, check: string): void => {
      const file = path.join(folder, version, name);
      if (existsSync(file)) writeFileSync(file, readFileSync(file, 'utf8').replace('output: []\n', `output:\n  - ${check}\n`));
    };
    ask('01_architect.md', 'heading: "## Summary"');
    ask('02_openapi.md', 'openapi');
    ask('03_ui.md', '{ fence: yaml, schema: handover.schema.json }');
    if (version.startsWith('v')) writeFileSync(path.join(folder, version, 'handover.schema.json'), JSON.stringify(HANDOVER));
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const inHistory = (rig: Rig, feature: string, name: string, folder = '01-architect'): string => {
  const files = rig.git('ls-tree', '-r', '--name-only', 'HEAD', `${feature}/${folder}/attempts/`).trim().split('\n');
  const file = files.find((one) => one.endsWith(`/${name}`));
  assert.ok(file !== undefined, `${name} in ${files.join(' ')}`);
  return rig.git('show', `HEAD:${file}`);
};

describe('an output contract', () => {
  const rig = makeRig({ after }, settingsWith([]));
  let daemon: Daemon;
  const book = path.join(rig.base, 'book');
  const out = (name: string): string => path.join(rig.out(), name);
  const drop = (stem: string, feature: string, runner: string): void => {
    rig.drop(`${stem}.md`, promptText({ feature, extra: `runner: ${runner}\nlimits: { attempts: 1 }\n` }));
  };
  before(async () => {
    askFor(rig);
    rig.settings(
      settingsWith([
        shellRunner('mends', MENDS(book)),
        shellRunner('api', API),
        shellRunner('handover', String.raw`cat > /dev/null; printf '# Screens\n\n~~~yaml\nfeature: 1\nmore: 2\n~~~\n'`),
        shellRunner('later', `cat > /dev/null; if test -e ${rig.base}/later; then printf '${RIGHT}'; else echo '${WRONG}'; fi`),
        shellRunner('never', `cat > ${rig.base}/last-brief; echo '${WRONG}'`),
        shellRunner(
          'stumbles',
          `cat > brief; if ! grep -q '^## What was wrong' brief; then echo '${WRONG}'; elif test -e ${rig.base}/stumbled; then printf '${RIGHT}'; else touch ${rig.base}/stumbled; rm brief; exit 1; fi; rm -f brief`,
        ),
      ]),
    );
    daemon = await rig.start();
  });

  test('an answer that lacks a heading is mended by one more attempt, whose brief says what was wrong', async () => {
    drop('mended', 'MEND-1', 'mends');
    await rig.ended('mended');
    assert.equal(rig.read(out('mended_result.md')), '# Layout\n\n## Summary\n\nOne module.\n');
    const { predicate } = rig.evidence('mended');
    assert.deepEqual(
      predicate.attempts.map(({ outcome, failure }) => [outcome, failure?.kind ?? null]),
      [
        ['agent-failure', 'contract'],
        ['answered', null],
      ],
    );
    assert.deepEqual(predicate.outputMisses, []);
    const [own, repair] = predicate.materials.filter(({ role }) => role === 'brief');
    assert.equal(predicate.attempts[0]?.brief, undefined);
    assert.equal(predicate.attempts[1]?.brief, repair?.sha256);
    const material = (sha256: string | undefined): string =>
      rig.git('show', `HEAD:materials/sha256/${(sha256 ?? '').slice(0, 2)}/${sha256 ?? ''}`);
    const brief = material(repair?.sha256);
    assert.equal(hash(brief), repair?.sha256);
    assert.equal(
      brief.slice(material(own?.sha256).length),
      [
        '',
        '## What was wrong with your last answer',
        '',
        'You answered this brief before, and the answer did not keep its contract. Lines and columns are those of that answer. Mend each of these, and keep what was right:',
        '',
        '- the answer lacks a heading "## Summary" (heading ## Summary)',
        '',
        'Answer again in full: your new answer takes the place of the last one, which nobody will read.',
        '',
        'Your last answer, between the two lines of tildes:',
        '',
        '~~~~~ answer',
        `${WRONG}\n`,
        '~~~~~',
        '',
      ].join('\n'),
    );
    assert.equal(inHistory(rig, 'MEND-1', 'a1-answer'), `${WRONG}\n`);
  });

  test('one that failed and was taken up again is answered, whatever it is asked by', async () => {
    drop('later', 'LATER-1', 'later');
    await rig.ended('later', 'failed');
    const { job } = JSON.parse(rig.run(['show', 'later', '--json']).out) as { job: string };
    writeFileSync(path.join(rig.base, 'later'), '');
    assert.equal(rig.run(['retry', 'LATER-1/architect']).code, 0);
    await rig.ended('later');
    for (const name of ['later', 'LATER-1/architect', job]) {
      const why = rig.run(['why', name]);
      assert.match(why.out, /^architect\/later is answered\n {2}because {2}its answer is /, name);
      assert.equal(why.code, 0);
    }
  });

  test('a second answer of the wrong shape is the last: .failed, with the findings in words, and both answers kept', async () => {
    drop('never', 'NEVER-1', 'never');
    await rig.ended('never', 'failed');
    const page = rig.read(out('never_error.md'));
    assert.match(page, /^The answer does not keep its contract \(docs\/contracts\.md\):\n\n- the answer lacks a heading "## Summary"/m);
    assert.match(page, /- attempt 2, .*agent-failure/);
    assert.doesNotMatch(page, /- attempt 3/);
    assert.equal(existsSync(out('never_result.md')), false);
    assert.equal(inHistory(rig, 'NEVER-1', 'a1-answer'), `${WRONG}\n`);
    assert.equal(inHistory(rig, 'NEVER-1', 'a2-answer'), `${WRONG}\n`);
    const evidence = JSON.parse(inHistory(rig, 'NEVER-1', 'evidence.json')) as Statement;
    assert.equal(evidence.predicate.failure?.kind, 'contract');
  });

  test('a repair attempt that dies of something else leaves the repair to the next one', async () => {
    rig.drop('stumbles.md', promptText({ feature: 'STUMBLE-1', extra: 'runner: stumbles\nlimits: { attempts: 2 }\n' }));
    await rig.ended('stumbles');
    const { attempts, materials } = rig.evidence('stumbles').predicate;
    assert.deepEqual(
      attempts.map(({ failure }) => failure?.kind ?? null),
      ['contract', 'exit-code', null],
    );
    assert.equal(attempts[1]?.brief, attempts[2]?.brief);
    assert.equal(materials.filter(({ role }) => role === 'brief').length, 2);
  });

  test('a broken OpenAPI document is told with its line and path, and the right one of the second attempt is the answer', async () => {
    rig.drop('api.md', promptText({ feature: 'API-1', agent: 'openapi', extra: 'runner: api\n' }), '02-openapi');
    await rig.ended('api', 'processed', '02-openapi');
    const { attempts } = rig.evidence('api', '02-openapi').predicate;
    assert.deepEqual(
      attempts.map(({ failure }) => (failure?.kind === 'contract' ? failure.findings : null)),
      [[{ check: 'openapi', line: 6, column: 1, message: '$.info: the key `version` is missing' }], null],
    );
    assert.match(rig.read(path.join(rig.out('02-openapi'), 'api_result.md')), /version: 1\.0\.0/);
  });

  test('a block that does not fit the schema of its spec is told line by line', async () => {
    rig.drop('ui.md', promptText({ feature: 'UI-1', agent: 'ui', extra: 'runner: handover\n' }), '03-ui');
    await rig.ended('ui', 'failed', '03-ui');
    assert.match(
      rig.read(path.join(rig.out('03-ui'), 'ui_error.md')),
      /- line 4, column 1: \$\.feature: must be string \(fence yaml\)\n- line 5, column 1: \$\.more: this key is not known here \(fence yaml\)/,
    );
    const evidence = JSON.parse(inHistory(rig, 'UI-1', 'evidence.json', '03-ui')) as Statement;
    const schema = evidence.predicate.materials.find(({ name }) => name.endsWith('/handover.schema.json'));
    assert.equal(schema?.sha256, hash(JSON.stringify(HANDOVER)));
  });

  test('after all of it the history is clean and verified', async () => {
    assert.equal(await daemon.stop(), 0);
    // What attempts left goes to archive/ after the file in in/ has its last name.
    assert.ok(
      readdirSync(path.join(rig.queues, '01-architect', 'archive'), { recursive: true }).some((name) => String(name).endsWith('a2-answer')),
    );
    assertVerified(rig);
  });
});
