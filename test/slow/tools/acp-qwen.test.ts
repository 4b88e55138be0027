import { realAgent } from './acp-scenarios.ts';

realAgent('qwen', { refusal: 'answered*', cut: 'answered*', limited: 'timeout' });
