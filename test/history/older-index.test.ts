/** A git commit that was made from an index of before docket's: what it takes away without meaning to is put back. */

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { answer, makeRig, submission, value } from './rig.ts';

/** What git does when it read its index before docket wrote it: the tree of before, on top of the tip of now. */
const commitOlder = (rig: ReturnType<typeof makeRig>, tree: string): void => {
  const commit = rig.git('commit-tree', tree, '-p', 'main', '-m', 'mine').trim();
  rig.git('update-ref', 'refs/heads/main', commit);
};

test('what a commit made from an older index took away is put back with the next record, and what a person removed is not', async () => {
  const rig = makeRig();
  try {
    const history = await rig.open();
    const before = rig.git('rev-parse', 'main^{tree}').trim();
    const first = submission({ feature: 'FEAT-1' });
    value(await history.submit(first));
    commitOlder(rig, before);
    value(await history.record(answer(first)));
    const names = rig.git('ls-tree', '-r', '--name-only', 'main');
    assert.match(names, /FEAT-1.*prompt_v1\.md/);
    assert.match(names, /FEAT-1.*result_v1\.md/);
    assert.match(rig.git('log', '--format=%s'), /docket: put back what a commit made from an older index took away/);
    rig.assertClean();

    const tree = rig.git('rev-parse', 'main^{tree}').trim();
    const second = submission({ feature: 'FEAT-2' });
    value(await history.submit(second));
    const [folder = ''] = rig
      .git('ls-tree', '--name-only', 'main')
      .split('\n')
      .filter((name) => name.startsWith('FEAT-2'));
    rmSync(path.join(rig.dir, folder), { recursive: true });
    commitOlder(rig, tree);
    value(await history.submit(submission({ feature: 'FEAT-3' })));
    assert.doesNotMatch(
      rig.git('ls-tree', '-r', '--name-only', 'main'),
      /FEAT-2/,
      'the files are gone from the work tree, too: it was meant',
    );
  } finally {
    await rig.end();
  }
});

test('another writer puts it back as well, and one that starts later, whatever else was committed meanwhile', async () => {
  const rig = makeRig();
  try {
    const one = await rig.open();
    const other = await rig.open();
    value(await other.submit(submission({ feature: 'FEAT-0' })));
    const before = rig.git('rev-parse', 'main^{tree}').trim();
    value(await one.submit(submission({ feature: 'FEAT-1' })));
    commitOlder(rig, before);
    commitOlder(rig, before);
    value(await other.submit(submission({ feature: 'FEAT-2' })));
    assert.match(rig.git('ls-tree', '-r', '--name-only', 'main'), /FEAT-1.*prompt_v1\.md/);
    rig.assertClean();
    const tree = rig.git('rev-parse', 'main~1^{tree}').trim();
    await one.close();
    await other.close();
    commitOlder(rig, tree);
    const later = await rig.open();
    value(await later.submit(submission({ feature: 'FEAT-3' })));
    assert.match(rig.git('ls-tree', '-r', '--name-only', 'main'), /FEAT-2.*prompt_v1\.md/);
    rig.assertClean();
  } finally {
    await rig.end();
  }
});
