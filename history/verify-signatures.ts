/**
 * Are the signatures what they say, and made by somebody who may? Every commit that has one, every envelope in the tip. Once something is signed,
 * docket's commits above it must be, when that is demanded; and an envelope that a signed record had may not be gone.
 * A person's own unsigned commit is no record and needs none. Signatures are checked in node's thread pool, a bounded number at a time.
 */

import type { Buffer } from 'node:buffer';
import { verify } from 'node:crypto';
import type { Finding, Trust } from '#core/history.ts';
import { parseAllowedSigners, whyNot, type AllowedSigner } from './allowed-signers.ts';
import { readCommitSignature } from './commit-signature.ts';
import * as dsse from './dsse.ts';
import { envelopeOf, MATERIALS } from './layout.ts';
import { decodeCommit, type Commit, type Oid } from './objects.ts';
import { recordOf } from './record-index.ts';
import type { Repository } from './repository.ts';
import { openSnapshot } from './snapshot.ts';
import type { PublicKey } from './ssh-key.ts';
import { GIT_NAMESPACE, preamble, readSshSignature } from './ssh-signature.ts';
import { finding, words as wordsOf } from './verify-finding.ts';

type TipFile = { readonly oid: Oid; readonly sha256: string | null };

/** Begins when it is called: what an async generator yields may be no promise. */
type Look = () => Promise<readonly Finding[]>;
const told =
  (one: Finding): Look =>
  () =>
    Promise.resolve([one]);

/** Enough to keep every thread of the pool busy. */
const AT_A_TIME = 64;
const ENVELOPE = /^(?:[a-z]+_)*evidence(?:_v?[0-9]+)*\.dsse\.json$/;

const isSignatureOf = async (key: PublicKey, bytes: Buffer, signature: Buffer): Promise<boolean> =>
  new Promise((resolve) => {
    verify(null, bytes, key.key, signature, (error, isGood) => {
      resolve(error === null && isGood);
    });
  });

/** Findings in the order of the looks, of which a bounded number goes on at the same time. */
async function* inOrder(looks: AsyncIterable<Look>): AsyncGenerator<Finding> {
  const waiting: Promise<readonly Finding[]>[] = [];
  for await (const look of looks) {
    waiting.push(look());
    if (waiting.length >= AT_A_TIME) yield* (await waiting.shift()) ?? [];
  }
  for (const look of waiting) yield* await look;
}

/** What the walk through the commits leaves for what comes after it. */
type Seen = {
  readonly parents: Map<Oid, readonly Oid[]>;
  readonly signed: Oid[];
  readonly unsigned: { readonly oid: Oid; readonly about: About }[];
  /** Keys that signed commits, by fingerprint. */
  readonly keys: Map<string, PublicKey>;
  /** Of signed records, newest first: the hash of the evidence, and the commit's tree. */
  readonly evidence: { readonly oid: Oid; readonly tree: Oid; readonly sha256: string }[];
};

type About = { readonly words: string; readonly at: { readonly commit: Oid; readonly job?: string } };
function aboutOf(oid: Oid, commit: Commit): About {
  const subject = (commit.message.split('\n', 1)[0] ?? '').slice(0, 100);
  const job = recordOf({ oid, commit })?.job;
  return job === undefined
    ? { words: `commit ${oid} (${subject})`, at: { commit: oid } }
    : { words: `commit ${oid} (job ${job}: ${subject})`, at: { commit: oid, job } };
}
const isDockets = (message: string): boolean => /^Docket-/m.test(message) || message.startsWith('docket: ');

