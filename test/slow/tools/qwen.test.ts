import { realTool } from './scenarios.ts';

realTool('qwen', (result) => `${JSON.stringify({ type: 'result', is_error: false, result })}\n`);
