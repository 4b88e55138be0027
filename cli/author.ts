/** `author` of a prompt that docket writes: the git identity of the code repository. */

import type { Workspace } from '#core/settings.ts';
import { personOf } from './person.ts';

/** The form of prompt-spec/fields.ts: one line, no angle brackets in the name. */
const FITS = /^[^<>\p{C}]{1,150} <[^\s<>@\p{C}]{1,64}@[^\s<>@\p{C}]{1,100}>$/u;

/** `Ada Example <ada@example.com>`; null: git names nobody, or nobody that front matter can hold. */
export async function authorOf(workspace: Pick<Workspace, 'code'>): Promise<string | null> {
  const person = await personOf(workspace);
  const text = person === null ? '' : `${person.name} <${person.email}>`;
  return FITS.test(text) ? text : null;
}
