/**
 * The program that a runner over the Agent Client Protocol starts: `node cli/acp-call.ts <call as JSON>`, the prompt on standard input, JSON lines on
 * standard output (tools/acp-lines.ts). It owns the agent, which gets our environment and working folder, and writes its errors to ours.
 * SIGTERM: the agent is asked to stop, then ended.
 */

import { callAgent } from '#tools/acp-call.ts';
import { decideScope } from '#policy/scope.ts';
import type { ChangeKind, ScopeRules } from '#core/scope.ts';
import type { AcpCall } from '#tools/acp-lines.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { startPiped } from '#platform/piped-child.ts';
import { packageVersion } from './package.ts';

/** How long an agent may take to end when its input is closed; then SIGTERM, and after as long again SIGKILL. */
const GRACE_MS = 2_000;
/** How long it may take over session/cancel. The keeper's SIGKILL comes 3 s after its SIGTERM. */
const CANCEL_MS = 1_000;
const STOP_MS = 300;

const [given = ''] = process.argv.slice(2);
const call = JSON.parse(given) as AcpCall;
// What `ps` shows.
process.title = `docket-acp-call ${call.program}`;

const chunks: Uint8Array[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
const prompt = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));

let written = Promise.resolve();
const agent = startPiped(call.program, call.args);
const cancel = new AbortController();
const stop = (): void => {
  cancel.abort();
  setTimeout(() => {
    void agent.end(STOP_MS);
  }, CANCEL_MS).unref();
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

const mayNotChange =
  (rules: ScopeRules) =>
  (file: string, change: ChangeKind): string | null => {
    const { verdict, words } = decideScope(rules, file, change);
    return verdict === 'allowed' ? null : words;
  };

const mayNotRead =
  ({ unread = [] }: ScopeRules) =>
  (file: string): string | null => {
    const rules: ScopeRules = { access: 'worktree', files: null, create: null, forbidden: unread, protected: [] };
    return decideScope(rules, file, 'modify').verdict === 'forbidden' ? 'no reads of the other stream’s input' : null;
  };

const cwd = await makeFs().realPath(process.cwd());
const came = await callAgent(
  call,
  prompt,
  cwd,
  agent,
  {
    fs: makeFs(),
    digest: makeDigest(),
    version: packageVersion(),
    ...(call.scope === undefined ? {} : { paths: { mayNotChange: mayNotChange(call.scope), mayNotRead: mayNotRead(call.scope) } }),
  },
  cancel.signal,
  (line) => {
    written = new Promise((resolve) => void process.stdout.write(`${JSON.stringify(line)}\n`, () => resolve()));
  },
);
await agent.end(cancel.signal.aborted ? STOP_MS : GRACE_MS);
await written;
const code = await agent.gone.catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 127;
});
process.exit(cancel.signal.aborted ? 143 : came === 'ended' ? 0 : code === null || code === 0 ? 1 : code);
