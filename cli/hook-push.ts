/**
 * pre-push of the code repository: are the AI-made changes that go out approved by a person, and was anything skipped on the way here?
 *
 * A change is AI-made when its commit says `Docket-Record`. Approved is what has a verdict in the history (history/code-links.ts); where nobody has given
 * one yet, that is said, and `hooks.require_approval` decides: off, warn (the default) or refuse. Fails open under off and warn, closed under refuse.
 */

import { printable } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { commitsToPush, type CommitText } from '#platform/git-hooks.ts';
import { skipWords, type HookAnswer, type HookCall } from './hook-call.ts';
import { hookSettings, type HookSettings } from './hook-settings.ts';
import { markTold, skipLine, untoldSkips } from './hook-skips.ts';

const NO_OID = /^0+$/;
const REFS_MAX = 1_000;
const NAMED_MAX = 20;

type Ref = { readonly local: string; readonly remote: string };

/** githooks(5), pre-push: `<local ref> <local oid> <remote ref> <remote oid>`; what is being deleted is left out. */
export function pushedRefs(input: string, env: HookCall['env']): Ref[] {
  const refs = input
    .split('\n')
    .slice(0, REFS_MAX)
    .flatMap((line) => {
      const parts = /^\S+ ([0-9a-f]{40,64}) \S+ ([0-9a-f]{40,64})$/.exec(line);
      return parts === null || NO_OID.test(parts[1] ?? '') ? [] : [{ local: parts[1] ?? '', remote: parts[2] ?? '' }];
    });
  // The framework pre-commit keeps standard input to itself, and tells the two ends in variables.
  const [from, to] = [env['PRE_COMMIT_FROM_REF'], env['PRE_COMMIT_TO_REF']];
  if (refs.length > 0 || to === undefined || !/^[0-9a-f]{40,64}$/.test(to)) return refs;
  return [{ local: to, remote: from !== undefined && /^[0-9a-f]{40,64}$/.test(from) ? from : '0'.repeat(to.length) }];
}

/** Records that a commit says it is made of. */
export const recordsOf = (message: string): readonly string[] =>
  Array.from(message.matchAll(/^Docket-Record: (\S{1,300}) [0-9a-f]{64}\s*$/gm), (found) => found[1] ?? '');

export async function prePush(call: HookCall): Promise<HookAnswer> {
  const settings = await hookSettings(call.places);
  tellSkips(call);
  if (settings.fault !== null) call.err(`docket: ${settings.fault}`);
  if (settings.approval === 'off') return 'go on';
  const commits = await commitsOf(call, settings);
  const made = commits.flatMap(({ commit, message }) => recordsOf(message).map((record) => ({ commit, record })));
  if (made.length === 0) return 'go on';
  const records = [...new Set(made.map(({ record }) => record))];
  const { readApprovals } = await import('#history/code-links.ts');
  const approvals = settings.history === null ? new Map<string, never>() : await readApprovals(makeFs(), settings.history, records);
  const lacking = made.filter(({ record }) => approvals.get(record) !== 'approved');
  if (lacking.length === 0) return 'go on';
  const words = { none: 'no verdict yet', refused: 'not approved', unknown: 'not in the history of this machine', approved: '' } as const;
  const lines = lacking
    .slice(0, NAMED_MAX)
    .map(({ commit, record }) => `  ${commit.slice(0, 10)} ${printable(record)}: ${words[approvals.get(record) ?? 'unknown']}`);
  const more = lacking.length > NAMED_MAX ? `\n  and ${String(lacking.length - NAMED_MAX)} more` : '';
  const isRefused = settings.approval === 'refuse';
  call.err(
    `docket: AI-made changes ${isRefused ? 'are not pushed' : 'go out'} that no person has approved:\n${lines.join('\n')}${more}\n` +
      (isRefused ? skipWords('pre-push') : '(hooks.require_approval: warn)'),
  );
  return isRefused ? 'stop' : 'go on';
}

async function commitsOf(call: HookCall, settings: HookSettings): Promise<readonly CommitText[]> {
  const refs = pushedRefs(await call.readInput(), call.env);
  const have = refs.map(({ remote }) => remote).filter((oid) => !NO_OID.test(oid));
  const found = new Map<string, CommitText>();
  for (const local of new Set(refs.map((ref) => ref.local))) {
    const { commits, isAll } = commitsToPush(call.env, call.cwd, local, have, call.args[0] ?? '', settings.pushCommits);
    for (const one of commits) found.set(one.commit, one);
    if (!isAll)
      call.err(`docket: only the newest ${String(settings.pushCommits)} commits of this push were looked at (hooks.push_commits)`);
  }
  return [...found.values()];
}

/** Told once, whatever becomes of the push. */
function tellSkips(call: HookCall): void {
  const skips = untoldSkips(call.places);
  if (skips.lines.length === 0) return;
  const shown = skips.lines.slice(-NAMED_MAX).map((line) => `  ${skipLine(line)}`);
  call.err(
    `docket: hooks were passed over ${String(skips.lines.length)} times since the last push (docket hooks status):\n${shown.join('\n')}`,
  );
  markTold(call.places, skips.endAt);
}
