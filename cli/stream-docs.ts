/** The inputs of the two streams, read from a work tree and written back: the issue log, requirements documents. What they say is worktrees/'s. */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { readIssueLog, type IssueLog } from '#worktrees/issue-log.ts';
import type { LogFault } from '#worktrees/markdown.ts';
import { prdQueue, readPrd, type Prd } from '#worktrees/prd.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { isInside } from './workspace.ts';

type Place = Pick<Workspace, 'code' | 'settings'>;
/** `file` is relative to the code, parts divided by `/`. */
export type Doc = { readonly file: string; readonly path: string; readonly text: string; readonly mode: number };

/** Null: it is not there. Throws CliError with words when it cannot be read as text. @param file relative to the code */
export async function readDoc({ code, settings }: Place, file: string): Promise<Doc | null> {
  const fs = makeFs();
  const clean = path.posix.normalize(file);
  const at = path.join(code, clean);
  if (path.isAbsolute(file) || !isInside(code, at) || at === code)
    throw new CliError(
      `${printable(file)} leads out of the code repository: name a path inside of it, such as docs/issues.md`,
      EXIT.wrongUse,
    );
  if ((await fs.facts(at).catch(() => null)) === null) return null;
  if (!isInside(code, await fs.realPath(path.dirname(at))))
    throw new CliError(
      `${printable(file)} lies behind a link that leads out of the code repository: put the file itself there`,
      EXIT.wrongUse,
    );
  try {
    const { bytes, facts } = await fs.readBounded(at, settings['streams.doc_bytes']);
    return {
      file: clean,
      path: at,
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
      mode: facts.mode & 0o777,
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(
      `${printable(file)} cannot be read: ${why} (a file of UTF-8 text of at most streams.doc_bytes is expected)`,
      EXIT.notWell,
    );
  }
}

/** The issue log: the first of `streams.issues` that is there; null: none is. */
export async function readLog(workspace: Place): Promise<{ readonly doc: Doc; readonly log: IssueLog } | null> {
  for (const file of workspace.settings['streams.issues']) {
    const doc = await readDoc(workspace, file);
    if (doc !== null) return { doc, log: readIssueLog(doc.file, doc.text, workspace.settings['streams.issues_max']) };
  }
  return null;
}

export type PrdFolder = { readonly name: string; readonly folder: string; readonly docs: readonly Doc[]; readonly prd: Prd };
const INDEX = ['index.md', 'spec/index.md'] as const;

/** A requirements document by its folder. Throws CliError when it has no index. @param folder relative to the code, or absolute inside of it */
export async function readPrdFolder(workspace: Place, folder: string): Promise<PrdFolder> {
  const relative = (path.isAbsolute(folder) ? path.relative(workspace.code, folder) : path.normalize(folder)).split(path.sep).join('/');
  const clean = relative.replace(/\/index\.md$/, '').replace(/\/+$/, '');
  const docs: Doc[] = [];
  for (const file of INDEX) {
    const doc = await readDoc(workspace, `${clean}/${file}`);
    if (doc !== null) docs.push(doc);
  }
  if (docs.length === 0)
    throw new CliError(
      `${printable(folder)} is no requirements document: expected ${INDEX.map((file) => `${clean}/${file}`).join(' or ')} (streams.prd is ${workspace.settings['streams.prd']})`,
      EXIT.wrongUse,
    );
  return { name: path.posix.basename(clean), folder: clean, docs, prd: readPrd(docs, workspace.settings['streams.features_max']) };
}

/** The folders of documents, in the order of their queue. Empty: there are none. */
export async function prdFolders(workspace: Place): Promise<readonly string[]> {
  const fs = makeFs();
  const top = workspace.settings['streams.prd'].replace(/\/+$/, '');
  const at = path.join(workspace.code, top);
  if ((await fs.facts(at).catch(() => null))?.kind !== 'folder') return [];
  const names: string[] = [];
  for (const { name } of await fs.list(at)) {
    if (name === null || name.startsWith('.')) continue;
    const files = await Promise.all(INDEX.map(async (file) => fs.facts(path.join(at, name, file)).catch(() => null)));
    if (files.some((facts) => facts !== null)) names.push(name);
  }
  const index = await readDoc(workspace, `${top}/index.md`);
  return prdQueue(index?.text ?? null, names).map((name) => `${top}/${name}`);
}

const FAULTS_SHOWN = 10;
/** On standard error: what was not understood. */
export function tellFaults(io: Pick<Io, 'err'>, faults: readonly LogFault[], leftOut: number): void {
  for (const { file, line, column, message, expected, found, mend } of faults.slice(0, FAULTS_SHOWN))
    io.err(
      `note: ${printable(file)}:${String(line)}:${String(column)}: ${printable(message)} (expected ${expected}, got ${JSON.stringify(found)}; ${mend})`,
    );
  const more = faults.length - FAULTS_SHOWN + leftOut;
  if (more > 0) io.err(`note: and ${String(more)} more of this kind`);
}

/** In one step; refused when somebody changed the file meanwhile. Nothing else of the repository is touched, and nothing is committed. */
export async function writeDoc(doc: Doc, text: string): Promise<void> {
  const fs = makeFs();
  const { bytes } = await fs
    .readBounded(doc.path, new TextEncoder().encode(doc.text).length + 1)
    .catch(() => ({ bytes: new Uint8Array() }));
  if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) !== doc.text)
    throw new CliError(`${printable(doc.file)} was changed meanwhile: nothing was written, try again`, EXIT.notWell);
  await fs.replace(doc.path, text, 'safety', doc.mode);
}

/** A file that was not there. */
export async function beginDoc({ code }: Place, file: string, text: string): Promise<void> {
  const fs = makeFs();
  const at = path.join(code, file);
  await fs.makeFolders(path.dirname(at));
  await fs.writeNew(at, text, 'safety', 0o644);
}
