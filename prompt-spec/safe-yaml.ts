/**
 * YAML from people and programs that we do not trust, read into plain data with the place of every key and value.
 *
 * Order: tokens first (the parser of `yaml` is a loop, so nothing can exhaust the stack), refuse what we do not take and what is nested too
 * deep, then compose, then convert. The duplicate check is our own: the one of the package is quadratic in the number of keys.
 * Invariant: maps have no prototype, all keys are strings, all numbers are finite; nothing in the text can choose a type or run code.
 */

import { Composer, type CST, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, Parser } from 'yaml';
import type { Fault } from '#core/fault.ts';
import { fault, type FaultWords, type Place, shown } from './faults.ts';

const DEPTH_MAX = 20;
/** What a document in an answer may have: an OpenAPI document with inline schemas is deeper than any header. */
const DOCUMENT_DEPTH_MAX = 80;
const SYNTAX_FAULTS_MAX = 10;
const OPTIONS = {
  version: '1.2',
  schema: 'core',
  merge: false,
  strict: true,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

/** Where a value stands and how it was written. */
export type Spot = {
  readonly key: Place;
  readonly value: Place;
  readonly written: 'plain' | 'quoted' | 'block' | 'list' | 'mapping' | 'nothing';
  /** A scalar as it stands in the file, quotes and all. */
  readonly source: string;
};

export type YamlRead = {
  /** The top mapping, without prototype; empty when the text is not well formed. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly faults: readonly Fault[];
  /** Top keys with a fault in them: their value means nothing. */
  readonly broken: ReadonlySet<string>;
  /** False: there is no data at all. */
  readonly wellFormed: boolean;
  readonly spotOf: (path: readonly PropertyKey[]) => Spot | null;
};

export const emptyMap = (): Record<string, unknown> => Object.create(null) as Record<string, unknown>;

type Reading = {
  readonly text: string;
  /** A document in an answer: deeper, with numbers as keys (`200:` in OpenAPI), and with anything at its top. */
  readonly isDocument: boolean;
  readonly faults: Fault[];
  readonly broken: Set<string>;
  readonly spots: Map<string, Spot>;
  readonly place: (offset: number) => Place;
};

const SEPARATOR = '\u0000';
const pathKey = (path: readonly PropertyKey[]): string => path.map(String).join(SEPARATOR);
const fieldOf = (path: readonly PropertyKey[]): string => (path.length === 0 ? 'file' : String(path[0]));

/** @param firstLine the line of the file that the text starts on, 1-based */
export function readYaml(text: string, firstLine: number): YamlRead {
  const { value, ...read } = readText(text, firstLine, false);
  return { ...read, data: (value ?? emptyMap()) as Record<string, unknown>, wellFormed: value !== null };
}

/** A JSON or YAML document in an answer, by the same rules, but for what `Reading.isDocument` says. `value` means nothing when there are faults. */
export type DocumentRead = Pick<YamlRead, 'faults' | 'spotOf'> & { readonly value: unknown };
export const readDocument = (text: string, firstLine: number): DocumentRead => readText(text, firstLine, true);

function readText(text: string, firstLine: number, isDocument: boolean): DocumentRead & Pick<YamlRead, 'broken'> {
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const reading: Reading = {
    text,
    isDocument,
    faults: [],
    broken: new Set(),
    spots: new Map(),
    place: (offset) => {
      const { line, col } = lines.linePos(Math.min(Math.max(offset, 0), text.length));
      return { line: line + firstLine - 1, column: Math.max(col, 1) };
    },
  };
  const refused = refusedTokens(tokens, reading);
  const data = refused.tooDeep ? null : compose(tokens, reading);
  const marks = refused.faults.map((mark) => ({ ...mark, field: topKeyAt(reading, mark) }));
  for (const { field } of marks) reading.broken.add(field);
  return {
    value: data,
    faults: [...marks, ...reading.faults],
    broken: reading.broken,
    spotOf: (path) => reading.spots.get(pathKey(path)) ?? null,
  };
}

type Refused = { readonly code: string; readonly message: string; readonly expected: string; readonly mend: string };
const DOCUMENT: Refused = {
  code: 'yaml-document',
  message: 'there is more than one YAML document',
  expected: 'one mapping of keys and values',
  mend: 'remove the line with ... or ---',
};
const OUT = 'write the value out, or put it in quotes';
/** Token types that end a prompt's way. */
const REFUSED: ReadonlyMap<unknown, Refused> = new Map<unknown, Refused>([
  ['tag', { code: 'yaml-tag', message: 'YAML tags are not taken: they choose types', expected: 'plain YAML without !', mend: OUT }],
  ['anchor', { code: 'yaml-anchor', message: 'YAML anchors are not taken', expected: 'plain YAML without &', mend: OUT }],
  ['alias', { code: 'yaml-alias', message: 'YAML aliases are not taken', expected: 'plain YAML without *', mend: OUT }],
  [
    'directive',
    {
      code: 'yaml-directive',
      message: 'YAML directives are not taken',
      expected: 'keys and values only',
      mend: 'remove the line that starts with %',
    },
  ],
  ['doc-end', DOCUMENT],
]);
const COLLECTIONS: ReadonlySet<unknown> = new Set(['block-map', 'block-seq', 'flow-collection']);
/** Where tokens hold other tokens, last first: a stack turns them round. */
const PARTS = ['end', 'items', 'props', 'value', 'sep', 'key', 'start'] as const;

type Loose = { readonly [part in (typeof PARTS)[number] | 'type' | 'offset' | 'source']?: unknown };

/** One pass over the tokens, without recursion: what is not taken, and how deep it goes. */
function refusedTokens(tokens: readonly CST.Token[], reading: Reading): { readonly faults: readonly Fault[]; readonly tooDeep: boolean } {
  const faults: Fault[] = [];
  const tell = ({ code, ...words }: Refused, token: Loose, found: string): void => {
    if (faults.length < SYNTAX_FAULTS_MAX) faults.push(fault(code, 'file', reading.place(Number(token.offset)), { ...words, found }));
  };
  const stack: { readonly token: unknown; readonly depth: number }[] = [{ token: tokens, depth: 0 }];
  let documents = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { token, depth } = next;
    if (Array.isArray(token)) {
      for (const inner of token.toReversed()) stack.push({ token: inner as unknown, depth });
      continue;
    }
    if (typeof token !== 'object' || token === null) continue;
    const loose: Loose = token;
    const refused = REFUSED.get(loose.type);
    if (refused !== undefined) tell(refused, loose, typeof loose.source === 'string' ? shown(loose.source.trim()) : '');
    if (loose.type === 'document') documents += 1;
    if (loose.type === 'document' && documents === 2) tell(DOCUMENT, loose, 'a second document');
    const level = COLLECTIONS.has(loose.type) ? depth + 1 : depth;
    const depthMax = reading.isDocument ? DOCUMENT_DEPTH_MAX : DEPTH_MAX;
    if (level > depthMax) {
      const expected = `at most ${String(depthMax)} levels of lists and mappings`;
      const words = {
        code: 'yaml-too-deep',
        message: 'this is nested too deep',
        expected,
        mend: 'make it flatter, or move it into the body',
      };
      tell(words, loose, `level ${String(level)}`);
      return { faults, tooDeep: true };
    }
    for (const part of PARTS) if (typeof loose[part] === 'object') stack.push({ token: loose[part], depth: level });
  }
  return { faults, tooDeep: false };
}

