/** The rules of a scope in the real Claude Code, against the fake model on loopback: what is declared is written, what is not is refused by the tool itself. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { runAttempt } from '#agents/attempt.ts';
import { SETTINGS } from '#core/settings.ts';
import { baseRules, scopeRules } from '#policy/scope.ts';
import { clock, digest, fs, makeRig, silentLog } from '#test/keeper/rig.ts';
import { runnerOf } from '#test/support/profiles.ts';
import { withTool } from '#test/support/real-tools.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';
import { startFakeModel } from '../../support/fake-model.mjs';

const BASE = baseRules(
  {
    'policy.forbidden_paths': SETTINGS['policy.forbidden_paths'].default,
    'policy.protected_paths': SETTINGS['policy.protected_paths'].default,
  },
  ['docket.yaml'],
);

withTool('claude', (bin) => {
  let model: Awaited<ReturnType<typeof startFakeModel>>;
  before(async () => {
    model = await startFakeModel({ scenario: 'ok' });
  });
  after(async () => model.close());

  /** What came of a run whose model asks to write this file. */
  async function writing(t: TestContext, file: string, scope: unknown): Promise<string> {
    const rig = await makeRig(t);
    await rig.serve();
    const made = await makeRequest(rig.folder, 'a1');
    const request = { ...made, access: 'worktree' as const, scope: scopeRules(BASE, 'worktree', scope) };
    const target = path.join(request.cwd, file);
    await mkdir(path.dirname(target), { recursive: true });
    const env = {
      PATH: `${bin}:/usr/bin:/bin`,
      HOME: rig.folder,
      ANTHROPIC_API_KEY: 'fake-key-0123456789abcdef',
      ANTHROPIC_BASE_URL: `${model.url}/s/tool=write,path=${encodeURIComponent(target)},content=hi`,
    };
    const { outcome } = await runAttempt(
      { runner: runnerOf('claude', rig.state, makeRunnerPorts(env)), keeper: await rig.client(), fs, digest, clock, log: silentLog },
      request,
      new AbortController().signal,
    );
    return `${existsSync(target) ? 'written' : 'not written'}, ${outcome.ok ? outcome.status : outcome.failure.kind}`;
  }

  const SCOPE = { files: ['src/**', 'README.md', 'package-lock.json'], create: ['src/**'] };
  const CASES: readonly (readonly [file: string, scope: unknown, came: string])[] = [
    ['src/deep/a.ts', SCOPE, 'written, answered'],
    ['README.md', SCOPE, 'written, answered'],
    ['package-lock.json', SCOPE, 'written, answered'],
    ['docs/README.md', SCOPE, 'not written, denied'],
    ['other.ts', SCOPE, 'not written, denied'],
    ['src/AGENTS.md', SCOPE, 'not written, denied'],
    ['other.ts', null, 'written, answered'],
    ['docket.yaml', null, 'not written, denied'],
    ['.github/workflows/ci.yml', null, 'not written, denied'],
    ['src/.git/hooks/x', null, 'not written, denied'],
  ];
  for (const [file, scope, came] of CASES)
    test(`${file}, ${scope === null ? 'nothing declared' : 'with a scope'}: ${came}`, async (t) => {
      assert.equal(await writing(t, file, scope), came);
    });
});
