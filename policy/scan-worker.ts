/**
 * The worker thread of secret-scan.ts: takes {id, text, personal}, answers {id, findings, personal} or {id, error}. Says {ready: true} once, after a first scan
 * that makes the rules compile. Its answers never hold a part of the text.
 */

import { parentPort } from 'node:worker_threads';
import { findSecrets } from './find-secrets.ts';
import { findPersonalData } from './personal-data.ts';
import { OWN_RULES } from './known-secrets.ts';

const port = parentPort;
if (port === null) throw new Error('scan-worker is started by policy/secret-scan.ts as a worker thread');

let last: Promise<void> = Promise.resolve();

// One after the other, in order: the other side counts a text's time from the answer before it.
port.on('message', (message: { readonly id: number; readonly text: string; readonly personal: boolean }) => {
  last = last.then(async () => answer(message));
});

async function answer({ id, text, personal }: { readonly id: number; readonly text: string; readonly personal: boolean }): Promise<void> {
  try {
    port?.postMessage({ id, findings: await findSecrets(text), personal: personal ? findPersonalData(text) : [] });
  } catch (cause) {
    port?.postMessage({ id, error: `the scanner broke: ${cause instanceof Error ? cause.name : 'unknown error'}` });
  }
}

const warmUp = `${OWN_RULES.flatMap((rule) => rule.hints).join(' ')}\n`.repeat(8);
await findSecrets(warmUp);
port.postMessage({ ready: true });
