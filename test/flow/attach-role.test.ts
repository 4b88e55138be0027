/** `docket attach <role>` through the real program: it follows a role over the end and the return of the daemon, in a pipe and on a terminal. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test, type TestContext } from 'node:test';
import { DOCKET, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { openScreen, whyNoPty, type Screen } from '#test/support/terminal.ts';

type Event = { readonly event: string; readonly [field: string]: unknown };

function follow(
  t: TestContext,
  rig: Rig,
  ...args: string[]
): { next(what: (event: Event) => boolean): Promise<Event>; stop(): Promise<number | null> } {
  const child = spawn(process.execPath, [DOCKET, 'attach', ...args, '--json'], {
    cwd: rig.root,
    env: rig.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const events: Event[] = [];
  let wake: (() => void) | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(JSON.parse(line) as Event);
    wake?.();
  });
  const code = once(child, 'close').then(([ended]) => ended as number | null);
  return {
    async next(what) {
      for (;;) {
        const index = events.findIndex(what);
        if (index !== -1) {
          const [found] = events.splice(0, index + 1).slice(-1);
          if (found !== undefined) return found;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async stop() {
      child.kill('SIGINT');
      return code;
    },
  };
}
const isDaemon =
  (up: boolean) =>
  (event: Event): boolean =>
    event.event === 'daemon' && event['up'] === up;
const hasEnded =
  (stem: string) =>
  (event: Event): boolean =>
    event.event === 'ended' && event['stem'] === stem;

test('it follows the role through a daemon that dies and comes back, and tells of no other role', async (t) => {
  const rig = makeRig(t);
  const role = follow(t, rig, '01-architect');
  await role.next(isDaemon(false));
  rig.drop('one.md', promptText());
  assert.equal((await role.next((event) => event.event === 'queue' && event['waiting'] === 1))['up'], false);
  const first = await rig.start();
  await role.next(isDaemon(true));
  const ended = await role.next(hasEnded('one'));
  assert.deepEqual([ended['role'], ended['outcome'], ended['file']], ['architect', 'briefed', path.join(rig.out(), 'one_result.md')]);
  assert.match(String(ended['title']), /^Brief for the architect/);
  await first.kill();
  await role.next(isDaemon(false));
  rig.drop('other.md', promptText({ agent: 'openapi' }), '02-openapi');
  rig.drop('two.md', promptText({ feature: 'FEAT-2' }));
  await rig.start();
  const second = await role.next((event) => event.event === 'ended');
  assert.equal(second['stem'], 'two', 'nothing of the other role');
  const queue = await role.next((event) => event.event === 'queue' && event['done'] === 2);
  assert.deepEqual([queue['waiting'], queue['running'], queue['needs_person'], queue['problem']], [0, 0, 0, null]);
  assert.equal(await role.stop(), 0);

  // Who comes late sees what ended last.
  const late = follow(t, rig, 'architect');
  assert.equal((await late.next((event) => event.event === 'ended'))['stem'], 'one');
  assert.equal((await late.next((event) => event.event === 'ended'))['stem'], 'two');
  assert.equal(await late.stop(), 0);
});

const open = (t: TestContext, rig: Rig, env: Record<string, string> = {}, ...more: string[]): Screen =>
  openScreen(t, [process.execPath, DOCKET, 'attach', '01-architect', ...more], {
    columns: 110,
    rows: 20,
    env: { ...rig.env, TERM: 'xterm', ...env },
    cwd: rig.root,
  });

describe('on a terminal', { skip: whyNoPty() ?? false }, () => {
  test('the queue stands at the bottom; e drops what the editor made; q ends, and the terminal is as it was', async (t) => {
    const rig = makeRig(t);
    await rig.start();
    rig.drop('first.md', promptText());
    await rig.ended('first');
    const editor = rig.tool('editor', '#!/bin/sh\nprintf "# A second question\\n\\nWhich modules?\\n" >"$1"\n');
    const screen = open(t, rig, { EDITOR: editor });
    await screen.shows(/ {2}0 waiting, 1 done {2}e add a prompt {2}r review {2}q quit/);
    screen.type('r');
    await screen.shows(/(?:nothing of 01-architect awaits a verdict|what awaits a verdict is being counted)/);
    screen.type('e');
    await screen.shows(/dropped .*FEAT-1-architect-r2\.sha256-/);
    await screen.shows(/architect\/FEAT-1-architect-r2: briefed/);
    await screen.shows(/0 waiting, 2 done/);
    assert.match(readFileSync(path.join(rig.out(), 'FEAT-1-architect-r2_result.md'), 'utf8'), /Which modules\?/);
    screen.type('q');
    assert.equal(await screen.end(), 0);
    assert.ok(!screen.lines().some((line) => line.includes('q quit')), 'the bottom line is taken away');
  });

  test('a text that is no prompt is not lost; Ctrl-C ends it', async (t) => {
    const rig = makeRig(t);
    const editor = rig.tool('editor', '#!/bin/sh\nprintf "What about orders?\\n" >"$1"\n');
    const screen = open(t, rig, { EDITOR: editor, TMPDIR: rig.base });
    await screen.shows(/no daemon runs/);
    screen.type('e');
    await screen.shows(/--feature is needed[\s\S]*your text is kept: docket add architect --feature <id>/);
    const kept = readdirSync(rig.base).filter((name) => /^docket-.*\.md$/.test(name));
    assert.equal(kept.length, 1);
    assert.equal(readFileSync(path.join(rig.base, kept[0] ?? ''), 'utf8'), 'What about orders?\n');
    screen.type('\u0003');
    assert.equal(await screen.end(), 0);
  });

  test("a session of one's own gets the role's brief, and says that it is not recorded", async (t) => {
    const rig = makeRig(t, 'runner: one\nrunners:\n  one: { kind: claude, program: /nowhere }\n');
    const tool = rig.tool(
      'claude-of-a-test',
      '#!/bin/sh\nprintf "%s\\n" "$#" "$1" "$PWD" >"$HOME/called"\nprintf %s "$2" >"$HOME/brief"\nread -r line\necho "heard $line"\nexit 4\n',
    );
    rig.settings(`runner: one\nrunners:\n  one: { kind: claude, program: ${tool} }\n`);
    const screen = open(t, rig, {}, '--interactive');
    await screen.shows(/Claude Code as 01-architect: this session is yours\. docket started the program and records nothing of it/);
    screen.type('hello\r');
    await screen.shows('heard hello');
    await screen.shows('the session has ended (exit code 4)');
    assert.equal(await screen.end(), 0);
    assert.equal(readFileSync(path.join(rig.base, 'called'), 'utf8'), `2\n--append-system-prompt\n${rig.root}\n`);
    const brief = readFileSync(path.join(rig.base, 'brief'), 'utf8');
    assert.match(
      brief,
      /^# Brief for the architect: a session with a person\n\n## Your part\n\nYou are the Architect \(role 01-architect\)\./,
    );
    assert.match(brief, /\n## How to work \(prompt spec 2\.\d+\.\d+\)\n/);
    assert.ok(!existsSync(rig.history) || rig.run(['log']).out === '', 'nothing of it is in the history');
  });
});

test('a session of one’s own is refused where it cannot be: no tool to talk to, a sandbox that is required, no terminal, no such role', (t) => {
  const rig = makeRig(t);
  const refused = (settings: string, code: number, words: RegExp, role = '01-architect'): void => {
    rig.settings(settings);
    const ran = rig.run(['attach', role, '--interactive']);
    assert.deepEqual([ran.code, ran.out], [code, '']);
    assert.match(ran.err, words);
  };
  const tool = rig.tool('tool', '#!/bin/sh\ntouch "$HOME/started"\n');
  refused('runner: offline\n', 3, /its runner is offline, which no person can talk to; choose a tool .*: .*claude, .*codex/);
  refused(
    'runner: aider\n',
    3,
    /does not know how .* is started with a brief for a person; known: claude, codex, copilot, gemini, opencode, qwen/,
  );
  refused(
    `runner: one\nrunners:\n  one: { kind: codex, program: ${rig.base}/nowhere }\n`,
    3,
    /nowhere is not in PATH: install OpenAI Codex CLI/,
  );
  const one = `runner: one\nrunners:\n  one: { kind: codex, program: ${tool} }\n`;
  refused(`${one}tools: { sandbox: required }\n`, 3, /tools\.sandbox is required here/);
  refused(one, 2, /takes a terminal/);
  refused(one, 2, /there is no role "foo"; there are: meta, architect/, 'foo');
  assert.ok(!existsSync(path.join(rig.base, 'started')), 'nothing was started');
});
