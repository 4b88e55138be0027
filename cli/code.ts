/** Facts of the code repository for evidence: asked of git at most once in a while, because a backlog asks a hundred times a second. */

import type { CodeFacts } from '#core/evidence.ts';
import type { AskProgram, Clock } from '#core/ports.ts';
import { codeFacts } from '#platform/git.ts';

/** Evidence may be this old about the code: an agent that only reads sees nothing newer. */
const FRESH_MS = 2_000;

export function makeCodeSnapshot(ask: AskProgram, clock: Clock, folder: string): () => Promise<CodeFacts> {
  let known: { readonly atMs: number; readonly facts: Promise<CodeFacts> } | null = null;
  return async () => {
    const nowMs = clock.monotonicMs();
    if (known === null || nowMs - known.atMs > FRESH_MS) known = { atMs: nowMs, facts: codeFacts(ask, folder) };
    return known.facts;
  };
}
