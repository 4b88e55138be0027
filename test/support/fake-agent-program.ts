#!/usr/bin/env node
/**
 * A program under test that does what the test says and nothing else: it connects to the unix socket FAKE_AGENT_SOCKET,
 * tells who it is, then obeys one JSON command per line. See fake-agent.ts for the test's side.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

type Command = { readonly do: string; readonly text?: string; readonly code?: number };

const [, file = '', kind = 'main', ...flags] = process.argv;
if (flags.includes('--ignore-term')) process.on('SIGTERM', () => undefined);

const socket = connect({ path: process.env['FAKE_AGENT_SOCKET'] ?? '' });
socket.on('error', () => process.exit(86));
// The test ended: nobody is left to obey.
socket.on('close', () => process.exit(87));
const say = (message: unknown): void => void socket.write(`${JSON.stringify(message)}\n`);

socket.on('connect', () => {
  const stdin = kind === 'main' ? readFileSync(0, 'utf8') : '';
  say({ hello: kind, pid: process.pid, argv: process.argv.slice(2), env: process.env, cwd: process.cwd(), stdin });
});

function obey(command: Command): void {
  if (command.do === 'print') process.stdout.write(command.text ?? '');
  if (command.do === 'complain') process.stderr.write(command.text ?? '');
  // A child in a session of its own, deaf to SIGTERM, that holds our standard output.
  if (command.do === 'escape')
    spawn(process.execPath, [file, 'child', '--ignore-term'], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] }).unref();
  if (command.do === 'exit') process.exit(command.code);
}
createInterface({ input: socket }).on('line', (line) => {
  const command = JSON.parse(line) as Command;
  obey(command);
  say({ did: command.do });
});
