/** What tests of prompts share: the roles, a context, a valid text. */

import { parseRoleName, type RoleName } from '#core/names.ts';
import type { PromptContext } from '#prompt-spec/parse.ts';

export function roleName(text: string): RoleName {
  const parsed = parseRoleName(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

export const ROLES: readonly RoleName[] = ['meta', 'architect', 'openapi', 'ui', 'integration', 'test-review'].map(roleName);

export const contextOf = (folderRole = 'architect', promptBytes = 600_000): PromptContext => ({
  roles: ROLES,
  folderRole: roleName(folderRole),
  limits: { promptBytes, frontMatterBytes: 16_384 },
  nowMs: Date.parse('2026-11-20T12:00:00Z'),
});

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export const HEADER = [
  'feature: FEAT-123',
  'agent: architect',
  'prompt_spec_version: 2.1.0',
  'revision: 2',
  'created_at: 2025-12-09T22:37:00+01:00',
  '',
].join('\n');

/** A valid prompt with more lines in its header. */
export const promptWith = (more: string, body = '\n# Task\n\nDescribe the module layout.\n'): string => `---\n${HEADER}${more}---\n${body}`;
