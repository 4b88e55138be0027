/** The prompts of the bench: about 2 KB each, features of six roles, as a team's would be. */

export const FOLDERS = ['00-meta', '01-architect', '02-openapi', '03-ui', '04-integration', '05-test-review'] as const;
const BODY_LINES = 24;

export type Prompt = {
  readonly stem: string;
  readonly folder: string;
  readonly role: string;
  readonly feature: string;
  readonly text: string;
};

/**
 * Prompt `n` of a series; numbers of one run differ, so every identity is new.
 * @param more further lines of the front matter
 */
export function promptOf(n: number, more = ''): Prompt {
  const folder = FOLDERS[n % FOLDERS.length] ?? '01-architect';
  const role = folder.slice(3);
  const feature = `FEAT-${String(1_000 + Math.floor(n / FOLDERS.length))}`;
  const lines = Array.from(
    { length: BODY_LINES },
    (_, line) =>
      `- Rule ${String(line + 1)} of ${feature}: the filter keeps its choice for user ${String((n * 7919 + line * 104_729) % 99_991)} over a reload.`,
  );
  const front = `feature: ${feature}\nagent: ${role}\nprompt_spec_version: 2.1.0\nrevision: 1\ncreated_at: 2026-11-20T10:00:00+01:00\n${more}`;
  return {
    stem: `${feature}-${role}`,
    folder,
    role,
    feature,
    text: `---\n${front}---\n\n# Task\n\nUser filters, part ${String(n)}.\n\n${lines.join('\n')}\n`,
  };
}
