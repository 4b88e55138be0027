/**
 * The house rules as data (ARCHITECTURE.md "The house"): who may import whom, one door for each package, no circles, no long files.
 * A rule that no longer matches anything is a fault too. To move a wall, change the table and ARCHITECTURE.md in the same commit.
 */

import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type Import, importsOf, type Token, tokensOf } from '#test/support/imports.ts';

type Room = { readonly floor: number; readonly may: readonly string[]; /** only `import type` */ readonly types?: readonly string[] };

const ROOMS: Readonly<Record<string, Room>> = {
  core: { floor: 1, may: [] },
  platform: { floor: 2, may: ['core'] },
  'prompt-spec': { floor: 2, may: ['core'] },
  spool: { floor: 3, may: ['core'], types: ['platform'] },
  history: { floor: 3, may: ['core'], types: ['platform'] },
  store: { floor: 3, may: ['core'], types: ['platform'] },
  policy: { floor: 3, may: ['core'], types: ['platform'] },
  tools: { floor: 3, may: ['core'], types: ['platform'] },
  worktrees: { floor: 3, may: ['core'], types: ['platform'] },
  agents: { floor: 3, may: ['core', 'prompt-spec', 'tools'] },
  daemon: { floor: 4, may: ['core', 'prompt-spec', 'spool', 'agents', 'history', 'policy'] },
  cli: {
    floor: 6,
    may: ['core', 'platform', 'prompt-spec', 'spool', 'history', 'store', 'policy', 'tools', 'worktrees', 'agents', 'daemon'],
  },
};

/** Rooms, files (`*` stands for letters of a name) that may import a package. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  '@agentclientprotocol/sdk': ['tools/acp-*.ts'],
  '@modelcontextprotocol/server': ['cli/mcp*.ts'],
  chokidar: ['platform/watch.ts'],
  'proper-lockfile': ['platform/visible-lock.ts'],
  'isomorphic-git': ['platform/git*.ts'],
  winston: ['platform/log.ts'],
  'winston-transport': ['platform/log*.ts'],
  'gray-matter': ['prompt-spec/'],
  yaml: ['prompt-spec/'],
  semver: ['prompt-spec/'],
  zod: ['prompt-spec/', 'agents/', 'cli/settings*.ts', 'cli/schema*.ts', 'cli/mcp*.ts'],
  cockatiel: ['daemon/lanes/breaker.ts'],
  picomatch: ['policy/scope.ts'],
  'p-queue': ['daemon/lanes/dispatch.ts', 'daemon/lanes/queue.ts'],
  '@secretlint/core': ['policy/'],
  '@secretlint/profiler': ['policy/'],
  '@secretlint/secretlint-rule-preset-recommend': ['policy/'],
  '@secretlint/types': ['policy/'],
  '@clack/prompts': ['cli/'],
  commander: ['cli/'],
  execa: ['platform/git-work.ts'],
  ink: ['cli/review-screen.ts'],
  react: ['cli/review-screen.ts'],
  'string-width': ['cli/review-line.ts'],
  'node:readline': ['cli/review.ts'],
  'node:sqlite': ['platform/sqlite.ts'],
  'node:fs': ['platform/'],
  'node:fs/promises': ['platform/'],
  'node:child_process': ['platform/'],
  'node:net': ['platform/'],
  'node:http': ['platform/http-post.ts'],
  'node:https': ['platform/http-post.ts'],
  'node:os': ['platform/'],
  'node:crypto': ['platform/', 'history/'],
  // Untrusted text (policy), and so many bytes that one core is not enough (history): both are work that opens nothing.
  'node:worker_threads': ['policy/', 'agents/contract-*.ts', 'history/verify-threads.ts', 'history/verify-worker.ts'],
  ajv: ['agents/document.ts'],
  '@seriousme/openapi-schema-validator': ['agents/openapi.ts'],
  'node:url': ['cli/'],
  'node:stream': ['platform/'],
  'node:module': ['cli/'],
  'node:timers/promises': ['platform/'],
  'node:v8': ['platform/'],
};
/** Anybody's but core's: they reach nothing outside the process. */
const FREE = ['node:path', 'node:zlib', 'node:buffer', 'node:util'];

/**
 * Composition: what holds something open (watch, lock, socket, database, log) or starts git is made in these files of cli only, and handed to the
 * rest. Platform's other modules hold nothing; every verb may use them.
 */
