/**
 * The secret scan of all that is sent and recorded for a prompt: its name, its file, and what goes along with it (role, spec, earlier answers).
 * Role and spec are looked at once for as long as they are the same object, an earlier answer once for each of the last texts: what a prompt costs does
 * not grow with them. A text that was once clean stays so: the rules do not change while the process lives.
 */

import type { Failure } from '#core/failure.ts';
import { SECRET_NAME } from '#core/names.ts';
import { mergeNotes, type ScanNote } from '#core/policy.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { ContextText } from './dependencies.ts';
import type { Ports } from './ports.ts';
import type { Task } from './task.ts';

type Scanned = Result<ScanNote | null, Failure>;
type Scanning = Pick<Ports, 'secrets' | 'digest'>;

/** Before anything is parsed: a fault of the front matter shows the value that it found. */
export async function scanPrompt({ secrets }: Scanning, { claimed: { job } }: Task, bytes: Uint8Array): Promise<Scanned> {
  if (job.originalName === `${SECRET_NAME}-${job.id}.md`)
    return err({ kind: 'secret-found', in: 'name', findings: [{ rule: 'name-of-file', line: 1, column: 1 }] });
  return secrets.scan('prompt', textOf(bytes));
}

/** A file in UTF-16 is refused later; it is not left readable for all when it holds a secret. */
const textOf = (bytes: Uint8Array): string => new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes);

const lasting = new WeakMap<object, ScanNote | 'nothing'>();

async function scanLasting({ secrets }: Scanning, source: { readonly source: string }): Promise<Scanned> {
  const known = lasting.get(source);
  if (known !== undefined) return ok(known === 'nothing' ? null : known);
  const scan = await secrets.scan('context', source.source);
  if (scan.ok) lasting.set(source, scan.value ?? 'nothing');
  return scan;
}

const SEEN_MAX = 1_000;
/** By hash, the oldest first: answers that many prompts depend on. */
const seen = new Map<string, ScanNote | null>();

async function scanText({ secrets, digest }: Scanning, text: string): Promise<Scanned> {
  const hash = digest.sha256(text);
  const known = seen.get(hash);
  if (known !== undefined) return ok(known);
  const scan = await secrets.scan('context', text);
  if (!scan.ok) return scan;
  seen.set(hash, scan.value);
  for (const oldest of seen.keys()) {
    if (seen.size <= SEEN_MAX) break;
    seen.delete(oldest);
  }
  return scan;
}

/** @param kept the brief of an earlier start, which was made of what was installed then */
export async function scanContext(
  ports: Scanning,
  role: Role,
  spec: PromptSpec,
  context: readonly Pick<ContextText, 'text'>[],
  kept: string | null,
): Promise<Scanned> {
  const notes: (ScanNote | null)[] = [];
  for (const source of [role, spec]) {
    const scan = await scanLasting(ports, source);
    if (!scan.ok) return scan;
    notes.push(scan.value);
  }
  for (const text of [...context.map((one) => one.text), ...(kept === null ? [] : [kept])]) {
    const scan = await scanText(ports, text);
    if (!scan.ok) return scan;
    notes.push(scan.value);
  }
  return ok(mergeNotes(notes));
}