async function* lookAtCommits(
  { store }: Pick<Repository, 'store'>,
  tip: Oid,
  signers: readonly AllowedSigner[] | null,
  known: ReadonlyMap<Oid, Buffer>,
  seen: Seen,
): AsyncGenerator<Look> {
  const waiting = [tip];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (seen.parents.has(oid)) continue;
    const bytes = known.get(oid) ?? (await store.readType(oid, 'commit'));
    const commit = decodeCommit(bytes);
    seen.parents.set(oid, commit.parents);
    waiting.push(...commit.parents);
    const signature = readCommitSignature(bytes);
    if (signature === null) {
      if (isDockets(commit.message)) seen.unsigned.push({ oid, about: aboutOf(oid, commit) });
      continue;
    }
    const read = readSshSignature(signature.armour);
    // A person's own signature, with another kind of key: git looks at it.
    if (!isDockets(commit.message) && !read.ok) continue;
    const about = (): About => aboutOf(oid, commit);
    if (!read.ok || read.value.namespace !== GIT_NAMESPACE) {
      const why = read.ok ? 'it was made for another use' : read.error;
      yield told(finding('signature-invalid', oid, `the signature of ${about().words} cannot be taken: ${why}`, null, null, about().at));
      continue;
    }
    const { publicKey, hash, signature: sig } = read.value;
    const sha256 = recordOf({ oid, commit })?.evidenceSha256 ?? null;
    if (isDockets(commit.message)) {
      seen.signed.push(oid);
      seen.keys.set(publicKey.fingerprint, publicKey);
      if (sha256 !== null) seen.evidence.push({ oid, tree: commit.tree, sha256 });
    }
    const unknown = signers === null || !isDockets(commit.message) ? null : whyNot(signers, publicKey, GIT_NAMESPACE, commit.committedAtS);
    yield async () => {
      if (!(await isSignatureOf(publicKey, preamble(GIT_NAMESPACE, hash, signature.signed), sig)))
        return [finding('signature-invalid', oid, `the signature of ${about().words} is not that of its bytes`, null, null, about().at)];
      return unknown === null
        ? []
        : [finding('signer-unknown', oid, `${about().words} is signed, but ${unknown}`, null, publicKey.fingerprint, about().at)];
    };
  }
}

/** Commits above a signed one: whoever takes the signatures off, or goes on without, is found. */
function* lookForUnsigned({ parents, signed, unsigned }: Seen): Generator<Finding> {
  if (signed.length === 0 || unsigned.length === 0) return;
  const children = new Map<Oid, Oid[]>();
  for (const [child, of] of parents) for (const parent of of) children.set(parent, [...(children.get(parent) ?? []), child]);
  const above = new Set<Oid>();
  const waiting = [...signed];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop())
    for (const child of children.get(oid) ?? [])
      if (!above.has(child)) {
        above.add(child);
        waiting.push(child);
      }
  for (const { oid, about } of unsigned)
    if (above.has(oid))
      yield finding(
        'signature-missing',
        oid,
        `${about.words} is not signed, though what is before it is, and signing.mode is required`,
        null,
        null,
        about.at,
      );
}

type Evidence = { readonly path: string; readonly sha256: string | null };

async function* lookAtEnvelopes(
  { store, digest }: Pick<Repository, 'store' | 'digest'>,
  files: ReadonlyMap<string, TipFile>,
  signers: readonly AllowedSigner[] | null,
  keys: ReadonlyMap<string, PublicKey>,
  enveloped: Set<string>,
): AsyncGenerator<Look> {
  const evidence = new Map<string, Evidence>();
  for (const [path, { sha256 }] of files) evidence.set(envelopeOf(path), { path, sha256 });
  const places = new Map<Oid, string[]>();
  for (const [path, { oid, sha256 }] of files) {
    if (sha256 === null || path.startsWith(`${MATERIALS}/`) || !ENVELOPE.test(path.slice(path.lastIndexOf('/') + 1))) continue;
    places.set(oid, [...(places.get(oid) ?? []), path]);
  }
  const trusted = new Map([...keys, ...(signers ?? []).map(({ key }) => [key.fingerprint, key] as const)]);
  for await (const { oid, object } of store.many(places.keys())) {
    for (const path of places.get(oid) ?? []) {
      const of = evidence.get(path);
      if (of !== undefined && of.sha256 !== null) enveloped.add(of.sha256);
      // A placeholder that a tombstone vouches for has the hash of what was purged (purge-verify.ts).
      if (digest.sha256(object.bytes) !== files.get(path)?.sha256) continue;
      const opened = dsse.read(object.bytes.toString('utf8'));
      if (of === undefined) yield told(finding('unexpected', path, 'an envelope without the evidence that it is of'));
      else if (opened === null || opened.payloadType !== dsse.IN_TOTO)
        yield told(finding('signature-invalid', path, `${path} is no DSSE envelope of a statement as docket writes them`));
      else yield () => judge(path, of, opened, digest.sha256(opened.payload), trusted.get(opened.keyid) ?? null, signers);
    }
  }
}

