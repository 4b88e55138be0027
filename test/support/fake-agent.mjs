#!/usr/bin/env node
/**
 * A program under test that does what the test says and nothing else: it connects to the unix socket named in its last argument
 * (or FAKE_AGENT_SOCKET), tells who it is, then obeys one JSON command per line. See fake-agent.ts for the test's side.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const socketPath = process.env['FAKE_AGENT_SOCKET'];
const kind = process.argv[2] ?? 'main';
if (process.argv.includes('--ignore-term')) process.on('SIGTERM', () => undefined);

const socket = connect({ path: socketPath });
socket.on('error', () => process.exit(86));
// The test ended: nobody is left to obey.
socket.on('close', () => process.exit(87));
const say = (message) => socket.write(`${JSON.stringify(message)}\n`);

socket.on('connect', () => {
  const stdin = kind === 'main' ? readFileSync(0, 'utf8') : '';
  say({ hello: kind, pid: process.pid, argv: process.argv.slice(2), env: process.env, cwd: process.cwd(), stdin });
});

const obey = {
  print: ({ text }) => process.stdout.write(text),
  complain: ({ text }) => process.stderr.write(text),
  /** A child in a session of its own, deaf to SIGTERM, that holds our standard output. */
  escape: () => {
    spawn(process.execPath, [process.argv[1], 'child', '--ignore-term'], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] }).unref();
  },
  exit: ({ code }) => process.exit(code),
};
createInterface({ input: socket }).on('line', (line) => {
  const command = JSON.parse(line);
  obey[command.do]?.(command);
  say({ did: command.do });
});
