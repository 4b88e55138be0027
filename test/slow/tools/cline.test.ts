import { realTool } from './scenarios.ts';

realTool('cline', (text) => `${JSON.stringify({ type: 'run_result', finishReason: 'completed', text })}\n`);