const COMPOSITION: Readonly<Record<string, readonly string[]>> = {
  'platform/watch.ts': ['cli/start.ts'],
  'platform/lock.ts': ['cli/start.ts', 'cli/parts.ts', 'cli/keeper-serve.ts', 'cli/doctor.ts'],
  'platform/visible-lock.ts': ['cli/start.ts'],
  'platform/log.ts': ['cli/start.ts', 'cli/open.ts', 'cli/logs.ts'],
  'platform/socket.ts': [
    'cli/start.ts',
    'cli/open.ts',
    'cli/keeper-serve.ts',
    'cli/keeper-door.ts',
    'cli/doctor.ts',
    'cli/status-quick.ts',
  ],
  'platform/sqlite.ts': ['cli/parts.ts', 'cli/doctor.ts'],
  'platform/git-repository.ts': ['cli/parts.ts', 'cli/doctor-history.ts'],
  'platform/git.ts': ['cli/code.ts', 'cli/init.ts', 'cli/init-exclude.ts'],
};
/** Who may look at the process: arguments, environment, exit. system.ts gives short questions their few variables; watch.ts hides those that would change chokidar. */
const PROCESS_DOOR = ['cli/', 'platform/system.ts', 'platform/watch.ts'];
/** The program git is started here only; in ssh-signature.ts the same word is the namespace of git's signatures, and history/ starts nothing. */
const GIT_DOOR = ['platform/git*.ts', 'history/ssh-signature.ts'];

const LINES_MAX = 400;
/** An auditor reads it before it is believed. */
const STANDALONE = 'scripts/verify-standalone.mjs';
const STANDALONE_LINES_MAX = 300;
/** Top-level folders that are no rooms: never imported, or not part of the program. */
const NO_ROOMS = ['test', 'bench', 'scripts', 'node_modules', 'dist', 'queues', 'docs', 'hooks', 'schemas', 'bin', 'coverage'];

const ROOT = path.resolve(import.meta.dirname, '..');

type Source = {
  readonly file: string;
  readonly room: string;
  readonly imports: readonly Import[];
  readonly tokens: readonly Token[];
  readonly lines: number;
};

const SOURCES: readonly Source[] = Object.keys(ROOMS).flatMap((room) =>
  globSync(`${room}/**/*.ts`, { cwd: ROOT })
    .toSorted()
    .map((file) => {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      return { file, room, imports: importsOf(text), tokens: tokensOf(text), lines: text.split('\n').length - 1 };
    }),
);

const opens = (door: string, file: string): boolean => {
  if (door.endsWith('/')) return file.startsWith(door);
  const [start = '', end] = door.split('*');
  return end === undefined ? file === door : file.startsWith(start) && file.endsWith(end) && !file.slice(start.length).includes('/');
};

/** `zod/v4` -> `zod`, `@a/b/c` -> `@a/b`; node: modules as they are. */
const packageOf = (from: string): string =>
  from.startsWith('node:')
    ? from
    : from
        .split('/')
        .slice(0, from.startsWith('@') ? 2 : 1)
        .join('/');

/** The file of this repository that an import names; null for a package. */
const targetOf = (source: Source, from: string): string | null => {
  if (from.startsWith('#')) return from.slice(1);
  return from.startsWith('.') ? path.posix.join(path.posix.dirname(source.file), from) : null;
};

const all = <T>(pick: (source: Source, one: Import & { readonly from: string }) => T | null): T[] =>
  SOURCES.flatMap((source) =>
    source.imports.flatMap((one) => {
      const { from } = one;
      const picked = from === null ? null : pick(source, { ...one, from });
      return picked === null ? [] : [picked];
    }),
  );

const where = (source: Source, one: Import): string => `${source.file}:${String(one.line)} imports ${String(one.from)}`;
const none = (faults: readonly string[], words: string): void => {
  assert.deepEqual(faults, [], words);
};

