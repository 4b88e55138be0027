/**
 * Is this text one valid OpenAPI 3.1 document? Four looks, each only when the one before found nothing it would repeat:
 *
 *   YAML or JSON, read safely (prompt-spec/safe-yaml.ts: no tags, no aliases, bounded depth)
 *   the schema of OpenAPI 3.1 (https://spec.openapis.org/oas/3.1/schema), by @seriousme/openapi-schema-validator
 *   each Schema Object against JSON Schema 2020-12, its dialect (OpenAPI 3.1.1 section 4.8.24), by ajv
 *   what no schema can say: references that lead nowhere, an operationId, a path or a parameter twice, path parameters (sections 4.8.8, 4.8.10, 4.8.12)
 *
 * Nothing is fetched and no file is opened for the document: a reference to anything outside of it is a flaw.
 * Invariant: every flaw has the line and column of what it is about, and its JSON path.
 */

import { Validator } from '@seriousme/openapi-schema-validator';
import { readDocument, type DocumentRead } from '#prompt-spec/safe-yaml.ts';
import { flawsOf, inOrder, jsonPath, parsedFlaws, placeOf, schemaFaults, tellMeta, type Flaw, type Path, type Text } from './document.ts';

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);
/** What stands below these is data of the author's, and may look like anything. */
const DATA = new Set(['example', 'examples', 'default', 'enum', 'const']);

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const nodeAt = (node: Node, key: string): Node => {
  const value = Object.hasOwn(node, key) ? node[key] : undefined;
  return isNode(value) ? value : {};
};

export async function openapiFlaws(text: Text): Promise<readonly Flaw[]> {
  const read = readDocument(text.text, text.line);
  const broken = parsedFlaws(text, read);
  if (broken.length > 0) return broken;
  const { value } = read;
  if (!isNode(value))
    return [{ line: text.line, column: 1, message: 'this is no OpenAPI document: it is not a mapping of keys and values' }];
  const version = value['openapi'];
  if (typeof version !== 'string' || !/^3\.1\.\d+(?:-.+)?$/.test(version)) {
    const found = version === undefined ? 'it has no key `openapi`' : `\`openapi\` is ${JSON.stringify(version)}`;
    return [
      {
        ...placeOf(text, read, ['openapi']),
        message: `$.openapi: this is not a document of OpenAPI 3.1: ${found} (write \`openapi: 3.1.0\`)`,
      },
    ];
  }
  // The package reads a text as the name of a file: it is given data only.
  const { valid, errors } = await new Validator({ allErrors: true, logger: false }).validate(structuredClone(plain(value)));
  const bySchema = valid || !Array.isArray(errors) ? [] : flawsOf(text, read, errors);
  const bad = schemaObjects(value).flatMap(({ path, value: schema }) => tellMeta(text, read, path, schema));
  return inOrder([...bySchema, ...bad, ...meaning(value, text, read)]);
}

/** With prototypes: the validator clones and walks it. */
const plain = (value: Node): Record<string, unknown> => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

/** Maps whose keys are names that the author chose. */
const NAMES = new Set(
  'properties patternProperties $defs definitions dependentSchemas schemas responses parameters requestBodies headers securitySchemes links callbacks pathItems paths content variables encoding webhooks'.split(
    ' ',
  ),
);

type Seen = {
  readonly value: unknown;
  readonly path: Path;
  /** Its keys are names. */ readonly isNames: boolean;
  /** Its own key is one. */ readonly isNamed: boolean;
};

/** Everything in the document but data of the author's. Bounded by the depth of the reader. */
function* walk(value: unknown, path: Path = [], isNames = false, isNamed = false): Generator<Seen> {
  yield { value, path, isNames, isNamed };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!isNames && (DATA.has(key) || key.startsWith('x-'))) continue;
    yield* walk(inner, [...path, key], !isNames && NAMES.has(key) && isNode(inner), isNames);
  }
}

/** Schema Objects where the document has them; what is within one is judged with it. */
const schemaObjects = (document: Node): readonly Seen[] =>
  [...walk(document)].filter(
    ({ path, isNamed }) =>
      (path.length === 3 && path[0] === 'components' && path[1] === 'schemas') || (path.at(-1) === 'schema' && !isNamed),
  );

