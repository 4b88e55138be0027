#!/usr/bin/env node
// Verifies a docket history without docket: one file, Node's own modules, git and ssh-keygen; no line is shared with docket. It reads the branch main
// of a clone and computes again: git's objects, the chain of records, every hash that a record, an evidence or a name states, tombstones of purges, SSH
// signatures, DSSE envelopes and verdicts (by the keys of --signers, an OpenSSH allowed_signers file), and a checkpoint that was kept elsewhere (--against).
// Formats: docs/formats.md. Exit code: 0 nothing differs, 1 findings, 2 wrong use, 3 it cannot be read.
import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const USAGE = 'usage: verify-standalone.mjs <history> [--signers <file>] [--require-signatures] [--against <checkpoint>] [--json]';
const stop = (code, words) => {
  process.stderr.write(`${words}\n`);
  process.exit(code);
};
const hashOf = (bytes, as = 'hex') => createHash('sha256').update(bytes).digest(as);
const push = (map, key, value) => (map.has(key) ? map.get(key).push(value) : map.set(key, [value]));
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
const [findings, notes] = [[], []];
const find = (what, path, message, more = {}) => void findings.push({ what, path, message, ...more });
let dir = '';
function run(args, input) {
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_NO_REPLACE_OBJECTS: '1' };
  return spawnSync('git', ['-c', 'safe.directory=*', '-C', dir, ...args], { env, input, maxBuffer: 2 ** 31 - 1 });
}
function git(args, input) {
  const { status, stdout, stderr } = run(args, input);
  return status === 0 ? stdout : stop(3, `git ${args.join(' ').slice(0, 80)} failed: ${String(stderr).trim()}`);
}
/** Objects by id, some at a time; bytes null: it is not there. */
function* objects(ids) {
  for (let from = 0; from < ids.length; from += 1_000) {
    const some = ids.slice(from, from + 1_000);
    const out = git(['cat-file', '--batch'], `${some.join('\n')}\n`);
    let at = 0;
    for (const id of some) {
      const end = out.indexOf(10, at);
      const [, , size] = out.toString('latin1', at, end).split(' ');
      yield { id, bytes: size === undefined ? null : out.subarray(end + 1, end + 1 + Number(size)) };
      at = end + 1 + (size === undefined ? 0 : Number(size) + 1);
    }
  }
}
function readCommit(id, bytes) {
  const end = bytes.indexOf('\n\n');
  const message = bytes.toString('utf8', end + 2);
  const [, ...paragraphs] = message.trimEnd().split(/\n\n+/);
  const trailers = {};
  for (const [, key, value] of (paragraphs.at(-1) ?? '').matchAll(/^([A-Za-z][A-Za-z0-9-]*): (.*)$/gm)) trailers[key] ??= value;
  const { 'Docket-Job': job, 'Docket-Feature': feature, 'Prompt-SHA256': prompt } = trailers;
  const isRecord = /^[a-z2-7]{16}$/.test(job) && /^[0-9a-f]{64}$/.test(prompt);
  const isReview = !isRecord && /^[0-9a-f]{64}$/.test(trailers['Review-SHA256']) && feature !== undefined;
  const parents = [...bytes.toString('utf8', 0, end).matchAll(/^parent (.+)$/gm)].map(([, parent]) => parent);
  const isLink = isRecord || isReview || (parents.length > 1 && message.startsWith('docket: the chain '));
  const isOurs = /^(?:Docket-|docket: )/m.test(message);
  const more = {
    about: { commit: id, ...(isRecord ? { job } : {}) },
    feature: feature?.toLowerCase(),
    hash: hashOf(bytes.subarray(end + 2)),
  };
  return { id, parents, trailers, message, isRecord, isReview, isLink, isOurs, ...more };
}
/** A link of the chain names the newest link before it along first parents, and the newest of its feature; a merge, the other side's newest. */
function checkChain(commits) {
  for (const commit of commits.values()) {
    const { id, parents, trailers, isRecord, isReview, isLink, feature, about } = commit;
    const isOfFeature = isRecord || isReview;
    const base = commits.get(parents[0]) ?? { head: null, count: 0, hasBegun: false };
    Object.assign(commit, { head: base.head, count: base.count, hasBegun: base.hasBegun });
    if (!isLink) continue;
    let other = isOfFeature ? base.head : (commits.get(parents[1])?.head ?? null);
    while (isOfFeature && other !== null && other.feature !== feature) other = other.before;
    const second = isOfFeature ? 'Docket-Before-In-Feature' : 'Docket-Before-Theirs';
    const hasNone = trailers['Docket-Before'] === undefined && trailers[second] === undefined;
    Object.assign(commit, { before: base.head, head: commit, count: base.count + 1, hasBegun: base.hasBegun || !hasNone });
    if (hasNone && !base.hasBegun) continue;
    for (const [key, should = 'none'] of Object.entries({ 'Docket-Before': base.head?.hash, [second]: other?.hash })) {
      const words = `${key} is ${trailers[key]}, and ${should} stands before it`;
      if (trailers[key] !== should) find('chain-broken', `commit ${id}`, words, about);
    }
  }
}
/** Keys by OpenSSH's fingerprint. ssh-keygen judges the rest of each line, and the times of commits. */
function readSigners(file) {
  const keys = new Map();
  for (const [, base64] of readFileSync(file, 'utf8').matchAll(/^[^#\n]*\sssh-ed25519\s+(\S+)/gm)) {
    const blob = Buffer.from(base64, 'base64');
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), blob.subarray(-32)]);
    keys.set(`SHA256:${hashOf(blob, 'base64').replace('=', '')}`, createPublicKey({ key: der, format: 'der', type: 'spki' }));
  }
  return keys;
}
/** By git and ssh-keygen: G good, U by an unknown key, N none, else bad. */
function checkSignatures(commits, file, isRequired) {
  const config = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${realpathSync(file)}`];
  const log = String(git([...config, 'log', '--format=%H %G? %GF', 'refs/heads/main']));
  const said = new Map(log.split('\n').map((line) => [line.slice(0, 40), line.slice(41)]));
  let hasBegun = false;
  for (const commit of commits.values()) {
    const { id, isOurs, about } = commit;
    const [state, key = 'that nobody knows'] = said.get(id)?.split(' ') ?? ['E'];
    if (!isOurs) continue;
    commit.isSigned = state !== 'N';
    if (state === 'N' && hasBegun && isRequired) find('signature-missing', id, 'it is not signed, though what is before it is', about);
    if (state === 'U') find('signer-unknown', id, `it is signed by the key ${key}, which may not, or not then`, about);
    if (!'GUN'.includes(state)) find('signature-invalid', id, 'its signature is not that of its bytes, or by no key that may', about);
    hasBegun ||= commit.isSigned;
  }
}
/** What a DSSE v1 envelope holds, when its signature is whole; else why not. */
function open(text, type, keys) {
  const { payloadType, payload, signatures } = jsonOf(text) ?? {};
  const [{ keyid, sig = '' } = {}] = signatures ?? [];
  if (payloadType !== type || typeof payload !== 'string') return { what: 'signature-invalid', why: 'it is no envelope of that kind' };
  const bytes = Buffer.from(payload, 'base64');
  const over = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${bytes.length} `), bytes]);
  if (!keys.has(keyid)) return { bytes, what: 'signer-unknown', why: `it is signed by the key ${keyid}, which is not among the signers` };
  const isGood = verify(null, over, keys.get(keyid), Buffer.from(sig, 'base64'));
  return isGood ? { bytes } : { bytes, what: 'signature-invalid', why: 'its signature is not that of its payload' };
}

