import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openapiFlaws, schemaFlaws } from '#agents/openapi.ts';
import { schemaProblem } from '#agents/document.ts';

const GOOD = `openapi: 3.1.0
info:
  title: Users
  version: 1.0.0
paths:
  /users/{id}:
    parameters:
      - $ref: '#/components/parameters/Id'
    get:
      operationId: getUser
      responses:
        200:
          description: one
          content:
            application/json:
              schema: { $ref: '#/components/schemas/User' }
              example: { $ref: nowhere.yaml }
        default:
          description: an error
components:
  parameters:
    Id: { name: id, in: path, required: true, schema: { type: string } }
  schemas:
    User:
      type: object
      required: [id]
      properties:
        id: { type: string }
        schema: { type: [string, 'null'] }
        example: { type: string }
        $ref: { type: string }
        next: { $ref: '#/components/schemas/User' }
`;

/** As `line:column message`, of a block whose first line is line 11 of the answer. */
const flaws = async (text: string, indent = 0): Promise<string[]> =>
  (await openapiFlaws({ text, line: 11, indent })).map(({ line, column, message }) => `${String(line)}:${String(column)} ${message}`);

/** The good document with this instead of that. */
const wrong = async (that: string, instead: string): Promise<string[]> => {
  assert.ok(GOOD.includes(that), that);
  return flaws(GOOD.replace(that, instead));
};

suite('an OpenAPI document', () => {
  test('that is valid has no flaws, in YAML and in JSON, with numbers as keys', async () => {
    assert.deepEqual(await flaws(GOOD), []);
    assert.deepEqual(await flaws(JSON.stringify({ openapi: '3.1.1', info: { title: 'A', version: '1' }, paths: {} }, null, 2)), []);
  });

  test('has each flaw at its line and column in the answer, with its JSON path', async () => {
    assert.deepEqual(await wrong('description: one', 'descriptio: one'), [
      '22:9 $.paths["/users/{id}"].get.responses[200]: the key `description` is missing',
      '23:11 $.paths["/users/{id}"].get.responses[200].descriptio: this key is not known here',
    ]);
    assert.deepEqual(await wrong('title: Users', 'title: 1'), ['13:3 $.info.title: must be string']);
    assert.deepEqual(await wrong('    get:', '    got:'), ['19:5 $.paths["/users/{id}"].got: this key is not known here']);
    assert.deepEqual(await flaws(GOOD.replace('title: Users', 'title: 1'), 2), ['13:5 $.info.title: must be string']);
  });

  test('of another version, or of no version, is told so', async () => {
    assert.deepEqual(await wrong('3.1.0', '3.0.3'), [
      '11:1 $.openapi: this is not a document of OpenAPI 3.1: `openapi` is "3.0.3" (write `openapi: 3.1.0`)',
    ]);
    assert.match((await flaws('swagger: "2.0"\n'))[0] ?? '', /it has no key `openapi`/);
    assert.match((await flaws('# nothing\n'))[0] ?? '', /not a mapping/);
  });

  test('has Schema Objects of JSON Schema 2020-12', async () => {
    assert.deepEqual(
      (await wrong('      type: object', '      type: objekt')).map((one) => one.slice(0, 42)),
      ['35:7 $.components.schemas.User.type: must ', '35:7 $.components.schemas.User.type: must '],
    );
    assert.deepEqual(await wrong('id: { type: string }', 'id: { type: string, required: true }'), [
      '38:29 $.components.schemas.User.properties.id.required: must be array',
    ]);
    assert.deepEqual(await wrong('required: true, schema: { type: string }', 'required: true, schema: { minimum: low }'), [
      '32:57 $.components.parameters.Id.schema.minimum: must be number',
    ]);
  });

  test('has references that lead somewhere within it, and none out of it', async () => {
    assert.deepEqual(await wrong("next: { $ref: '#/components/schemas/User' }", "next: { $ref: '#/components/schemas/Usr' }"), [
      '42:17 $.components.schemas.User.properties.next["$ref"]: the reference #/components/schemas/Usr leads nowhere in this document',
    ]);
    for (const out of ['other.yaml#/A', 'file:///etc/passwd', 'https://example.com/a.json', '/etc/passwd']) {
      const [flaw = ''] = await wrong("next: { $ref: '#/components/schemas/User' }", `next: { $ref: '${out}' }`);
      assert.match(flaw, /a reference to another document .*docket follows none/, out);
    }
  });

  test('has an operationId once, and a parameter for each name in a path', async () => {
    assert.deepEqual(
      await flaws(
        GOOD.replace(
          'components:\n',
          '  /other:\n    get:\n      operationId: getUser\n      responses: { default: { description: x } }\ncomponents:\n',
        ),
      ),
      ['32:7 $.paths["/other"].get.operationId: the operationId getUser stands at $.paths["/users/{id}"].get already'],
    );
    assert.deepEqual(await wrong('/users/{id}:', '/users/{name}:'), [
      '19:5 $.paths["/users/{name}"].get: the path has {name}, and no parameter of that name stands in the path (in: path)',
      '19:5 $.paths["/users/{name}"].get: the parameter id is in: path, and the path has no {id}',
    ]);
  });

  test('has a path once, whatever the names in it, and a parameter once in a list', async () => {
    const id = '{ name: id, in: path, required: true, schema: { type: string } }';
    const twins = GOOD.replace(
      'components:\n',
      `  /users/{name}:\n    parameters:\n      - ${id.replace('id,', 'name,')}\n  /users/{id}/a:\n    parameters:\n      - ${id}\n      - ${id.replace('path', 'query')}\n      - ${id}\ncomponents:\n`,
    );
    assert.deepEqual(await flaws(twins), [
      '30:3 $.paths["/users/{name}"]: this is the same path as /users/{id}: only the names in it differ',
      '37:9 $.paths["/users/{id}/a"].parameters[2]: the parameter id (in: path) stands in this list already',
    ]);
  });

  test('is read safely: no aliases, no tags, no bottomless nesting, no second document', async () => {
    assert.match((await flaws('a: &a [1]\nb: *a\n')).join('\n'), /11:4 YAML anchors are not taken.*\n12:4 YAML aliases are not taken/);
    assert.match((await flaws('a: !!js/function x\n')).join(''), /YAML tags are not taken/);
    assert.match((await flaws(`a: ${'['.repeat(200)}${']'.repeat(200)}\n`)).join(''), /nested too deep/);
    assert.match((await flaws('a: 1\n---\nb: 1\n')).join(''), /more than one YAML document/);
    assert.match((await flaws('__proto__: { a: 1 }\n')).join(''), /this key is not taken/);
  });

  test('with very many flaws tells the first of them', async () => {
    const paths = Array.from({ length: 500 }, (_, index) => `  /p${String(index)}: { get: { responses: { 200: {} } } }\n`).join('');
    const found = await flaws(`openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths:\n${paths}`);
    assert.equal(found.length, 40);
  });
});

