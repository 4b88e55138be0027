import { realTool } from './scenarios.ts';

realTool(
  'copilot',
  (content) => `${JSON.stringify({ type: 'assistant.message', data: { content } })}\n${JSON.stringify({ type: 'result', exitCode: 0 })}\n`,
);
