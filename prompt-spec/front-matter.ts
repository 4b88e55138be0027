/**
 * A prompt's bytes split into front matter and body. gray-matter finds the header and calls its engine, but it is fed only a header that
 * was checked before: it would run code for `---js`, take an open fence for a header, `----x` for a close, and cache what it saw.
 *
 * Order: size, UTF-8, NUL, fences, size of the header, characters, then YAML. What comes first is told alone, because the rest means nothing.
 * Invariant: `body` is everything behind the line end of the closing fence, byte for byte.
 */

import matter from 'gray-matter';
import type { Fault } from '#core/fault.ts';
import { err, ok, type Result } from '#core/result.ts';
import { fault, type FaultWords, type Place, shown, WHOLE_FILE } from './faults.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { readYaml, type YamlRead } from './safe-yaml.ts';

export type TextLimits = { readonly promptBytes: number; readonly frontMatterBytes: number };

export type FrontMatter = YamlRead & {
  readonly body: string;
  /** Line of the closing fence, where a missing key would be added. */
  readonly closeLine: number;
};

/** More lines than anybody writes; it bounds the search for comments in gray-matter, which is quadratic in empty lines. */
const HEADER_LINES_MAX = 1_000;
// eslint-disable-next-line no-control-regex -- these are the characters that must not pass
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/;

const refusal = (code: string, field: string, place: Place, words: FaultWords): Result<never, readonly Fault[]> =>
  err([fault(code, field, place, words)]);

/** Text from bytes, or the reason why it is none. A byte order mark stays. */
function decodeText(bytes: Uint8Array, maxBytes: number): Result<string, readonly Fault[]> {
  if (bytes.length > maxBytes) {
    return refusal('file-too-large', 'file', WHOLE_FILE, {
      message: 'the file is too large',
      expected: `at most ${String(maxBytes)} bytes (limits.prompt_bytes)`,
      found: `${String(bytes.length)} bytes`,
      mend: 'shorten it, or split it into prompts that each have a `name`',
    });
  }
  if (bytes.length === 0) {
    return refusal('file-empty', 'file', WHOLE_FILE, {
      message: 'the file is empty',
      expected: 'front matter between two --- lines, then the prompt',
      found: '0 bytes',
      mend: 'write it again; `docket add` writes a valid one',
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const offset = firstInvalidByte(bytes);
    return refusal('file-not-utf8', 'file', placeOfByte(bytes, offset), {
      message: `this is not UTF-8 text${guess(bytes)}`,
      expected: 'UTF-8, with or without a byte order mark',
      found: `byte 0x${(bytes[offset] ?? 0).toString(16).padStart(2, '0')}`,
      mend: 'save the file as UTF-8',
    });
  }
  const nul = text.indexOf('\0');
  if (nul === -1) return ok(text);
  return refusal('file-nul', 'file', placeIn(text, nul), {
    message: `the file holds a NUL byte${guess(bytes)}`,
    expected: 'text',
    found: 'byte 0x00',
    mend: 'save the file as UTF-8 text',
  });
}

function guess(bytes: Uint8Array): string {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return '; it looks like UTF-16';
  if (a === 0x1f && b === 0x8b) return '; it looks like a gzip file';
  if (a === 0x50 && b === 0x4b) return '; it looks like a zip or office file';
  if (a === 0x25 && b === 0x50) return '; it looks like a PDF';
  return '';
}

/** Where decoding fails first: the shortest start that is wrong whatever follows, by halving. */
function firstInvalidByte(bytes: Uint8Array): number {
  const isWrong = (length: number): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return false;
    } catch {
      return true;
    }
  };
  let good = 0;
  let wrong = bytes.length + 1;
  while (wrong - good > 1) {
    const middle = Math.floor((good + wrong) / 2);
    if (isWrong(middle)) wrong = middle;
    else good = middle;
  }
  return Math.min(wrong, bytes.length) - 1;
}

function placeOfByte(bytes: Uint8Array, offset: number): Place {
  const before = bytes.subarray(0, offset);
  return placeIn(new TextDecoder('utf-8').decode(before), Number.POSITIVE_INFINITY);
}

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  let line = 1;
  for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line += 1;
  return { line, column: before.length - before.lastIndexOf('\n') };
}

type Parts = { readonly header: string; readonly body: string; readonly closeLine: number };

