import { realAgent } from './acp-scenarios.ts';

realAgent('opencode', { refusal: 'refused', cut: 'answered*', limited: 'rate-limited' });
