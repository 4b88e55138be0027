/**
 * Finds secrets in a text: secretlint's recommended preset, docket's own rules, and both once more on what base64 in the text decodes to.
 * Pure but slow on bad input (secretlint's expressions are not all linear): runs in scan-worker.ts, under a deadline.
 * Without secretlint's filter-comments rule: a scanned text must not be able to switch the scan off.
 * Left out on purpose: AWS account numbers (they are no secret).
 *
 * Invariant: nothing that leaves this file holds a part of the text, only a rule's name and a place.
 */

import { Buffer } from 'node:buffer';
import { lintSource } from '@secretlint/core';
import { secretLintProfiler } from '@secretlint/profiler';
import { rules as preset } from '@secretlint/secretlint-rule-preset-recommend';
import type { SecretLintCoreConfig } from '@secretlint/types';
import type { SecretFinding } from '#core/failure.ts';
import { OWN_RULES } from './known-secrets.ts';
import { isPlaceholder, looksRandom } from './placeholders.ts';

/** Text is looked at in pieces, because some expressions are worse than linear. */
const CHUNK_LENGTH = 256 * 1024;
/** Longer than the longest form that is looked for (a private key, 10,000 characters). */
const OVERLAP_LENGTH = 16 * 1024;
/** More are not told: the text is held for the first one. */
const FINDINGS_MAX = 50;
/** Runs of this many base64 characters are decoded: 24 characters hold 18 bytes, less than any known token. */
const BASE64_RUN_LENGTH = 24;

type Range = { readonly rule: string; readonly from: number; readonly to: number };

// Profiling is on by default and keeps every mark for ever.
secretLintProfiler.setEnabled(false);

const config = {
  rules: preset.filter((rule) => !rule.meta.id.endsWith('filter-comments')).map((rule) => ({ id: rule.meta.id, rule })),
} as unknown as SecretLintCoreConfig;

/** Escaped line ends and URL escapes hide where a token starts (`\nghp_…`): blanked, lengths kept. */
const unescapeEnds = (text: string): string =>
  text.includes('\\') || text.includes('%')
    ? text
        .replace(/\\[nrt]/g, '  ')
        .replace(/%(?:20|09|0[AaDd]|2[267Cc]|3[AaDdFf])/g, (code) => `${String.fromCharCode(Number.parseInt(code.slice(1), 16))}  `)
    : text;

async function byPreset(text: string): Promise<Range[]> {
  const { messages } = await lintSource({
    source: { filePath: '/prompt.md', ext: '.md', contentType: 'text', content: text },
    options: { config, noPhysicFilePath: true },
  });
  return messages
    .filter((message) => message.messageId !== 'AWSAccountID' && !isHarmless(text.slice(message.range[0], message.range[1])))
    .map((message) => ({
      rule: `${message.ruleId.split('rule-').at(-1) ?? message.ruleId}/${message.messageId}`,
      from: message.range[0],
      to: message.range[1],
    }));
}

/** The preset's findings go through the same list of placeholders; of an address only its password does. */
function isHarmless(found: string): boolean {
  if (found.startsWith('-----BEGIN')) return false;
  const password = /:\/\/[^\s:/@]{0,100}:([^\s/@]{1,300})@/.exec(found)?.[1];
  return password === undefined ? isPlaceholder(found) : !looksRandom(password, 2);
}

/**
 * Answers whether a hint (ASCII, in lower case) may stand in the text. One pass notes which two characters follow each other; only a hint whose pairs are all
 * there is looked for. The text is in lower case and one byte for each character: what is ASCII stays what it is, so no hint is missed, and a
 * character that turns into another one costs a look by its rule's expression.
 */
function hintsIn(text: string): (hint: string) => boolean {
  const bytes = Buffer.from(text.toLowerCase(), 'latin1');
  const lower = bytes.toString('latin1');
  const pairs = new Uint8Array(1 << 16);
  let before = 0;
  for (const byte of bytes) {
    pairs[(before << 8) | byte] = 1;
    before = byte;
  }
  return (hint) => {
    for (let at = 1; at < hint.length; at++) if (pairs[(hint.charCodeAt(at - 1) << 8) | hint.charCodeAt(at)] !== 1) return false;
    return lower.includes(hint);
  };
}

function byOwnRules(text: string): Range[] {
  const mayHold = hintsIn(text);
  const found: Range[] = [];
  for (const rule of OWN_RULES) {
    if (!rule.hints.some(mayHold)) continue;
    for (const match of text.matchAll(rule.pattern)) {
      const from = match.index;
      const to = from + match[0].length;
      const value = match[1] ?? match[0];
      const isSecret = rule.accepts === undefined ? !isPlaceholder(value) : rule.accepts(value, text.slice(to, to + 4_096));
      if (isSecret) found.push({ rule: rule.id, from, to });
      if (found.length > FINDINGS_MAX * 4) return found;
    }
  }
  return found;
}

