/** `depends_on`: which answers a prompt waits for, and what they said. A brief or a failure never satisfies one. Until verdicts exist, recorded counts as accepted. */

import type { Filed } from '#core/history.ts';
import { sameFeature } from '#core/names.ts';
import type { Dependency, Prompt } from '#core/prompt.ts';
import type { Ports } from './ports.ts';

/** The text of an answer that a prompt depends on, and where it stands in history. */
export type ContextText = { readonly name: string; readonly text: string };

type Found = { readonly filed: Filed; readonly folder: string; readonly revision: number };

/** The answer a dependency names: that revision, or the newest answered one. */
async function find(ports: Pick<Ports, 'history'>, wanted: Dependency): Promise<Found | null> {
  let best: Found | null = null;
  for await (const record of ports.history.records({ feature: wanted.feature, role: wanted.role })) {
    if (!sameFeature(record.identity.feature, wanted.feature) || record.identity.role !== wanted.role) continue;
    if (record.identity.name !== wanted.name || record.filed.status !== 'answered') continue;
    if (wanted.revision !== null && record.identity.revision !== wanted.revision) continue;
    if (best === null || record.identity.revision > best.revision)
      best = { filed: record.filed, folder: record.folder, revision: record.identity.revision };
  }
  return best;
}

export const describeDependency = (wanted: Dependency): string =>
  `${wanted.feature}/${wanted.role}${wanted.name === null ? '' : `/${wanted.name}`}${wanted.revision === null ? '' : `@${String(wanted.revision)}`}`;

/** Those that are not answered yet. */
export async function missingDependencies(ports: Pick<Ports, 'history'>, dependsOn: readonly Dependency[]): Promise<readonly Dependency[]> {
  const found = await Promise.all(dependsOn.map(async (wanted) => ((await find(ports, wanted)) === null ? wanted : null)));
  return found.filter((wanted) => wanted !== null);
}

/** The text of each answer it depends on: context of the brief, and a material. */
export async function contextOf(ports: Pick<Ports, 'history'>, prompt: Prompt): Promise<ContextText[]> {
  const texts: ContextText[] = [];
  for (const wanted of prompt.dependsOn) {
    const found = await find(ports, wanted);
    if (found === null) continue;
    const path = `${found.folder}/result_v${String(found.revision)}.md`;
    const bytes = await ports.history.read(path);
    if (bytes !== null) texts.push({ name: path, text: new TextDecoder().decode(bytes) });
  }
  return texts;
}

/** The context part of a brief. */
export const briefContext = (context: readonly ContextText[]): string =>
  context.map(({ name, text }) => `${name}:\n\n${text}`).join('\n\n');
