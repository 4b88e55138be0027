/** A person's verdict, given as `docket approve` does: straight into the history, and the daemon is poked. */

import { connectControl, log, openWorkspace } from '#cli/open.ts';
import { historyOf } from '#cli/parts.ts';
import { parseFeature, parsePromptName, parseRoleName, type FeatureName } from '#core/names.ts';
import type { History } from '#core/history.ts';
import type { Identity } from '#core/prompt.ts';
import type { Closing, Verdict, VerdictWord } from '#core/verdict.ts';
import { rememberingIo } from './workspace.ts';

export type Said = { readonly verdict?: VerdictWord; readonly by?: string; readonly files?: Verdict['code']['files'] };

/** `FEAT-1/architect@2`, `FEAT-1/ui/panel@1`; revision 1 when none is named. */
export function identityNamed(text: string): Identity {
  const [place = '', revision = '1'] = text.split('@');
  const [featureText = '', roleText = '', nameText] = place.split('/');
  const feature = parseFeature(featureText);
  const role = parseRoleName(roleText);
  const name = nameText === undefined ? null : parsePromptName(nameText);
  if (!feature.ok || !role.ok || name?.ok === false) throw new Error(`not an identity: ${text}`);
  return { feature: feature.value.id, role: role.value, name: name?.value ?? null, revision: Number(revision) };
}

let given = 0;

/** @param what `FEAT-1/architect@2` @returns the commit */
export async function judge(
  history: Pick<History, 'find' | 'judge'>,
  what: string,
  { verdict = 'approved', by = 'ada@example.com', files = [] }: Said = {},
): Promise<string> {
  const identity = identityNamed(what);
  const filed = await history.find(identity);
  if (filed === null || filed.resultSha256 === null || filed.evidenceSha256 === null) throw new Error(`${what} has no answer`);
  const { commit } = await history.judge({
    v: 1,
    kind: 'verdict',
    job: filed.job,
    feature: identity.feature as string as FeatureName,
    role: identity.role,
    name: identity.name,
    revision: identity.revision,
    verdict,
    result_sha256: filed.resultSha256,
    evidence_sha256: filed.evidenceSha256,
    code: { head: null, files },
    by: { name: 'Ada Example', email: by },
    // No two of them are the same bytes.
    at: new Date(Date.UTC(2026, 10, 20) + given++).toISOString(),
    comment: null,
    how: 'terminal',
    signature: null,
  });
  return commit;
}

/** Opens or closes a feature. */
export async function sayClosed(history: Pick<History, 'closeFeature'>, feature: string, kind: Closing['kind']): Promise<void> {
  const { feature: id } = identityNamed(`${feature}/meta`);
  await history.closeFeature({
    v: 1,
    kind,
    feature: id,
    merged: null,
    by: { name: 'Ada Example', email: 'ada@example.com' },
    at: new Date(Date.UTC(2026, 10, 20) + given++).toISOString(),
    comment: null,
    verdicts: [],
    signature: null,
  });
}

/** In the history of a workspace at this folder, whose daemon may run. */
export async function inHistory<T>(root: string, act: (history: History) => Promise<T>): Promise<T> {
  const workspace = await openWorkspace(rememberingIo(root).io, {});
  const history = historyOf(workspace, log);
  await history.open();
  try {
    return await act(history);
  } finally {
    await history.close();
    const control = await connectControl(workspace);
    await control?.ask('poke');
    control?.close();
  }
}
