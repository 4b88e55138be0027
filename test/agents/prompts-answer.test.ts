import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promptsIn, withParent } from '#agents/prompts-answer.ts';

const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join('');

test('blocks that open with prompt or prompts are prompts, everything else is the brief', () => {
  const answer = lines(
    '# Plan',
    '```yaml',
    'a: 1',
    '```',
    '```prompt',
    'one',
    '```',
    'between',
    '~~~~ prompts 03-ui/FEAT-1-ui.md',
    'two',
    '~~~~',
    'after',
  );
  const { blocks, brief } = promptsIn(answer);
  assert.deepEqual(
    blocks.map(({ text, line, fenceLine, hint, isClosed }) => ({ text, line, fenceLine, hint, isClosed })),
    [
      { text: 'one\n', line: 6, fenceLine: 5, hint: null, isClosed: true },
      { text: 'two\n', line: 10, fenceLine: 9, hint: '03-ui/FEAT-1-ui.md', isClosed: true },
    ],
  );
  assert.equal(brief, lines('# Plan', '```yaml', 'a: 1', '```', 'between', 'after'));
});

test('a block may hold shorter fences, and fences of the other kind', () => {
  const inner = lines('---', 'x: 1', '---', '```yaml', 'a: 1', '```', '~~~~~', 'text', '~~~~~');
  const { blocks } = promptsIn(`${lines('````prompts')}${inner}${lines('````')}`);
  assert.equal(blocks.length, 1);
  assert.equal(blocks[0]?.text, inner);
});

test('a prompt fence inside of another block is text of that block', () => {
  const { blocks } = promptsIn(lines('`````', '````prompts', 'no', '````', '`````', '```promptly', 'no', '```', '    ```prompt', 'no'));
  assert.deepEqual(blocks, []);
});

test('line ends are kept, the indentation of the fence is taken away, a longer fence closes, an open one runs to the end', () => {
  const { blocks } = promptsIn('  ```Prompts\r\n  one\r\n   two\r\n three\r\n  ``````\r\n```prompt\nlast');
  assert.deepEqual(
    blocks.map(({ text, indent, isClosed }) => ({ text, indent, isClosed })),
    [
      { text: 'one\r\n two\r\nthree\r\n', indent: 2, isClosed: true },
      { text: 'last', indent: 0, isClosed: false },
    ],
  );
});

test('an answer without such blocks is all brief, byte for byte', () => {
  for (const text of ['', 'no end', 'a\r\rb\n', '``` a`b\nprompt\n', lines('# A', '```', 'x')])
    assert.deepEqual(promptsIn(text), { blocks: [], brief: text });
});

test('the line with the parent stands right above the closing line, with the line end of the front matter', () => {
  assert.equal(withParent('---\na: 1\n---\n---\nbody', 'abc'), '---\na: 1\nparent: abc\n---\n---\nbody');
  assert.equal(withParent('---\r\na: 1\r\n---\r\nbody', 'abc'), '---\r\na: 1\r\nparent: abc\r\n---\r\nbody');
  assert.equal(withParent('---\n---', 'abc'), '---\nparent: abc\n---');
  assert.equal(withParent('---\na: "---x"\n', 'abc'), null);
  assert.equal(withParent('text', 'abc'), null);
});
