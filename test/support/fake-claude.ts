/**
 * Stands in for Claude Code where the real one is too big: the same questions, one result line. The answer names the SHA-256 of its standard input.
 * FAKE_CLAUDE_LOGGED_OUT makes it say that nobody is logged in.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const args = process.argv.slice(2);

function run(): void {
  const prompt = readFileSync(0);
  const line = {
    type: 'result',
    subtype: 'success',
    is_error: false,
    terminal_reason: 'completed',
    stop_reason: 'end_turn',
    result: `# Answer\n\nprompt ${createHash('sha256').update(prompt).digest('hex')}\n`,
    session_id: args[args.indexOf('--session-id') + 1],
    num_turns: 1,
    total_cost_usd: 0.01,
    usage: { input_tokens: 3, output_tokens: 4 },
  };
  process.stdout.write(`${JSON.stringify({ type: 'system', subtype: 'init' })}\n${JSON.stringify(line)}\n`);
}

function tellLogin(): void {
  const loggedIn = process.env['FAKE_CLAUDE_LOGGED_OUT'] === undefined;
  process.stdout.write(JSON.stringify({ loggedIn }));
  process.exitCode = loggedIn ? 0 : 1;
}

if (args[0] === '--version') process.stdout.write('9.9.9 (Claude Code)\n');
else if (args[0] === 'auth') tellLogin();
else run();
