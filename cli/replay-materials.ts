/** What a run was made with, taken out of the history: its prompt, its brief, its role; and whether this docket would assemble the same brief of them. */

import type { Buffer } from 'node:buffer';
import { assembleBrief } from '#agents/brief.ts';
import type { RoleName, Sha256 } from '#core/names.ts';
import type { Prompt } from '#core/prompt.ts';
import type { Role } from '#core/role.ts';
import { briefContext, type ContextText } from '#daemon/dependencies.ts';
import type { HistoryReader } from '#history/export-reader.ts';
import { readEvidenceOf, type EvidenceRead } from '#history/reconstruct-evidence.ts';
import type { FoundRecord } from '#history/reconstruct-find.ts';
import { recordFiles } from '#history/reconstruct.ts';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { parseRole } from '#prompt-spec/role.ts';
import { parseSpec } from '#prompt-spec/spec.ts';
import { CliError, EXIT } from './io.ts';

export type Replayable = {
  readonly promptBytes: Uint8Array;
  readonly prompt: Prompt;
  /** As it was then. */
  readonly role: Role;
  /** The brief that was sent, byte for byte. */
  readonly brief: string;
  /** What this docket makes of the recorded prompt, spec, role and context. */
  readonly assembled: string | null;
  /** The recorded answer; null: it ended without one. */
  readonly answer: string | null;
  readonly evidence: EvidenceRead;
};

/** As it stood in the brief: a docket before verdicts put in the whole of it, and not its hash. */
function contextText(
  { context }: EvidenceRead,
  { name, sha256 }: { readonly name: string; readonly sha256: string },
  bytes: Buffer,
): ContextText {
  const fact = context.find((one) => one.sha256 === sha256 && one.path === name);
  const sizes = { sizeBytes: bytes.length, sentBytes: fact?.sentBytes ?? bytes.length };
  return { name, text: decode(bytes.subarray(0, sizes.sentBytes)), sha256: fact === undefined ? null : (sha256 as Sha256), ...sizes };
}

const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

/** Throws CliError 1 with words when something that a run needs is not in the history (any more). */
export async function replayable(
  reader: HistoryReader,
  found: FoundRecord,
  installed: readonly RoleName[],
  limits: { readonly promptBytes: number; readonly frontMatterBytes: number },
): Promise<Replayable> {
  const bytes = new Map<string, Buffer>();
  const lost: string[] = [];
  for await (const file of recordFiles(reader, found)) {
    if (file.kind === 'missing') lost.push(`${file.what}: ${file.words}`);
    else if (file.ok) bytes.set(file.sha256, file.bytes);
    else lost.push(`${file.what}: ${file.from} is not what was recorded`);
  }
  const last = found.steps.at(-1);
  const at = (sha256: string | null | undefined): Buffer | null =>
    sha256 === null || sha256 === undefined ? null : (bytes.get(sha256) ?? null);
  const refuse = (what: string): CliError =>
    new CliError(
      `it cannot be run again: ${what}${lost.length === 0 ? '' : `\n${lost.map((words) => `  ${words}`).join('\n')}`}`,
      EXIT.notWell,
    );
  const promptBytes = at(last?.promptSha256);
  const evidenceBytes = at(last?.evidenceSha256);
  const evidence = evidenceBytes === null ? null : readEvidenceOf(decode(evidenceBytes));
  if (promptBytes === null) throw refuse('its prompt is not in the history');
  if (evidence === null)
    throw refuse(
      last?.status === 'submitted' ? 'no end of it is recorded, so nobody knows what was sent' : 'its evidence is not in the history',
    );
  const material = (role: string): { readonly name: string; readonly text: string } | null => {
    const one = evidence.materials.find((known) => known.role === role);
    const kept = at(one?.sha256);
    return one === undefined || kept === null ? null : { name: one.name, text: decode(kept) };
  };
  const spec = material('prompt-spec');
  const roleText = material('role');
  const brief = material('brief');
  if (brief === null || roleText === null) throw refuse('its brief or its role is not in the history');
  const role = parseRole(roleText.text, `the recorded role ${roleText.name}`, roleText.name);
  if (!role.ok) throw refuse('its role cannot be read by this docket');
  const prompt = parsePrompt(promptBytes, { roles: [...installed, role.value.name], folderRole: role.value.name, limits, nowMs: 0 });
  if (!prompt.ok) throw refuse(`its prompt is not valid for this docket: ${prompt.error.map(({ message }) => message).join('; ')}`);
  const number = roleText.name.slice(0, 2);
  const parsedSpec = spec === null ? null : parseSpec(spec.text, spec.name.replace(/\/([^/]+)$/, `/${number}_$1.md`));
  const contexts = evidence.materials.flatMap((one) => {
    const text = one.role === 'context' ? at(one.sha256) : null;
    return text === null ? [] : [contextText(evidence, one, text)];
  });
  const assembled =
    parsedSpec?.ok === true
      ? assembleBrief({ role: role.value, spec: parsedSpec.value, prompt: prompt.value, context: briefContext(contexts) })
      : null;
  const answer = at(last?.resultSha256);
  return {
    promptBytes,
    prompt: prompt.value,
    role: role.value,
    brief: brief.text,
    assembled,
    answer: answer === null ? null : decode(answer),
    evidence,
  };
}
