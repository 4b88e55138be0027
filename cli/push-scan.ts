/**
 * The program behind the history's pre-push hook: `node cli/push-scan.ts <git folder> <address> <deadline in ms> <workspace>`, git's lines on standard
 * input. Scans what the other side does not have yet for secrets. Needs no daemon. Exit code 0 lets the push through; everything else stops it.
 *
 *   nothing found, or only what policy.allow_secrets names -> 0; what passed, and on whose word, is in .git/docket/pushes.jsonl
 *   a secret, or a scan that failed -> 1; with a reason in DOCKET_PUSH_REASON -> 0, and who, what and why is in .git/docket/pushes.jsonl
 *   content that a tombstone says is gone -> 1 always
 * Invariant: a push that is let through without a clean scan is on record first.
 */

import { printable } from '#core/names.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { userName } from '#platform/system.ts';
import { makeSecretScan } from '#policy/secret-scan.ts';
import { parsePushedRefs, pushedParts } from '#history/push.ts';
import { allowedInPush } from './push-allowed.ts';
import { scanPush, type PushScanned } from './push-found.ts';

const RECORD = 'pushes.jsonl';
const REASON_MAX = 500;
const LISTED = 20;

const [gitDir = '', address = '', deadlineText = '', workspace = ''] = process.argv.slice(2);
const say = (text: string): void => void process.stderr.write(`docket: ${text}\n`);

const chunks: Uint8Array[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
const refs = parsePushedRefs(new TextDecoder().decode(Buffer.concat(chunks)));
const deadlineMs = Number(deadlineText);
const fs = makeFs();

/** Names and passwords in an address are nobody's business. */
const shownAddress = address.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
const reason = (process.env['DOCKET_PUSH_REASON'] ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, REASON_MAX);

async function note(outcome: 'passed' | 'refused' | 'let-through', scanned: PushScanned | null): Promise<void> {
  const line = {
    at: new Date().toISOString(),
    person: userName(),
    remote: shownAddress,
    refs: (refs ?? []).map(({ localRef, local, remoteRef }) => ({ localRef, local, remoteRef })),
    outcome,
    reason: outcome === 'let-through' ? reason : null,
    parts: scanned?.parts ?? 0,
    found: scanned?.found ?? [],
    allowed: scanned?.allowed ?? [],
    failed: scanned?.failed ?? null,
  };
  await fs.append(`${gitDir}/docket/${RECORD}`, `${JSON.stringify(line)}\n`, 0o600);
  await fs.syncFile(`${gitDir}/docket/${RECORD}`, 'safety');
}

async function judge(): Promise<number> {
  if (!gitDir.startsWith('/') || refs === null || !(deadlineMs > 0)) {
    say('the push was not scanned: this is not what git gives a pre-push hook');
    return 1;
  }
  const may = await allowedInPush(fs, workspace, gitDir);
  const scan = makeSecretScan({ deadlineMs, ...may });
  const scanned = await scanPush(pushedParts({ fs, digest: makeDigest() }, gitDir, refs), scan);
  await scan.close();
  for (const { rule, fingerprint, reason: why, by } of scanned.allowed.slice(0, LISTED))
    say(`let pass by docket.yaml: ${rule} (${fingerprint}), ${printable(why)}, ${printable(by)}`);
  if (scanned.found.length === 0 && scanned.failed === null && scanned.purged.length === 0) {
    await note('passed', scanned);
    return 0;
  }
  for (const path of scanned.purged.slice(0, LISTED)) say(`${path} is content that was purged: \`docket purge --again\` takes it out`);
  for (const { path, rule, line, fingerprint } of scanned.found.slice(0, LISTED))
    say(`${path}, line ${String(line)}: looks like a secret (${rule}${fingerprint === null ? '' : `, ${fingerprint}`})`);
  if (scanned.found.length > LISTED) say(`and ${String(scanned.found.length - LISTED)} more`);
  if (may.why !== null && scanned.found.length > 0) say(`nothing was let pass by its fingerprint: ${may.why}`);
  if (scanned.failed !== null) say(`not everything could be scanned: ${scanned.failed}`);
  if (reason !== '' && scanned.purged.length === 0) {
    await note('let-through', scanned);
    say(`pushed all the same, on your word; it is on record in ${gitDir}/docket/${RECORD}`);
    return 0;
  }
  await note('refused', scanned);
  say(
    'nothing was pushed. A secret: change it, then `docket purge --secret-file`. No secret: let it pass by its fingerprint (policy.allow_secrets in the ' +
      'committed docket.yaml), or DOCKET_PUSH_REASON="why" git push … (it is recorded)',
  );
  return 1;
}

try {
  process.exitCode = await judge();
} catch (error) {
  say(`nothing was pushed, because it could not be scanned: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
