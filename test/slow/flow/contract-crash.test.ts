/** A daemon that dies between the attempts of an answer that has to be mended. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const WRONG = '# Layout';
const RIGHT = String.raw`# Layout\n\n## Summary\n\nOne module.\n`;
/** Wrong first; right when it is told what was wrong. Each start stands in the book. */
const MENDS = (book: string): string =>
  `cat > brief; echo start >> ${book}; if grep -q '^## What was wrong with your last answer$' brief; then printf '${RIGHT}'; else echo '${WRONG}'; fi; rm brief`;

/** The spec asks for one heading. */
function askFor(rig: Rig): void {
  const folder = path.join(rig.root, 'prompt-spec');
  for (const version of readdirSync(folder)) {
    const file = path.join(folder, version, '01_architect.md');
    if (existsSync(file)) writeFileSync(file, readFileSync(file, 'utf8').replace('output: []\n', 'output:\n  - heading: "## Summary"\n'));
  }
}

for (const isForgotten of [false, true]) {
  test(`killed before the first answer was judged and again within the repair${isForgotten ? ', its journal lost each time' : ''}, a job buys neither answer twice`, async (t) => {
    const rig = makeRig(t, settingsWith([]));
    const book = path.join(rig.base, 'book');
    askFor(rig);
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
