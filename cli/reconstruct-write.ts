/**
 * Writes a record into a folder of its own: the files, the code it was made against, a list of hashes, a manifest, and words how to check it by hand.
 * The same record of the same history gives the same bytes: nothing of the day or the machine is in it.
 *
 * Invariant: no file that was there is touched; the folder is new, or empty.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { printable } from '#core/names.ts';
import { describeIdentity } from '#core/prompt.ts';
import type { HistoryReader } from '#history/export-reader.ts';
import { isOid } from '#history/objects.ts';
import { openObjects } from '#history/read-objects.ts';
import { codeFiles } from '#history/reconstruct-code.ts';
import { readEvidenceOf, type EvidenceCode } from '#history/reconstruct-evidence.ts';
import type { FoundRecord } from '#history/reconstruct-find.ts';
import { recordFiles } from '#history/reconstruct.ts';
import { linkTo } from '#platform/soft-link.ts';
import { codeObjectsFolder } from './code.ts';
import { CliError, EXIT } from './io.ts';

export type ManifestFile = {
  readonly path: string;
  readonly what: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly from: string;
  readonly object: string;
  readonly stated_by: string;
  readonly ok: boolean;
};
export type ManifestGap = {
  readonly what: string;
  readonly sha256: string | null;
  readonly why: 'purged' | 'missing' | 'differs' | 'dirty' | 'not-recorded';
  readonly words: string;
};
export type Manifest = {
  readonly v: 1;
  readonly record: {
    readonly feature: string;
    readonly role: string;
    readonly name: string | null;
    readonly revision: number;
    readonly job: string;
    readonly status: string;
    readonly other_jobs: readonly string[];
  };
  readonly history_tip: string;
  readonly commits: readonly { readonly commit: string; readonly at: string; readonly status: string }[];
  readonly files: readonly ManifestFile[];
  readonly code: {
    readonly repository: string | null;
    readonly base_commit: string | null;
    readonly head_commit: string | null;
    readonly dirty: boolean | null;
    readonly written: { readonly files: number; readonly links: number } | null;
  };
  readonly verdicts: number;
  readonly missing: readonly ManifestGap[];
  /** Nothing differs, and nothing is missing that nobody purged. */
  readonly ok: boolean;
};

const NO_CODE: EvidenceCode = { repository: null, baseCommit: null, headCommit: null, dirty: null };
const MANIFEST = 'manifest.json';

/** New, or empty: else CliError 2. */
export async function freshFolder(fs: Fs, dir: string): Promise<void> {
  const facts = await fs.facts(dir);
  if (facts !== null && (facts.kind !== 'folder' || (await fs.list(dir)).length > 0))
    throw new CliError(
      `${printable(dir, 1_000)} is there already: nothing is written over; name a new folder, or an empty one, with --to`,
      EXIT.wrongUse,
    );
  await fs.makeFolders(dir, 0o700);
}

async function write(fs: Fs, dir: string, to: string, bytes: Uint8Array | string, mode = 0o600): Promise<void> {
  const file = path.join(dir, to);
  await fs.makeFolders(path.dirname(file), 0o700);
  await fs.writeDerived(file, bytes, mode);
}

