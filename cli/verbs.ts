/** All verbs, in the order of the help. A verb is loaded when it is asked for: a program that starts often should not load what it does not run. */

import type { Command } from 'commander';
import type { Io } from './io.ts';

type AddVerb = (program: Command, io: Io) => void;

const VERBS: readonly { readonly name: string; readonly load: () => Promise<AddVerb> }[] = [
  { name: 'init', load: async () => (await import('./init.ts')).addInit },
  { name: 'work-on', load: async () => (await import('./work-on-prd.ts')).addWorkOnAll },
  { name: 'up', load: async () => (await import('./up.ts')).addUp },
  { name: 'down', load: async () => (await import('./down.ts')).addDown },
  { name: 'status', load: async () => (await import('./status.ts')).addStatus },
  { name: 'feature', load: async () => (await import('./feature.ts')).addFeature },
  { name: 'stats', load: async () => (await import('./stats.ts')).addStats },
  { name: 'logs', load: async () => (await import('./logs.ts')).addLogs },
  { name: 'next', load: async () => (await import('./next.ts')).addNext },
  { name: 'revise', load: async () => (await import('./revise.ts')).addRevise },
  { name: 'add', load: async () => (await import('./add.ts')).addAdd },
  { name: 'ask', load: async () => (await import('./add.ts')).addAsk },
  { name: 'wait', load: async () => (await import('./wait.ts')).addWait },
  { name: 'attach', load: async () => (await import('./attach.ts')).addAttach },
  { name: 'panes', load: async () => (await import('./panes.ts')).addPanes },
  { name: 'preview', load: async () => (await import('./preview.ts')).addPreview },
  { name: 'ls', load: async () => (await import('./ls.ts')).addLs },
  { name: 'review', load: async () => (await import('./review.ts')).addReview },
  { name: 'show', load: async () => (await import('./show.ts')).addShow },
  { name: 'why', load: async () => (await import('./why.ts')).addWhy },
  { name: 'check', load: async () => (await import('./check.ts')).addCheck },
  { name: 'spec', load: async () => (await import('./spec.ts')).addSpec },
  { name: 'cancel', load: async () => (await import('./cancel.ts')).addCancel },
  { name: 'hold', load: async () => (await import('./hold.ts')).addHold },
  { name: 'release', load: async () => (await import('./release.ts')).addRelease },
  { name: 'redact', load: async () => (await import('./redact.ts')).addRedact },
  { name: 'retry', load: async () => (await import('./retry.ts')).addRetry },
  { name: 'pause', load: async () => (await import('./pause.ts')).addPause },
  { name: 'resume', load: async () => (await import('./pause.ts')).addResume },
  { name: 'accept', load: async () => (await import('./accept.ts')).addAccept },
  { name: 'approve', load: async () => (await import('./approve.ts')).addApprove },
  { name: 'reject', load: async () => (await import('./approve.ts')).addReject },
  { name: 'ask-changes', load: async () => (await import('./approve.ts')).addAskChanges },
  { name: 'worktree', load: async () => (await import('./worktree.ts')).addWorktree },
  { name: 'stale', load: async () => (await import('./stale.ts')).addStale },
  { name: 'close', load: async () => (await import('./close.ts')).addClose },
  { name: 'reopen', load: async () => (await import('./close.ts')).addReopen },
  { name: 'fix', load: async () => (await import('./fix.ts')).addFix },
  { name: 'promote', load: async () => (await import('./promote.ts')).addPromote },
  { name: 'found', load: async () => (await import('./found.ts')).addFound },
  { name: 'log', load: async () => (await import('./log.ts')).addLog },
  { name: 'cost', load: async () => (await import('./cost.ts')).addCost },
  { name: 'verify', load: async () => (await import('./verify.ts')).addVerify },
  { name: 'checkpoint', load: async () => (await import('./checkpoint.ts')).addCheckpoint },
  { name: 'export', load: async () => (await import('./export.ts')).addExport },
  { name: 'reconstruct', load: async () => (await import('./reconstruct.ts')).addReconstruct },
  { name: 'replay', load: async () => (await import('./replay.ts')).addReplay },
  { name: 'merge', load: async () => (await import('./merge.ts')).addMerge },
  { name: 'hooks', load: async () => (await import('./hooks.ts')).addHooks },
  { name: 'key', load: async () => (await import('./key.ts')).addKey },
  { name: 'purge', load: async () => (await import('./purge.ts')).addPurge },
  { name: 'skill', load: async () => (await import('./skill.ts')).addSkill },
  { name: 'mcp', load: async () => (await import('./mcp.ts')).addMcp },
  { name: 'service', load: async () => (await import('./service.ts')).addService },
  { name: 'doctor', load: async () => (await import('./doctor.ts')).addDoctor },
  { name: 'notify', load: async () => (await import('./notify.ts')).addNotify },
  { name: 'tool', load: async () => (await import('./tool.ts')).addTool },
  { name: 'config', load: async () => (await import('./config.ts')).addConfig },
  { name: 'completion', load: async () => (await import('./completion.ts')).addCompletion },
];

/** The verb that stands first among the words; null: none, or one that nobody knows. */
function verbOf(args: readonly string[]): string | null {
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    if (word === '--root') index++;
    else if (!word.startsWith('-')) return VERBS.some(({ name }) => name === word) ? word : null;
    else if (word !== '--json' && !word.startsWith('--root=')) return null;
  }
  return null;
}

/** Adds the verb that these words name; all of them when the help, a completion script or a suggestion must know them. */
export async function addVerbs(program: Command, io: Io, args: readonly string[]): Promise<void> {
  const wanted = verbOf(args);
  const isAll = wanted === null || wanted === 'completion';
  for (const { load } of VERBS.filter(({ name }) => isAll || name === wanted)) (await load())(program, io);
}
