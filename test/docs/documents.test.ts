/** The documents tell of what is there: their links lead somewhere, the prompts that they show are valid, and the table of commands has every verb. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { Command } from 'commander';
import { addVerbs } from '#cli/verbs.ts';
import { rememberingIo } from '#test/support/workspace.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const PAGES = ['*.md', 'docs/**/*.md', 'prompt-spec/*.md', 'queues/README.md'].flatMap((one) => globSync(one, { cwd: ROOT })).toSorted();

/** Prompts as pages show them: a fenced block that begins with front matter, however many backticks fence it. */
const promptsIn = (text: string): string[] =>
  [...text.matchAll(/^(`{3,})(?:md|prompt[^\n`]*)?\n(---\n.*?^---\n.*?)^\1$/gms)].map(([, , prompt = '']) => prompt);

suite('documents', () => {
  test('link to files that are there', () => {
    assert.ok(PAGES.length > 60);
    const dead = PAGES.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(path.join(ROOT, path.dirname(page), target)))
        .map((target) => `${page} -> ${target}`),
    );
    assert.deepEqual(dead, []);
  });

  test('are named by the code only where they are there', () => {
    const named = globSync('{cli,core,daemon,agents,history,policy,spool}/**/*.ts', { cwd: ROOT }).flatMap((file) =>
      [...read(file).matchAll(/docs\/[a-z0-9/-]+\.md/g)]
        .map(([page]) => page)
        .filter((page) => !['docs/brief.md', 'docs/issues.md'].includes(page)),
    );
    assert.ok(named.length > 50, String(named.length));
    assert.deepEqual([...new Set(named)].filter((page) => !existsSync(path.join(ROOT, page))), []); // prettier-ignore
  });

  test('show prompts that are valid', (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'docket-docs-'));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    const files = ['docs/writing-prompts.md', 'docs/emit.md'].flatMap((page) =>
      promptsIn(read(page)).map((prompt, index) => {
        const file = path.join(folder, `${path.basename(page, '.md')}-${String(index)}.md`);
        writeFileSync(file, prompt);
        return file;
      }),
    );
    assert.ok(files.length >= 8, String(files.length));
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'bin/docket.js'), 'check', ...files], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  });

  test('of commands, README.md and docs/formats.md, have every verb', async () => {
    const program = new Command('docket');
    await addVerbs(program, rememberingIo('/').io, []);
    const verbs = program.commands.map((one) => one.name());
    assert.ok(verbs.length > 40);
    for (const [page, head] of [
      ['README.md', '\n## Commands\n'],
      ['docs/formats.md', '\n## Command line\n'],
    ] as const) {
      const text = read(page);
      const part = text.slice(text.indexOf(head) + head.length).split(/\n## /)[0] ?? '';
      const missing = verbs.filter((verb) => !new RegExp(`^\\|[^|]*\`${verb}\\b`, 'm').test(part));
      assert.deepEqual(missing, [], page);
    }
  });
});
