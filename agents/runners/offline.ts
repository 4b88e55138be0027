/** The runner that calls nobody: its answer is the brief itself, ready to paste into any chat. Recorded as `briefed`, which never counts as an answer. */

import { ok } from '#core/result.ts';
import { acceptAnswer, briefed, failed } from '#tools/outcome.ts';
import type { Runner } from '../runner.ts';

export const OFFLINE = 'offline';

export const makeOfflineRunner = (): Runner => ({
  name: OFFLINE,
  lane: OFFLINE,
  facts: async () =>
    Promise.resolve({
      name: OFFLINE,
      kind: 'offline',
      version: null,
      program: null,
      programSha256: null,
      lane: OFFLINE,
      callsProvider: false,
    }),
  check: async () => Promise.resolve(ok(null)),
  plan: async (request) => {
    const accepted = acceptAnswer(request.brief, request, OFFLINE, 'the assembled brief');
    return Promise.resolve(accepted.ok ? ok({ kind: 'inline', answer: accepted.value }) : accepted);
  },
  understand: (raw, request) =>
    raw.exit.stopped === null
      ? briefed(request.brief)
      : failed({ kind: 'interrupted', message: 'the offline runner starts no program, yet one was stopped' }),
});
