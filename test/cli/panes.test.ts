/** `docket panes` without tmux: what it says, and the plan that it prints. With a real one: test/slow/cli/panes.test.ts. */

import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isPanePlan } from '#cli/schema-panes.ts';
import { tmuxVersion } from '#platform/tmux.ts';
import { makeRig } from '#test/support/rig.ts';

test('without tmux: words with how to get it, exit code 3', (t) => {
  const rig = makeRig(t);
  const { code, out, err } = rig.run(['panes'], { env: { PATH: path.join(rig.base, 'nothing') } });
  assert.deepEqual([code, out], [3, '']);
  assert.match(err, /there is no tmux in PATH: install it .*apt-get install tmux.*brew install tmux.*docket attach <role>/);
});

test('--print says what would be opened, and needs no tmux', (t) => {
  const rig = makeRig(t, 'runner: offline\npanes: { roles: [meta, architect, openapi, ui, integration, test-review] }\n');
  const env = { PATH: path.join(rig.base, 'nothing') };
  const plan: unknown = JSON.parse(rig.run(['panes', '--print', '--json', '--interactive', 'ui'], { env }).out);
  assert.ok(isPanePlan(plan));
  const { windows, folder } = plan as { folder: string; windows: readonly { panes: readonly { mode: string }[] }[] };
  assert.equal(folder, realpathSync(rig.root));
  assert.deepEqual(
    windows[0]?.panes.map(({ mode }) => mode),
    ['follow', 'follow', 'follow', 'interactive', 'follow', 'follow'],
  );
  assert.match(
    rig.run(['panes', '--print'], { env }).out,
    /^session docket-app-.*\nfolder .*\nwindow roles, rows of 2, 2, 2\n {2}00-meta: Meta agent \(follow\)\n/,
  );
  assert.match(rig.run(['panes', '--print', '--role', 'nobody'], { env }).err, /there is no role "nobody"/);
  assert.equal(rig.run(['panes', '--print', '--kill'], { env }).code, 2);
});

test('versions of tmux', () => {
  assert.deepEqual(
    ['tmux 3.3a', 'tmux 2.9', 'tmux next-3.6', 'tmux master', 'tmux openbsd-7.4', 'screen 4.9', ''].map(tmuxVersion),
    [[3, 3], [2, 9], [3, 6], [99, 0], [99, 0], null, null],
  ); // prettier-ignore
});
