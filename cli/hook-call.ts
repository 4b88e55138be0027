/** What one call of a hook is given, and how it answers. Hooks never change the work tree or the index, and never call an AI tool. */

import type { HookEnv, Places } from '#platform/git-hooks.ts';

export type HookCall = {
  readonly env: HookEnv;
  /** The top of the work tree. */
  readonly cwd: string;
  readonly args: readonly string[];
  readonly places: Places;
  /** The process that called the hook, which is the same for all hooks of one commit. */
  readonly parent: string;
  /** A line for the person. */
  readonly err: (text: string) => void;
  readonly readInput: () => Promise<string>;
};

/** git goes on, or stops. */
export type HookAnswer = 'go on' | 'stop';

/** How to do it all the same, and be seen doing it. */
export const skipWords = (hook: string): string =>
  `to go on all the same: DOCKET_SKIP=${hook} DOCKET_SKIP_REASON='why' git … (it is noted, and told at the next push)`;
