/**
 * Everything that a history keeps of one record, byte for byte, each file with what states its hash. The names are docket's own: nothing that an
 * evidence file or a tree of somebody else's clone says becomes a path.
 *
 *   prompt, result, evidence   against the trailers of the record's commits; evidence of earlier ends lies in attempts/<job>/
 *   materials                  against the hash in the evidence, which is their name
 *   everything else            against its git object id
 * Invariant: what a commit or an evidence states and no file has comes as `missing`, with a reason; bytes with another hash never come under the
 * name of the right ones.
 */

import type { Buffer } from 'node:buffer';
import { isSha256 } from '#core/names.ts';
import type { HistoryReader } from './export-reader.ts';
import { ATTEMPTS, FEATURE_FILE, isAttemptFile, materialPath, seriesFolder } from './layout.ts';
import { oidOf } from './objects.ts';
import type { FoundRecord } from './reconstruct-find.ts';
import { makeTombstones } from './reconstruct-tombstones.ts';
import { readEvidenceOf, type EvidenceMaterial } from './reconstruct-evidence.ts';

export type RecordFile = {
  readonly kind: 'file';
  /** Where it goes, relative. */
  readonly to: string;
  readonly what: string;
  /** Its path in the history, or the commit. */
  readonly from: string;
  readonly object: string;
  readonly sha256: string;
  /** What says that these are the right bytes. */
  readonly statedBy: string;
  /** False: they are not what was stated. */
  readonly ok: boolean;
  readonly bytes: Buffer;
};
export type MissingFile = {
  readonly kind: 'missing';
  readonly what: string;
  readonly sha256: string | null;
  readonly why: 'purged' | 'missing' | 'differs';
  readonly words: string;
};

/** The start of its name says what must state the file's hash. */
const STATED = /^(?:twice_|brief_)?(prompt|result|evidence)(?:_v?[0-9]+)*\.(?:md|json)$/;
const SAFE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$/;
const NAMES: Readonly<Record<string, string>> = {
  'prompt-spec': 'prompt-spec.md',
  role: 'role.yaml',
  settings: 'settings.json',
  brief: 'brief.md',
};

type Stated = { readonly label: string; readonly sha256: string; found: boolean };

function statedBy(found: FoundRecord): Stated[] {
  const stated: Stated[] = [];
  const add = (label: string, sha256: string | null, commit: string): void => {
    if (sha256 !== null && !stated.some((one) => one.sha256 === sha256 && one.label.startsWith(label)))
      stated.push({ label: `${label} of commit ${commit}`, sha256, found: false });
  };
  for (const step of found.steps) {
    add('Prompt-SHA256', step.promptSha256, step.commit);
    add('Result-SHA256', step.resultSha256, step.commit);
    add('Evidence-SHA256', step.evidenceSha256, step.commit);
  }
  return stated;
}

/** Folders of the series and of the job's attempts; there may be two of each when two clones made the feature. */
async function placesOf(reader: HistoryReader, found: FoundRecord): Promise<{ series: string[]; attempts: string[]; features: string[] }> {
  const { identity, job } = found;
  const places = { series: [] as string[], attempts: [] as string[], features: [] as string[] };
  for (const feature of reader.snapshot.featureFolders(identity.feature)) {
    places.features.push(feature);
    const role = await reader.snapshot.roleFolder(feature, identity.role);
    if (role === null) continue;
    places.series.push(seriesFolder(feature, role, identity.name));
    places.attempts.push(`${feature}/${role}/${ATTEMPTS}/${job}`);
  }
  return places;
}

/** Paths of this record's files, and where they go. */
async function listFiles(reader: HistoryReader, found: FoundRecord): Promise<{ from: string; to: string }[]> {
  const { series, attempts, features } = await placesOf(reader, found);
  const mine = new RegExp(`_v${String(found.identity.revision)}[._]`);
  const files: { from: string; to: string }[] = [];
  const add = (from: string, to: string): void =>
    void files.push({ from, to: files.some((one) => one.to === to) ? `second_${to.replaceAll('/', '_')}` : to });
  for (const folder of series)
    for (const { name, kind } of (await reader.snapshot.list(folder)) ?? [])
      if (kind === 'file' && SAFE.test(name) && mine.test(name)) add(`${folder}/${name}`, name);
  for (const folder of attempts)
    for (const { name, kind } of (await reader.snapshot.list(folder)) ?? [])
      if (kind === 'file' && isAttemptFile(name)) add(`${folder}/${name}`, `${ATTEMPTS}/${name}`);
  for (const folder of features)
    if ((await reader.snapshot.file(`${folder}/${FEATURE_FILE}`)) !== null) add(`${folder}/${FEATURE_FILE}`, FEATURE_FILE);
  return files;
}