function meaning(document: Node, text: Text, read: DocumentRead): Flaw[] {
  const flaws: Flaw[] = [];
  const tell = (path: Path, message: string): void => {
    flaws.push({ ...placeOf(text, read, path), message: `${jsonPath(path)}: ${message}` });
  };
  const anchors = new Set<string>();
  const references: { path: Path; to: string }[] = [];
  for (const { value, path, isNames } of walk(document)) {
    if (!isNode(value) || isNames) continue;
    const { $ref: to, $anchor: anchor, $dynamicAnchor: dynamic } = value;
    for (const one of [anchor, dynamic]) if (typeof one === 'string') anchors.add(one);
    if (typeof to === 'string') references.push({ path: [...path, '$ref'], to });
  }
  for (const { path, to } of references) {
    if (!to.startsWith('#'))
      tell(path, `a reference to another document (${to}): docket follows none, the document has to be complete by itself`);
    else if (!leadsSomewhere(document, to.slice(1), anchors)) tell(path, `the reference ${to} leads nowhere in this document`);
  }
  operations(document, tell);
  return flaws;
}

function leadsSomewhere(document: Node, pointer: string, anchors: ReadonlySet<string>): boolean {
  if (pointer === '') return true;
  if (!pointer.startsWith('/')) return anchors.has(pointer);
  let at: unknown = document;
  for (const part of pointer.slice(1).split('/')) {
    const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Node)[key];
  }
  return true;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function operations(document: Node, tell: (path: Path, message: string) => void): void {
  const ids = new Map<string, string>();
  const templates = new Map<string, string>();
  const paths = nodeAt(document, 'paths');
  for (const [template, item] of Object.entries(paths)) {
    const shape = template.replaceAll(/\{[^{}]+\}/g, '{}');
    const twin = templates.get(shape);
    if (twin === undefined) templates.set(shape, template);
    else tell(['paths', template], `this is the same path as ${twin}: only the names in it differ`);
    if (!isNode(item)) continue;
    repeatedParameters(item, ['paths', template], tell);
    const wanted = new Set([...template.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name ?? ''));
    for (const [method, operation] of Object.entries(item)) {
      if (!METHODS.has(method) || !isNode(operation)) continue;
      const path = ['paths', template, method];
      repeatedParameters(operation, path, tell);
      const id = operation['operationId'];
      const earlier = typeof id === 'string' ? ids.get(id) : undefined;
      if (earlier !== undefined) tell([...path, 'operationId'], `the operationId ${String(id)} stands at ${earlier} already`);
      else if (typeof id === 'string') ids.set(id, jsonPath(path));
      const given = new Set([...parameters(document, item), ...parameters(document, operation)]);
      for (const name of wanted)
        if (!given.has(name)) tell(path, `the path has {${name}}, and no parameter of that name stands in the path (in: path)`);
      for (const name of given) if (!wanted.has(name)) tell(path, `the parameter ${name} is in: path, and the path has no {${name}}`);
    }
  }
}

/** One list names a parameter once: by its name and where it stands. */
function repeatedParameters(holder: Node, path: Path, tell: (path: Path, message: string) => void): void {
  const list = holder['parameters'];
  if (!Array.isArray(list)) return;
  const seen = new Set<string>();
  for (const [index, one] of list.entries()) {
    if (!isNode(one) || typeof one['name'] !== 'string' || typeof one['in'] !== 'string') continue;
    const key = JSON.stringify([one['in'], one['name']]);
    if (seen.has(key))
      tell([...path, 'parameters', String(index)], `the parameter ${one['name']} (in: ${one['in']}) stands in this list already`);
    seen.add(key);
  }
}

/** Names of the parameters that stand in the path. */
function parameters(document: Node, holder: Node): string[] {
  const list = holder['parameters'];
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown) => {
    const to = isNode(one) ? one['$ref'] : undefined;
    const name = typeof to === 'string' ? /^#\/components\/parameters\/([^/]+)$/.exec(to)?.[1] : undefined;
    const parameter = name === undefined ? one : nodeAt(nodeAt(document, 'components'), 'parameters')[name];
    return isNode(parameter) && parameter['in'] === 'path' && typeof parameter['name'] === 'string' ? [parameter['name']] : [];
  });
}

/** A fence of JSON or YAML against a JSON Schema. */
export function schemaFlaws(text: Text, word: string, schema: { readonly file: string; readonly source: string }): readonly Flaw[] {
  const read = readDocument(text.text, text.line);
  const broken = [...parsedFlaws(text, read), ...(word === 'json' ? jsonFlaws(text) : [])];
  return broken.length > 0 ? broken : inOrder(schemaFaults(text, read, schema));
}

/** YAML takes more than JSON does. */
function jsonFlaws(text: Text): Flaw[] {
  try {
    JSON.parse(text.text);
    return [];
  } catch (error) {
    const words = error instanceof Error ? error.message : 'it cannot be read';
    const line = /line (\d+) column (\d+)/.exec(words);
    const at =
      line === null ? { line: text.line, column: 1 } : { line: text.line + Number(line[1]) - 1, column: Number(line[2]) + text.indent };
    return [{ ...at, message: `this is not JSON: ${words}` }];
  }
}
