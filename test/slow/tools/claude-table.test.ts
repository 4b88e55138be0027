import { realTool } from './scenarios.ts';

realTool('claude', (result) => `${JSON.stringify({ type: 'result', is_error: false, terminal_reason: 'completed', result })}\n`);
