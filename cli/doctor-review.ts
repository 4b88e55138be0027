/** Review: could a person give a verdict here, and is every role that says `review: none` really listed? Reads only. */

import type { Fs } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { ruleOf } from '#core/verdict.ts';
import { whyNoReviewer } from '#history/review-signature.ts';
import { bad, warn, well, wordsOf, type Check } from './doctor-checks.ts';
import { allowedSigners, isSignatureDemanded, personOf, reviewKey } from './person.ts';

export async function lookAtReview(fs: Fs, workspace: Workspace, roles: readonly Role[]): Promise<readonly Check[]> {
  return [await givable(fs, workspace), ...unlisted(workspace, roles)];
}

async function givable(fs: Fs, workspace: Workspace): Promise<Check> {
  const person = await personOf(workspace);
  if (person === null)
    return warn(
      'review',
      `nobody can give a verdict: git has no user.name and user.email for ${workspace.code}`,
      'git config --global user.name "…"; git config --global user.email "…"',
    );
  const who = `${person.name} <${person.email}>`;
  const key = await reviewKey(workspace, fs);
  if (typeof key === 'string') return bad('review', key, 'mend it, or take review.key out of docket.yaml (docs/review.md)');
  if (key === null) {
    const how = isSignatureDemanded(workspace) ? ', signed with git’s user.signingkey, as signing.signers is set' : '';
    return well('review', `verdicts are ${who}’s, at a terminal${how}`);
  }
  try {
    const signers = await allowedSigners(workspace, fs);
    const at = new Date().toISOString();
    const why = signers === null ? null : whyNoReviewer(signers, key.publicKey, { by: person, at });
    if (why === null) return well('review', `verdicts are ${who}’s, signed with ${key.signer.fingerprint} (review.key)`);
    const line = `${person.email} namespaces="docket-verdict" ${key.publicKey.line}`;
    return bad('review', `a verdict with review.key is refused: ${why}`, `add to the list of signing.signers: ${line}`);
  } catch (error) {
    return bad('review', wordsOf(error), 'put the list there, or take signing.signers out');
  }
}

/** A role that wants no review and does not get its wish, and a name in the list that does nothing. */
function unlisted({ settings }: Workspace, roles: readonly Role[]): Check[] {
  const listed = settings['review.unreviewed_roles'];
  const wished = roles.filter((role) => role.review === 'none' && ruleOf(role, listed).review === 'required');
  const idle = listed.filter((name) => !roles.some((role) => role.name === name && ruleOf(role, listed).review === 'none'));
  const without = roles.filter((role) => ruleOf(role, listed).review === 'none').map(({ name }) => name);
  return [
    ...wished.map((role) =>
      warn(
        'review',
        role.emits === 'document'
          ? `${role.folder}/role.yaml says review: none, and review.unreviewed_roles does not list it: its answers are reviewed`
          : `${role.folder}/role.yaml says review: none, but it emits ${role.emits}: only documents may count without a review`,
        role.emits === 'document' ? 'list it in the committed docket.yaml, or say review: required' : 'say review: required',
      ),
    ),
    ...(idle.length === 0
      ? []
      : [
          warn(
            'review',
            `review.unreviewed_roles lists ${idle.join(', ')}, which changes nothing`,
            'take it out, or say review: none in its role.yaml',
          ),
        ]),
    ...(without.length === 0 ? [] : [well('review', `counts without a verdict: ${without.join(', ')}`)]),
  ];
}