/** Null when the text is no YAML mapping; the reasons are in the faults. */
function compose(tokens: readonly CST.Token[], reading: Reading): unknown {
  const [document] = [...new Composer(OPTIONS).compose(tokens, true, reading.text.length)];
  if (document === undefined) throw new Error('the YAML composer gave no document');
  if (document.errors.length > 0) {
    for (const error of document.errors.slice(0, SYNTAX_FAULTS_MAX)) {
      const place = reading.place(error.pos[0]);
      reading.faults.push(
        fault('yaml-syntax', 'file', place, {
          message: `this is not YAML: ${shown(error.message.split('\n', 1)[0] ?? '')}`,
          expected: '`key: value` lines, quotes round text that holds ": " or " #" or starts with a sign',
          found: lineWithoutValue(reading.text, error.pos[0]),
          mend: 'mend this line; when it is text, put it in double quotes',
        }),
      );
    }
    return null;
  }
  const root = document.contents;
  if (reading.isDocument) return convert(root, [], reading);
  if (root === null || (isScalar(root) && root.value === null)) return emptyMap();
  if (!isMap(root)) {
    reading.faults.push(
      fault('yaml-not-mapping', 'file', reading.place(root.range[0]), {
        message: 'this is not a mapping of keys and values',
        expected: '`key: value` lines',
        found: isSeq(root) ? 'a list' : 'text',
        mend: 'write each field as `key: value`',
      }),
    );
    return null;
  }
  return convert(root, [], reading);
}

/** The key of the line only: what stands behind it may be a secret. */
function lineWithoutValue(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1;
  const end = text.indexOf('\n', start);
  const line = text.slice(start, end === -1 ? undefined : end);
  const colon = line.indexOf(':');
  return colon === -1 ? `a line of ${String(line.length)} characters` : `${shown(line.slice(0, colon + 1))} …`;
}

