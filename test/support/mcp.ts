/** `docket mcp` as a process of its own, and the SDK's real client on its standard input and output. */

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { DOCKET } from './rig.ts';

export type McpAnswer = { readonly isError: boolean; readonly text: string; readonly data: Readonly<Record<string, unknown>> };
export type McpClient = {
  readonly client: Client;
  call(tool: string, input: Readonly<Record<string, unknown>>): Promise<McpAnswer>;
  close(): Promise<void>;
};

export async function openMcp(root: string, env: Readonly<Record<string, string>>): Promise<McpClient> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [DOCKET, '--root', root, 'mcp'], env: { ...env } }));
  return {
    client,
    async call(tool, input) {
      const answer = await client.callTool({ name: tool, arguments: { ...input } });
      const [first] = answer.content;
      return {
        isError: answer.isError === true,
        text: first?.type === 'text' ? first.text : '',
        data: (answer.structuredContent ?? {}) as Readonly<Record<string, unknown>>,
      };
    },
    close: async () => client.close(),
  };
}
