/**
 * pre-commit and commit-msg of the code repository.
 *
 *   pre-commit   refuses docket's own files and secrets in what is staged; fails closed: what could not be looked at is not committed
 *   commit-msg   adds `Docket-Record: <record> <hash>` for each answer that produced a staged file; fails open: a link can be made later, a commit not
 *
 * Both look at the staged blobs, never at the work tree. pre-commit leaves what it found in a note for the commit-msg of the same commit, so that a
 * commit starts one program, not two.
 */

import { isUtf8, type Buffer } from 'node:buffer';
import path from 'node:path';
import { printable } from '#core/names.ts';
import { codeOf } from '#platform/file-facts.ts';
import { blobSizes, commitChanges, readBlobs, stagedChanges, type Places, type Staged } from '#platform/git-hooks.ts';
import { addTrailers, messageOf } from '#platform/git-trailers.ts';
import { refusalOf } from '#policy/code-paths.ts';
import { scanText, type TextFinding } from '#policy/scan-text.ts';
import { skipWords, type HookAnswer, type HookCall } from './hook-call.ts';
import { linkIndex } from './hook-links.ts';
import { hookSettings, keepIfPossible, textOf, type HookSettings } from './hook-settings.ts';

export const TRAILER = 'Docket-Record';
/** So many answers are named in one commit, so many files in one message to a person. */
const LINKS_MAX = 16;
const NAMED_MAX = 10;
const BINARY_HEAD_BYTES = 8_000;

export const noteFile = (places: Pick<Places, 'gitDir'>): string => path.join(places.gitDir, 'docket-note');

type Looked = {
  readonly staged: readonly Staged[];
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Files whose bytes were not read: no blob is left out silently. */
  readonly beyond: readonly Staged[];
  readonly cut: readonly Staged[];
};

/** Symbolic links and files have bytes, submodules have none. */
const isFile = ({ mode }: Staged): boolean => mode !== '160000';

function look(call: HookCall, settings: HookSettings, staged: readonly Staged[]): Looked {
  const files = staged.filter(isFile);
  const blobs = blobsOf(call, settings, [...new Set(files.map(({ oid }) => oid))]);
  return {
    staged,
    blobs,
    beyond: files.filter(({ oid }) => !blobs.has(oid)),
    cut: files.filter(({ oid }) => (blobs.get(oid)?.length ?? 0) > settings.scanBytes),
  };
}

/** All of them in one question to git when they fit, else as many as there is room for, by their sizes. */
function blobsOf(call: HookCall, settings: HookSettings, oids: readonly string[]): ReadonlyMap<string, Buffer> {
  try {
    return readBlobs(call.env, call.cwd, oids, settings.scanTotalBytes);
  } catch (error) {
    if (codeOf(error) !== 'EFBIG') throw error;
  }
  const sizes = blobSizes(call.env, call.cwd, oids);
  let room = settings.scanTotalBytes;
  const wanted = oids.filter((oid) => {
    const size = sizes.get(oid) ?? Number.POSITIVE_INFINITY;
    if (size > room) return false;
    room -= size;
    return true;
  });
  return readBlobs(call.env, call.cwd, wanted, settings.scanTotalBytes - room);
}

const isBinary = (bytes: Buffer): boolean => bytes.subarray(0, BINARY_HEAD_BYTES).includes(0);

const named = (files: readonly { readonly path: string }[]): string =>
  files
    .slice(0, NAMED_MAX)
    .map((file) => printable(file.path))
    .join(', ') + (files.length > NAMED_MAX ? ` and ${String(files.length - NAMED_MAX)} more` : '');

type Spot = { readonly path: string; readonly finding: TextFinding; readonly secret: string };