describe('the house', () => {
  test('has exactly the rooms of the table', () => {
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !NO_ROOMS.includes(entry.name))
      .map((entry) => entry.name)
      .filter((name) => globSync(`${name}/**/*.ts`, { cwd: ROOT }).length > 0);
    assert.deepEqual(folders.toSorted(), Object.keys(ROOMS).toSorted());
  });

  test('lets every room import only what the table says', () => {
    none(
      all((source, one) => {
        const target = targetOf(source, one.from)?.split('/')[0];
        if (target === undefined || target === source.room) return null;
        const room = ROOMS[source.room];
        if (room?.may.includes(target) === true || (one.isType && room?.types?.includes(target) === true)) return null;
        return `${where(source, one)}${room?.types?.includes(target) === true ? ' (only `import type` may)' : ''}`;
      }),
      'imports that the table does not allow',
    );
  });

  test('points its imports to the same or a lower floor, and has no circle of rooms', () => {
    for (const [name, room] of Object.entries(ROOMS)) {
      for (const other of [...room.may, ...(room.types ?? [])]) {
        const lower = ROOMS[other];
        assert.ok(lower !== undefined, `${name} may import ${other}, which is no room`);
        assert.ok(lower.floor <= room.floor, `${name} may import ${other}, which is on a higher floor`);
      }
    }
    const edges = new Map(Object.entries(ROOMS).map(([name, room]) => [name, [...room.may, ...(room.types ?? [])]]));
    assert.equal(circleIn(edges), null);
  });

  test('names files of other rooms by #room/, of its own room by ./ or ../, and files that are there', () => {
    none(
      all((source, one) => {
        const target = targetOf(source, one.from);
        if (target === null) return null;
        const isOwn = target.split('/')[0] === source.room;
        if (one.from.startsWith('#') === isOwn) return `${where(source, one)}: write ${isOwn ? 'a relative path' : '#room/file.ts'}`;
        return existsSync(path.join(ROOT, target)) ? null : `${where(source, one)}: there is no ${target}`;
      }),
      'imports with the wrong form',
    );
  });

  test('computes no import', () => {
    none(
      SOURCES.flatMap((source) => source.imports.filter((one) => one.from === null).map((one) => where(source, one))),
      'imports that nobody can check',
    );
  });

  test('has no circle of files, types included', () => {
    const edges = new Map(
      SOURCES.map((source) => [
        source.file,
        source.imports.flatMap((one) => (one.from === null ? [] : (targetOf(source, one.from) ?? []))),
      ]),
    );
    assert.equal(circleIn(edges), null);
  });

  test(`keeps files at ${String(LINES_MAX)} lines`, () => {
    none(
      SOURCES.filter((source) => source.lines > LINES_MAX).map((source) => `${source.file}: ${String(source.lines)} lines`),
      'files that are too long',
    );
  });

  test(`keeps the verifier of its own at ${String(STANDALONE_LINES_MAX)} lines, no wider than the rest, and without a word of docket's`, () => {
    const text = readFileSync(path.join(ROOT, STANDALONE), 'utf8');
    const lines = text.trimEnd().split('\n');
    assert.ok(lines.length <= STANDALONE_LINES_MAX, `${STANDALONE}: ${String(lines.length)} lines`);
    none(
      lines.flatMap((line, n) => (line.length > 140 && !/^\s*(?:\/\/|\/\*\*)/.test(line) ? [`${STANDALONE}:${String(n + 1)}`] : [])),
      'lines that are too long',
    );
    none(
      importsOf(text).flatMap(({ from }) => (from?.startsWith('node:') === true ? [] : [String(from)])),
      "imports that are not Node's own",
    );
  });
});

describe('doors', () => {
  test('every package and every module of Node is imported through its door', () => {
    none(
      all((source, one) => {
        if (targetOf(source, one.from) !== null) return null;
        const name = packageOf(one.from);
        if (FREE.includes(name)) return source.room === 'core' ? where(source, one) : null;
        const doors = DOORS[name];
        if (doors === undefined) return `${where(source, one)}: it has no door in the table`;
        return doors.some((door) => opens(door, source.file)) ? null : `${where(source, one)}: its door is ${doors.join(', ')}`;
      }),
      'imports beside the door',
    );
  });

  test('no door is stale: every package is in package.json, every door is used', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Readonly<
      Record<string, Record<string, string>>
    >;
    const used = all((source, one) => ({ name: packageOf(one.from), file: source.file }));
    const stale = Object.entries(DOORS).flatMap(([name, doors]) => [
      ...(name.startsWith('node:') || dependencies?.[name] !== undefined || devDependencies?.[name] !== undefined
        ? []
        : [`${name} is not in package.json`]),
      ...doors
        .filter((door) => !used.some((one) => one.name === name && opens(door, one.file)))
        .map((door) => `nobody imports ${name} in ${door}`),
    ]);
    none(stale, 'doors that lead nowhere');
  });

  test('arguments, environment and exit of the process are those of cli', () => {
    const faults = SOURCES.filter((source) => !PROCESS_DOOR.some((door) => opens(door, source.file))).flatMap(({ file, tokens }) =>
      tokens.flatMap((token, index) => {
        if (token.kind !== 'word' || token.text !== 'process' || tokens[index - 1]?.text === '.') return [];
        const [sign, name] = [tokens[index + 1]?.text, tokens[index + 2]?.text ?? ''];
        const isReach = (sign === '.' || sign === '[') && ['env', 'argv', 'exit', 'exitCode', 'stdin', 'abort', 'chdir'].includes(name);
        return isReach ? [`${file}:${String(token.line)} uses process.${name}`] : [];
      }),
    );
    none(faults, 'only cli may');
    assert.ok(
      SOURCES.some((source) => opens('cli/', source.file) && source.tokens.some((token) => token.text === 'argv')),
      'nobody reads the arguments',
    );
  });

  test('what holds something open is made in the composition root only', () => {
    const made = all((source, one) => {
      const target = targetOf(source, one.from) ?? '';
      return source.room === 'cli' && !one.isType && COMPOSITION[target] !== undefined
        ? { target, file: source.file, words: where(source, one) }
        : null;
    });
    none(
      made.filter(({ target, file }) => COMPOSITION[target]?.includes(file) !== true).map(({ words }) => words),
      'made beside the composition root',
    );
    const stale = Object.entries(COMPOSITION).flatMap(([target, files]) =>
      files
        .filter((file) => !made.some((one) => one.target === target && one.file === file))
        .map((file) => `${file} does not use ${target}`),
    );
    none(stale, 'rows of COMPOSITION that match nothing');
  });

  test('the program git is named in its door only', () => {
    const naming = SOURCES.filter((source) => source.tokens.some((token) => token.kind === 'text' && token.text === 'git'));
    none(
      naming.filter((source) => !GIT_DOOR.some((door) => opens(door, source.file))).map((source) => source.file),
      "files with the text 'git'",
    );
    assert.ok(naming.length > 0, 'nobody starts git');
  });
});