/** @returns how many files and links; the words say what could not be had */
export async function writeCode(
  fs: Fs,
  repository: string,
  commit: string,
  dir: string,
): Promise<{ readonly files: number; readonly links: number; readonly gaps: readonly ManifestGap[] }> {
  const store = openObjects(fs, await codeObjectsFolder(fs, repository));
  const written = { files: 0, links: 0 };
  const gaps: ManifestGap[] = [];
  try {
    for await (const entry of codeFiles(store, commit)) {
      if (entry.kind === 'file') {
        await write(fs, dir, entry.path, entry.bytes, entry.isProgram ? 0o700 : 0o600);
        written.files++;
      } else if (entry.kind === 'link') {
        await fs.makeFolders(path.dirname(path.join(dir, entry.path)), 0o700);
        if ((await fs.facts(path.join(dir, entry.path))) !== null) throw new Error(`two entries of the code are called ${entry.path}`);
        await linkTo(entry.target, path.join(dir, entry.path));
        written.links++;
      } else
        gaps.push({
          what: 'code',
          sha256: null,
          why: 'not-recorded',
          words: `${entry.path} is a submodule at commit ${entry.commit}: it lies in another repository`,
        });
    }
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    if (!['EMISSING', 'ECODE', 'EEXIST'].includes(code)) throw error;
    const words =
      code === 'EMISSING' ? `${repository} does not have all of commit ${commit} (git fetch it there)` : (error as Error).message;
    gaps.push({ what: 'code', sha256: null, why: code === 'EMISSING' ? 'missing' : 'differs', words });
  } finally {
    await store.close();
  }
  return { ...written, gaps };
}

function codeGaps(code: EvidenceCode, commit: string | null, hasEvidence: boolean): ManifestGap[] {
  if (commit === null)
    return [
      {
        what: 'code',
        sha256: null,
        why: 'not-recorded',
        words: 'no commit of the code was recorded: it lay outside any git repository, or had no commit',
      },
    ];
  if (code.dirty === true)
    return [
      {
        what: 'code',
        sha256: null,
        why: 'dirty',
        words: `the work tree had changes that were not committed when the prompt was run: commit ${commit} is not all that the tool could see, and the rest was not recorded`,
      },
    ];
  if (code.dirty === null && hasEvidence)
    return [{ what: 'code', sha256: null, why: 'not-recorded', words: 'whether the work tree had uncommitted changes was not recorded' }];
  return [];
}