const whatOf = (to: string): string => {
  const name = to.split('/').at(-1) ?? '';
  if (name === FEATURE_FILE) return 'feature';
  if (name.endsWith('.dsse.json')) return 'envelope';
  const stated = STATED.exec(name)?.[1];
  if (stated !== undefined) return name.startsWith('twice_') || name.startsWith('brief_') ? `${stated} of an earlier end` : stated;
  return to.startsWith(`${ATTEMPTS}/`) ? 'output of an attempt' : name.startsWith('review_') ? 'verdict' : 'addendum';
};

/** Files first, then what is missing. @throws when the clone itself is not whole */
export async function* recordFiles(reader: HistoryReader, found: FoundRecord): AsyncGenerator<RecordFile | MissingFile> {
  const { digest } = reader;
  const stated = statedBy(found);
  const purgedBy = makeTombstones(reader);
  const materials = new Map<string, EvidenceMaterial & { readonly statedBy: string }>();
  const missing: MissingFile[] = [];
  const lost = async (what: string, sha256: string, words: string, why: MissingFile['why'] = 'missing'): Promise<void> => {
    const purged = await purgedBy(sha256);
    const by = purged === null ? '' : [purged.person, purged.at].filter((word) => word !== null).join(', ');
    const reason = purged?.reason ?? null;
    missing.push(
      purged === null
        ? { kind: 'missing', what, sha256, why, words }
        : {
            kind: 'missing',
            what,
            sha256,
            why: 'purged',
            words: `purged${by === '' ? '' : ` by ${by}`}${reason === null ? '' : `: ${reason}`} (${purged.tombstone})`,
          },
    );
  };

  for (const { from, to } of await listFiles(reader, found)) {
    const file = await reader.file(from);
    if (file === null) continue;
    const sha256 = digest.sha256(file.bytes);
    const isWhole = oidOf('blob', file.bytes) === file.oid;
    const own = { kind: 'file' as const, what: whatOf(to), from, object: file.oid, sha256, bytes: file.bytes };
    const kind = STATED.exec(to.split('/').at(-1) ?? '')?.[1];
    if (kind === undefined) {
      yield { ...own, to, statedBy: `git object ${file.oid}`, ok: isWhole };
      continue;
    }
    const match = stated.find((one) => one.sha256 === sha256);
    if (match !== undefined && isWhole) {
      for (const one of stated) if (one.sha256 === sha256) one.found = true;
      yield { ...own, to, statedBy: match.label, ok: true };
      if (kind !== 'evidence') continue;
      for (const material of readEvidenceOf(file.bytes.toString('utf8'))?.materials ?? [])
        if (!materials.has(material.sha256)) materials.set(material.sha256, { ...material, statedBy: from });
      continue;
    }
    // In the place of an identity that two clones recorded lie the files of the other job.
    if (found.otherJobs.length > 0 && !to.startsWith(ATTEMPTS)) continue;
    if ((await purgedBy(stated.find((one) => one.label.toLowerCase().startsWith(kind))?.sha256 ?? sha256)) !== null) continue;
    yield { ...own, to: `${to}.differs`, statedBy: 'nothing: no commit of this record states this hash', ok: false };
  }
  for (const one of stated)
    if (!one.found) await lost(one.label.split('-')[0]?.toLowerCase() ?? '', one.sha256, `${one.label} has no file in this clone`);

  let contexts = 0;
  for (const { role, name, sha256, statedBy: by } of materials.values()) {
    const file = isSha256(sha256) ? await reader.file(materialPath(sha256)) : null;
    const words = `${role} (${name}), which ${by} names, is not kept in this clone`;
    if (file === null) {
      await lost(role, sha256, words);
      continue;
    }
    const actual = digest.sha256(file.bytes);
    const plain = NAMES[role] ?? `${role === 'context' ? 'context' : 'material'}-${String(++contexts)}.md`;
    const own = {
      kind: 'file' as const,
      what: `${role}: ${name}`,
      from: materialPath(sha256 as Parameters<typeof materialPath>[0]),
      object: file.oid,
      sha256: actual,
      bytes: file.bytes,
    };
    const taken = [...materials.values()].filter((one) => one.role === role).length > 1 && NAMES[role] !== undefined;
    const to = `materials/${taken ? `${sha256.slice(0, 8)}-` : ''}${plain}`;
    if (actual === sha256) yield { ...own, to, statedBy: by, ok: true };
    else if ((await purgedBy(sha256)) === null) yield { ...own, to: `${to}.differs`, statedBy: by, ok: false };
    else await lost(role, sha256, words);
  }

  for (const [index, { commit, status }] of found.steps.entries()) {
    const bytes = await reader.store.readType(commit, 'commit');
    const ok = oidOf('commit', bytes) === commit;
    yield {
      kind: 'file',
      to: `commits/${String(index + 1)}-${status}-${commit.slice(0, 10)}`,
      what: `commit: ${status}`,
      from: commit,
      object: commit,
      sha256: digest.sha256(bytes),
      statedBy: `git object ${commit}`,
      ok,
      bytes,
    };
  }
  yield* missing;
}
