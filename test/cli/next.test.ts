/** `docket next`: what comes after an accepted answer. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { addCheck } from '#cli/check.ts';
import { addNext } from '#cli/next.ts';
import { approve, askChanges, reviewedWorkspace } from '../support/reviewed.ts';
import { claimPrompt, promptText, seedJob, type TempWorkspace } from '../support/workspace.ts';

type Told = {
  readonly written: readonly {
    readonly role: string;
    readonly name: string;
    readonly path: string | null;
    readonly depends_on: readonly string[];
  }[];
  readonly left_out: readonly { readonly role: string; readonly why: string }[];
};
const ANSWER = { status: 'answered', answer: 'Two modules.\n' } as const;
const ARCHITECT = { feature: 'FEAT-1-filters', more: 'title: "User: filters"\nstream: fix\n' };

async function next(workspace: TempWorkspace, ...args: string[]): Promise<Told> {
  const { code, data, err } = await workspace.json(addNext, 'next', 'FEAT-1', ...args);
  assert.equal(code, 0, err);
  return data as Told;
}
const rolesOf = (told: readonly { readonly role: string }[]): readonly string[] => told.map(({ role }) => role);
const waiting = (workspace: TempWorkspace, folder: string): readonly string[] =>
  readdirSync(path.join(workspace.queues, folder, 'in')).filter((name) => name.endsWith('.md'));

describe('docket next', () => {
  test('writes nothing before an answer is accepted, and says so', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await seedJob(await workspace.rooms(), 'a', ARCHITECT, ANSWER);
    assert.deepEqual(await next(workspace), { feature: 'FEAT-1', dry_run: false, written: [], left_out: [] });
    assert.match((await workspace.run(addNext, 'next', 'FEAT-1')).out, /no answer is accepted/);
    await askChanges(workspace, 'a', 'name them');
    assert.deepEqual((await next(workspace)).written, []);
  });

  test('writes a valid prompt for each next role: title, feature and stream taken over, waiting for what was accepted; once', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await seedJob(await workspace.rooms(), 'a', ARCHITECT, ANSWER);
    await approve(workspace, 'a');
    const dry = await next(workspace, '--dry-run');
    assert.deepEqual([rolesOf(dry.written), dry.written[0]?.path, waiting(workspace, '02-openapi')], [['openapi', 'ui'], null, []]);
    const told = await next(workspace);
    assert.deepEqual(
      told.written.map(({ name, depends_on: dependsOn }) => [name, dependsOn]),
      [
        ['openapi/FEAT-1-openapi-r1', ['architect']],
        ['ui/FEAT-1-ui-r1', ['architect']],
      ],
    );
    for (const { path: file } of told.written) {
      assert.ok(file !== null);
      const text = readFileSync(file, 'utf8');
      assert.match(text, /^feature: FEAT-1-filters$/m);
      assert.match(text, /^title: "User: filters"$/m);
      assert.match(text, /^stream: fix$/m);
      assert.match(text, /^revision: 1$/m);
      assert.match(text, /^author: "?Ada Example <ada@example\.com>"?$/m);
      assert.match(text, /^Do the part of your role for FEAT-1, as it follows from what was accepted: FEAT-1\/architect@1\.$/m);
      const checked = await workspace.json(addCheck, 'check', file);
      assert.deepEqual([checked.code, (checked.data as { warnings: unknown[] }[])[0]?.warnings], [0, []], JSON.stringify(checked.data));
    }
    const again = await next(workspace);
    assert.deepEqual([again.written, rolesOf(again.left_out)], [[], ['openapi', 'ui']]);
    assert.match(again.left_out[0]?.why ?? '', /openapi\/FEAT-1-openapi-r1 waits/);
    assert.equal(waiting(workspace, '02-openapi').length, 1);
  });

  test('a role that has a prompt of the feature in any state gets no other one', async (t) => {
    const workspace = await reviewedWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', ARCHITECT, ANSWER);
    await approve(workspace, 'a');
    // Claimed and not yet recorded; and answered under a name of its own.
    await claimPrompt(rooms, 'mine', promptText({ feature: 'FEAT-1', agent: 'openapi' }), 'openapi');
    await seedJob(rooms, 'b', { feature: 'FEAT-1', agent: 'ui', name: 'panel' }, { status: 'answered', answer: 'A panel.\n' });
    const told = await next(workspace);
    assert.deepEqual(told.written, []);
    assert.deepEqual(
      told.left_out.map(({ role, why }) => [role, why]),
      [
        ['openapi', 'openapi/mine is in work'],
        ['ui', 'a prompt for ui is recorded already'],
      ],
    );
  });

  test('a prompt waits for all that leads to it and is on its way, also for a name of its own that is not accepted yet', async (t) => {
    const workspace = await reviewedWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', { feature: 'FEAT-1', agent: 'openapi' }, { status: 'answered', answer: 'A contract.\n' });
    await seedJob(rooms, 'b', { feature: 'FEAT-1', agent: 'ui', name: 'panel' }, { status: 'answered', answer: 'A panel.\n' });
    await approve(workspace, 'a');
    const { written } = await next(workspace);
    const integration = written.find(({ role }) => role === 'integration');
    assert.deepEqual(integration?.depends_on, ['FEAT-1/ui/panel', 'openapi']);
  });

  test('a section of the prompt spec is the text, with the words of the feature in it', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await workspace.write(
      'prompt-spec/v9.0.0/03_ui.md',
      '---\nrole: ui\nsummary: Draws.\noutput:\n  - heading: "## Summary"\n---\n\n# UI\n\nDraw.\n\n## Next prompt\n\nDraw {title} for {feature} ({accepted}) {unknown}.\n\n## More\n\nEnd.\n',
    );
    await seedJob(await workspace.rooms(), 'a', { feature: 'FEAT-1', more: 'title: "{accepted}"\n' }, ANSWER);
    await approve(workspace, 'a');
    const { written } = await next(workspace);
    const file = written.find(({ role }) => role === 'ui')?.path ?? '';
    assert.match(
      readFileSync(file, 'utf8'),
      /\nprompt_spec_version: 9\.0\.0\n[\s\S]*---\n\nDraw \{accepted\} for FEAT-1 \(FEAT-1\/architect@1\) \{unknown\}\.\n$/,
    );
  });

  test('a feature that nobody has heard of is told, and so is a word that is none', async (t) => {
    const workspace = await reviewedWorkspace(t);
    assert.equal((await workspace.run(addNext, 'next', 'FEAT-9')).code, 2);
    await seedJob(await workspace.rooms(), 'a', ARCHITECT, ANSWER);
    assert.match((await workspace.run(addNext, 'next', 'FEAT-9')).err, /nothing of FEAT-9 is recorded/);
    assert.equal((await workspace.run(addNext, 'next', '../x')).code, 2);
  });
});
