import { realTool } from './scenarios.ts';

realTool(
  'opencode',
  (text) => `${JSON.stringify({ type: 'text', part: { text } })}\n${JSON.stringify({ type: 'step_finish', part: { reason: 'stop' } })}\n`,
);