/** The first circle as `a -> b -> a`; null when there is none. */
function circleIn(edges: ReadonlyMap<string, readonly string[]>): string | null {
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): string | null => {
    const seenAt = trail.indexOf(node);
    if (seenAt !== -1) return [...trail.slice(seenAt), node].join(' -> ');
    if (done.has(node)) return null;
    for (const next of edges.get(node) ?? []) {
      const circle = visit(next, [...trail, node]);
      if (circle !== null) return circle;
    }
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const circle = visit(node, []);
    if (circle !== null) return circle;
  }
  return null;
}

const read = (source: string): string[] => importsOf(source).map((one) => `${one.isType ? 'type ' : ''}${String(one.from)}`);

describe('the reader of imports', () => {
  test('sees every form of import', () => {
    assert.deepEqual(
      read(`
        import a from 'a'; import b, { c as d } from "b";
        import * as e from 'e'
        import 'f';
        import type { G } from 'g'; import type H from 'h'; import { type I } from 'i';
        import type from 'j'; import type, { k } from 'k';
        import l from 'l' with { type: 'json' };
        export { m } from 'm'; export * from 'n'; export * as o from 'o'; export type { P } from 'p'; export type * from 'q';
        const r = await import('r'); void import('s', { with: { type: 'json' } });
        type T = typeof import('t');
        import.meta.resolve('not');
        import 'u';
        import {
          v, // from 'not'
          w,
        } from 'v';
      `),
      ['a', 'b', 'e', 'f', 'type g', 'type h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'type p', 'type q', 'r', 's', 'type t', 'u', 'v'],
    );
  });

  test('is not taken in by what only looks like one', () => {
    assert.deepEqual(
      read(String.raw`
        // import a from 'a'
        /* import b from 'b' */
        const c = "import c from 'c'", d = 'it\'s import("d")';
        const e = ${'`'}import f from 'f' ${'${'} g ? ${'`'}${'${'} h({ i: 1 }) }${'`'} : "" } import('j')${'`'};
        const k = /import 'k' [/'"]/.test(l) ? 1 / 2 / 3 : "'";
        export const m = { import: 1, from: 'n' }; m.import('o');
        export type P = { from: 'p' }; export { k }; export default m;
        export type Q = 'q';
        const url = import.meta.url;
      `),
      [],
    );
  });

  test('tells a computed import, and expressions in templates', () => {
    assert.deepEqual(read("import(name); import(`./${name}.ts`); import('./a' + b); x = `${await import('c')}`;"), [
      'null',
      'null',
      'null',
      'c',
    ]);
  });

  test('finds circles', () => {
    assert.equal(
      circleIn(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
      'b -> c -> b',
    );
    assert.equal(
      circleIn(
        new Map([
          ['a', ['b', 'c']],
          ['b', ['c']],
          ['c', []],
        ]),
      ),
      null,
    );
  });

  test('knows doors', () => {
    assert.ok(opens('platform/git*.ts', 'platform/git-program.ts') && opens('policy/', 'policy/a.ts') && opens('a/b.ts', 'a/b.ts'));
    assert.ok(!opens('platform/git*.ts', 'platform/git/x.ts') && !opens('policy/', 'policy-x/a.ts') && !opens('a/b.ts', 'a/bb.ts'));
    assert.deepEqual([packageOf('zod/v4'), packageOf('@a/b/c'), packageOf('node:fs/promises')], ['zod', '@a/b', 'node:fs/promises']);
  });
});
