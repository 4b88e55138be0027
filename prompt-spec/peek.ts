/** A bounded look at a file that waits: order, time and dependencies from its first bytes. A hint only; parse.ts decides. */

import type { FeatureId, PromptName, RoleName } from '#core/names.ts';
import type { Dependency } from '#core/prompt.ts';
import { checkFields } from './check-fields.ts';
import { readHeader, splitFences } from './front-matter.ts';
import { dependenciesOf, PRIORITY_DEFAULT } from './parse.ts';

export type Peek = {
  readonly feature: FeatureId;
  readonly agent: RoleName;
  readonly name: PromptName | null;
  readonly revision: number;
  readonly priority: number;
  /** ISO 8601 with zone, as written. */
  readonly notBefore: string | null;
  readonly dependsOn: readonly Dependency[];
  readonly runner: string | null;
};

export const HEAD_BYTES_MAX = 20_480;
/** One for all: a decoder that streams holds a converter of several KB outside of the heap, and ten thousand files may wait. */
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Without the first bytes of a character that was cut off at the end. UTF-8: RFC 3629, a character has at most four bytes. */
export function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** @param head the first 16 KiB or so of the file. Null: no valid front matter in there, so it is worth claiming and rejecting at once. Never throws. */
export function peekPrompt(head: Uint8Array): Peek | null {
  try {
    const text = DECODER.decode(wholeCharacters(head.subarray(0, HEAD_BYTES_MAX)));
    const parts = splitFences(text);
    const front = parts.ok ? readHeader(parts.value, HEAD_BYTES_MAX) : parts;
    if (!front.ok || front.value.faults.length > 0) return null;
    const { written } = checkFields(front.value);
    if (written === null) return null;
    return ownStrings({
      feature: written.feature.id,
      agent: written.agent,
      name: written.name ?? null,
      revision: written.revision,
      priority: written.priority ?? PRIORITY_DEFAULT,
      notBefore: written.not_before?.text ?? null,
      dependsOn: dependenciesOf(written),
      runner: written.runner ?? null,
    });
  } catch {
    return null;
  }
}

/** The same in strings of their own: a part of a text keeps the whole text in memory, and ten thousand files may wait. */
const ownStrings = (peek: Peek): Peek => JSON.parse(JSON.stringify(peek)) as Peek;
