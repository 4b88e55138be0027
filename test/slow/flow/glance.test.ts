/** A feature at a glance, with the real program: what runs and what it does, who is told of it, and the same screens after a restart and a lost journal. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import type { Notice } from '#daemon/notify.ts';
import { makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

type Status = {
  readonly up: boolean;
  readonly roles: readonly {
    readonly role: string;
    readonly running: number;
    readonly failed: number;
    readonly standings: { readonly awaiting: number } | null;
  }[];
  readonly running: readonly { readonly stem: string; readonly doing: string | null; readonly elapsed_ms: number }[];
  readonly failures: readonly { readonly stem: string; readonly reason: string | null }[];
  readonly today: { readonly runs: number } | null;
};

/** In the way of Claude Code; it ends when the file is there. */
const claudeThatWaits = (gate: string): string => {
  const says = {
    type: 'assistant',
    message: { id: 'm1', content: [{ type: 'text', text: 'a line that it says' }], usage: { input_tokens: 1, output_tokens: 1 } },
  };
  const end = {
    type: 'result',
    is_error: false,
    terminal_reason: 'completed',
    stop_reason: 'end_turn',
    result: '# Answer',
    total_cost_usd: 0.01,
  };
  return `#!/bin/sh
[ "$1" = --version ] && { echo 2.1.329; exit 0; }
[ "$1" = auth ] && { echo '{"loggedIn":true}'; exit 0; }
cat >/dev/null
echo '${JSON.stringify({ type: 'system', subtype: 'init', model: 'm-1' })}'
echo '${JSON.stringify(says)}'
while [ ! -e ${gate} ]; do sleep 0.05; done
echo '${JSON.stringify(end)}'
`;
};

/** Asks until it is so, at most half a minute. */
async function turned<T>(ask: () => T, isSo: (answer: T) => boolean): Promise<T> {
  const until = performance.now() + 30_000;
  for (;;) {
    const answer = ask();
    if (isSo(answer)) return answer;
    assert.ok(performance.now() < until, `it never was so: ${JSON.stringify(answer)}`);
    await sleep(50);
  }
}

describe('at a glance', () => {
  test('a run shows what it does, notices reach a web address and hold no word of anybody, and status says the same without daemon and journal', async (t) => {
    const rig = makeRig(t);
    const notices: Notice[] = [];
    const heard = Promise.withResolvers<null>();
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        notices.push(JSON.parse(body) as Notice);
        response.end();
        if (new Set(notices.map(({ event }) => event)).size === 2) heard.resolve(null);
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const gate = path.join(rig.base, 'gate');
    const tool = rig.tool('claude-that-waits', claudeThatWaits(gate));
    rig.settings(
      settingsWith(
        [`  waits: { kind: claude, program: ${tool} }\n`, shellRunner('fails', 'cat >/dev/null; echo "PRIVATE-WORDS" >&2; exit 3')],
        `notify: { on: [review, failed], window: 200ms, webhook: "http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hook" }\n`,
      ),
    );
    const status = (): Status => JSON.parse(rig.run(['status', '--json']).out) as Status;
    const architect = (of: Status): Status['roles'][number] | undefined => of.roles.find(({ role }) => role === '01-architect');

    const daemon = await rig.start();
    rig.drop('slow.md', promptText({ feature: 'FEAT-1', extra: 'runner: waits\n', body: '# Task\n\nSECRET-TASK\n' }));
    rig.drop('bad.md', promptText({ feature: 'FEAT-2', extra: 'runner: fails\n', body: '# Task\n\nSECRET-TASK\n' }));
    await rig.ended('bad', 'failed');
    const doing = await turned(status, ({ running }) => typeof running[0]?.doing === 'string');
    assert.deepEqual([doing.running[0]?.stem, doing.running[0]?.doing], ['slow', '"a line that it says"']);
    assert.equal(architect(doing)?.running, 1);
    assert.match(rig.run(['status']).out, /^ {2}architect\/slow {2}waits {2}\d+s /m);
    assert.match(rig.run(['feature', 'FEAT-1']).out, /architect@1 {2}running/);

    writeFileSync(gate, '');
    await rig.ended('slow');
    await heard.promise;
    const told = notices.map(({ event, jobs: [job] }) => `${event} ${job?.feature ?? ''} ${job?.state ?? ''}`);
    assert.deepEqual(told.toSorted(), ['failed FEAT-2 failed', 'review-wanted FEAT-1 awaiting']);
    assert.doesNotMatch(JSON.stringify(notices), /SECRET-TASK|PRIVATE-WORDS|a line that it says/);

    const facts = (of: Status): unknown => [
      architect(of)?.failed,
      architect(of)?.standings?.awaiting,
      of.failures.map(({ stem }) => stem),
      of.today?.runs,
    ];
    const up = await turned(status, (of) => of.today !== null && (architect(of)?.standings ?? null) !== null);
    assert.deepEqual(facts(up), [1, 1, ['bad'], up.today?.runs]);
    assert.equal(await daemon.stop(), 0);
    const down = rig.run(['status', '--json']);
    assert.equal(down.code, 1);
    assert.deepEqual(facts(JSON.parse(down.out) as Status), facts(up));
    const screens = (): unknown => [rig.run(['feature', '--json']).out, rig.run(['stats', '--json']).out];
    const before = screens();
    for (const name of ['journal.db', 'journal.db-wal', 'journal.db-shm', 'board.json'])
      rmSync(path.join(rig.queues, '.docket', name), { force: true });
    assert.deepEqual(facts(status()), facts(up));
    assert.deepEqual(screens(), before);
    assert.equal(existsSync(path.join(rig.queues, '.docket', 'board.json')), true, 'made again');
    assert.doesNotMatch(readFileSync(path.join(rig.queues, '.docket', 'board.json'), 'utf8'), /SECRET-TASK/);
  });
});
