import { realTool } from './scenarios.ts';

realTool(
  'codex',
  (text) =>
    `${JSON.stringify({ type: 'item.completed', item: { type: 'agent_message', text } })}\n${JSON.stringify({ type: 'turn.completed', usage: {} })}\n`,
);
