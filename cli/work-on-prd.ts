/**
 * `docket work-on --prd`: a requirements document gets a work tree of the stream `feature`, and the meta agent a prompt with its table and texts. Without a
 * folder the next document of the queue that has something to build and no work tree yet. docs/streams.md.
 */

import path from 'node:path';
import type { Command } from 'commander';
import { parseFeature, printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { featureNamed, isToBuild, type PrdFeature } from '#worktrees/prd.ts';
import { readRecords } from '#worktrees/records.ts';
import { slugOf } from '#worktrees/slug.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { openWorkspace } from './open.ts';
import { prdBody } from './stream-bodies.ts';
import { prdFolders, readPrdFolder, tellFaults, type PrdFolder } from './stream-docs.ts';
import { dropFirst, rootIn } from './stream-prompt.ts';
import { addWorkOn, tellWorked, workOn, type PrdRequest } from './work-on.ts';
import { findRepository } from './workspace.ts';
import { makePorts, repositoryAt } from './worktree-ports.ts';

/** Room for the front matter, and for what docket adds to a text. */
const HEADER_BYTES = 20_000;

export const addWorkOnAll = (program: Command, io: Io): void => {
  addWorkOn(program, io, workOnPrd);
};

async function workOnPrd(io: Io, common: Common, request: PrdRequest): Promise<void> {
  const workspace = await openWorkspace(io, common);
  const { settings } = workspace;
  const found =
    request.folder === null ? await nextPrd(io, workspace) : await readPrdFolder(workspace, inCode(io, workspace, request.folder));
  tellFaults(io, found.prd.faults, found.prd.faultsLeftOut);
  const feature = prdFeature(found.name);
  const isWhole = settings['streams.prd_role'] !== 'meta' && request.capability === null;
  const chosen = isWhole ? null : chosenOf(found, request.capability);
  const series = chosen === null ? null : seriesOf(chosen);
  const top = (await findRepository(makeFs(), workspace.root))?.top ?? workspace.root;
  const worked = await workOn(io, common, {
    name: feature,
    stream: 'feature',
    branch: `feature/${feature.replace(/^prd-/, '')}`,
    from: request.from,
    source: { kind: 'prd', folder: found.folder, feature: chosen === null ? null : (chosen.id ?? chosen.name) },
    daemon: request.daemon,
    panes: request.panes,
    fetch: request.fetch,
  });
  const dropped = await dropFirst(io, common, rootIn(worked, top, workspace.root), {
    feature,
    role: settings['streams.prd_role'],
    stream: 'feature',
    title: `${found.prd.title ?? found.name}${chosen === null ? '' : `: ${chosen.name}`}`,
    name: series,
    body: prdBody(found, chosen, series, settings['limits.prompt_bytes'] - HEADER_BYTES),
  });
  const data = { prd: found.folder, capability: chosen === null ? null : (chosen.id ?? chosen.name), prompt: dropped };
  const prompt = dropped.path === null ? 'its prompt is there already' : `prompt  ${dropped.path}`;
  tellWorked(io, common, worked, data, [
    `${printable(found.folder)}: ${String(found.prd.features.filter(isToBuild).length)} of ${String(found.prd.features.length)} features are to be built${chosen === null ? '' : `; now ${printable(chosen.name)}`}`,
    prompt,
  ]);
}

/** A folder as it was typed: relative to where the person is, else to the code. */
function inCode(io: Io, { code }: Workspace, folder: string): string {
  const typed = path.relative(code, path.resolve(io.cwd, folder));
  return typed.startsWith('..') ? folder : typed;
}

/** `prd-sales-crm`. Throws CliError when the folder's name cannot be one of a feature. */
export function prdFeature(folderName: string): string {
  const name = `prd-${slugOf(folderName, '')}`;
  const parsed = parseFeature(name);
  if (name !== 'prd-' && parsed.ok) return name;
  throw new CliError(
    `${JSON.stringify(printable(folderName))} cannot name a feature: call the folder by letters, digits and hyphens, such as sales-crm`,
    EXIT.wrongUse,
  );
}

function chosenOf({ folder, prd }: PrdFolder, wanted: string | null): PrdFeature {
  const chosen = wanted === null ? prd.features.find(isToBuild) : featureNamed(prd.features, wanted);
  if (chosen === undefined)
    throw new CliError(
      wanted !== null
        ? `${printable(folder)} has no feature ${JSON.stringify(printable(wanted))}; it has ${printable(prd.features.map((one) => one.id ?? one.name).join(', ') || 'none', 1_000)}`
        : `${printable(folder)} has nothing to build: no feature of its table is below L2 and open (expected a table with the columns Feature, Level and State)`,
      wanted === null ? EXIT.notWell : EXIT.wrongUse,
    );
  if (isToBuild(chosen)) return chosen;
  throw new CliError(
    `${printable(chosen.name)} is at ${chosen.level}${chosen.state === '' ? '' : ` (${printable(chosen.state)})`}: this stream builds up to L2; what is wrong with it goes into the issue log (docket found issue)`,
    EXIT.wrongUse,
  );
}

/** A series of prompts of its own: `leads`, `f-2fa`. */
function seriesOf({ name, id }: PrdFeature): string {
  const slug = slugOf(name, slugOf(id ?? '', 'feature'));
  return /^[a-z]/.test(slug) ? slug : `f-${slug}`;
}

async function nextPrd(io: Io, workspace: Workspace): Promise<PrdFolder> {
  const folders = await prdFolders(workspace);
  if (folders.length === 0)
    throw new CliError(
      `there is no requirements document: expected ${workspace.settings['streams.prd']}/<name>/index.md in ${workspace.code} (streams.prd)`,
      EXIT.wrongUse,
    );
  const ports = makePorts(io, workspace);
  const { common } = await repositoryAt(ports, workspace.root);
  const taken = new Set((await readRecords(ports.fs, common)).flatMap(({ record }) => (record.ok && record.value.source?.kind === 'prd' ? [record.value.source.folder] : []))); // prettier-ignore
  const why: string[] = [];
  for (const folder of folders) {
    const found = await readPrdFolder(workspace, folder);
    if (taken.has(folder)) why.push(`  ${printable(folder)}: it has a work tree (docket work-on --prd ${printable(folder)} opens it)`);
    else if (!found.prd.features.some(isToBuild)) why.push(`  ${printable(folder)}: nothing to build`);
    else return found;
  }
  throw new CliError(`no document of the queue waits to be begun:\n${why.join('\n')}`, EXIT.notWell);
}
