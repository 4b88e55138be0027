/** Flaws of a JSON or YAML document that stands in an answer: where in the answer, at which JSON path, in words of one line. */

import type { ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { DocumentRead } from '#prompt-spec/safe-yaml.ts';

export type Flaw = { readonly line: number; readonly column: number; readonly message: string };
/** The text of a fence: its first line in the answer, and how far each of its lines was moved to the left. */
export type Text = { readonly text: string; readonly line: number; readonly indent: number };
export type Path = readonly string[];

/** So many are told of one document: an agent mends no more at once. */
const FLAWS_MAX = 40;
/** Keywords that only say that something within them, or one of their alternatives, failed. */
const HOLLOW = new Set([
  'if',
  'anyOf',
  'oneOf',
  'allOf',
  '$ref',
  '$dynamicRef',
  'not',
  'dependentSchemas',
  'unevaluatedProperties',
  'contains',
]);

/** As a reader meets them. */
export const inOrder = (flaws: readonly Flaw[]): Flaw[] => flaws.toSorted((a, b) => a.line - b.line || a.column - b.column);

/** `$.paths["/users"].get` */
export const jsonPath = (path: Path): string =>
  `$${path.map((part) => (/^[A-Za-z_][\w-]*$/.test(part) ? `.${part}` : /^\d+$/.test(part) ? `[${part}]` : `[${JSON.stringify(part)}]`)).join('')}`;

/** Of the key at the path, or of the nearest one above it that stands there. */
export function placeOf(text: Text, read: DocumentRead, path: Path): { readonly line: number; readonly column: number } {
  for (let end = path.length; end > 0; end--) {
    const spot = read.spotOf(path.slice(0, end));
    if (spot !== null) return { line: spot.key.line, column: spot.key.column + text.indent };
  }
  return { line: text.line, column: 1 + text.indent };
}

/** It cannot be read, or not safely. */
export const parsedFlaws = (text: Text, read: DocumentRead): Flaw[] =>
  read.faults
    .slice(0, FLAWS_MAX)
    .map(({ line, column, message, found, mend }) => ({ line, column: column + text.indent, message: `${message}: ${found} (${mend})` }));

const pathOf = (pointer: string): Path =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** What a validator found, without what only repeats it; at the key that it is about. */
export function flawsOf(text: Text, read: DocumentRead, errors: readonly ErrorObject[], base: Path = []): Flaw[] {
  const exact = errors.filter(({ keyword }) => !HOLLOW.has(keyword));
  const told = errors.filter(
    (one) => !HOLLOW.has(one.keyword) || !exact.some(({ instancePath }) => isWithin(instancePath, pointerOf(one))),
  );
  const flaws = new Map<string, Flaw>();
  for (const error of told) {
    const path = [...base, ...pathOf(error.instancePath), ...keyOf(error)];
    const message = `${jsonPath(path)}: ${wordsOf(error)}`;
    if (flaws.size < FLAWS_MAX && !flaws.has(message)) flaws.set(message, { ...placeOf(text, read, path), message });
  }
  return [...flaws.values()];
}

/** Of the key that is not known, where one is. */
const pointerOf = (error: ErrorObject): string =>
  [error.instancePath, ...keyOf(error).map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1'))].join('/');
const isWithin = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}/`);

const param = (error: ErrorObject, name: string): string | null => {
  const value: unknown = (error.params as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : null;
};

/** A key too many is shown where it stands. */
function keyOf(error: ErrorObject): Path {
  const key = param(error, 'unevaluatedProperty') ?? param(error, 'additionalProperty');
  return key === null ? [] : [key];
}

function wordsOf(error: ErrorObject): string {
  const { keyword, message = 'it is not valid' } = error;
  const missing = param(error, 'missingProperty');
  if (keyword === 'required' && missing !== null) return `the key \`${missing}\` is missing`;
  if (keyword === 'unevaluatedProperties' || keyword === 'additionalProperties') return 'this key is not known here';
  if (keyword === 'enum' || keyword === 'const') {
    const { allowedValues, allowedValue } = error.params as { readonly allowedValues?: unknown; readonly allowedValue?: unknown };
    return `${message}: ${JSON.stringify(allowedValues ?? allowedValue)}`;
  }
  return message;
}

const ajv = (): Ajv2020 => new Ajv2020({ allErrors: true, strict: false, validateFormats: false, logger: false });
let dialect: Ajv2020 | null = null;

/** A Schema Object against the meta-schema of JSON Schema 2020-12. */
export function tellMeta(text: Text, read: DocumentRead, path: Path, schema: unknown): Flaw[] {
  dialect ??= ajv();
  if (typeof schema !== 'object' && typeof schema !== 'boolean')
    return [{ ...placeOf(text, read, path), message: `${jsonPath(path)}: a schema is a mapping, true or false` }];
  const meta = dialect.getSchema('https://json-schema.org/draft/2020-12/schema');
  if (meta === undefined || meta(schema) === true) return [];
  return flawsOf(text, read, meta.errors ?? [], path);
}

/** Why a text cannot be used as a schema; null: it can. A reference out of it is followed nowhere, so it is a reason. */
export function schemaProblem(source: string): string | null {
  try {
    ajv().compile(JSON.parse(source) as object);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be read';
  }
}

/** The document against a schema of the user's own. */
export function schemaFaults(text: Text, read: DocumentRead, schema: { readonly file: string; readonly source: string }): Flaw[] {
  const validate = ajv().compile(JSON.parse(schema.source) as object);
  return validate(read.value) ? [] : flawsOf(text, read, validate.errors ?? []);
}
