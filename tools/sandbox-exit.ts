/** How a tool in bwrap ended: bwrap tells a signal as a shell does, by 128 and its number. Pure, and all that the keeper knows of sandboxes. */

import type { ExitFile } from '#core/run.ts';

/** Of the programs' own accord nobody exits with these; others (129, 130, 141, 143) tools do choose. Numbers as on every Linux that Node runs on. */
const SIGNALS: Readonly<Record<number, string>> = {
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
};

type End = Pick<ExitFile, 'code' | 'signal'>;

/** Is the first process of a run the sandbox's? @param sandbox ProgramPlan.sandbox */
export const isBoxed = (sandbox: string | undefined): boolean => sandbox?.startsWith('bwrap') === true;

export function endOf(end: End, sandbox: string | undefined): End {
  const signal = isBoxed(sandbox) && end.code !== null ? SIGNALS[end.code] : undefined;
  return signal === undefined ? end : { code: null, signal };
}
