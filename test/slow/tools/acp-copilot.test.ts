import { realAgent } from './acp-scenarios.ts';

realAgent('copilot', { refusal: 'answered*', cut: 'answered*', limited: 'rate-limited', readsInstructions: true });
