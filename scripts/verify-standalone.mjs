#!/usr/bin/env node
// Verifies a docket history without docket: one file, Node's own modules, git and ssh-keygen; no line is shared with docket. It reads the branch main
// of a clone and computes again: git's objects, the chain of records, every hash that a record, an evidence or a name states, tombstones of purges, SSH
// signatures, DSSE envelopes and verdicts (by the keys of --signers, an OpenSSH allowed_signers file), and a checkpoint that was kept elsewhere (--against).
// Formats: docs/formats.md. Exit code: 0 nothing differs, 1 findings, 2 wrong use, 3 it cannot be read.
import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

const USAGE = 'usage: verify-standalone.mjs <history> [--signers <file>] [--require-signatures] [--against <checkpoint>] [--json]';
function stop(code, words) {
  process.stderr.write(`${words}\n`);
  process.exit(code);
}
process.on('uncaughtException', ({ code, message }) => stop(String(code).startsWith('ERR_PARSE_ARGS') ? 2 : 3, `${message}\n${USAGE}`));
const [text, flag] = [{ type: 'string' }, { type: 'boolean', default: false }];
const options = { signers: text, against: text, 'require-signatures': flag, json: flag };
const { values, positionals } = parseArgs({ allowPositionals: true, options });
const { signers, against, json, 'require-signatures': isDemanded } = values;
const [dir = stop(2, USAGE)] = positionals;

