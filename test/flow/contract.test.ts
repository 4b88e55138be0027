/** Answers that do not keep their contract, through the real program: mended once, then failed. One daemon for most of the file. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** The newest spec of the plain workspace asks for one heading. */
function askForSummary(rig: Rig): void {
  const folder = path.join(rig.root, 'prompt-spec');
  for (const version of readdirSync(folder)) {
    const file = path.join(folder, version, '01_architect.md');
    if (existsSync(file)) writeFileSync(file, readFileSync(file, 'utf8').replace('output: []\n', 'output:\n  - heading: "## Summary"\n'));
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const inHistory = (rig: Rig, feature: string, name: string): string => {
  const files = rig.git('ls-tree', '-r', '--name-only', 'HEAD', `${feature}/01-architect/attempts/`).trim().split('\n');
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
    askForSummary(rig);
    rig.settings(
      settingsWith([
        shellRunner('mends', MENDS(book)),
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

  test('a second answer of the wrong shape is the last: .failed, with the findings in words, and both answers kept', async () => {
    drop('never', 'NEVER-1', 'never');
    await rig.ended('never', 'failed');
    const page = rig.read(out('never_error.md'));
    assert.match(
      page,
      /^The answer does not keep the contract of its prompt spec and role \(docs\/contracts\.md\):\n\n- the answer lacks a heading "## Summary"/m,
    );
    assert.match(page, /- attempt 2, .*agent-failure/);
    assert.doesNotMatch(page, /- attempt 3/);
    assert.equal(existsSync(out('never_result.md')), false);
    assert.equal(inHistory(rig, 'NEVER-1', 'a1-answer'), `${WRONG}\n`);
    assert.equal(inHistory(rig, 'NEVER-1', 'a2-answer'), `${WRONG}\n`);
    const evidence = JSON.parse(inHistory(rig, 'NEVER-1', 'evidence.json')) as Statement;
    assert.equal(evidence.predicate.failure?.kind, 'contract');
    assert.ok(
      readdirSync(path.join(rig.queues, '01-architect', 'archive'), { recursive: true }).some(
        (name) => String(name).endsWith('a2-answer') || String(name).endsWith('a2/answer'),
      ),
    );
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

  test('after all of it the history is clean and verified', async () => {
    assert.equal(await daemon.stop(), 0);
    assertVerified(rig);
  });
});

for (const isForgotten of [false, true]) {
  test(`killed before the first answer was judged and again within the repair${isForgotten ? ', its journal lost each time' : ''}, a job buys neither answer twice`, async (t) => {
    const rig = makeRig(t, settingsWith([]));
    const book = path.join(rig.base, 'book');
    askForSummary(rig);
    rig.settings(settingsWith([shellRunner('mends', MENDS(book))]));
    const forget = (): void => {
      const state = path.join(rig.queues, '.docket');
      const files = isForgotten ? readdirSync(state).filter((name) => name.startsWith('journal.db')) : [];
      for (const name of files) rmSync(path.join(state, name));
    };
    const first = rig.launch({ DOCKET_CRASH_AT: 'exit' });
    rig.drop('foo.md', promptText({ extra: 'runner: mends\n' }));
    assert.equal(await first.ended, 'SIGKILL', first.output());
    forget();
    const second = rig.launch({ DOCKET_CRASH_AT: 'spawned' });
    assert.equal(await second.ended, 'SIGKILL', second.output());
    forget();
    const third = await rig.start();
    await rig.ended('foo');
    assert.equal(readFileSync(book, 'utf8').trim().split('\n').length, 2);
    assert.match(rig.read(path.join(rig.out(), 'foo_result.md')), /## Summary/);
    const { materials, attempts } = rig.evidence('foo').predicate;
    assert.equal(attempts.at(-1)?.brief, materials.filter(({ role }) => role === 'brief')[1]?.sha256);
    assert.equal(await third.stop(), 0);
    assertVerified(rig);
  });
}