/** @param codeRepository null: the code is only named. @throws CliError 2 when the folder is taken */
export async function writeRecord(
  fs: Fs,
  reader: HistoryReader,
  found: FoundRecord,
  dir: string,
  codeRepository: string | null,
): Promise<Manifest> {
  await freshFolder(fs, dir);
  const last = found.steps.at(-1);
  const files: ManifestFile[] = [];
  const missing: ManifestGap[] = [];
  let code = NO_CODE;
  let hasEvidence = false;
  for await (const file of recordFiles(reader, found)) {
    if (file.kind === 'missing') {
      const { what, sha256, why, words } = file;
      missing.push({ what, sha256, why, words });
      continue;
    }
    await write(fs, dir, file.to, file.bytes);
    const { to, what, from, object, sha256, statedBy, ok, bytes } = file;
    files.push({ path: to, what, sha256, bytes: bytes.length, from, object, stated_by: statedBy, ok });
    if (!ok || sha256 !== last?.evidenceSha256) continue;
    hasEvidence = true;
    code = readEvidenceOf(bytes.toString('utf8'))?.code ?? NO_CODE;
  }
  if (last?.status === 'submitted')
    missing.push({
      what: 'result',
      sha256: null,
      why: 'not-recorded',
      words: 'no end of it is recorded: it may still be waiting or running',
    });
  const commit = code.baseCommit ?? code.headCommit ?? last?.trailers['Code-Commit'] ?? null;
  missing.push(...codeGaps(code, commit, hasEvidence));
  let written: Manifest['code']['written'] = null;
  if (codeRepository !== null && commit !== null) {
    if (!isOid(commit))
      missing.push({
        what: 'code',
        sha256: null,
        why: 'missing',
        words: `${printable(commit)} is no id of a commit that can be read here (SHA-1, 40 characters)`,
      });
    else {
      const { gaps, ...counts } = await writeCode(fs, codeRepository, commit, path.join(dir, 'code'));
      missing.push(...gaps);
      written = counts;
    }
  }
  const { feature, role, name, revision } = found.identity;
  const manifest: Manifest = {
    v: 1,
    record: { feature, role, name, revision, job: found.job, status: last?.status ?? 'submitted', other_jobs: found.otherJobs },
    history_tip: reader.tip,
    commits: found.steps.map(({ commit: id, at, status }) => ({ commit: id, at, status })),
    files,
    code: { repository: code.repository, base_commit: commit, head_commit: code.headCommit, dirty: code.dirty, written },
    verdicts: files.filter(({ what }) => what === 'verdict').length,
    missing,
    ok: files.every(({ ok }) => ok) && missing.every(({ why }) => why !== 'missing' && why !== 'differs'),
  };
  await write(fs, dir, MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
  await write(fs, dir, 'README.md', readme(found, manifest));
  const sums = files.map(({ path: file, sha256 }) => `${sha256}  ${file}\n`);
  await write(fs, dir, 'SHA256SUMS', sums.join(''));
  return manifest;
}

const cell = (text: string): string => printable(text, 400).replaceAll('|', String.raw`\|`);

function readme(found: FoundRecord, manifest: Manifest): string {
  const { code, missing, files, record } = manifest;
  const evidence = files.find(({ what }) => what === 'evidence');
  const firstCommit = files.find(({ what }) => what.startsWith('commit:'));
  const lines = [
    `# ${describeIdentity(found.identity)}: ${record.status}`,
    '',
    `Job ${record.job}, from the history at commit ${manifest.history_tip}. Written by \`docket reconstruct\`; the same record gives the same bytes again.`,
    '',
    ...(manifest.ok
      ? ['Every file below has the hash that was stated for it.']
      : ['**Not all of it is as it was recorded**: see "Missing or different".']),
    '',
    '| file | what | SHA-256 | stated by |',
    '| --- | --- | --- | --- |',
    ...files.map(
      (file) => `| ${cell(file.path)} | ${cell(file.what)}${file.ok ? '' : ' **DIFFERS**'} | ${file.sha256} | ${cell(file.stated_by)} |`,
    ),
    '',
    '## The code it was made against',
    '',
    code.base_commit === null
      ? 'No commit was recorded.'
      : `Commit ${cell(code.base_commit)} of ${cell(code.repository ?? 'a repository that was not named')}${code.written === null ? ': not written here (`--code <repository>` does).' : `: in \`code/\`, ${String(code.written.files)} files and ${String(code.written.links)} links, each object hashed against its id.`}`,
    '',
    '## Verdicts',
    '',
    manifest.verdicts === 0 ? 'None is recorded.' : `${String(manifest.verdicts)}, in the files named review_*.`,
    '',
    '## Missing or different',
    '',
    ...(missing.length === 0
      ? ['Nothing.']
      : missing.map(
          ({ what, why, words, sha256 }) =>
            `- ${cell(what)} (${why}): ${cell(words)}${sha256 === null ? '' : ` (SHA-256 ${cell(sha256)})`}`,
        )),
    '',
    '## How to check it by hand',
    '',
    '```sh',
    'sha256sum -c SHA256SUMS                 # the files are what this list says',
    ...(firstCommit === undefined
      ? []
      : [
          `git hash-object -t commit --literally ${firstCommit.path}   # prints the commit's id: its message states the hashes`,
          `tail -n 20 ${firstCommit.path}`,
        ]),
    ...(evidence === undefined
      ? []
      : [
          `sha256sum ${evidence.path}                # is the Evidence-SHA256 of the last commit`,
          `jq '.subject, .predicate.materials' ${evidence.path}   # states the hashes of prompt, result and materials`,
        ]),
    `git -C <history> merge-base --is-ancestor ${found.steps.at(-1)?.commit ?? ''} ${manifest.history_tip} && echo recorded`,
    ...(code.written === null
      ? []
      : [`git --git-dir=<code repository>/.git --work-tree=code diff --stat ${code.base_commit ?? ''}   # prints nothing`]),
    '```',
    '',
  ];
  return lines.join('\n');
}