const EVIDENCE = /\/(?:evidence_v\d+|(?:(?:brief|twice)_)?evidence(?:_\d+)?)\.json$/;
const ENVELOPE = /(?:^tombstones\/.*|\/(?:[a-z]+_)*evidence(?:_v?\d+)*)\.dsse\.json$/;
const SERIES = /^([^/]+)\/\d\d-([^/]+)\/(?:([^/]+)\/)?(prompt|result|evidence)_v([1-9]\d*)\.(?:md|json|dsse\.json)$/;
const REVIEW = /^([^/]+)\/(?:\d\d-([^/]+)\/(?:([^/]+)\/)?review_v([1-9]\d*)|(closing|reopening))(?:_\d+)?\.json$/;
const RECORDED =
  /(?:\/(?:prompt|result|evidence|review)_v\d+(?:_\d+)?\.[a-z.]+$|\/(?:closing|reopening)(?:_\d+)?\.json$|\/attempts\/|^materials\/)/;
function readTip(tip) {
  const [byObject, files] = [new Map(), new Map()];
  const listed = git(['ls-tree', '-r', '-z', '--full-tree', tip]).toString();
  for (const [, id, path] of listed.matchAll(/100\d+ blob ([0-9a-f]+)\t([^\0]*)\0/g)) push(byObject, id, path);
  for (const { id, bytes } of objects([...byObject.keys()]))
    for (const path of byObject.get(id)) {
      if (bytes === null) find('object-damaged', path, `its object ${id} is not there`);
      const isMarked = bytes?.toString('latin1', 0, 15) === 'docket: purged\n';
      const text = /\.(?:json|commits)$/.test(path) && !path.startsWith('materials/') ? bytes?.toString() : null;
      files.set(path, { path, id, text, isMarked, hash: bytes && hashOf(bytes) });
    }
  return files;
}
/** A placeholder that a whole tombstone names stands for what it replaced. @returns what became of commits, the oldest purge first */
function acceptPurged(files) {
  const stones = [];
  for (const { path, text } of files.values()) {
    if (!/^tombstones\/[^.]+\.json$/.test(path)) continue;
    const { predicateType, predicate } = jsonOf(text) ?? {};
    const list = files.get(predicate?.commits?.path);
    const isWhole = predicateType === 'urn:docket:purge:v1' && list?.hash === predicate.commits.sha256 && Array.isArray(predicate.files);
    if (isWhole) stones.push({ ...predicate, map: new Map(list.text.split('\n').map((line) => line.split(' '))) });
    else find('tombstone-invalid', path, 'it is no whole tombstone');
  }
  const known = new Map(stones.flatMap((stone) => stone.files.map((one) => [one.placeholder, one])));
  for (const file of files.values()) {
    const one = known.get(file.id);
    file.isPurged = one !== undefined && one.placeholderSha256 === file.hash;
    if (file.isPurged) {
      file.hash = one.sha256;
      notes.push(`purged  ${file.path}`);
    } else if (one !== undefined || (file.isMarked && RECORDED.test(file.path)))
      find('tombstone-invalid', file.path, 'it says that it was purged, but no whole tombstone says so');
  }
  return stones.toSorted((a, b) => (a.at < b.at ? -1 : 1)).map(({ map }) => map);
}
function checkRecords(commits, files) {
  const [folders, attempts, jobs, spoken] = [new Map(), new Map(), new Map(), new Set()];
  for (const { path, hash } of files.values()) {
    const [, top, role, name = '', kind, revision] = SERIES.exec(path) ?? [];
    const feature = jsonOf(files.get(`${top}/feature.json`)?.text)?.id ?? top;
    if (kind === 'prompt') folders.set([feature.toLowerCase(), role, name, revision].join('/'), path.replace(/\/[^/]+$/, ''));
    push(attempts, /^[^/]+\/[^/]+\/attempts\/([^/]+)\//.exec(path)?.[1], hash);
  }
  const besides = [...commits.values()].map(({ message }) => [...message.matchAll(/^Docket-Beside: (\S+)$/gm)]).flat();
  const beside = new Set(besides.map(([, job]) => job));
  for (const { id, isRecord, feature, trailers, about } of commits.values()) {
    if (!isRecord) continue;
    const { 'Docket-Revision': revision, 'Docket-Role': role, 'Docket-Name': name = '', 'Docket-Status': status } = trailers;
    const key = [feature, role, name, revision].join('/');
    const folder = folders.get(key);
    jobs.set(key, (jobs.get(key) ?? new Set()).add(about.job));
    if (folder === undefined) find('missing', key, `commit ${id} recorded a prompt that is not there any more`, about);
    for (const [label, file] of Object.entries({ Prompt: 'prompt_v#.md', Result: 'result_v#.md', Evidence: 'evidence_v#.json' })) {
      const [stated, path] = [trailers[`${label}-SHA256`], `${folder}/${file.replace('#', revision)}`];
      spoken.add(path);
      const mayMove = label !== 'Prompt' || beside.has(about.job);
      const isThere = files.get(path)?.hash === stated || (mayMove && attempts.get(about.job)?.includes(stated));
      if (label === 'Evidence' && stated === undefined && status !== 'submitted')
        find('incomplete', path, `commit ${id} names none`, about);
      if (folder === undefined || stated === undefined || isThere) continue;
      find(files.has(path) ? 'hash-differs' : 'missing', path, `it is not what commit ${id} recorded (${label}-SHA256)`, about);
    }
  }
  for (const [key, all] of jobs) if (all.size > 1) find('recorded-twice', key, `by the jobs ${[...all].join(', ')}`);
  for (const path of files.keys()) {
    const kind = SERIES.exec(path)?.[4];
    const other = path.replace(/result_(v\d+)\.md$/, 'evidence_$1.json');
    const isAlone = !files.has(kind === 'result' ? other : path.replace(/evidence_(v\d+)\..*$/, 'result_$1.md'));
    if (kind !== undefined && !spoken.has(path.replace('.dsse', ''))) find('unexpected', path, 'no record speaks of this file');
    if (kind !== undefined && kind !== 'prompt' && isAlone) find('incomplete', path, 'a result and its evidence belong together');
  }
}
/** @param keys null: nobody said whose signatures count */
function checkStatements(files, keys) {
  const hashes = new Map();
  const placesOf = (path) => [path.replace(/\/[^/]+$/, ''), path.split('/').slice(0, 2).join('/')];
  for (const { path, hash } of files.values()) for (const place of new Set(placesOf(path))) push(hashes, place, hash);
  for (const { path, text, hash, isPurged } of files.values()) {
    const name = path.slice(-64);
    if (path.startsWith('materials/')) {
      if (path !== `materials/sha256/${name.slice(0, 2)}/${name}`) find('unexpected', path, 'it is no place of a material');
      else if (hash !== name) find('hash-differs', path, 'it has other bytes than its name says');
    } else if (EVIDENCE.test(path) && !isPurged) {
      const { _type, subject = [], predicate } = jsonOf(text) ?? {};
      if (_type !== 'https://in-toto.io/Statement/v1') find('unreadable', path, 'it is no evidence statement');
      for (const { name: file, digest } of subject)
        if (!placesOf(path).some((place) => hashes.get(place)?.includes(digest?.sha256)))
          find('hash-differs', path, `it speaks of ${file} with a hash that no file beside it has`);
      for (const { sha256 } of predicate?.materials ?? [])
        if (!files.has(`materials/sha256/${String(sha256).slice(0, 2)}/${sha256}`))
          find('missing', path, `its material ${sha256} is not kept`);
    } else if (ENVELOPE.test(path) && !isPurged) {
      const { bytes = '', what, why } = open(text, 'application/vnd.in-toto+json', keys ?? new Map());
      const of = files.get(path.replace('.dsse', ''))?.hash;
      if (why !== undefined && (keys !== null || what !== 'signer-unknown')) find(what, path, why);
      else if (hashOf(bytes) !== of) find(of ? 'signature-invalid' : 'unexpected', path, 'what it holds is not beside it');
    }
  }
}
/** What people said: each hash that a commit states is that of a file in its place, about a result that is there, signed by who may. */
function checkReviews(commits, files, signers) {
  const [own, spoken, hashes] = [new Map(), new Set(), new Map()];
  for (const file of files.values()) {
    const [, top, role, name = '', revision, kind] = REVIEW.exec(file.path) ?? [];
    const feature = (jsonOf(files.get(`${top}/feature.json`)?.text)?.id ?? top)?.toLowerCase();
    if (top !== undefined) push(own, kind === undefined ? [feature, role, name, revision].join('/') : `${feature}/${kind}`, file);
    push(hashes, file.path.split('/').slice(0, 2).join('/'), file.hash);
  }
  for (const { id, isReview, feature, trailers, about } of commits.values()) {
    if (!isReview) continue;
    const { 'Docket-Role': role, 'Docket-Name': name = '', 'Docket-Revision': revision, 'Docket-Closing': closing } = trailers;
    const key = closing ? `${feature}/${closing === 'closed' ? 'closing' : 'reopening'}` : [feature, role, name, revision].join('/');
    const file = own.get(key)?.find(({ hash }) => hash === trailers['Review-SHA256']);
    if (file === undefined) {
      find('missing', key, `commit ${id} recorded a verdict that is not there as it was written`, about);
      continue;
    }
    spoken.add(file.path);
    if (file.isPurged) continue;
    const said = jsonOf(file.text);
    if (said?.v !== 1 || typeof said.by?.email !== 'string') find('unreadable', file.path, 'it is no verdict', about);
    else if (!closing && (said.verdict !== trailers['Docket-Verdict'] || said.result_sha256 !== trailers['Result-SHA256']))
      find('unexpected', file.path, `it is about something else than commit ${id} says`, about);
    else if (!closing && !hashes.get(file.path.split('/').slice(0, 2).join('/')).includes(said.result_sha256))
      find('missing', file.path, 'it is about a result that is not there', about);
    else if (signers !== undefined && said.signature !== null) checkReviewSignature(file.path, said, signers, about);
  }
  for (const { path } of [...own.values()].flat()) if (!spoken.has(path)) find('unexpected', path, 'no record speaks of this file');
}
const sorted = (_key, value) => (value?.constructor === Object ? Object.fromEntries(Object.entries(value).toSorted()) : value);
/** By ssh-keygen: over the same object without its signature, keys sorted, no spaces. */
function checkReviewSignature(path, said, signers, about) {
  const folder = mkdtempSync(join(tmpdir(), 'docket-verify-'));
  try {
    writeFileSync(join(folder, 'sig'), String(said.signature.sshsig));
    const at = said.at.replaceAll(/[-:T]|\..*|Z/g, '');
    const who = ['-f', signers, '-I', said.by.email, '-n', 'docket-verdict'];
    const args = ['-Y', 'verify', ...who, '-s', join(folder, 'sig'), '-O', `verify-time=${at}Z`];
    const { status } = spawnSync('ssh-keygen', args, { input: JSON.stringify({ ...said, signature: null }, sorted) });
    if (status !== 0) find('signature-invalid', path, `ssh-keygen does not take its signature as one of ${said.by.email}`, about);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** The envelope that a signed record had may not be gone. */
function checkTaken(commits, files) {
  const places = new Map([...files.values()].filter(({ path }) => EVIDENCE.test(path)).map(({ path, hash }) => [hash, path]));
  for (const { id, isSigned, trailers, about } of commits.values()) {
    const path = places.get(trailers['Evidence-SHA256'])?.replace(/json$/, 'dsse.json');
    if (isSigned !== true || path === undefined || files.has(path) || run(['cat-file', '-e', `${id}:${path}`]).status !== 0) continue;
    find('signature-missing', path, `the envelope that commit ${id} recorded is gone`, about);
  }
}
function checkAgainst(file, commits, tip, maps, keys) {
  const missed = (words) => find('checkpoint-missed', file, words);
  const text = readFileSync(file, 'utf8');
  const { bytes = text, why } = open(text, 'application/vnd.docket.checkpoint+json', keys ?? new Map());
  if (why !== undefined && jsonOf(text)?.payloadType !== undefined) return missed(why);
  const said = jsonOf(String(bytes));
  if (said?.v !== 1 || !Number.isSafeInteger(said.records)) stop(2, `${file} is no checkpoint`);
  const now = maps.reduce((id, map) => map.get(id) ?? id, said.commit);
  const there = commits.get(now);
  if (there !== undefined && now !== said.commit) notes.push(`commit ${said.commit} of the checkpoint is ${now} since a purge`);
  const isSame = (there?.head?.hash ?? null) === said.record && there?.count === said.records;
  if (there !== undefined) return isSame ? undefined : missed(`the records up to ${now} are not those of then`);
  let at = commits.get(tip);
  if (at.count < said.records) return missed(`the history had ${said.records} records and has ${at.count}: its end was cut off`);
  while (at.count > said.records) at = commits.get(at.parents[0]);
  const isLike = (at.head?.hash ?? null) === said.record;
  return missed(isLike ? `commit ${said.commit} is gone, and no tombstone says why` : `record ${said.records} is another one than then`);
}

try {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean' }];
  const options = { signers: text, against: text, 'require-signatures': flag, json: flag };
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  [dir = stop(2, USAGE)] = positionals;
  const tip = git(['rev-parse', '--verify', 'refs/heads/main']).toString().trim();
  if (git(['rev-parse', '--is-shallow-repository']).toString().trim() === 'true') stop(3, `${dir} is a shallow clone: clone all of it`);
  const { status, stderr } = run(['fsck', '--full', '--no-dangling', '--no-progress']);
  if (status !== 0) stop(1, `object-damaged  ${dir}: git fsck: ${String(stderr).trim().slice(0, 500)}`);
  const ids = git(['rev-list', '--topo-order', '--reverse', tip]).toString().trim().split('\n');
  const commits = new Map();
  for (const { id, bytes } of objects(ids)) commits.set(id, readCommit(id, bytes));
  checkChain(commits);
  const keys = values.signers === undefined ? null : readSigners(values.signers);
  if (keys === null) notes.push('signatures were not checked: --signers names the keys that may');
  else checkSignatures(commits, values.signers, values['require-signatures'] === true);
  const files = readTip(tip);
  const maps = acceptPurged(files);
  if (values.against !== undefined) checkAgainst(values.against, commits, tip, maps, keys);
  checkRecords(commits, files);
  checkReviews(commits, files, values.signers);
  checkStatements(files, keys);
  checkTaken(commits, files);
  const records = [...commits.values()].filter(({ isRecord }) => isRecord).length;
  const said = [...findings.map(({ what, path, message }) => `${what}  ${path}: ${message}`), ...notes];
  const sum = `${findings.length === 0 ? 'nothing differs' : `${findings.length} findings`}: ${records} records, ${files.size} files`;
  const out = values.json === true ? JSON.stringify({ v: 1, records, notes, findings }, null, 2) : [...said, sum].join('\n');
  process.stdout.write(`${out}\n`);
  process.exitCode = findings.length === 0 ? 0 : 1;
} catch (error) {
  stop(String(error.code).startsWith('ERR_PARSE_ARGS') ? 2 : 3, `${error.message}\n${USAGE}`);
}
