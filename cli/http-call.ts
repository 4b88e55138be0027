/**
 * The program that a runner of kind http starts: `node cli/http-call.ts <call as JSON>`, the prompt on standard input, JSON lines on standard output
 * (tools/http-call.ts). The key is in the variable that the call names, and nowhere else.
 */

import { httpPost } from '#platform/http-post.ts';
import { callModel } from '#tools/http-call.ts';
import type { HttpCall } from '#tools/http-dialects.ts';

const [given = ''] = process.argv.slice(2);
const call = JSON.parse(given) as HttpCall;
// What `ps` shows.
process.title = `docket-http-call ${call.api} ${call.model}`;

const chunks: Uint8Array[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
const prompt = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
const key = call.keyEnv === null ? null : (process.env[call.keyEnv] ?? null);

let written = Promise.resolve();
await callModel(call, prompt, key, httpPost, (line) => {
  written = new Promise((resolve) => void process.stdout.write(`${JSON.stringify(line)}\n`, () => resolve()));
});
await written;
// A connection that is kept open for more calls would keep this process too.
process.exit(0);
