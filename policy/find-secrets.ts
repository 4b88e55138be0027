/**
 * Finds secrets in a text: docket's own rules, secretlint's recommended preset, and both once more on what base64 in the text decodes to.
 * Pure but slow on bad input (secretlint's expressions are not all linear): runs in scan-worker.ts, under a deadline.
 * Without secretlint's filter-comments rule: a scanned text must not be able to switch the scan off.
 * Left out on purpose: AWS account numbers (they are no secret).
 *
 * Invariant: nothing that leaves this file holds a part of the text, only a rule's name, its public literal and a place.
 */

import { lintSource } from '@secretlint/core';
import { secretLintProfiler } from '@secretlint/profiler';
import { rules as preset } from '@secretlint/secretlint-rule-preset-recommend';
import type { SecretLintCoreConfig } from '@secretlint/types';
import { decodeBase64, placeInSource } from './base64-text.ts';
import { byOwnRules, FINDINGS_MAX, overlaps, piecesOf, unescapeEnds, withLines, type SecretRange } from './own-rules.ts';
import { isPlaceholder, looksRandom } from './placeholders.ts';
import type { TextFinding } from './scan-text.ts';

// Profiling is on by default and keeps every mark for ever.
secretLintProfiler.setEnabled(false);

const config = {
  rules: preset.filter((rule) => !rule.meta.id.endsWith('filter-comments')).map((rule) => ({ id: rule.meta.id, rule })),
} as unknown as SecretLintCoreConfig;

/** What the preset alone says, with nothing taken away: the baseline of bench/secrets.ts. */
export async function byPresetAlone(text: string): Promise<SecretRange[]> {
  const { messages } = await lintSource({
    source: { filePath: '/prompt.md', ext: '.md', contentType: 'text', content: text },
    options: { config, noPhysicFilePath: true },
  });
  return messages.map(({ ruleId, messageId, range: [from, to] }) => ({
    rule: `${ruleId.split('rule-').at(-1) ?? ruleId}/${messageId}`,
    from,
    to,
    excerpt: '****',
  }));
}

const byPreset = async (text: string): Promise<SecretRange[]> =>
  (await byPresetAlone(text)).filter(({ rule, from, to }) => !rule.endsWith('/AWSAccountID') && !isHarmless(text.slice(from, to)));

/** The preset's findings go through the same list of placeholders; of an address only its password does. */
function isHarmless(found: string): boolean {
  if (found.startsWith('-----BEGIN')) return false;
  const password = /:\/\/[^\s:/@]{0,100}:([^\s/@]{1,300})@/.exec(found)?.[1];
  return password === undefined ? isPlaceholder(found) : !looksRandom(password, 2);
}

async function byAll(text: string): Promise<SecretRange[]> {
  const found = byOwnRules(text);
  for (const { start, piece, until } of piecesOf(text)) {
    if (found.length >= FINDINGS_MAX) break;
    for (const range of await byPreset(piece)) {
      const whole = { ...range, from: range.from + start, to: range.to + start };
      if (range.from < until && !overlaps(found, whole)) found.push(whole);
    }
  }
  return found;
}

/** Places where secrets stand, in the order of the text, at most 50. Lines and columns are 1-based, columns in UTF-16 units. */
export async function findSecrets(source: string): Promise<TextFinding[]> {
  const isMarked = source.startsWith('\uFEFF');
  const text = isMarked ? source.slice(1) : source;
  const found = await byAll(unescapeEnds(text));
  const plain = found.length < FINDINGS_MAX ? decodeBase64(text) : { text: '', pieces: [] };
  for (const range of plain.pieces.length === 0 ? [] : await byAll(unescapeEnds(plain.text))) {
    const at = placeInSource(plain, range.from);
    if (at !== null && !overlaps(found, at)) found.push({ ...range, rule: `base64:${range.rule}`, ...at });
  }
  return withLines(text, found)
    .slice(0, FINDINGS_MAX)
    .map((one) => (isMarked ? { ...one, from: one.from + 1, to: one.to + 1 } : one));
}
