/** The ways of notices, for real: a program, a web address on this machine, the desktop's own program; and what is refused before anything is sent. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { lookAtNotify } from '#cli/doctor-notify.ts';
import { addNotify } from '#cli/notify.ts';
import { notifyPlan, webhookOf } from '#cli/notify-ways.ts';
import { openWorkspace } from '#cli/open.ts';
import type { Workspace } from '#core/settings.ts';
import type { Notice } from '#daemon/notify.ts';
import { makeFakeClock, type FakeClock } from '#test/support/fake-clock.ts';
import { makeTempWorkspace, rememberingIo } from '../support/workspace.ts';

const NOTICE: Notice = {
  v: 1,
  event: 'failed',
  at: '2026-11-20T12:00:00.000Z',
  host: 'here',
  count: 1,
  jobs: [{ feature: 'FEAT-1', role: 'ui', name: null, revision: 1, state: 'failed', job: 'abcdefghijklmnop' }],
};
const NOW = new AbortController().signal;

async function workspaceWith(t: TestContext, notify: string): Promise<Workspace> {
  const { root } = await makeTempWorkspace(t, `runner: offline\nnotify: ${notify}\n`);
  return openWorkspace(rememberingIo(root).io, {});
}
function program(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o700);
  return file;
}
async function server(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> {
  const made = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => {
    made.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    made.closeAllConnections();
    made.close();
  });
  return `http://127.0.0.1:${String((made.address() as AddressInfo).port)}/hook/secret-part`;
}
/** Time that goes on by itself as soon as somebody waits. */
function hurried(): FakeClock {
  const clock = makeFakeClock();
  return {
    ...clock,
    sleeps: clock.sleeps,
    async sleep(ms, signal) {
      const slept = clock.sleep(ms, signal);
      await clock.advance(ms);
      await slept;
    },
  };
}

describe('a program', () => {
  test('gets the notice as one line of JSON, with its arguments as they are and no shell', async (t) => {
    const workspace = await workspaceWith(t, '{ on: [failed] }');
    const file = program(workspace.root, 'tell', 'cat > told; printf %s "$1" > argument; env > variables');
    const plan = await notifyPlan(
      { ...workspace, settings: { ...workspace.settings, 'notify.command': [file, '$(id); x'] } },
      { PATH: '/usr/bin:/bin', SECRET_OF_MINE: 'x' },
      makeFakeClock(),
      null,
    );
    assert.deepEqual(plan.faults, []);
    await plan.ways[0]?.tell(NOTICE, NOW);
    assert.deepEqual(JSON.parse(readFileSync(path.join(workspace.root, 'told'), 'utf8')), NOTICE);
    assert.equal(readFileSync(path.join(workspace.root, 'argument'), 'utf8'), '$(id); x');
    assert.doesNotMatch(readFileSync(path.join(workspace.root, 'variables'), 'utf8'), /SECRET_OF_MINE/);
  });

  test('that fails is told by its exit code, never by what it printed', async (t) => {
    const workspace = await workspaceWith(t, '{ on: [failed] }');
    const file = program(workspace.root, 'tell', 'echo private words; exit 3');
    const plan = await notifyPlan(
      { ...workspace, settings: { ...workspace.settings, 'notify.command': [file] } },
      {},
      makeFakeClock(),
      null,
    );
    await assert.rejects(async () => plan.ways[0]?.tell(NOTICE, NOW), { message: 'exit code 3' });
  });

  test('by a relative path is refused: a run may write there', async (t) => {
    const workspace = await workspaceWith(t, '{ on: [failed], command: [./tell] }');
    const { ways, faults } = await notifyPlan(workspace, {}, makeFakeClock(), null);
    assert.equal(ways.length, 0);
    assert.match(faults[0] ?? '', /relative path, which a run may write to/);
  });
});

describe('the desktop', () => {
  test('is told by notify-send or osascript with words as arguments', async (t) => {
    const workspace = await workspaceWith(t, '{ on: [failed], desktop: true }');
    const bin = path.join(workspace.root, 'bin');
    mkdirSync(bin);
    for (const name of ['notify-send', 'osascript']) program(bin, name, 'for word; do printf "%s\\n" "$word"; done > words');
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    for (const [platform, wanted] of [
      ['linux', ['--app-name=docket', '--', 'docket: a prompt needs you', 'FEAT-1/ui@1: failed', '']],
      [
        'darwin',
        [
          '-e',
          'on run argv',
          '-e',
          'display notification (item 2 of argv) with title (item 1 of argv)',
          '-e',
          'end run',
          'docket: a prompt needs you',
          'FEAT-1/ui@1: failed',
          '',
        ],
      ],
    ] as const) {
      const { ways } = await notifyPlan(workspace, env, makeFakeClock(), null, platform);
      await ways[0]?.tell(NOTICE, NOW);
      assert.deepEqual(readFileSync(path.join(workspace.root, 'words'), 'utf8').split('\n'), wanted);
    }
  });

  test('without its program is a fault in words', async (t) => {
    const workspace = await workspaceWith(t, '{ on: [failed], desktop: true }');
    assert.deepEqual((await notifyPlan(workspace, { PATH: '/nowhere' }, makeFakeClock(), null, 'linux')).faults, [
      'notify.desktop: notify-send is not in PATH',
    ]);
  });
});

