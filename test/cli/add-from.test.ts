/** `docket add --from`: many prompts at once, all or none, told with their lines. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addAdd } from '#cli/add.ts';
import { addLs } from '#cli/ls.ts';
import { splitStream } from '#cli/add-stream.ts';
import { makeTempWorkspace, promptText, seedJob, type TempWorkspace } from '#test/support/workspace.ts';

const ui = promptText({ agent: 'ui', feature: 'FEAT-1' });
const architect = promptText({ feature: 'FEAT-1' });
const FORMS: Readonly<Record<string, string>> = {
  fences: `# Plan\n\n\`\`\`\`prompt 03-ui/mine.md\n${ui}\`\`\`\`\n\n\`\`\`\`prompt\n${architect}\`\`\`\`\n`,
  documents: `%%% prompt 03-ui/mine.md\n${ui}%%% prompt\n${architect}`,
  json: `${JSON.stringify({ file: 'mine.md', text: ui })}\n\n${JSON.stringify({ text: architect })}\n`,
};

const stream = (workspace: TempWorkspace, text: string): string => {
  const file = path.join(workspace.root, '..', 'stream');
  writeFileSync(file, text);
  return file;
};
const inbox = (workspace: TempWorkspace, folder: string): string => path.join(workspace.root, 'queues', folder, 'in');
const names = (workspace: TempWorkspace, folder: string): string[] =>
  existsSync(inbox(workspace, folder)) ? readdirSync(inbox(workspace, folder)).toSorted() : [];

const needs = (text: string, what: string): string => text.replace(/\n---\n/, `\ndepends_on: [${what}]\n---\n`);

for (const [form, text] of Object.entries(FORMS)) {
  test(`a stream of ${form} drops every prompt, byte for byte, under the name it asks for`, async (t) => {
    const workspace = await makeTempWorkspace(t);
    assert.equal(splitStream(text).form, form);
    const { code, data } = await workspace.json(addAdd, 'add', '--from', stream(workspace, text));
    assert.equal(code, 0, JSON.stringify(data));
    const [mine = '', ...others] = names(workspace, '03-ui');
    assert.match(mine, /^mine\.sha256-[0-9a-f]{64}\.md$/);
    assert.deepEqual(others, []);
    assert.equal(readFileSync(path.join(inbox(workspace, '03-ui'), mine), 'utf8'), ui);
    assert.match(names(workspace, '01-architect').join(), /^FEAT-1-architect\.sha256-[0-9a-f]{64}\.md$/);
  });
}

test('a separator is read in one pass, whatever stands behind it', () => {
  const blanks = ' '.repeat(1_000_000);
  assert.deepEqual(
    splitStream(`%%% prompt a${blanks}b.md${blanks}\r\nx\n%%% prompt\ny\n%%% prompts\n`).blocks.map(({ hint, text }) => [hint, text]),
    [
      [`a${blanks}b.md`, 'x\n'],
      [null, 'y\n%%% prompts\n'],
    ],
  );
});

test('a first prompt needs no separator, and one fault keeps all of them out, told with its line', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const bad = `${architect}%%% prompt\n${ui.replace('agent: ui', 'agent: uu')}`;
  const { code, data } = await workspace.json(addAdd, 'add', '--from', stream(workspace, bad));
  assert.equal(code, 1);
  const { dropped, faults } = data as { dropped: unknown[]; faults: { line: number; column: number; message: string }[] };
  assert.deepEqual(dropped, []);
  const at = bad.split('\n').indexOf('agent: uu') + 1;
  assert.deepEqual(
    faults.map(({ line, column }) => ({ line, column })),
    [{ line: at, column: 8 }],
  );
  assert.match(faults[0]?.message ?? '', /there is no such role.*did you mean ui\?/);
  assert.deepEqual([names(workspace, '01-architect'), names(workspace, '03-ui')], [[], []]);
});

test('two of one identity, a circle, an unknown name and a line that is no JSON are told, each at its place', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const lines = [
    needs(ui, 'architect'),
    needs(architect, 'ui'),
    needs(promptText({ agent: 'openapi', feature: 'FEAT-1' }), 'FEAT-1/ui/panel'),
    ui,
  ].map((text) => JSON.stringify({ text }));
  const { data } = await workspace.json(addAdd, 'add', '--from', stream(workspace, `${lines.join('\n')}\n{"text"\n`));
  const { faults } = data as { faults: { line: number; message: string }[] };
  const told = faults.map(({ line, message }) => `${String(line)} ${message}`).join('\n');
  assert.match(told, /^1 .*wait for each other for ever: FEAT-1\/ui -> FEAT-1\/architect -> FEAT-1\/ui$/m);
  assert.match(told, /^3 .*nothing is called FEAT-1\/ui\/panel/m);
  assert.match(told, /^4 revision 1 of FEAT-1\/ui is what the prompt at line 1 is, too/m);
  assert.match(told, /^5 this line is no JSON/m);
});

test('what is recorded with the same bytes is not dropped again; other bytes are a fault', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const front = { feature: 'FEAT-1' };
  await seedJob(await workspace.rooms(), 'a', front, { status: 'answered', answer: 'Yes.\n' });
  const recorded = readFileSync(path.join(inbox(workspace, '01-architect'), 'a.processed'), 'utf8');
  const again = await workspace.json(addAdd, 'add', '--from', stream(workspace, `${recorded}%%% prompt\n${ui}`));
  const told = again.data as { dropped: unknown[]; same: unknown[] };
  assert.deepEqual([again.code, told.dropped.length, told.same.length], [0, 1, 1], JSON.stringify(again.data));
  const other = await workspace.json(addAdd, 'add', '--from', stream(workspace, `${recorded}more\n`));
  assert.equal(other.code, 1);
});

test('--held leaves them as .held, and ls says who holds them', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const { code } = await workspace.json(addAdd, 'add', '--held', '--from', stream(workspace, FORMS['fences'] ?? ''));
  assert.equal(code, 0);
  assert.deepEqual(names(workspace, '03-ui'), ['mine.held']);
  const { data } = await workspace.json(addLs, 'ls');
  const rows = data as { stem: string; state: string; feature: string; why: string }[];
  assert.deepEqual(rows.map(({ stem, state, feature }) => `${stem} ${state} ${feature}`).toSorted(), [
    'FEAT-1-architect held FEAT-1',
    'mine held FEAT-1',
  ]);
  assert.match(rows[0]?.why ?? '', /^held by /);
});

test('a role and a stream, an empty stream and a stream without prompts are refused', async (t) => {
  const workspace = await makeTempWorkspace(t);
  for (const [args, code] of [
    [['add', 'ui', '--from', stream(workspace, ui)], 2],
    [['add'], 2],
    [['add', 'ui', '--held'], 2],
  ] as const)
    assert.equal((await workspace.run(addAdd, ...args)).code, code, args.join(' '));
  for (const text of ['', '# Plan without prompts\n'])
    assert.equal((await workspace.run(addAdd, 'add', '--from', stream(workspace, text))).code, 1, text);
});
