/** `docket panes` with a real tmux, on a server of its own: made, shown, mended, refused and ended, and never anything of somebody else's. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { makeRig, type Rig } from '#test/support/rig.ts';
import { openScreen, whyNoPty } from '#test/support/terminal.ts';
import { onlyWithTmux, tmuxServer, type TmuxServer } from '#test/support/tmux.ts';

const FORMAT = '#{session_name}|#{window_name}|#{@docket_role}|#{pane_dead}';
const ROLES = ['00-meta', '01-architect', '02-openapi', '03-ui', '04-integration', '05-test-review'];
const DOCKET = path.resolve(import.meta.dirname, '../../../bin/docket.js');

function stage(
  t: Parameters<typeof makeRig>[0] & Parameters<typeof tmuxServer>[0],
  settings = 'runner: offline\npanes: { roles: [meta, architect, openapi, ui, integration, test-review] }\n',
): { rig: Rig; tmux: TmuxServer; panes: (...args: string[]) => ReturnType<Rig['run']> } {
  const rig = makeRig(t, settings);
  const tmux = tmuxServer(t, rig.env);
  return { rig, tmux, panes: (...args) => rig.run(['panes', ...args], { env: tmux.env }) };
}
const rolesOf = (tmux: TmuxServer): string[] => tmux.panes('#{@docket_role}');
const sessionOf = (tmux: TmuxServer): string => tmux.panes('#{session_name}').find((name) => name.startsWith('docket-')) ?? '';
const data = (out: string): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;

describe('docket panes with tmux', onlyWithTmux(), () => {
  test('opens a pane for each role in their order, marks them, and is there when it is called again', (t) => {
    const { rig, tmux, panes } = stage(t);
    const first = panes();
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /^6 panes in tmux, opened: (docket-app-[0-9a-f]{6})\n {2}tmux attach-session -t '=\1'\n$/);
    const session = sessionOf(tmux);
    assert.deepEqual(
      tmux.panes(FORMAT),
      ROLES.map((role) => `${session}|roles|${role}|0`),
    );
    assert.deepEqual(tmux.panes('#{pane_title}').slice(0, 2), ['00-meta: Meta agent', '01-architect: Architect']);
    assert.equal(tmux.run('show-options', '-w', '-v', '-t', `=${session}:`, 'remain-on-exit'), 'on');
    const commands = tmux.panes('#{pane_start_command}');
    assert.ok(
      commands.every((one, index) => one.includes(`attach ${ROLES[index] ?? '?'} --root ${rig.root}`)),
      commands.join('\n'),
    );

    const again = data(panes('--json').out);
    assert.deepEqual([again['state'], again['panes'], again['session'], again['shown']], ['there', 6, session, false]);
    assert.equal(tmux.panes('x').length, 6);
  });

  test('mends what has gone: a pane, a window, a program that ended', (t) => {
    const { tmux, panes } = stage(t, 'runner: offline\npanes: { max: 12, roles: [meta, architect, openapi] }\n');
    panes();
    const ids = tmux.panes('#{pane_id}');
    tmux.run('kill-pane', '-t', ids[1] ?? '');
    assert.equal(data(panes('--json').out)['state'], 'mended');
    assert.deepEqual(rolesOf(tmux), ROLES.slice(0, 3));

    tmux.run('kill-pane', '-t', ids[0] ?? '');
    panes();
    assert.deepEqual(rolesOf(tmux), ROLES.slice(0, 3), 'the first one comes first again');

    // A program that ended leaves its pane with its last words; it is started again.
    const [dead] = tmux.panes('#{pane_id}');
    tmux.run('respawn-pane', '-k', '-t', dead ?? '', '--', '/bin/sh', '-c', 'echo these were its last words; exit 3');
    const until = Date.now() + 20_000;
    while (!tmux.panes('#{pane_dead}').includes('1') && Date.now() < until) tmux.run('list-sessions');
    assert.match(tmux.run('capture-pane', '-p', '-S', '-50', '-t', dead ?? ''), /these were its last words/);
    assert.equal(data(panes('--json').out)['state'], 'mended');
    assert.deepEqual(tmux.panes('#{pane_dead}'), ['0', '0', '0']);

    // A person's own pane in it stays.
    tmux.run('split-window', '-d', '-t', dead ?? '', '--', 'sleep', '100');
    assert.equal(data(panes('--json').out)['state'], 'there');
    assert.equal(tmux.panes('x').length, 4);
  });

  test('opens windows of six', (t) => {
    const { rig, tmux } = stage(t, 'runner: offline\n');
    const { code, err } = rig.run(['panes'], { env: tmux.env });
    assert.equal(code, 0, err);
    assert.deepEqual(tmux.panes('#{window_name} #{@docket_role}'), [
      ...ROLES.map((role) => `roles-1 ${role}`),
      'roles-2 06-project-from-prd',
      'roles-2 07-fix-from-issues',
    ]);
    tmux.run('kill-window', '-t', `=${sessionOf(tmux)}:roles-1`);
    assert.equal(data(rig.run(['panes', '--json'], { env: tmux.env }).out)['state'], 'mended');
    assert.deepEqual(rolesOf(tmux).toSorted(), [...ROLES, '06-project-from-prd', '07-fix-from-issues']);
  });

  test('keeps to its caps: nothing is opened past them', (t) => {
    const { rig, tmux, panes } = stage(t);
    const capped = (key: string, value: number): ReturnType<Rig['run']> =>
      rig.run(['panes'], { env: { ...tmux.env, [`DOCKET_PANES_${key}`]: String(value) } });
    const few = capped('MAX', 5);
    assert.deepEqual([few.code, few.out], [1, '']);
    assert.match(few.err, /6 panes would be opened.*panes\.max allows 5/);
    assert.match(capped('MAX_MACHINE', 5).err, /docket has 0 panes open in this tmux server, and 6 more .* pass panes\.max_machine: 5/);
    assert.deepEqual(tmux.panes('x'), []);
    panes('--role', 'meta');
    assert.match(capped('MAX_MACHINE', 3).err, /docket has 1 panes open in this tmux server, and 5 more/);
    assert.deepEqual(rolesOf(tmux), ['00-meta']);
  });

  test('never touches a session that is not its own, and ends only its own', (t) => {
    const { rig, tmux, panes } = stage(t);
    const { session } = data(panes('--print', '--json').out) as { session: string };
    tmux.run('new-session', '-d', '-s', session, '--', 'sleep', '100');
    tmux.run('new-session', '-d', '-s', `${session}x`, '--', 'sleep', '100');
    const refused = panes();
    assert.equal(refused.code, 1);
    assert.match(refused.err, /that docket did not make for .*, and it is left alone: rename it/);
    assert.deepEqual(data(panes('--kill', '--json').out), { killed: [] });
    assert.equal(tmux.panes('x').length, 2);

    tmux.run('rename-session', '-t', `=${session}`, 'mine');
    assert.equal(panes().code, 0);
    tmux.run('rename-session', '-t', `=${session}`, 'another-name');
    assert.deepEqual(data(panes('--kill', '--json').out), { killed: ['another-name'] }, 'its mark says whose it is, not its name');
    assert.deepEqual(new Set(tmux.panes('#{session_name}')), new Set(['mine', `${session}x`]));
    assert.equal(panes('--kill').out, 'this workspace has no tmux session\n');
    assert.ok(rig.run(['status']).code !== null);
  });

  test('uses a server of its own where one is named', (t) => {
    const { rig, tmux } = stage(t);
    const env = { ...tmux.env, DOCKET_PANES_SOCKET: 'apart' };
    const { out, err } = rig.run(['panes', '--role', 'ui'], { env });
    assert.match(out, /\n {2}tmux -L apart attach-session -t /, err);
    assert.deepEqual(tmux.panes('x'), [], 'nothing in the default one');
    assert.equal(tmux.run('-L', 'apart', 'list-panes', '-a', '-F', '#{@docket_role}'), '03-ui');
    assert.match(rig.run(['panes'], { env: { ...env, DOCKET_PANES_SOCKET: '../x' } }).err, /no name of a tmux server/);
  });

  test('shows the session on a terminal, and goes on when the person leaves it', { skip: whyNoPty() ?? false }, async (t) => {
    const { rig, tmux } = stage(t);
    const screen = openScreen(t, [process.execPath, DOCKET, 'panes', '--role', 'architect'], {
      columns: 100,
      rows: 30,
      env: { ...tmux.env },
      cwd: rig.root,
    });
    await screen.shows(/01-architect {2}0 waiting, 0 done/);
    screen.type('\u0002d');
    assert.equal(await screen.end(), 0);
    assert.deepEqual(tmux.panes('#{pane_dead}'), ['0']);
  });
});
