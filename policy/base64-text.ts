/** What base64 in a text decodes to, once: a token hides well behind it. Each run is visited once, whatever it holds. */

import { Buffer } from 'node:buffer';

type Place = { readonly from: number; readonly to: number };
/** `start`: where the piece begins in the decoded text; `at`: where it stood. */
export type Decoded = { readonly text: string; readonly pieces: readonly { readonly start: number; readonly at: Place }[] };

/** Runs of this many base64 characters are decoded: 24 characters hold 18 bytes, less than any known token. */
const RUN_LENGTH = 24;
const WRAPPED_LENGTH = 60;
const TAIL = /^\r?\n[ \t>]{0,22}([A-Za-z0-9+/_-]{1,23}={0,2})(?![A-Za-z0-9+/_-])/;
const TAIL_LENGTH = 64;

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
function runsIn(text: string): Place[] {
  const runs: Place[] = [];
  for (let at = RUN_LENGTH - 1; at < text.length; at += RUN_LENGTH) {
    if (!isBase64(text.charCodeAt(at))) continue;
    let from = at;
    while (from > 0 && isBase64(text.charCodeAt(from - 1))) from--;
    while (at < text.length && isBase64(text.charCodeAt(at))) at++;
    if (at - from < RUN_LENGTH) continue;
    const padding = text.startsWith('==', at) ? 2 : text.startsWith('=', at) ? 1 : 0;
    runs.push({ from, to: at + padding });
  }
  return runs;
}

/** Base64 that decodes to text, joined. Wrapped lines (60 or more wide, indented or not) count as one run. */
export function decodeBase64(text: string): Decoded {
  let all = '';
  const pieces: { start: number; at: Place }[] = [];
  let run = { text: '', from: 0, to: 0, rowLength: 0 };
  const add = (base64: string, from: number, to: number): void => {
    const plain = plainText(base64);
    if (plain === null) return;
    pieces.push({ start: all.length, at: { from, to } });
    all += `${plain}\n\n`;
  };
  const close = (): void => {
    if (run.text === '') return;
    add(run.text, run.from, run.to);
    // The last line of a wrapped run may be too short to be a run itself; it may be a word as well, so both are looked at.
    const tail = lastRow(run.text, run.rowLength) && !run.text.endsWith('=') ? TAIL.exec(text.slice(run.to, run.to + TAIL_LENGTH)) : null;
    if (tail !== null) add(`${run.text}${tail[1] ?? ''}`, run.from, run.to + tail[0].length);
    run = { text: '', from: 0, to: 0, rowLength: 0 };
  };
  for (const { from, to } of runsIn(text)) {
    const isNear = run.text !== '' && from - run.to <= 24 && !run.text.endsWith('=');
    const isWrapped = isNear && lastRow(run.text, run.rowLength) && /^\r?\n[ \t>]{0,22}$/.test(text.slice(run.to, from));
    if (!isWrapped) close();
    run = { text: run.text + text.slice(from, to), from: isWrapped ? run.from : from, to, rowLength: to - from };
  }
  close();
  return { text: all, pieces };
}

const lastRow = (run: string, length: number): boolean => run.length >= WRAPPED_LENGTH && length >= WRAPPED_LENGTH;

/** Null unless at least 19 of 20 bytes are printable ASCII, as they are or as UTF-16 (PowerShell's -EncodedCommand). */
function plainText(base64: string): string | null {
  const bytes = Buffer.from(base64, 'base64');
  let odd = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (byte === 0) zeros++;
    if ((byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) || byte > 0x7e) odd++;
  }
  if (odd * 20 <= bytes.length) return bytes.toString('latin1');
  return zeros * 20 > bytes.length * 9 && (odd - zeros) * 20 <= bytes.length ? bytes.toString('utf16le') : null;
}

/** Where the run stood that holds this place of the decoded text. */
export const placeInSource = ({ pieces }: Decoded, from: number): Place | null => pieces.findLast((one) => one.start <= from)?.at ?? null;
