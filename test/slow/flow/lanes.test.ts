/** A limit, a fall-back and a pause through the real program. One daemon after the other; the tool says what the test has written into a file. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { plainRole } from '#test/support/plain-contract.ts';
import { assertVerified, makeRig, promptText, type Daemon } from '#test/support/rig.ts';
import { startFakeAgents, type FakeAgents } from '#test/support/fake-agent.ts';
import { obeyingRunner, settingsWith, shellRunner } from '#test/support/rig-runners.ts';

/** Told in seconds. */
const RESET_SECONDS = Math.floor(Date.now() / 1_000) + 20 * 86_400;
const RESET_DAY = new Date(RESET_SECONDS * 1_000).toISOString().slice(0, 10);

const lines = (some: readonly unknown[]): string => some.map((line) => `echo '${JSON.stringify(line)}'`).join('\n');

describe('lanes', () => {
  const rig = makeRig({ after }, settingsWith([]));
  const limit = path.join(rig.base, 'limit');
  const starts = path.join(rig.base, 'starts');
  let daemon: Daemon;
  let agents: FakeAgents;
  before(async () => {
    agents = await startFakeAgents(rig.base);
    // Answers as Claude Code does; while the file is there, it is at its limit.
    const refusal = [
      { type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: RESET_SECONDS } },
      { type: 'result', subtype: 'success', is_error: true, api_error_status: 429, terminal_reason: 'api_error', result: 'usage limit' },
    ];
    const answer = {
      type: 'result',
      subtype: 'success',
      is_error: false,
      terminal_reason: 'completed',
      stop_reason: 'end_turn',
      result: '# Paid\n',
    };
    const program = rig.tool(
      'paid.sh',
      `#!/bin/sh
case "$1" in --version) echo '9.9.9 (Claude Code)'; exit ;; auth) echo '{"loggedIn":true}'; exit ;; esac
cat > /dev/null
echo start >> ${starts}
if [ -e ${limit} ]; then
${lines(refusal)}
exit 1
fi
${lines([answer]).replaceAll('\\n', '\\\\n')}
`,
    );
    rig.settings(
      settingsWith(
        [
          `  paid: { kind: claude, program: ${JSON.stringify(program)}, lane: paid }\n`,
          shellRunner('other', 'echo "# Other"'),
          obeyingRunner('obeying', agents),
        ],
        'throttle: { longest_hold: 30d }\n',
      ),
    );
    for (const [folder, second] of [
      ['03-ui', 'other'],
      ['02-openapi', 'obeying'],
    ] as const) {
      const role = path.join(rig.root, 'agents', folder);
      mkdirSync(role, { recursive: true });
      const shipped = plainRole(folder);
      writeFileSync(path.join(role, 'role.yaml'), `${shipped}runner: [paid, ${second}]\n`);
    }
    writeFileSync(starts, '');
    daemon = await rig.start();
  });

  after(async () => agents.close());

  const countStarts = (): number => readFileSync(starts, 'utf8').split('\n').length - 1;
  const drop = (stem: string, agent: string, folder: string, extra = ''): void => {
    rig.drop(`${stem}.md`, promptText({ feature: `L-${stem}`, agent, body: `This is ${stem}.\n`, extra }), folder);
  };
  const lane = async (): Promise<Readonly<Record<string, unknown>>> => {
    const { out } = await rig.docket('status', '--json');
    const { lanes } = JSON.parse(out) as { readonly lanes: readonly Readonly<Record<string, unknown>>[] };
    return lanes.find((one) => one['lane'] === 'paid') ?? {};
  };

  test('at its limit the whole lane waits, in words, also after the daemon was killed; the tool is not asked again', async () => {
    writeFileSync(limit, '');
    drop('limited', 'architect', '01-architect', 'runner: paid\n');
    await rig.logged('lane paid waits until');
    const held = await lane();
    assert.equal(held['state'], 'held');
    assert.ok(
      String(held['reason']).startsWith(`paid is at the provider's limit: usage limit (again at ${RESET_DAY}`),
      String(held['reason']),
    );
    assert.match((await rig.docket('status')).out, /lane paid: 0 of 2 slots in use.*HELD until/);
    drop('behind', 'architect', '01-architect', 'runner: paid\n');
    await daemon.kill();
    const down = await rig.docket('why', 'behind');
    assert.match(down.out, /no daemon runs[\s\S]*lane paid is held until/);
    assert.match((await rig.docket('status')).out, /lane paid is held until/);
    daemon = await rig.start();
    drop('free', 'architect', '01-architect');
    await rig.ended('free');
    assert.equal((await lane())['heldUntil'], held['heldUntil'], 'a restart makes it neither longer nor shorter');
    assert.match((await rig.docket('why', 'behind')).out, /lane paid is held until[\s\S]*docket resume paid/);
    assert.equal(countStarts(), 1);
  });

  test('a role that names several runners takes the next one meanwhile, and the evidence says which and why', async () => {
    drop('instead', 'ui', '03-ui');
    await rig.ended('instead', 'processed', '03-ui');
    const { attempts, runner } = rig.evidence('instead', '03-ui').predicate;
    assert.equal(runner.name, 'other');
    assert.deepEqual(
      attempts.map((attempt) => [attempt.n, attempt.outcome, attempt.runner]),
      [[1, 'answered', 'other']],
    );
    assert.match(attempts[0]?.instead ?? '', /^lane paid is held: paid is at the provider's limit: usage limit/);
    assert.match(rig.log(), /other answers instead of paid: lane paid is held/);
    assert.equal(countStarts(), 1);
  });

  test('a run of the second runner that outlives the daemon is understood as its own, and is not started again', async () => {
    drop('outlives', 'openapi', '02-openapi');
    const agent = await agents.next();
    await daemon.kill();
    await agent.tell({ do: 'print', text: '# From the second\n' });
    await agent.tell({ do: 'exit', code: 0 });
    await agent.gone;
    daemon = await rig.start();
    await rig.ended('outlives', 'processed', '02-openapi');
    assert.equal(rig.read(path.join(rig.out('02-openapi'), 'outlives_result.md')), '# From the second\n');
    const { attempts, runner } = rig.evidence('outlives', '02-openapi').predicate;
    assert.equal(runner.name, 'obeying');
    assert.deepEqual(
      attempts.map((attempt) => [attempt.n, attempt.outcome, attempt.runner, attempt.starts]),
      [[1, 'answered', 'obeying', 1]],
    );
    assert.match(attempts[0]?.instead ?? '', /^lane paid is held/);
    assert.equal(agents.count(), 1);
  });

  test('a person who does not want to wait lets one run go; it is answered, no attempt was spent, and the rest follows', async () => {
    rmSync(limit);
    const resumed = await rig.docket('resume', 'paid');
    assert.match(resumed.out, /lane paid was held: one run goes now to see/);
    await Promise.all([rig.ended('limited'), rig.ended('behind')]);
    const { attempts } = rig.evidence('limited').predicate;
    assert.deepEqual(
      attempts.map(({ n, outcome, runner, instead }) => [n, outcome, runner, instead]),
      [
        [1, 'provider-limit', 'paid', null],
        [2, 'answered', 'paid', null],
      ],
    );
    assert.equal((await lane())['state'], 'open');
  });

  test('a role that is paused starts nothing until it is resumed, and says who did it', async () => {
    assert.match((await rig.docket('pause', '03-ui')).out, /role ui is paused: nothing more starts/);
    drop('paused', 'ui', '03-ui');
    drop('look', 'architect', '01-architect');
    await rig.ended('look');
    assert.ok(existsSync(path.join(rig.in('03-ui'), 'paused.md')));
    const why = await rig.docket('why', 'ui/paused');
    assert.match(why.out, /role ui was paused by \S+ at [\s\S]*next +`docket resume ui` lets it go on/);
    assert.match((await rig.docket('status')).out, /role ui was paused by/);
    assert.match((await rig.docket('resume', 'ui')).out, /role ui goes on/);
    await rig.ended('paused', 'processed', '03-ui');
    assert.equal((await rig.docket('resume', 'ui')).code, 1);
    assert.equal((await rig.docket('pause', 'nobody')).code, 2);
  });

  test('while no daemon runs a pause is taken, too, and the next one keeps to it', async () => {
    assert.equal(await daemon.stop(), 0);
    const paused = await rig.docket('pause', 'paid');
    assert.equal(paused.code, 0, paused.err);
    assert.match(paused.out, /lane paid is paused.*no daemon runs for .*, the next one keeps to it/);
    assert.match((await rig.docket('status')).out, /lane paid was paused by/);
    daemon = await rig.start();
    drop('later', 'architect', '01-architect', 'runner: paid\n');
    drop('look2', 'architect', '01-architect');
    await rig.ended('look2');
    assert.ok(existsSync(path.join(rig.in(), 'later.md')));
    assert.match((await rig.docket('why', 'later')).out, /lane paid was paused by/);
    assert.equal((await rig.docket('resume', 'paid')).code, 0);
    await rig.ended('later');
  });

  test('after all of it the history is clean and verified', async () => {
    assert.equal(await daemon.stop(), 0);
    assertVerified(rig);
  });
});
