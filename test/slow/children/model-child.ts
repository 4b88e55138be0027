/** A runner's client of the model server on loopback: the brief is standard input, MODEL_URL the server, the answer goes to standard output. */

import { readFileSync } from 'node:fs';

const reply = await fetch(`${process.env['MODEL_URL'] ?? ''}/v1/messages`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'fake-model', max_tokens: 1_000, messages: [{ role: 'user', content: readFileSync(0, 'utf8') }] }),
});
if (!reply.ok) throw new Error(`the model answered ${String(reply.status)}`);
const { content } = (await reply.json()) as { readonly content: readonly { readonly text?: string }[] };
process.stdout.write(content.map(({ text }) => text ?? '').join(''));
