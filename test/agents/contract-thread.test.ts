import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Fence } from '#agents/check-answer.ts';
import { makeDocuments, type DocumentOptions, type Documents } from '#agents/contract-thread.ts';

const block = (text: string): Fence => ({ word: 'openapi', info: 'openapi', line: 4, text, indent: 0, isClosed: true });
const started = (t: TestContext, options: Partial<DocumentOptions> = {}): Documents => {
  const documents = makeDocuments({ deadlineMs: 30_000, bytesMax: 10_000, ...options });
  t.after(async () => documents.close());
  return documents;
};
const workerOf = (source: string) => (): Worker => new Worker(source, { eval: true });

suite('documents of answers', () => {
  test('are checked in a thread, one after the other', async (t) => {
    const documents = started(t);
    const said = await Promise.all(
      ['openapi: 3.0.0\n', 'openapi: 3.1.0\ninfo: { title: A, version: "1" }\npaths: {}\n', '- 1\n'].map(async (text) =>
        documents.openapi(block(text)),
      ),
    );
    assert.deepEqual(
      said.map((flaws) => flaws.map(({ line }) => line)),
      [[5], [], [5]],
    );
    assert.deepEqual(await documents.schema({ ...block('1'), word: 'json' }, { file: 'a.json', source: '{"type":"string"}' }), [
      { line: 5, column: 1, message: '$: must be string' },
    ]);
  });

  test('that are too large, or take too long, do not pass', async (t) => {
    const documents = started(t, {
      deadlineMs: 50,
      startWorker: workerOf(`require('node:worker_threads').parentPort.on('message', () => {})`),
    });
    assert.match(
      (await documents.openapi(block('x'.repeat(10_001))))[0]?.message ?? '',
      /10001 bytes, at most 10000 are checked \(contract\.document_bytes\)/,
    );
    assert.deepEqual(await documents.openapi(block('a: 1\n')), [
      { line: 4, column: 1, message: 'the block could not be checked: it took longer than 50 ms (contract.timeout in docket.yaml)' },
    ]);
  });

  test('whose check breaks do not pass, and the next one has another thread', async (t) => {
    let starts = 0;
    const documents = started(t, {
      startWorker: () => {
        starts++;
        return workerOf(
          starts === 1
            ? `require('node:worker_threads').parentPort.on('message', () => { throw new Error('out of luck') })`
            : `const { parentPort } = require('node:worker_threads'); parentPort.on('message', ({ id }) => parentPort.postMessage({ id, flaws: [] }))`,
        )();
      },
    });
    assert.match((await documents.openapi(block('a: 1\n')))[0]?.message ?? '', /could not be checked: out of luck/);
    assert.deepEqual(await documents.openapi(block('a: 1\n')), []);
    assert.deepEqual(await documents.openapi(block('a: 1\n')), []);
    assert.equal(starts, 2);
  });
});