suite('a fence with a schema', () => {
  const SCHEMA = {
    file: 'handover.schema.json',
    source: JSON.stringify({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['feature'],
      properties: { feature: { type: 'string' }, kinds: { type: 'array', items: { enum: ['a', 'b'] } } },
      additionalProperties: false,
    }),
  };
  const told = (text: string, word = 'yaml'): string[] =>
    schemaFlaws({ text, line: 5, indent: 0 }, word, SCHEMA).map(
      ({ line, column, message }) => `${String(line)}:${String(column)} ${message}`,
    );

  test('is judged by it, line by line', () => {
    assert.deepEqual(told('feature: A-1\nkinds: [a, b]\n'), []);
    assert.deepEqual(told('feature: 1\nkinds:\n  - a\n  - c\nmore: 1\n'), [
      '5:1 $.feature: must be string',
      '8:5 $.kinds[1]: must be equal to one of the allowed values: ["a","b"]',
      '9:1 $.more: this key is not known here',
    ]);
    assert.deepEqual(told('{ "kinds": [] }', 'json'), ['5:1 $: the key `feature` is missing']);
  });

  test('that says json is JSON, not YAML', () => {
    assert.match(told('feature: A-1\n', 'json').join(''), /this is not JSON/);
    assert.match(told('{"feature": "A-1",}\n', 'json').join(''), /^5:\d+ this is not JSON/);
  });

  test('needs a schema that can be used', () => {
    assert.equal(schemaProblem(SCHEMA.source), null);
    assert.match(schemaProblem('{') ?? '', /JSON/);
    assert.match(schemaProblem('{"type": "objekt"}') ?? '', /schema is invalid/);
    assert.match(schemaProblem('{"$ref": "https://example.com/other.json"}') ?? '', /can't resolve reference/);
  });
});