const hashOf = (bytes, as = 'hex') => createHash('sha256').update(bytes).digest(as);
const add = (map, key, value) => map.set(key, (map.get(key) ?? new Set()).add(value));
const seriesOf = (feature, ...rest) => [feature?.toLowerCase(), ...rest].join('/');
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
const [findings, notes] = [[], []];
const find = (what, path, message, more = {}) => void findings.push({ what, path, message, ...more });
function run(args, input) {
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_NO_REPLACE_OBJECTS: '1' };
  return spawnSync('git', ['-c', 'safe.directory=*', '-C', dir, ...args], { env, input, maxBuffer: 2 ** 31 - 1 });
}
function git(args, input) {
  const { status, stdout, stderr } = run(args, input);
  return status === 0 ? stdout : stop(3, `git ${args.join(' ').slice(0, 80)} failed: ${String(stderr).trim()}`);
}
/** Objects by id, some at a time. */
function* objects(ids) {
  for (let from = 0; from < ids.length; from += 1_000) {
    let rest = git(['cat-file', '--batch'], `${ids.slice(from, from + 1_000).join('\n')}\n`);
    while (rest.length > 0) {
      const end = rest.indexOf(10) + 1;
      const [id, , size] = rest.toString('latin1', 0, end).split(' ');
      if (size === undefined) stop(1, `object-damaged  ${dir}: object ${id} is not there`);
      yield { id, bytes: rest.subarray(end, end + Number(size)) };
      rest = rest.subarray(end + Number(size) + 1);
    }
  }
}
function readCommit(id, bytes) {
  const end = bytes.indexOf('\n\n') + 2;
  const message = bytes.toString('utf8', end);
  const last = message.trimEnd().split(/\n\n+/).slice(1).at(-1) ?? '';
  const trailers = Object.fromEntries([...last.matchAll(/^([A-Za-z][A-Za-z0-9-]*): (.*)$/gm)].map(([, ...pair]) => pair).toReversed());
  const { 'Docket-Job': job, 'Docket-Closing': closing, 'Docket-Role': role = 'promotion' } = trailers;
  const feature = trailers['Docket-Feature']?.toLowerCase();
  const isRecord = /^[a-z2-7]{16}$/.test(job) && /^[0-9a-f]{64}$/.test(trailers['Prompt-SHA256']);
  const isReview = !isRecord && /^[0-9a-f]{64}$/.test(trailers['Review-SHA256']) && feature !== undefined;
  const parents = [...bytes.toString('utf8', 0, end).matchAll(/^parent (.+)$/gm)].map(([, parent]) => parent);
  const isMerge = parents.length > 1 && message.startsWith('docket: the chain ');
  const kinds = { isRecord, isReview, isMerge, isLink: isRecord || isReview || isMerge, isOurs: /^(?:Docket-|docket: )/m.test(message) };
  const series = seriesOf(feature, closing?.replace(/ed$/, 'ing') ?? role, trailers['Docket-Name'], trailers['Docket-Revision']);
  return { id, parents, trailers, message, feature, series, ...kinds, about: { commit: id, job }, hash: hashOf(bytes.subarray(end)) };
}
/** A link of the chain names the newest link before it along first parents, and the newest of its feature; a merge, the other side's newest. */
function checkChain(commits) {
  for (const commit of commits.values()) {
    const { id, parents, trailers, isLink, isMerge, feature, about } = commit;
    const { head, count, hasBegun } = commits.get(parents[0]) ?? { head: null, count: 0, hasBegun: false };
    Object.assign(commit, { head, count, hasBegun });
    if (!isLink) continue;
    let other = isMerge ? commits.get(parents[1])?.head : head;
    while (!isMerge && other && other.feature !== feature) other = other.before;
    const links = { 'Docket-Before': head?.hash, [isMerge ? 'Docket-Before-Theirs' : 'Docket-Before-In-Feature']: other?.hash };
    const hasNone = Object.keys(links).every((key) => trailers[key] === undefined);
    Object.assign(commit, { before: head, head: commit, count: count + 1, hasBegun: hasBegun || !hasNone });
    for (const [key, hash = 'none'] of hasNone && !hasBegun ? [] : Object.entries(links))
      if (trailers[key] !== hash) find('chain-broken', `commit ${id}`, `${key} is ${trailers[key]}, and ${hash} stands before it`, about);
  }
}
/** Keys by OpenSSH's fingerprint. ssh-keygen judges the rest of each line, and the times of commits. */
function readSigners(file) {
  const keys = new Map();
  for (const [, base64] of readFileSync(file, 'utf8').matchAll(/^[^#\n]*\sssh-ed25519\s+(\S+)/gm)) {
    const blob = Buffer.from(base64, 'base64');
    const key = { kty: 'OKP', crv: 'Ed25519', x: blob.toString('base64url', blob.length - 32) };
    keys.set(`SHA256:${hashOf(blob, 'base64').replace('=', '')}`, createPublicKey({ key, format: 'jwk' }));
  }
  return keys;
}
/** By git and ssh-keygen: G good, U by an unknown key, N none, else bad. */
function checkSignatures(commits) {
  const config = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${realpathSync(signers)}`];
  const log = String(git([...config, 'log', '--topo-order', '--reverse', '--format=%H %G? %GF', 'refs/heads/main']));
  let hasBegun = false;
  for (const [, id, state, key] of log.matchAll(/^(\w+) (\w) (.*)$/gm)) {
    const commit = commits.get(id);
    if (!commit.isOurs) continue;
    commit.isSigned = state !== 'N';
    if (state === 'N' && hasBegun && isDemanded) find('signature-missing', id, 'it is not signed, as those before it are', commit.about);
    if (state === 'U') find('signer-unknown', id, `it is signed by the key ${key}, which may not, or not then`, commit.about);
    if (!'GUN'.includes(state)) find('signature-invalid', id, 'its signature is by no key that may, or of other bytes', commit.about);
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
const FILED = [
  /^([^/]+)\/\d\d-([^/]+)\/(?:([^/]+)\/)?(prompt|result|evidence)_v([1-9]\d*)\.(?:md|json|dsse\.json)$/,
  /^([^/]+)\/\d\d-([^/]+)\/(?:([^/]+)\/)?(review)_v([1-9]\d*)(?:_\d+)?\.json$/,
  /^([^/]+)\/(closing|reopening|promotion)(?:_\d+)?\.json$/,
];
const materialOf = (sha256) => `materials/sha256/${String(sha256).slice(0, 2)}/${sha256}`;
function readTip(tip) {
  const [byObject, files] = [new Map(), new Map()];
  const listed = git(['ls-tree', '-r', '-z', '--full-tree', tip]).toString();
  for (const [, id, path] of listed.matchAll(/100\d+ blob ([0-9a-f]+)\t([^\0]*)\0/g)) add(byObject, id, path);
  for (const { id, bytes } of objects([...byObject.keys()]))
    for (const path of byObject.get(id)) {
      const isMarked = bytes.toString('latin1', 0, 15) === 'docket: purged\n';
      const text = /\.(?:json|commits)$/.test(path) && !path.startsWith('materials/') ? bytes.toString() : null;
      files.set(path, { path, id, text, isMarked, hash: hashOf(bytes) });
    }
  return files;
}
/** Tombstones that are whole, the oldest first. */
function readTombstones(files) {
  const stones = [];
  for (const { path, text } of files.values()) {
    if (!/^tombstones\/[^.]+\.json$/.test(path)) continue;
    const { predicateType, predicate } = jsonOf(text) ?? {};
    const list = files.get(predicate?.commits?.path);
    const isWhole = predicateType === 'urn:docket:purge:v1' && list?.hash === predicate.commits.sha256 && Array.isArray(predicate.files);
    const isSigned = !isDemanded || files.has(path.replace('.json', '.dsse.json'));
    if (isWhole && isSigned) stones.push({ ...predicate, map: new Map(list.text.split('\n').map((line) => line.split(' '))) });
    else find('tombstone-invalid', path, isWhole ? 'it is not signed' : 'it is no whole tombstone');
  }
  return stones.toSorted((a, b) => (a.at < b.at ? -1 : 1));
}
/** Whose file it is, and what a placeholder stands for. @returns files by series, hashes by folder and by step of a feature */
function sortFiles(files) {
  const stones = readTombstones(files);
  const placeholders = new Map(stones.flatMap((stone) => stone.files.map((one) => [one.placeholder, one])));
  const [own, hashes] = [new Map(), new Map()];
  for (const file of files.values()) {
    const { path, id, isMarked } = file;
    const [, top, role, name, kind = 'review', revision] = FILED.map((one) => one.exec(path)).find(Boolean) ?? [];
    const series = top && seriesOf(jsonOf(files.get(`${top}/feature.json`)?.text)?.id ?? top, role, name, revision);
    const purged = placeholders.get(id);
    const isPurged = purged?.placeholderSha256 === file.hash;
    if (isPurged) notes.push(`purged  ${path}`);
    else if (purged !== undefined || (isMarked && (top ?? /\/attempts\/|^materials\//.test(path))))
      find('tombstone-invalid', path, 'it says that it was purged, but no whole tombstone says so');
    const places = [path.replace(/\/[^/]+$/, ''), path.split('/', 2).join('/')];
    Object.assign(file, { kind: top && kind, series, places, isPurged, hash: isPurged ? purged.sha256 : file.hash });
    add(own, series, file);
    for (const place of places) add(hashes, place, file.hash);
  }
  return { files, stones, own, hashes, spoken: new Set() };
}
function checkRecords(commits, { files, own, hashes, spoken }) {
  const jobs = new Map();
  const beside = new Set([...commits.values()].flatMap(({ message }) => message.match(/(?<=^Docket-Beside: )\S+$/gm) ?? []));
  for (const { id, isRecord, series, trailers, about } of commits.values()) {
    if (!isRecord) continue;
    add(jobs, series, about.job);
    const [folder, step] = [...(own.get(series) ?? [])].findLast(({ kind }) => kind === 'prompt')?.places ?? [];
    if (folder === undefined) find('missing', series, `commit ${id} recorded a prompt that is not there any more`, about);
    else spoken.add(series);
    for (const [label, ending] of Object.entries({ Prompt: 'md', Result: 'md', Evidence: 'json' })) {
      const [stated, path] = [trailers[`${label}-SHA256`], `${folder}/${label.toLowerCase()}_v${trailers['Docket-Revision']}.${ending}`];
      const mayMove = label !== 'Prompt' || beside.has(about.job);
      const isThere = files.get(path)?.hash === stated || (mayMove && hashes.get(`${step}/attempts/${about.job}`)?.has(stated));
      const isHalf = label === 'Evidence' && stated === undefined && trailers['Docket-Status'] !== 'submitted';
      if (folder && isHalf) find('incomplete', path, `commit ${id} names none`, about);
      if (folder === undefined || stated === undefined || isThere) continue;
      find(files.has(path) ? 'hash-differs' : 'missing', path, `it is not what commit ${id} recorded (${label}-SHA256)`, about);
    }
  }
  for (const [series, all] of jobs) if (all.size > 1) find('recorded-twice', series, `by the jobs ${[...all].join(', ')}`);
}
/** What files say of each other. */
function checkFiles(commits, { files, hashes, spoken }, keys) {
  const signed = new Map([...commits.values()].filter(({ isSigned }) => isSigned).map((one) => [one.trailers['Evidence-SHA256'], one]));
  for (const { path, places, text, kind, series, hash, isPurged } of files.values()) {
    const half = kind === 'result' ? [/result_(v\d+)\.md$/, 'evidence_$1.json'] : [/evidence_(v\d+)\..*$/, 'result_$1.md'];
    if (kind && !spoken.has(kind === 'review' ? path : series)) find('unexpected', path, 'no record speaks of this file');
    else if (kind && !files.has(path.replace(...half))) find('incomplete', path, 'a result and its evidence belong together');
    const [name, envelope] = [path.slice(-64), path.replace(/json$/, 'dsse.json')];
    if (path.startsWith('materials/') && path !== materialOf(name)) find('unexpected', path, 'it is no place of a material');
    else if (path.startsWith('materials/') && hash !== name) find('hash-differs', path, 'it has other bytes than its name says');
    const by = EVIDENCE.test(path) && !files.has(envelope) && signed.get(hash);
    if (by && run(['cat-file', '-e', `${by.id}:${envelope}`]).status === 0)
      find('signature-missing', envelope, `the envelope that commit ${by.id} recorded is gone`, by.about);
    if (EVIDENCE.test(path) && !isPurged) {
      const { _type, subject = [], predicate } = jsonOf(text) ?? {};
      if (_type !== 'https://in-toto.io/Statement/v1') find('unreadable', path, 'it is no evidence statement');
      for (const { name: file } of subject.filter(({ digest }) => !places.some((place) => hashes.get(place).has(digest?.sha256))))
        find('hash-differs', path, `it speaks of ${file} with a hash that no file beside it has`);
      for (const { sha256 } of predicate?.materials ?? [])
        if (!files.has(materialOf(sha256))) find('missing', path, `its material ${sha256} is not kept`);
    } else if (ENVELOPE.test(path) && !isPurged) {
      const { bytes = '', what, why } = open(text, 'application/vnd.in-toto+json', keys);
      const of = files.get(path.replace('.dsse', ''))?.hash;
      if (why !== undefined && (signers !== undefined || what !== 'signer-unknown')) find(what, path, why);
      else if (hashOf(bytes) !== of) find(of ? 'signature-invalid' : 'unexpected', path, 'what it holds is not beside it');
    }
  }
}
const ABOUT = { verdict: 'Docket-Verdict', result_sha256: 'Result-SHA256', to: 'Docket-Promotion' };
/** What people said: each hash that a commit states is that of a file in its place, about an answer that is there, signed by who may. */
function checkReviews(commits, { own, hashes, spoken }) {
  const reviews = [...commits.values()].filter(({ isReview }) => isReview);
  const [stated, given] = ['Review-SHA256', 'Result-SHA256'].map((key) => new Set(reviews.map(({ trailers }) => trailers[key])));
  for (const { id, series, trailers, about } of reviews) {
    const there = [...(own.get(series) ?? [])].filter(({ kind }) => kind === 'review');
    const file = there.find(({ hash }) => hash === trailers['Review-SHA256']);
    const { path, places, text } = file ?? there.find((one) => !stated.has(one.hash) && !spoken.has(one.path)) ?? {};
    spoken.add(path);
    if (file?.isPurged) continue;
    const said = jsonOf(text);
    const isAbout = Object.entries(ABOUT).every(([key, trailer]) => said?.[key] === trailers[trailer]);
    const isThere = [said?.result_sha256, said?.evidence_sha256].every((hash) => !hash || hashes.get(places[1]).has(hash));
    const isGiven = (said?.verdicts ?? []).every((one) => given.has(one.result_sha256));
    if (file === undefined) find(path ? 'hash-differs' : 'missing', path ?? series, `it is not what commit ${id} recorded`, about);
    else if (said?.v !== 1 || typeof said.by?.email !== 'string') find('unreadable', path, 'it is no verdict', about);
    else if (!isAbout) find('unexpected', path, `it is about something else than commit ${id} says`, about);
    else if (!isThere || !isGiven) find('missing', path, 'it is about an answer or a verdict that is not there', about);
    else if (signers !== undefined && said.signature !== null) checkReviewSignature(path, said, about);
  }
}
const sorted = (_key, value) => (value?.constructor === Object ? Object.fromEntries(Object.entries(value).toSorted()) : value);
/** By ssh-keygen: over the same object without its signature, keys sorted, no spaces. */
function checkReviewSignature(path, said, about) {
  const folder = mkdtempSync(`${tmpdir()}/docket-verify-`);
  writeFileSync(`${folder}/sig`, String(said.signature.sshsig));
  const input = JSON.stringify({ ...said, signature: null }, sorted);
  const ask = (...args) => spawnSync('ssh-keygen', ['-Y', ...args, '-n', 'docket-verdict', '-s', `${folder}/sig`], { input });
  const at = `verify-time=${String(said.at).replaceAll(/[-:T]|\..*|Z/g, '')}Z`;
  const [whole, known] = [ask('check-novalidate'), ask('verify', '-f', signers, '-I', said.by.email, '-O', at)];
  rmSync(folder, { recursive: true });
  if (whole.error) stop(3, `ssh-keygen: ${whole.error.message}`);
  const isWhole = whole.status === 0 && String(whole.stdout).includes(` ${said.signature.key}\n`);
  if (!isWhole) find('signature-invalid', path, 'its signature is not that of its words', about);
  else if (known.status !== 0) find('signer-unknown', path, `its key may not sign for ${said.by.email}, or not then`, about);
}
function checkAgainst(commits, tip, { stones }, keys) {
  const text = readFileSync(against, 'utf8');
  const { bytes = text, why } = open(text, 'application/vnd.docket.checkpoint+json', keys);
  if (why !== undefined && jsonOf(text)?.payloadType !== undefined) return find('checkpoint-missed', against, why);
  const said = jsonOf(String(bytes));
  if (said?.v !== 1 || !Number.isSafeInteger(said.records)) stop(2, `${against} is no checkpoint`);
  const now = stones.reduce((id, { map }) => map.get(id) ?? id, said.commit);
  let at = commits.get(now) ?? commits.get(tip);
  while (at.id !== now && at.count > said.records) at = commits.get(at.parents[0]);
  const isSame = at.count === said.records && (at.head?.hash ?? null) === said.record;
  if (!isSame) find('checkpoint-missed', against, `up to commit ${at.id} are ${at.count} records, and not the ${said.records} of then`);
  else if (at.id !== now) find('checkpoint-missed', against, `commit ${said.commit} is gone, and no tombstone says why`);
  else if (now !== said.commit) notes.push(`commit ${said.commit} of the checkpoint is ${now} since a purge`);
}

const [isShallow, tip] = String(git(['rev-parse', '--is-shallow-repository', 'refs/heads/main'])).split('\n');
if (isShallow === 'true') stop(3, `${dir} is a shallow clone: clone all of it`);
const { status, stderr } = run(['fsck', '--full', '--no-dangling', '--no-progress']);
if (status !== 0) stop(1, `object-damaged  ${dir}: git fsck: ${String(stderr).trim().slice(0, 500)}`);
const ids = git(['rev-list', '--topo-order', '--reverse', tip]).toString().trim().split('\n');
const commits = new Map();
for (const { id, bytes } of objects(ids)) commits.set(id, readCommit(id, bytes));
checkChain(commits);
const keys = signers === undefined ? new Map() : readSigners(signers);
if (signers === undefined) notes.push('signatures were not checked: --signers names the keys that may');
else checkSignatures(commits);
const tree = sortFiles(readTip(tip));
if (against !== undefined) checkAgainst(commits, tip, tree, keys);
checkRecords(commits, tree);
checkReviews(commits, tree);
checkFiles(commits, tree, keys);
const records = [...commits.values()].filter(({ isRecord }) => isRecord).length;
const lines = [...findings.map(({ what, path, message }) => `${what}  ${path}: ${message}`), ...notes];
const sum = `${findings.length === 0 ? 'nothing differs' : `${findings.length} findings`}: ${records} records, ${tree.files.size} files`;
process.stdout.write(`${json ? JSON.stringify({ v: 1, records, notes, findings }, null, 2) : [...lines, sum].join('\n')}\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