/** Recursion is bounded: the depth was checked on the tokens. */
function convert(node: ParsedNode | null, path: readonly PropertyKey[], reading: Reading): unknown {
  if (node === null || isAlias(node)) return null;
  if (isSeq(node)) {
    return node.items.map((item, index) => {
      const inner = item as ParsedNode | null;
      const at = reading.place(inner?.range[0] ?? node.range[0]);
      reading.spots.set(pathKey([...path, index]), spotOf(inner, at, at, reading));
      return convert(inner, [...path, index], reading);
    });
  }
  if (isMap(node)) return convertMap(node, path, reading);
  const { value } = node;
  if (typeof value === 'number' && !Number.isFinite(value)) {
    reading.broken.add(fieldOf(path));
    reading.faults.push(
      fault('yaml-number', fieldOf(path), reading.place(node.range[0]), {
        message: 'this is not a number that can be kept',
        expected: 'a finite number',
        found: shown(sourceOf(node, reading)),
        mend: 'write a number, or put it in quotes',
      }),
    );
    return null;
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function convertMap(
  node: Extract<ParsedNode, { items: { key: unknown }[] }>,
  path: readonly PropertyKey[],
  reading: Reading,
): Record<string, unknown> {
  const map = emptyMap();
  const firstAt = new Map<string, Place>();
  for (const pair of node.items) {
    const keyNode = pair.key as ParsedNode | null;
    const valueNode = pair.value;
    const at = reading.place(keyNode?.range[0] ?? valueNode?.range[0] ?? node.range[0]);
    const source = keyNode === null ? 'no key' : sourceOf(keyNode, reading);
    const refusal = keyRefusal(keyNode, source, firstAt, reading);
    if (refusal !== null) {
      const field =
        path.length === 0 && refusal.code === 'yaml-duplicate-key' ? String((keyNode as { readonly value: unknown }).value) : fieldOf(path);
      const { code, ...words } = refusal;
      reading.broken.add(field);
      reading.faults.push(fault(code, field, at, words));
      continue;
    }
    const key = String((keyNode as { readonly value: unknown }).value);
    firstAt.set(key, at);
    const valueAt = valueNode === null || valueNode.range[0] === valueNode.range[1] ? at : reading.place(valueNode.range[0]);
    reading.spots.set(pathKey([...path, key]), spotOf(valueNode, at, valueAt, reading));
    map[key] = convert(valueNode, [...path, key], reading);
  }
  return map;
}

function keyRefusal(
  node: ParsedNode | null,
  source: string,
  firstAt: ReadonlyMap<string, Place>,
  { isDocument }: Reading,
): (FaultWords & { readonly code: string }) | null {
  const found = shown(source);
  const isNumber = isDocument && isScalar(node) && typeof node.value === 'number' && Number.isSafeInteger(node.value);
  if (!isScalar(node) || (typeof node.value !== 'string' && !isNumber)) {
    const message =
      isScalar(node) && node.value !== null ? 'YAML reads this key as a number, a truth value or nothing' : 'this key is not text';
    return { code: 'yaml-key-not-text', message, expected: 'keys that are text', found, mend: 'put the key in quotes, or rename it' };
  }
  if (node.value === '__proto__') {
    return { code: 'yaml-key-forbidden', message: 'this key is not taken', expected: 'any other key', found, mend: 'rename the key' };
  }
  if (node.value === '<<' && node.type === 'PLAIN') {
    return {
      code: 'yaml-merge',
      message: 'YAML merge keys are not taken',
      expected: 'plain keys and values',
      found,
      mend: 'write the values out',
    };
  }
  const first = firstAt.get(String(node.value));
  if (first === undefined) return null;
  return {
    code: 'yaml-duplicate-key',
    message: `the key is there twice, first in line ${String(first.line)}`,
    expected: 'each key once',
    found,
    mend: 'remove one of the two',
  };
}

const sourceOf = (node: ParsedNode, reading: Reading): string => reading.text.slice(node.range[0], node.range[1]);

function spotOf(node: ParsedNode | null, key: Place, value: Place, reading: Reading): Spot {
  if (node === null || isAlias(node)) return { key, value, written: 'nothing', source: '' };
  if (isSeq(node)) return { key, value, written: 'list', source: '' };
  if (isMap(node)) return { key, value, written: 'mapping', source: '' };
  const source = sourceOf(node, reading);
  if (source === '') return { key, value, written: 'nothing', source };
  const written = node.type === 'PLAIN' ? 'plain' : node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED' ? 'block' : 'quoted';
  return { key, value, written, source };
}

/** The last top key at or before this place; `file` when there is none. */
function topKeyAt(reading: Reading, at: Place): string {
  let best = 'file';
  let bestAt: Place = { line: 0, column: 0 };
  for (const [path, { key }] of reading.spots) {
    const isBefore = key.line < at.line || (key.line === at.line && key.column <= at.column);
    const isLater = key.line > bestAt.line || (key.line === bestAt.line && key.column >= bestAt.column);
    if (path.includes(SEPARATOR) || !isBefore || !isLater) continue;
    best = path;
    bestAt = key;
  }
  return best;
}
