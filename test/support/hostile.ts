/** Hostile and odd inputs as recipes (test/fixtures/hostile/inputs.jsonl), and the bytes that a recipe describes. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export type Part =
  | { readonly t: string }
  | { readonly b64: string }
  | { readonly repeat: { readonly t: string; readonly n: number } }
  | { readonly gzip: readonly Part[] }
  /** n lines; `%s` is line number times `indent` spaces. */
  | { readonly seq: { readonly n: number; readonly t: string; readonly indent: number } };

export type Recipe = {
  readonly id: string;
  readonly area: 'content' | 'yaml' | 'header' | 'file' | 'injection' | 'race';
  /** accept, accept-verbatim, reject, ignore, reject-or-ignore, either, or `policy:X`: SPEC.md decides. */
  readonly expect: string;
  /** Outcomes that are right too. */
  readonly allow?: readonly string[];
  readonly why: string;
  readonly parts?: readonly Part[];
  readonly kind?: 'file' | 'dir' | 'symlink' | 'fifo';
  readonly name?: string;
  readonly mode?: number;
  readonly target?: string;
  readonly children?: Readonly<Record<string, string>>;
  readonly script?: string;
  readonly mtime?: number;
  /** What the error must name. */
  readonly mentions?: string;
  readonly maxMs?: number;
  /** Too large for a fast test. */
  readonly heavy?: boolean;
  /** The text tries to make a file named `canary`; it must never appear. */
  readonly canary?: boolean;
};

export const recipes = (): readonly Recipe[] =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'hostile', 'inputs.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recipe);

export const bytesOfParts = (parts: readonly Part[]): Uint8Array => Buffer.concat(parts.map(bytesOfPart));

function bytesOfPart(part: Part): Uint8Array {
  if ('t' in part) return Buffer.from(part.t);
  if ('b64' in part) return Buffer.from(part.b64, 'base64');
  if ('repeat' in part) return Buffer.from(part.repeat.t.repeat(part.repeat.n));
  if ('gzip' in part) return gzipSync(bytesOfParts(part.gzip));
  const { n, t, indent } = part.seq;
  return Buffer.from(Array.from({ length: n }, (_, line) => t.replace('%s', ' '.repeat(line * indent))).join(''));
}
