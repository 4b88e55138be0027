import { realTool } from './scenarios.ts';

realTool(
  'gemini',
  (content) =>
    `${JSON.stringify({ type: 'message', role: 'assistant', content, delta: true })}\n${JSON.stringify({ type: 'result', status: 'success' })}\n`,
);
