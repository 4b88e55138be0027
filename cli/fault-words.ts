/** What keeps a role from its folders, in words. */

import { printable } from '#core/names.ts';

export type RoleFault = { readonly role: string; readonly words: string };
export const faultWords = ({ role, words }: RoleFault): string => `role ${role} waits: ${printable(words, 1_000)}`;