function secretsIn(settings: HookSettings, { staged, blobs }: Looked): readonly Spot[] {
  const found: Spot[] = [];
  const add = (file: string, text: string): void => {
    for (const finding of scanText(text)) found.push({ path: file, finding, secret: text.slice(finding.from, finding.to) });
  };
  const seen = new Set<string>();
  for (const { oid, path: file } of staged) {
    add(`${file} (its name)`, file);
    const bytes = blobs.get(oid);
    if (bytes === undefined || bytes.length === 0 || seen.has(oid) || isBinary(bytes)) continue;
    seen.add(oid);
    const head = bytes.subarray(0, settings.scanBytes);
    add(file, isUtf8(head) ? head.toString('utf8') : head.toString('latin1'));
  }
  return found;
}

type Told = { readonly line: string; readonly print: string | null };

/** Without what a person let pass by its fingerprint (policy.allow_secrets), as in a prompt. The secret goes no further than here. */
async function notAllowed(settings: HookSettings, spots: readonly Spot[]): Promise<readonly Told[]> {
  const prints = spots.length === 0 || settings.root === null ? null : await printsOf(settings.root);
  return spots.flatMap(({ path: file, finding, secret }) => {
    const print = prints?.print(secret) ?? null;
    if (print !== null && prints?.allowed.has(print) === true) return [];
    const place = `${file}:${String(finding.line)}:${String(finding.column)}`;
    return [{ line: `  ${printable(place, 300)} ${finding.rule}${print === null ? '' : ` (${print})`}`, print }];
  });
}

/** Null: this workspace has no key yet, or its settings cannot be read. */
async function printsOf(
  root: string,
): Promise<{ readonly print: (secret: string) => string; readonly allowed: ReadonlySet<string> } | null> {
  const [{ fingerprintsOf }, { loadWorkspace }, { makeFs }] = await Promise.all([
    import('./secret-scan-of.ts'),
    import('./workspace.ts'),
    import('#platform/files.ts'),
  ]);
  const fs = makeFs();
  const loaded = await loadWorkspace({ cwd: root, rootFlag: root, env: {}, flags: {}, fs });
  const print = loaded.ok ? await fingerprintsOf(fs, loaded.value, false) : null;
  return loaded.ok && print !== null ? { print, allowed: new Set(loaded.value.allowedSecrets.map((one) => one.fingerprint)) } : null;
}

/** Trailers for what these files are, in the order of the records' names. */
async function trailersOf(call: HookCall, settings: HookSettings, looked: Looked): Promise<readonly string[]> {
  if (settings.history === null || looked.blobs.size === 0) return [];
  const index = await linkIndex(call.places, settings);
  if (index.isEmpty) return [];
  const { makeDigest } = await import('#platform/digest.ts');
  const digest = makeDigest();
  const found = new Set<string>();
  for (const bytes of looked.blobs.values()) {
    const link = index.find(digest.sha256(bytes));
    if (link !== null) found.add(`${TRAILER}: ${link.record} ${link.hash}`);
  }
  return [...found].toSorted().slice(0, LINKS_MAX);
}

