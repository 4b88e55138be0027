/**
 * The worker thread of contract-thread.ts: takes {id, text, line, indent} with `openapi` or a schema, answers {id, flaws} or {id, error}.
 * What an agent wrote is parsed and validated here only: however much work a document makes, the daemon goes on.
 */

import { parentPort } from 'node:worker_threads';
import { openapiFlaws, schemaFlaws } from './openapi.ts';
import type { Asked } from './contract-thread.ts';

const port = parentPort;
if (port === null) throw new Error('contract-worker is started by agents/contract-thread.ts as a worker thread');

port.on('message', (asked: Asked) => {
  void answer(asked);
});

async function answer({ id, text, look }: Asked): Promise<void> {
  try {
    const flaws = look === 'openapi' ? await openapiFlaws(text) : schemaFlaws(text, look.word, look.schema);
    port?.postMessage({ id, flaws });
  } catch (error) {
    port?.postMessage({ id, error: error instanceof Error ? error.message : 'unknown error' });
  }
}