const withHook = (workspace: Workspace, url: string, more: Partial<Workspace['settings']> = {}): Workspace => ({
  ...workspace,
  settings: { ...workspace.settings, 'notify.webhook': url, ...more },
});

const isTaken = (text: string, env = {}): boolean => 'url' in webhookOf(text, env);

describe('a web address', () => {
  test('gets the notice by POST as JSON', async (t) => {
    const got: { readonly method: string; readonly type: string; readonly body: unknown }[] = [];
    const url = await server(t, (request, response, body) => {
      got.push({ method: request.method ?? '', type: request.headers['content-type'] ?? '', body: JSON.parse(body) });
      response.end('ok');
    });
    const { ways } = await notifyPlan(withHook(await workspaceWith(t, '{ on: [failed] }'), url), {}, makeFakeClock(), null);
    await ways[0]?.tell(NOTICE, NOW);
    assert.deepEqual(got, [{ method: 'POST', type: 'application/json', body: NOTICE }]);
    assert.doesNotMatch(ways[0]?.name ?? '', /secret-part/, 'the path of an address may be a secret');
  });

  test('that redirects is not followed, and is asked again only so often, after longer and longer', async (t) => {
    let asked = 0;
    let followed = 0;
    const url = await server(t, (request, response) => {
      if (request.url === '/elsewhere') followed++;
      else asked++;
      response.writeHead(307, { location: '/elsewhere' });
      response.end();
    });
    const clock = hurried();
    const workspace = withHook(await workspaceWith(t, '{ on: [failed] }'), url, { 'notify.retries': 2 });
    const { ways } = await notifyPlan(workspace, {}, clock, null);
    await assert.rejects(async () => ways[0]?.tell(NOTICE, NOW), { message: 'status 307, after 3 tries (notify.retries)' });
    assert.deepEqual([asked, followed, clock.sleeps], [3, 0, [1_000, 2_000]]);
  });

  test('that never answers is given up after notify.timeout', async (t) => {
    const url = await server(t, () => undefined);
    const workspace = withHook(await workspaceWith(t, '{ on: [failed] }'), url, { 'notify.retries': 0, 'notify.timeout': 100 });
    const { ways } = await notifyPlan(workspace, {}, makeFakeClock(), null);
    await assert.rejects(async () => ways[0]?.tell(NOTICE, NOW), { message: /^no answer within 100 ms/ });
  });

  test('is https, or http on this machine; without a password; from a variable when it is a secret itself', () => {
    assert.equal(isTaken('https://chat.example/hook'), true);
    for (const local of ['http://127.0.0.1:8080/x', 'http://localhost/x', 'http://[::1]:1/x']) assert.equal(isTaken(local), true, local);
    for (const other of [
      'http://chat.example/hook',
      'http://127.0.0.1.example/',
      'ftp://127.0.0.1/',
      'file:///etc/passwd',
      'nonsense',
      'http://localhost.example/',
    ])
      assert.equal(isTaken(other), false, other);
    const password = ['https://me', 'word@chat.example/'].join(':');
    const refused = webhookOf(password, {});
    assert.ok('fault' in refused);
    assert.doesNotMatch(refused.fault, /word@/);
    assert.equal(isTaken('env:HOOK', { HOOK: 'https://chat.example/hook' }), true);
    assert.equal(isTaken('env:HOOK', {}), false);
  });
});

describe('docket notify', () => {
  test('says what is on; test sends one by every way; a way that did not take it is exit code 1', async (t) => {
    const workspace = await makeTempWorkspace(t, 'runner: offline\nnotify: { on: [review], command: [/bin/cat] }\n');
    assert.match((await workspace.run(addNotify, 'notify')).out, /^told about: review; by: command$/m);
    const sent = await workspace.run(addNotify, 'notify', 'test');
    assert.deepEqual([sent.code, sent.out], [0, 'command: taken']);
    await workspace.write('docket.yaml', 'app: app\nrunner: offline\nnotify: { on: [review], command: [/bin/false] }\n');
    const refused = await workspace.run(addNotify, 'notify', 'test');
    assert.deepEqual([refused.code, refused.out], [1, 'command: exit code 1']);
  });

  test('doctor has a line for it, and names what cannot be done', async (t) => {
    const fine = await lookAtNotify(await workspaceWith(t, '{ on: [review] }'), {});
    assert.match(fine[0]?.found ?? '', /^told about: review; by: bell/);
    const broken = await lookAtNotify(await workspaceWith(t, '{ on: [revue], webhook: "http://chat.example/" }'), {});
    assert.equal(broken[0]?.state, 'warn');
    assert.match(
      broken[0].found,
      /notify\.on: revue: the words are review, failed, budget; notify\.webhook: https, or http on this machine/,
    );
  });
});