async function judge(
  path: string,
  of: Evidence,
  { payload, payloadType, keyid, sig }: dsse.Envelope,
  payloadSha256: string,
  key: PublicKey | null,
  signers: readonly AllowedSigner[] | null,
): Promise<readonly Finding[]> {
  if (of.sha256 !== null && of.sha256 !== payloadSha256)
    return [finding('signature-invalid', path, `${path} holds other evidence than ${of.path}`, of.sha256, payloadSha256)];
  if (key === null) return [finding('signer-unknown', path, `${path} is signed by a key that nobody knows`, null, keyid.slice(0, 100))];
  if (!(await isSignatureOf(key, dsse.preAuthEncoding(payloadType, payload), sig)))
    return [finding('signature-invalid', path, `the signature of ${path} is not that of its payload`)];
  const unknown = signers === null ? null : whyNot(signers, key, null, endOf(payload));
  return unknown === null ? [] : [finding('signer-unknown', path, `${path} is signed, but ${unknown}`, null, keyid)];
}

/** When the job ended, as the evidence says; seconds since 1970. */
function endOf(payload: Buffer): number | null {
  const at = Date.parse(/"ended": "([^"]{10,40})"\n/.exec(payload.toString('utf8'))?.[1] ?? '');
  return Number.isNaN(at) ? null : Math.floor(at / 1000);
}

/** A signed record whose evidence lies in the tip without its envelope, though the record had one. */
async function* lookForTaken(
  { store }: Pick<Repository, 'store'>,
  files: ReadonlyMap<string, TipFile>,
  seen: Seen,
  enveloped: ReadonlySet<string>,
): AsyncGenerator<Finding> {
  const places = new Map<string, string>();
  for (const [path, { sha256 }] of files) if (sha256 !== null && !path.startsWith(`${MATERIALS}/`)) places.set(sha256, path);
  for (const { oid, tree, sha256 } of seen.evidence) {
    const path = places.get(sha256);
    if (path === undefined || enveloped.has(sha256)) continue;
    const at = await openSnapshot(store, tree);
    const there = await at.file(path);
    if (there === null || (await at.file(envelopeOf(path))) === null) continue;
    yield finding('signature-missing', envelopeOf(path), `the envelope of ${path} is gone, which commit ${oid} recorded`, null, null, {
      commit: oid,
    });
  }
}

/**
 * @param files of the tip, by path, with the SHA-256 of their bytes
 * @param known bytes of commits that gave their ids; the others are read from the store
 * Throws with words when the list of signers cannot be understood.
 */
export async function* verifySignatures(
  repository: Pick<Repository, 'store' | 'digest'>,
  tip: Oid,
  files: ReadonlyMap<string, TipFile>,
  { signers: text, isDemanded, told: tell }: Trust,
  known: ReadonlyMap<Oid, Buffer> = new Map(),
): AsyncGenerator<Finding> {
  const parsed = text === null ? null : parseAllowedSigners(text);
  if (parsed?.ok === false) throw new Error(`the allowed signers cannot be understood: ${parsed.error}`);
  const signers = parsed === null ? null : parsed.value;
  const seen: Seen = { parents: new Map(), signed: [], unsigned: [], keys: new Map(), evidence: [] };
  const enveloped = new Set<string>();
  try {
    yield* inOrder(lookAtCommits(repository, tip, signers, known, seen));
    if (isDemanded) yield* lookForUnsigned(seen);
    yield* inOrder(lookAtEnvelopes(repository, files, signers, seen.keys, enveloped));
    yield* lookForTaken(repository, files, seen, enveloped);
    const commits = { signed: seen.signed.length, unsigned: seen.unsigned.length };
    tell?.({ commits, envelopes: enveloped.size, keys: [...seen.keys.keys()] });
  } catch (error) {
    // The objects that are damaged have each been named by those who read all of them.
    yield finding('object-damaged', tip, `the signatures cannot be looked at to the end: ${wordsOf(error)}`);
  }
}