/** Ranges of the whole text, piece by piece; pieces overlap and start at a line where there is one. */
async function inPieces(text: string): Promise<Range[]> {
  const found: Range[] = [];
  for (let start = 0; ;) {
    const end = Math.min(start + CHUNK_LENGTH, text.length);
    const piece = text.slice(start, end);
    for (const range of [...(await byPreset(piece)), ...byOwnRules(piece)]) {
      if (!found.some((known) => known.from < range.to + start && range.from + start < known.to))
        found.push({ rule: range.rule, from: range.from + start, to: range.to + start });
    }
    if (end === text.length || found.length >= FINDINGS_MAX) return found;
    const line = text.lastIndexOf('\n', end - OVERLAP_LENGTH);
    start = line > end - OVERLAP_LENGTH * 2 ? line : end - OVERLAP_LENGTH;
  }
}

const isBase64 = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x2f && code <= 0x39) ||
  code === 0x2b ||
  code === 0x2d ||
  code === 0x5f;

/**
 * As `/[A-Za-z0-9+/_-]{24,}={0,2}/g` finds them. Each run has a character at one of the places that are 24 apart, so the rest is not looked at: an expression
 * would begin anew at each letter of each word.
 */
function base64Runs(text: string): { readonly from: number; readonly to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (let at = BASE64_RUN_LENGTH - 1; at < text.length; at += BASE64_RUN_LENGTH) {
    if (!isBase64(text.charCodeAt(at))) continue;
    let from = at;
    while (from > 0 && isBase64(text.charCodeAt(from - 1))) from--;
    while (at < text.length && isBase64(text.charCodeAt(at))) at++;
    if (at - from < BASE64_RUN_LENGTH) continue;
    const padding = text.startsWith('==', at) ? 2 : text.startsWith('=', at) ? 1 : 0;
    runs.push({ from, to: at + padding });
  }
  return runs;
}

/** Base64 that decodes to text, joined; `at` tells where each piece stood. Wrapped lines (60 or more wide) count as one run. */
function decoded(text: string): { readonly text: string; readonly pieces: readonly { readonly start: number; readonly at: Range }[] } {
  let all = '';
  const pieces: { start: number; at: Range }[] = [];
  let run = { text: '', from: 0, to: 0 };
  const close = (): void => {
    const plain = run.text === '' ? null : plainText(run.text);
    if (plain !== null) {
      pieces.push({ start: all.length, at: { rule: 'base64', from: run.from, to: run.to } });
      all += `${plain}\n\n`;
    }
    run = { text: '', from: 0, to: 0 };
  };
  for (const { from, to } of base64Runs(text)) {
    const isWrapped = run.text !== '' && from - run.to <= 2 && run.to - run.from >= 60 && /^\r?\n$/.test(text.slice(run.to, from));
    if (!isWrapped) close();
    run = { text: run.text + text.slice(from, to), from: isWrapped ? run.from : from, to };
  }
  close();
  return { text: all, pieces };
}

/** Null unless at least 19 of 20 bytes are printable ASCII. */
function plainText(base64: string): string | null {
  const bytes = Buffer.from(base64, 'base64');
  let odd = 0;
  for (const byte of bytes) if ((byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) || byte > 0x7e) odd++;
  return odd * 20 > bytes.length ? null : bytes.toString('latin1');
}

async function inBase64(text: string): Promise<Range[]> {
  const plain = decoded(text);
  if (plain.pieces.length === 0) return [];
  return (await inPieces(unescapeEnds(plain.text))).flatMap((range) => {
    const piece = plain.pieces.findLast((one) => one.start <= range.from);
    return piece === undefined ? [] : [{ rule: `base64:${range.rule}`, from: piece.at.from, to: piece.at.to }];
  });
}

/** Places where secrets stand, in the order of the text, at most 50. Lines and columns are 1-based, columns in UTF-16 units. */
export async function findSecrets(source: string): Promise<SecretFinding[]> {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  const found = await inPieces(unescapeEnds(text));
  for (const range of found.length < FINDINGS_MAX ? await inBase64(text) : [])
    if (!found.some((known) => known.from < range.to && range.from < known.to)) found.push(range);
  found.sort((a, b) => a.from - b.from);
  let line = 1;
  let lineStart = 0;
  return found.slice(0, FINDINGS_MAX).map(({ rule, from }) => {
    for (let next = text.indexOf('\n', lineStart); next !== -1 && next < from; next = text.indexOf('\n', lineStart)) {
      line++;
      lineStart = next + 1;
    }
    return { rule, line, column: from - lineStart + 1 };
  });
}
