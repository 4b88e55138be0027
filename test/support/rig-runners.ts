/** Lines of docket.yaml for tests with tools of their own: shell scripts, and programs that obey the test (fake-agent.ts). */

import { FAKE_AGENT, type FakeAgents } from '#test/support/fake-agent.ts';

/** Fast back-off, probes of a held lane every 250 to 500 ms; `lines` stand under `runners:`. */
export const settingsWith = (lines: readonly string[], more = ''): string =>
  `runner: offline\nretry: { base: 10ms, cap: 1s }\nintake: { settle: 100ms }\n${more}runners:\n${lines.join('')}`;

/** A shell script as a runner; the brief is its standard input. */
export const shellRunner = (name: string, script: string, more = ''): string =>
  `  ${name}: { kind: command, program: /bin/sh, args: [-c, ${JSON.stringify(script)}]${more} }\n`;

/** A runner whose program connects back to the test and obeys. */
export const obeyingRunner = (name: string, agents: Pick<FakeAgents, 'socketPath'>, ...flags: string[]): string =>
  `  ${name}: { kind: command, sandbox: true, program: ${JSON.stringify(process.execPath)}, args: ${JSON.stringify([FAKE_AGENT, 'main', ...flags])}, env: { FAKE_AGENT_SOCKET: ${JSON.stringify(agents.socketPath)} } }\n`;
