/** `docket revise`: the next revision of a prompt, with what people said of the last answer. */

import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { addCheck } from '#cli/check.ts';
import { addRevise } from '#cli/revise.ts';
import type { Io } from '#cli/io.ts';
import { runProgram } from '#cli/program.ts';
import { approve, askChanges, reviewedWorkspace } from '../support/reviewed.ts';
import { claimPrompt, promptText, rememberingIo, seedJob, type TempWorkspace } from '../support/workspace.ts';

const ANSWER = { status: 'answered', answer: 'Two modules.\n' } as const;
const PROMPT = {
  feature: 'FEAT-1-filters',
  more: 'title: Filters\nx-own: [a, { b: 1 }]\nauthor: bob@example.com\n',
  body: '# Task\n\nDescribe.\n\n\n',
};

const written = (workspace: TempWorkspace, folder = '01-architect'): readonly string[] =>
  readdirSync(path.join(workspace.queues, folder, 'in'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(path.join(workspace.queues, folder, 'in', name), 'utf8'));

/** As on a terminal, with this program as the editor. */
async function onTerminal(
  workspace: TempWorkspace,
  script: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const editor = path.join(path.dirname(workspace.root), 'editor.sh');
  writeFileSync(editor, `#!/bin/sh\n${script}\n`);
  chmodSync(editor, 0o755);
  const { io, said } = rememberingIo(workspace.root);
  const terminal: Io = { ...io, canAsk: true, env: { ...io.env, EDITOR: editor, VISUAL: undefined } };
  const code = await runProgram(['revise', ...args], terminal);
  return { ...said(), code };
}

describe('docket revise', () => {
  test('the last prompt with the next revision, its keys kept, and the comments quoted line by line at its end', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await seedJob(await workspace.rooms(), 'a', PROMPT, ANSWER);
    await askChanges(workspace, 'a', 'Name the modules.\n\n# No heading\n---\n```prompt');
    await approve(workspace, 'a');
    const { code, data, err } = await workspace.json(addRevise, 'revise', 'FEAT-1/architect');
    assert.equal(code, 0, err);
    const told = data as { path: string; revises: string; quoted: number; identity: { revision: number } };
    assert.deepEqual([told.revises, told.quoted, told.identity.revision], ['FEAT-1/architect@1', 1, 2]);
    const text = readFileSync(told.path, 'utf8');
    assert.match(
      text,
      /^feature: FEAT-1-filters\nagent: architect\nprompt_spec_version: 2\.1\.0\nrevision: 2\ncreated_at: 20\d\d-[^\n]+Z\ntitle: Filters\n/m,
    );
    assert.match(text, /^x-own: \[a, \{ b: 1 \}\]$/m);
    assert.match(text, /^revises: "?FEAT-1\/architect@1"?$/m);
    assert.match(text, /^author: "?Ada Example <ada@example\.com>"?$/m);
    assert.ok(!text.includes('bob@example.com'));
    assert.match(
      text,
      /---\n\n?# Task\n\nDescribe\.\n\n## Review of revision 1\n\n\*\*Changes requested\*\* by Ada Example, 20[^\n]+:\n\n> Name the modules\.\n>\n> # No heading\n> ---\n> ```prompt\n$/,
    );
    assert.equal((await workspace.run(addCheck, 'check', told.path)).code, 0);
  });

  test('what to change comes from --message, or without a terminal from standard input; nothing asked is nothing written', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await seedJob(await workspace.rooms(), 'a', { ...PROMPT, agent: 'architect', name: 'core' }, ANSWER);
    const nothing = await workspace.run(addRevise, 'revise', 'FEAT-1/architect/core');
    assert.deepEqual([nothing.code, written(workspace)], [2, []]);
    assert.match(nothing.err, /no reviewer asked for changes, so say what to change/);
    const { code, err } = await workspace.run(addRevise, 'revise', 'FEAT-1/01-architect/core', '--message', 'Name them.');
    assert.equal(code, 0, err);
    assert.match(written(workspace)[0] ?? '', /\nname: core\n[\s\S]*Describe\.\n\n## What to change from revision 1\n\nName them\.\n$/);
    const again = await workspace.run(addRevise, 'revise', 'FEAT-1/architect/core', '--message', 'And again.');
    assert.equal(again.code, 2);
    assert.match(again.err, /a later revision of FEAT-1\/architect\/core@1 is there already: architect\/FEAT-1-architect-core-r2 waits/);
  });

  test('standard input is the message where there is no terminal', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await seedJob(await workspace.rooms(), 'a', PROMPT, ANSWER);
    const { io, said } = rememberingIo(workspace.root);
    const code = await runProgram(['revise', 'FEAT-1/architect'], { ...io, readInput: async () => Promise.resolve('From a file.\n') });
    assert.equal(code, 0, said().err);
    assert.match(written(workspace)[0] ?? '', /\n## What to change from revision 1\n\nFrom a file\.\n$/);
  });

  test('on a terminal the editor has the last word; an empty text and a failed editor drop nothing, an invalid one is kept', async (t) => {
    const workspace = await reviewedWorkspace(t);
    await seedJob(await workspace.rooms(), 'a', PROMPT, ANSWER);
    for (const script of [': > "$1"', 'exit 1']) assert.notEqual((await onTerminal(workspace, script, 'FEAT-1/architect')).code, 0);
    const invalid = await onTerminal(workspace, 'sed -i \'s/^revision: 2/revision: two/\' "$1"', 'FEAT-1/architect');
    assert.equal(invalid.code, 1);
    const kept = /your text is kept in (\S+)/.exec(invalid.err)?.[1] ?? '';
    assert.match(readFileSync(kept, 'utf8'), /^revision: two$/m);
    t.after(() => {
      rmSync(kept, { force: true });
    });
    assert.deepEqual(written(workspace), []);
    const good = await onTerminal(workspace, 'printf "\\nAnd name them.\\n" >> "$1"', 'FEAT-1/architect', '--message', 'Shorter.');
    assert.equal(good.code, 0, good.err);
    assert.match(written(workspace)[0] ?? '', /Shorter\.\n\nAnd name them\.\n$/);
  });

  test('a prompt that is in work, unknown, or of a closed feature is not revised, and the words say what to do', async (t) => {
    const workspace = await reviewedWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'a', PROMPT, ANSWER);
    for (const [what, words] of [
      ['FEAT-1/architect@1', /names no prompt/],
      ['architect', /names no prompt/],
      ['FEAT-1/nobody', /names no prompt/],
      ['FEAT-2/architect', /nothing of FEAT-2\/architect is recorded/],
    ] as const) {
      const said = await workspace.run(addRevise, 'revise', what, '--message', 'x');
      assert.equal(said.code, 2, what);
      assert.match(said.err, words);
    }
    await claimPrompt(rooms, 'later', promptText({ feature: 'FEAT-1', revision: 2 }));
    assert.match((await workspace.run(addRevise, 'revise', 'FEAT-1/architect', '--message', 'x')).err, /architect\/later is in work/);
  });
});
