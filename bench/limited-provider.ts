/**
 * A provider with a limit on loopback: so many answers in each window, the first of which begins with the first request. A connection is a request; the
 * answer has the shape of Claude Code's, and a refusal names the reset in milliseconds. And a tool that asks it: a shell script, so that it costs little.
 */

import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';

export type LimitedProvider = {
  /** The program to call. */
  readonly tool: string;
  /** Resolves at the end of the last window. */
  readonly over: Promise<void>;
  answers(): number;
  refusals(): number;
  close(): Promise<void>;
};

const lineOf = (value: unknown): string => `${JSON.stringify(value)}\n`;
const ANSWER = lineOf({
  type: 'result',
  subtype: 'success',
  is_error: false,
  terminal_reason: 'completed',
  stop_reason: 'end_turn',
  result: '# Done\n',
});
export const isAnswer = (output: string): boolean => output.includes('"end_turn"');
const refusal = (resetMs: number): string =>
  lineOf({ type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: resetMs } }) +
  lineOf({ type: 'result', subtype: 'success', is_error: true, api_error_status: 429, terminal_reason: 'api_error', result: 'limit' });

export type Limit = {
  readonly quota: number;
  readonly windowMs: number;
  readonly windows: number;
  /** how long an answer takes */ readonly runMs: number;
};

export async function startLimitedProvider(folder: string, limit: Limit): Promise<LimitedProvider> {
  let beganMs = 0;
  let window = 0;
  let used = 0;
  let answers = 0;
  let refusals = 0;
  const over = Promise.withResolvers<void>();
  const serve = (socket: Socket): void => {
    socket.on('error', () => undefined);
    const nowMs = Date.now();
    if (beganMs === 0) {
      beganMs = nowMs;
      setTimeout(over.resolve, limit.windows * limit.windowMs);
    }
    const now = Math.floor((nowMs - beganMs) / limit.windowMs);
    if (now !== window) used = 0;
    window = now;
    const isCounted = now < limit.windows;
    if (used >= limit.quota) {
      if (isCounted) refusals++;
      socket.end(refusal(beganMs + (now + 1) * limit.windowMs));
      return;
    }
    used++;
    if (isCounted) answers++;
    setTimeout(() => socket.end(ANSWER), limit.runMs);
  };
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tool = path.join(folder, 'limited.sh');
  writeFileSync(
    tool,
    `#!/bin/bash\ncase "$1" in --version) echo '9.9.9 (Claude Code)'; exit ;; auth) echo '{"loggedIn":true}'; exit ;; esac\ncat > /dev/null\nexec 3<>/dev/tcp/127.0.0.1/${String(port)}\ncat <&3\n`,
  );
  chmodSync(tool, 0o755);
  return {
    tool,
    over: over.promise,
    answers: () => answers,
    refusals: () => refusals,
    close: async () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
