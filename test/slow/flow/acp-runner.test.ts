/** An agent over the Agent Client Protocol through the real program: settings, evidence, doctor, and a daemon that is killed while the agent works. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { scriptedYaml, scriptOf, type Step } from '#test/support/acp-script.ts';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';

const SETTINGS = `runner: scripted-acp
intake: { settle: 100ms }
retry: { base: 10ms, cap: 1s }
`;

const prompt = (feature: string, ...steps: readonly Step[]): string => promptText({ feature, body: scriptOf(...steps) });

describe('acp runner', () => {
  const rig = makeRig({ after });
  const install = (): void => {
    rig.settings(SETTINGS);
    mkdirSync(path.join(rig.root, 'agents/tools'), { recursive: true });
    writeFileSync(path.join(rig.root, 'agents/tools/scripted.yaml'), scriptedYaml([], ['hides: [refused]']));
  };

  test('is answered; evidence has what it asked and what it was told, and doctor which way is used', async () => {
    install();
    const daemon = await rig.start();
    rig.drop('one.md', prompt('FEAT-1', { ask: { kind: 'execute', title: 'ls -la' } }, { say: ' Fine.' }));
    await rig.ended('one');
    await daemon.stop();
    const { predicate } = rig.evidence('one');
    assert.deepEqual([predicate.status, predicate.runner.kind, predicate.runner.profile?.id, predicate.runner.hides], ['answered', 'acp', 'scripted-acp', ['refused']]); // prettier-ignore
    const [attempt] = predicate.attempts;
    assert.deepEqual(attempt?.acts?.asked.map(({ kind, title, decision }) => [kind, title, decision]), [['execute', 'ls -la', 'rejected']]); // prettier-ignore
    assert.match((await rig.docket('doctor')).out, /scripted.*over the Agent Client Protocol.*it speaks nothing else.*refused/s);
    assertVerified(rig);
  });

  test('a daemon that is killed while the agent works: the answer comes once, and the agent was started once', async () => {
    install();
    const first = await rig.start();
    const [begun, go] = [path.join(rig.base, 'begun'), path.join(rig.base, 'go')];
    rig.drop('two.md', prompt('FEAT-2', { note: begun }, { wait: go }, { say: 'It went on.' }));
    await rig.until(rig.base, () => existsSync(begun), 'the agent');
    await first.kill();
    writeFileSync(go, '');
    const second = await rig.start();
    await rig.ended('two');
    await second.stop();
    assert.equal(readFileSync(begun, 'utf8').split('\n').length, 2);
    const { predicate } = rig.evidence('two');
    assert.deepEqual([predicate.status, predicate.attempts.length, predicate.attempts[0]?.starts], ['answered', 1, 1]);
    assertVerified(rig);
  });

  test('what looks like a secret in what it asked for is not in evidence', async () => {
    install();
    const secret = ['ghp', 'aB3dE5gH7jK9'.repeat(3)].join('_');
    const daemon = await rig.start();
    // In two halves, so that the prompt itself holds none.
    rig.drop(
      'three.md',
      prompt('FEAT-3', { ask: { kind: 'execute', title: { join: [secret.slice(0, 8), secret.slice(8)] } } }, { say: 'Fine.' }),
    );
    await rig.ended('three');
    await daemon.stop();
    const [ask] = rig.evidence('three').predicate.attempts[0]?.acts?.asked ?? [];
    assert.equal(ask?.decision, 'rejected');
    assert.match(ask.title, /^\(left out/);
  });
});
