/** What doctor says of the sandbox, with the real search for it; the real bwrap is test/slow/tools' part. */

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Check } from '#cli/doctor-checks.ts';
import { runnerPorts } from '#cli/parts.ts';
import { lookAtSandbox } from '#cli/sandbox.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const NAME = platform() === 'darwin' ? 'sandbox-exec' : 'bwrap';

/** @param script of the program that stands for bwrap; null: there is none */
async function said(folder: string, mode: string, script: string | null): Promise<Check> {
  if (script !== null) {
    writeFileSync(path.join(folder, NAME), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(folder, NAME), 0o755);
  }
  const workspace = { settings: { 'tools.sandbox': mode }, root: folder, queues: folder, history: folder, state: folder };
  return lookAtSandbox(workspace as unknown as Parameters<typeof lookAtSandbox>[0], runnerPorts({ PATH: folder }));
}

test('without one doctor warns and says how to mend it, and where one is required it is a fault', async (t) => {
  const warned = await said(await temporaryFolder(t), 'auto', null);
  assert.equal(warned.state, 'warn');
  assert.match(warned.found, new RegExp(`^none: .*${NAME}.*a tool can write whatever this account can`));
  const bad = await said(await temporaryFolder(t), 'required', null);
  assert.equal(bad.state, 'bad');
  assert.match(bad.found, /tools\.sandbox is required, and there is none/);
});

test('one that does not work here is none, with its own words', async (t) => {
  const check = await said(await temporaryFolder(t), 'auto', 'echo "bwrap: No permissions to create new namespace" >&2; exit 1');
  assert.equal(check.state, 'warn');
  assert.match(check.found, /does not work here: bwrap: No permissions to create new namespace/);
});

test('switched off is told, and one that works is told with whom it keeps in', async (t) => {
  const off = await said(await temporaryFolder(t), 'off', null);
  assert.equal(off.state, 'warn');
  assert.match(off.found, /tools\.sandbox is off/);
  const auto = await said(await temporaryFolder(t), 'auto', 'echo "bubblewrap 0.11.0"');
  assert.equal(auto.state, 'ok');
  assert.match(auto.found, /0\.11\.0: the tools docket knows, and runners with sandbox: true, can write only/);
  const required = await said(await temporaryFolder(t), 'required', 'echo "bubblewrap 0.11.0"');
  assert.match(required.found, /0\.11\.0: a tool can write only its worktree/);
});
