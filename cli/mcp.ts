/** `docket mcp`: an MCP server on standard input and output, for agents. What it offers is in mcp-tools.ts; nothing of it is loaded for other verbs. */

import type { Command } from 'commander';
import type { Common, Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';

export function addMcp(program: Command, io: Io): void {
  program
    .command('mcp')
    .description('serve this workspace to an agent: an MCP server on standard input and output')
    .addHelpText(
      'after',
      [
        '',
        'Tools: enqueue_prompt, list_queue, get_result, why, validate_prompt. None approves, releases, cancels or sets anything: that is for people.',
        'It serves the workspace of --root, or of the folder it is started in, until standard input ends.',
        '',
        'Examples:',
        '  claude mcp add docket -- docket --root /path/to/app mcp',
      ].join('\n'),
    )
    .action(async (_options: Common, command: Command) => {
      const common = commonOf(command);
      const workspace = await openWorkspace(io, common);
      const { settings } = workspace;
      const { serveMcp } = await import('./mcp-serve.ts');
      await serveMcp(
        {
          io,
          common: { ...common, root: workspace.root },
          limits: {
            rows: settings['mcp.rows'],
            textChars: settings['mcp.text_chars'],
            waitMs: settings['mcp.wait'],
            calls: settings['mcp.calls'],
          },
        },
        settings['limits.prompt_bytes'],
      );
      // A call that only waits would keep the process: nobody is left to hear its answer.
      process.exit();
    });
}
