/** What a tool or a lifecycle program said, fit to be shown. */

import { redactText } from '#platform/redact.ts';
import { maskSecrets } from '#policy/mask.ts';
import { safeText, secretValues } from '#tools/outcome.ts';

/** No known form of a secret, no value of a variable that may hold one, nothing that a terminal obeys, not longer than this. */
export function makeClean(env: Readonly<Record<string, string | undefined>>): (text: string, maxLength: number) => string {
  const values = secretValues(env, Object.keys(env));
  return (text, maxLength) => safeText(maskSecrets(redactText(text)), values, maxLength);
}
