/** The thread of verify-threads.ts: takes { id, part }, answers { id, look }. It opens nothing and knows no path. Whatever breaks it ends it, loudly. */

import { parentPort } from 'node:worker_threads';
import { lookAt, type Part } from './verify-look.ts';

const port = parentPort;
if (port === null) throw new Error('verify-worker is started by history/verify-threads.ts as a worker thread');

port.on('message', ({ id, part }: { readonly id: number; readonly part: Part }) => {
  const look = lookAt(part);
  port.postMessage({ id, look }, [look.commits.buffer as ArrayBuffer, look.hashes.buffer as ArrayBuffer]);
});