/** The text between the fences and the text behind them. A line ends in LF or CRLF, nothing else. */
export function splitFences(text: string): Result<Parts, readonly Fault[]> {
  const start = text.startsWith('\ufeff') ? 1 : 0;
  const firstEnd = text.indexOf('\n', start);
  const first = lineAt(text, start);
  if (first !== '---') return noHeader(text.slice(start), first);
  const at = firstEnd === -1 ? -1 : text.indexOf('\n---', firstEnd);
  if (at !== -1) {
    const line = lineAt(text, at + 1);
    const place = placeIn(text, at + 1);
    if (line !== '---') {
      return refusal('header-fence', 'file', place, {
        message: 'a line of the front matter that starts with --- must be exactly ---',
        expected: 'the closing line ---, without spaces or more signs',
        found: shown(line),
        mend: 'make it ---, or put the text in quotes behind its key',
      });
    }
    const end = text.indexOf('\n', at + 1);
    const header = at === firstEnd ? '' : text.slice(firstEnd + 1, at + 1);
    return ok({ header, body: end === -1 ? '' : text.slice(end + 1), closeLine: place.line });
  }
  return refusal(
    'header-unclosed',
    'file',
    { line: 1, column: 1 },
    {
      message: 'the front matter is never closed',
      expected: 'a second line that is exactly ---, with a line end before it',
      found: 'the end of the file',
      mend: 'add a line --- below the last key',
    },
  );
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  const line = text.slice(start, end === -1 ? undefined : end);
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function noHeader(text: string, first: string): Result<never, readonly Fault[]> {
  const place = { line: 1, column: 1 };
  const expected = 'a first line that is exactly ---';
  const found = first === '' ? 'an empty line' : shown(first);
  if (first.startsWith('---\r')) {
    return refusal('header-missing', 'file', place, {
      message: 'lines end in CR alone, as on very old systems',
      expected,
      found,
      mend: 'save the file with LF or CRLF line ends',
    });
  }
  if (/^---+\s*$/.test(first)) {
    return refusal('header-fence', 'file', place, { message: 'the first line is not exactly ---', expected, found, mend: 'make it ---' });
  }
  if (first.startsWith('---')) {
    return refusal('header-language', 'file', place, {
      message: 'front matter is YAML and names no language',
      expected,
      found,
      mend: 'make the first line --- and write the fields as YAML',
    });
  }
  const isLater = /^\s*---\r?\n/.test(text.slice(0, 1_000));
  return refusal('header-missing', 'file', place, {
    message: isLater ? 'there is something before the front matter' : 'there is no front matter',
    expected,
    found,
    mend: isLater ? 'remove the empty lines and spaces above ---' : 'begin the file with ---, the fields and ---',
  });
}

/** All of a prompt's bytes into data, places and body. Faults of the YAML are in the result: the fields that are whole can still be checked. */
export function readFrontMatter(bytes: Uint8Array, limits: TextLimits): Result<FrontMatter, readonly Fault[]> {
  const text = decodeText(bytes, limits.promptBytes);
  if (!text.ok) return text;
  const parts = splitFences(text.value);
  return parts.ok ? readHeader(parts.value, limits.frontMatterBytes) : parts;
}

export function readHeader(parts: Parts, maxBytes: number): Result<FrontMatter, readonly Fault[]> {
  const { header, body, closeLine } = parts;
  const sizeBytes = Buffer.byteLength(header);
  if (sizeBytes > maxBytes || closeLine - 2 > HEADER_LINES_MAX) {
    return refusal(
      'header-too-large',
      'file',
      { line: 2, column: 1 },
      {
        message: 'the front matter is too large',
        expected: `at most ${String(maxBytes)} bytes (limits.front_matter_bytes) and ${String(HEADER_LINES_MAX)} lines`,
        found: `${String(sizeBytes)} bytes, ${String(closeLine - 2)} lines`,
        mend: 'move text into the body',
      },
    );
  }
  const plain = header.replaceAll('\r\n', '\n');
  const at = plain.search(CONTROL);
  const loneCr = plain.indexOf('\r');
  if (at !== -1 || loneCr !== -1) {
    const offset = at === -1 ? loneCr : at;
    const { line, column } = placeIn(plain, offset);
    return refusal(
      'header-control-character',
      'file',
      { line: line + 1, column },
      {
        message: 'the front matter holds a control character',
        expected: 'printable text, tabs, LF or CRLF line ends',
        found: shown(plain.charAt(offset)),
        mend: 'remove it, or write it as an escape inside double quotes',
      },
    );
  }
  return ok({ ...(readPlainYaml(plain) ?? callGrayMatter(plain)), body, closeLine });
}

const refuseLanguage = (): never => {
  throw new Error('a front-matter language other than YAML was asked for');
};

/** The text that the engine gets starts behind the first fence, with its line end: so its line 1 is line 1 of the file. */
function callGrayMatter(header: string): YamlRead {
  const read: YamlRead[] = [];
  const engine = {
    parse: (source: string): object => {
      const yaml = readYaml(source, 1);
      read.push(yaml);
      return yaml.data;
    },
    stringify: refuseLanguage,
  };
  const refused = { parse: refuseLanguage, stringify: refuseLanguage };
  matter(`---\n${header}---\n`, { language: 'yaml', engines: { yaml: engine, json: refused, javascript: refused } });
  return read[0] ?? readYaml('', 1);
}