export async function preCommit(call: HookCall): Promise<HookAnswer> {
  const settings = await hookSettings(call.places);
  const staged = stagedChanges(call.env, call.cwd);
  if (settings.fault !== null) call.err(`docket: ${settings.fault}`);
  const refused = staged.flatMap((file) => {
    const why = refusalOf(file.path, file.mode, settings.queues);
    return why === null ? [] : [`  ${printable(file.path)} (${why})`];
  });
  if (refused.length > 0) {
    const more = refused.length > NAMED_MAX ? `\n  and ${String(refused.length - NAMED_MAX)} more` : '';
    call.err(
      `docket: these files never belong into the code repository:\n${refused.slice(0, NAMED_MAX).join('\n')}${more}\n` +
        `take them out: git restore --staged -- <file> (docket keeps them itself); ${skipWords('pre-commit')}`,
    );
    return 'stop';
  }
  const looked = look(call, settings, staged);
  const spots = await notAllowed(settings, secretsIn(settings, looked));
  if (spots.length > 0) {
    const more = spots.length > NAMED_MAX ? `\n  and ${String(spots.length - NAMED_MAX)} more` : '';
    const lines = spots.slice(0, NAMED_MAX).map(({ line }) => line);
    const allow = spots.some(({ print }) => print !== null) ? 'or let a false alarm pass by its fingerprint (policy.allow_secrets); ' : '';
    call.err(
      `docket: this looks like secrets, and git forgets nothing:\n${lines.join('\n')}${more}\n` +
        `take them out and stage the files again; ${allow}${skipWords('pre-commit')}`,
    );
    return 'stop';
  }
  tellLimits(call, settings, looked);
  const trailers = await trailersOf(call, settings, looked).catch((error: unknown) => {
    call.err(`docket: no link to the history was looked for: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  });
  // Without the note commit-msg looks for itself.
  keepIfPossible(noteFile(call.places), `${call.parent}\nlooked\n${trailers.map((line) => `${line}\n`).join('')}`);
  return 'go on';
}

function tellLimits(call: HookCall, settings: HookSettings, { staged, blobs, beyond, cut }: Looked): void {
  const binary = staged.filter(({ oid }) => {
    const bytes = blobs.get(oid);
    return bytes !== undefined && isBinary(bytes);
  });
  if (binary.length > 0) call.err(`docket: not looked through for secrets, because binary: ${named(binary)}`);
  const text = cut.filter((file) => !binary.includes(file));
  if (text.length > 0)
    call.err(`docket: of these only the first ${String(settings.scanBytes)} bytes were looked through for secrets: ${named(text)}`);
  if (beyond.length > 0)
    call.err(
      `docket: not looked through for secrets, because there is more than ${String(settings.scanTotalBytes)} bytes: ${named(beyond)} (hooks.scan_total_bytes)`,
    );
}

/** What pre-commit of the same commit left; null: it did not run, or not for this commit. */
function noteOf(call: HookCall): readonly string[] | null {
  const [parent, how, ...lines] = (textOf(noteFile(call.places)) ?? '').split('\n');
  if (parent !== call.parent || how !== 'looked') return null;
  return lines.filter((line) => line.startsWith(`${TRAILER}: `));
}

/** The text a commit will have: without comments and what `commit -v` shows below its scissors. Good enough to tell an empty message. */
const isEmptyMessage = (text: string): boolean =>
  text
    .replace(/^. -{8,} >8 -{8,}$[\s\S]*/m, '')
    .split('\n')
    .every((line) => line.trim() === '' || /^[#;@!$%^&|:]/.test(line) || line.startsWith('Signed-off-by: '));

export async function commitMsg(call: HookCall): Promise<HookAnswer> {
  const file = call.args[0];
  if (file === undefined) return 'go on';
  let trailers = noteOf(call);
  if (trailers === null) {
    const settings = await hookSettings(call.places);
    trailers = await trailersOf(call, settings, look(call, settings, stagedChanges(call.env, call.cwd)));
  }
  if (trailers.length === 0) return 'go on';
  const message = textOf(path.resolve(call.cwd, file));
  // An empty message ends the commit: a trailer must not make it one.
  if (message === null || isEmptyMessage(message)) return 'go on';
  addTrailers(call.env, call.cwd, file, trailers);
  return 'go on';
}

/** After a commit that pre-commit did not see (`--no-verify`): are there links that its message lacks? */
export async function postCommit(call: HookCall): Promise<HookAnswer> {
  const settings = await hookSettings(call.places);
  const staged = commitChanges(call.env, call.cwd, 'HEAD');
  const refused = staged.filter((file) => refusalOf(file.path, file.mode, settings.queues) !== null);
  if (refused.length > 0) call.err(`docket: this commit holds files that do not belong into the code repository: ${named(refused)}`);
  const trailers = await trailersOf(call, settings, look(call, settings, staged));
  const message = messageOf(call.env, call.cwd, 'HEAD');
  const missing = trailers.filter((line) => !message.includes(line));
  if (missing.length > 0)
    call.err(
      `docket: this commit holds what recorded answers produced, and does not say so; git commit --amend adds:\n${missing.map((line) => `  ${line}`).join('\n')}`,
    );
  return 'go on';
}
