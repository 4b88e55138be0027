/**
 * Files that hold no secret, for the false alarms of bench/secrets.ts: this repository's own, those of the packages in node_modules, and made ones of the
 * kinds that fool scanners. Made at run time; what looks like a placeholder secret is put together from parts.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fill, randomOf, type Random } from './secrets-corpus.ts';

export type Harmless = { readonly kind: string; readonly name: string; readonly text: string };

const TEXT_FILE = /\.(?:[cm]?[jt]sx?|json|md|ya?ml|map|css|html|txt|toml|sh)$/;
/** Of AWS's own manual, in parts. */
const AWS_EXAMPLE = ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join('');
const BYTES_MAX = 400_000;

const many = (count: number, make: (n: number) => string): string => Array.from({ length: count }, (_, n) => make(n)).join('\n');

const lockFile = (random: Random): string =>
  JSON.stringify(
    {
      lockfileVersion: 3,
      packages: Object.fromEntries(
        Array.from({ length: 60 }, (_, n) => [
          `node_modules/pkg-${String(n)}`,
          {
            version: `${String(random(9))}.${String(random(30))}.0`,
            resolved: `https://registry.example/pkg/-/pkg-${String(n)}.tgz`,
            integrity: fill('sha512-{b64:86}==', random),
          },
        ]),
      ),
    },
    null,
    2,
  );

const openApi = (random: Random): string =>
  [
    'openapi: 3.1.0',
    'paths:',
    '  /login:',
    '    post:',
    '      operationId: loginWithPassword',
    '      requestBody:',
    '        content:',
    '          application/json:',
    '            schema:',
    '              properties:',
    '                password: { type: string, format: password, minLength: 12 }',
    '                clientSecret: { type: string, description: "the secret of the client, 32 characters" }',
    '                accessToken: { $ref: "#/components/schemas/AccessToken" }',
    `            example: { id: "${fill('{uuid}', random)}", password: "your-password-here", token: "<token>" }`,
    'components:',
    '  securitySchemes:',
    '    bearerAuth: { type: http, scheme: bearer, bearerFormat: JWT }',
    '    apiKey: { type: apiKey, in: header, name: X-API-Key }',
    many(20, (n) => `  x-etag-${String(n)}: "${fill('{hex:40}', random)}"`),
  ].join('\n');

const fixtures = (random: Random): string =>
  [
    `const user = { name: 'ada', password: 'password123', email: 'ada@example.com', id: '${fill('{uuid}', random)}' };`,
    "process.env.API_KEY = 'test-api-key'; process.env.SECRET = 'dummy-secret-for-tests';",
    `const token = 'gh' + 'p_${'x'.repeat(36)}'; // never a real one`,
    "await login({ password: process.env['DB_PASSWORD'] ?? 'changeme' });",
    'expect(config.apiKey).toBe(settings.services.billing.apiKey);',
    "const url = 'postgres://postgres:postgres@localhost:5432/test';",
    `AWS_ACCESS_KEY_ID=${AWS_EXAMPLE}`,
    'PASSWORD=${DB_PASSWORD}\nTOKEN=$(vault read -field=token secret/app)\napi_key: {{ .Values.apiKey }}',
    `snapshot: ${fill('{hex:64}', random)}`,
  ].join('\n');

const minified = (random: Random): string =>
  `!function(e,t){${Array.from({ length: 400 }, () => `var ${fill('{letters:2}', random)}=${fill('{letters:1}.{letters:3}', random)}(${String(random(9999))},"${fill('{letters:6}', random)}"),`).join('')}key:e.token,secret:t.password}}(this);`;

const commits = (random: Random): string =>
  many(
    60,
    (n) => `commit ${fill('{hex:40}', random)}\nMerge: ${fill('{hex:7} {hex:7}', random)}\n    Fix key handling of token ${String(n)}`,
  );

const MADE: readonly (readonly [kind: string, make: (random: Random) => string])[] = [
  ['lock file', lockFile],
  ['UUIDs', (random) => many(200, () => fill('id: {uuid}', random))],
  ['git log', commits],
  ['base64 image', (random) => `<img src="data:image/png;base64,iVBORw0KGgo${fill('{b64:4000}', random)}==">`],
  ['OpenAPI document', openApi],
  ['minified script', minified],
  ['test fixtures', fixtures],
  ['checksums', (random) => many(100, (n) => `${fill('{hex:64}', random)}  file-${String(n)}.tar.gz`)],
  [
    'source map',
    (random) => JSON.stringify({ version: 3, sources: ['a.ts'], mappings: fill('{b64:6000}', random).replace(/(.{7})/g, '$1,') }),
  ],
  ['public keys', (random) => many(10, (n) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${fill('{b64:43}', random)} user${String(n)}@host`)],
  [
    'colours and numbers',
    (random) => many(200, (n) => `--c${String(n)}: #${fill('{hex:6}', random)}; /* ${fill('{digit:16}', random)} */`),
  ],
];

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(file);
    return entry.isFile() && TEXT_FILE.test(entry.name) ? [file] : [];
  });
}

const isFit = (file: string): boolean => {
  const { size } = statSync(file);
  return size > 0 && size <= BYTES_MAX;
};

/** @param packageFiles how many of node_modules, evenly spread */
export function* harmless(root: string, packageFiles: number, made: number): Generator<Harmless> {
  const own = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((name) => TEXT_FILE.test(name));
  for (const name of own.filter((one) => isFit(path.join(root, one))))
    yield { kind: 'this repository', name, text: readFileSync(path.join(root, name), 'utf8') };
  const packages = filesBelow(path.join(root, 'node_modules')).filter(isFit).toSorted();
  const step = Math.max(1, packages.length / packageFiles);
  for (let at = 0; at < packages.length; at += step) {
    const file = packages[Math.floor(at)] ?? '';
    yield { kind: 'node_modules', name: path.relative(root, file), text: readFileSync(file, 'utf8') };
  }
  for (const [kind, make] of MADE) for (let n = 0; n < made; n++) yield { kind, name: `${kind} ${String(n)}`, text: make(randomOf(n)) };
}
