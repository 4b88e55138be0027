/**
 * The commit-graph, which makes `git log` quick in a long history: the git program writes it beside the repository (fold.ts), docket moves it in.
 * Source: gitformat-commit-graph(5), "Split commit graphs": `commit-graph-chain` names the layers `graph-<sum>.graph`, the oldest first.
 *
 *   layers of now linked into the fold -> git writes a new chain there -> new layers moved in -> chain replaced, under git's lock of it -> old layers removed
 * Invariant: the chain never names a layer that is not in its place and on disk. A crash leaves a layer that nobody names (removed by the next
 * round), or the chain's lock (removed when it is old: leftovers.ts). All of it can be made again from the commits.
 */

import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import type { Repository } from './repository.ts';

const CHAIN_BYTES_MAX = 1024 * 1024;
const LAYER = /^graph-[0-9a-f]{40}\.graph$/;

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

function fineWhen(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes(String(codeOf(error)))) throw error;
  };
}

async function layersIn(fs: Fs, folder: string): Promise<Set<string>> {
  const names = await fs.list(folder).catch((error: unknown) => {
    fineWhen('ENOENT')(error);
    return [];
  });
  return new Set(names.flatMap(({ name }) => (name !== null && LAYER.test(name) ? [name] : [])));
}

async function chainOf(fs: Fs, folder: string): Promise<string | null> {
  try {
    return Buffer.from((await fs.readBounded(`${folder}/commit-graph-chain`, CHAIN_BYTES_MAX)).bytes).toString('latin1');
  } catch (error) {
    fineWhen('ENOENT')(error);
    return null;
  }
}

/** What is there, for git to go on from; links, because a graph of a long history is large. */
async function borrow(fs: Fs, info: string, there: string): Promise<void> {
  await fs.makeFolders(`${there}/commit-graphs`, 0o700);
  await fs.link(`${info}/commit-graph`, `${there}/commit-graph`).catch(fineWhen('ENOENT'));
  for (const name of await layersIn(fs, `${info}/commit-graphs`))
    await fs.link(`${info}/commit-graphs/${name}`, `${there}/commit-graphs/${name}`).catch(fineWhen('ENOENT'));
  const chain = await chainOf(fs, `${info}/commit-graphs`);
  if (chain !== null) await fs.writeDerived(`${there}/commit-graphs/commit-graph-chain`, chain, 0o644);
}

/** Graph for all commits that a branch reaches. @param fold the git program's folder. @returns false: there is no git program, or another git is at it */
export async function writeCommitGraph(repository: Repository, fold: string, signal: AbortSignal): Promise<boolean> {
  const { fs, gitDir, git } = repository;
  const info = `${gitDir}/objects/info`;
  const there = `${fold}/info`;
  await borrow(fs, info, there);
  if (!(await git.writeCommitGraph(gitDir, fold, signal))) return false;
  const chain = await chainOf(fs, `${there}/commit-graphs`);
  if (chain === null) return false;
  const folder = `${info}/commit-graphs`;
  await fs.makeFolders(folder, 0o755);
  const lock = `${folder}/commit-graph-chain.lock`;
  try {
    await fs.writeNew(lock, chain, 'safety', 0o644);
  } catch (error) {
    fineWhen('EEXIST')(error);
    return false;
  }
  try {
    const named = new Set(chain.split('\n').flatMap((sum) => (sum === '' ? [] : [`graph-${sum}.graph`])));
    const known = await layersIn(fs, folder);
    for (const name of named)
      if (!known.has(name)) {
        await fs.syncFile(`${there}/commit-graphs/${name}`, 'safety');
        await fs.rename(`${there}/commit-graphs/${name}`, `${folder}/${name}`);
      }
    await fs.syncFolder(folder, 'safety');
    await fs.rename(lock, `${folder}/commit-graph-chain`);
    // A graph in one file goes before a chain; git made it a layer.
    if ((await fs.facts(`${there}/commit-graph`)) === null) await fs.unlink(`${info}/commit-graph`).catch(fineWhen('ENOENT'));
    for (const name of known) if (!named.has(name)) await fs.unlink(`${folder}/${name}`).catch(fineWhen('ENOENT'));
  } catch (error) {
    await fs.unlink(lock).catch(() => undefined);
    throw error;
  }
  return true;
}
