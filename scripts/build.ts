/**
 * Builds dist/: the same tree as the sources, as JavaScript. `#room/file.ts` means ./room/file.js there, by a package.json of its own:
 * Node takes `imports` from the nearest package.json, so no path is rewritten.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noEmitOnError'], { cwd: root, stdio: 'inherit' });
if (status === 0) {
  const { imports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly imports: Readonly<Record<string, string>>;
  };
  const built = Object.entries(imports)
    .filter(([name]) => !name.startsWith('#test/'))
    .map(([name, target]) => [name, target.replace(/\.ts$/, '.js')]);
  writeFileSync(
    path.join(dist, 'package.json'),
    `${JSON.stringify({ type: 'module', imports: Object.fromEntries(built) as unknown }, null, 2)}\n`,
  );
} else {
  process.exitCode = 1;
}
