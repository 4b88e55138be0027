/** Where AI tools look for skills (a folder with a SKILL.md, https://agentskills.io), each as its own documentation says; docs/mcp.md names the pages. */

/** `.agents/skills` is the place that the tools share: codex, copilot, gemini and opencode read it, too. */
export const SKILL_PLACES = {
  claude: { project: ['.claude', 'skills'], user: ['.claude', 'skills'] },
  agents: { project: ['.agents', 'skills'], user: ['.agents', 'skills'] },
  codex: { project: ['.agents', 'skills'], user: ['.agents', 'skills'] },
  copilot: { project: ['.github', 'skills'], user: ['.copilot', 'skills'] },
  gemini: { project: ['.gemini', 'skills'], user: ['.gemini', 'skills'] },
  opencode: { project: ['.opencode', 'skills'], user: ['.config', 'opencode', 'skills'] },
} as const satisfies Readonly<Record<string, { readonly project: readonly string[]; readonly user: readonly string[] }>>;

export type SkillTool = keyof typeof SKILL_PLACES;
export const isSkillTool = (text: string): text is SkillTool => Object.hasOwn(SKILL_PLACES, text);

/** Together they reach every tool of the table. */
export const USUAL: readonly SkillTool[] = ['claude', 'agents'];

/** The last line of an installed file says what docket wrote: a file whose text is another one is a person's. */
const MARK =
  /\n<!-- written by docket (\S{1,40}), sha256 ([0-9a-f]{64}): docket skill install brings it up to date while it is unchanged -->\n$/;

export const marked = (text: string, version: string, sha256: (text: string) => string): string =>
  `${text}\n<!-- written by docket ${version}, sha256 ${sha256(text)}: docket skill install brings it up to date while it is unchanged -->\n`;

/** Is it as some docket wrote it? */
export function isOurs(found: string, sha256: (text: string) => string): boolean {
  const mark = MARK.exec(found);
  return mark !== null && sha256(found.slice(0, mark.index)) === mark[2];
}
