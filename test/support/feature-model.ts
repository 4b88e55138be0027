/**
 * What a model says to the briefs of a whole feature: the meta agent cuts it into one prompt for each role, openapi writes a document that no validator takes
 * and mends it when it is told, everybody else answers with what the brief's checklist asks for. Every brief is kept, in order.
 */

export type Asked = { readonly feature: string; readonly role: string; readonly revision: number; readonly brief: string };

const ROLES = [
  ['01-architect', 'architect', []],
  ['02-openapi', 'openapi', ['architect']],
  ['03-ui', 'ui', ['openapi']],
  ['04-integration', 'integration', ['openapi', 'ui']],
  ['05-test-review', 'test-review', ['integration']],
] as const;

const BROKEN = 'openapi: 3.1.0\ninfo: { title: Users }\npaths: {}\n';
const VALID = 'openapi: 3.1.0\ninfo: { title: Users, version: 1.0.0 }\npaths: {}\n';

/** One prompt for each role, each of which waits for those before it. */
const childrenOf = (feature: string, version: string): string =>
  ROLES.map(
    ([folder, role, needs]) =>
      `\`\`\`\`prompt ${folder}/${feature}-${role}.md\n---\nfeature: ${feature}\nagent: ${role}\nprompt_spec_version: ${version}\nrevision: 1\n` +
      `created_at: 2026-03-02T09:00:00+01:00\n${needs.length === 0 ? '' : `depends_on: [${needs.join(', ')}]\n`}---\n## Goal\n\nYour part of ${feature}.\n\`\`\`\`\n`,
  ).join('\n');

/** A section for each heading that the checklist asks for, and a block for each kind of fence, yaml last; `own` are those that are more than a form. */
function sections(brief: string, own: Readonly<Record<string, string>>): string {
  const headings = [...brief.matchAll(/- \[ \] a heading "([^"]+)"/g)].map(([, heading = '']) => heading);
  const fences: Record<string, string> = { ...own };
  for (const [, word = ''] of brief.matchAll(/opens with ```([a-z-]+)/g)) fences[word] ??= `\`\`\`${word}\n\n\`\`\`\n`;
  const { yaml = '', prompts: _older, ...others } = fences;
  const parts = headings.map((heading) => `${heading.startsWith('#') ? heading : `## ${heading}`}\n\nNone.\n`);
  return [...parts, ...Object.values(others), yaml].join('\n');
}

export type FeatureModel = {
  readonly asked: readonly Asked[];
  readonly answer: (prompt: string) => string | null;
  /** Resolves when somebody has asked for this role of this feature. */
  readonly whenAsked: (feature: string, role: string) => Promise<void>;
};

export function makeFeatureModel(): FeatureModel {
  const asked: Asked[] = [];
  const first = new Map<string, PromiseWithResolvers<void>>();
  const meeting = (feature: string, role: string): PromiseWithResolvers<void> => {
    const key = `${feature}/${role}`;
    const known = first.get(key) ?? Promise.withResolvers<void>();
    first.set(key, known);
    return known;
  };
  return {
    asked,
    whenAsked: async (feature, role) => meeting(feature, role).promise,
    answer: (prompt) => {
      const named = /# Brief for the [^\n]*: revision (\d+) of ([A-Za-z0-9-]+)\/([a-z-]+)/.exec(prompt);
      if (named === null) return null;
      const [, revision = '', feature = '', role = ''] = named;
      asked.push({ feature, role, revision: Number(revision), brief: prompt });
      meeting(feature, role).resolve();
      const wasTold = prompt.includes('## What was wrong with your last answer');
      const version = /"asked": "([^"]+)"/.exec(prompt)?.[1] ?? '2.1.0';
      const title = `# ${role} of ${feature}, revision ${revision}\n\nUnique words: ${feature}-${role}-said.\n\n`;
      const own: Record<string, string> = { yaml: '```yaml\nblocked: false\n```\n' };
      if (role === 'meta') own['prompt'] = childrenOf(feature, version);
      if (role === 'openapi') own['openapi'] = `\`\`\`openapi\n${wasTold ? VALID : BROKEN}\`\`\`\n`;
      return `${title}${sections(prompt, own)}`;
    },
  };
}
