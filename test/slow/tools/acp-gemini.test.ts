import { realAgent } from './acp-scenarios.ts';

realAgent('gemini', { refusal: 'answered*', cut: 'answered*', limited: 'rate-limited' });
