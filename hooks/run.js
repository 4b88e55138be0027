// Started by hooks/shim.sh, with the name of a hook and what git gave it. A clone runs its sources; the package holds only what was built from them.
/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access -- plain JavaScript: nothing here has a type */
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';

const source = new URL('../cli/hook.ts', import.meta.url);
const built = new URL('../dist/cli/hook.js', import.meta.url);
const main = existsSync(source) ? source : built;

try {
  // Halves the start. In docket's own folder; where it cannot be written, nothing is kept.
  nodeModule.enableCompileCache(new URL('../node_modules/.cache/docket', import.meta.url).pathname);
  await import(main.href);
} catch (error) {
  process.stderr.write(
    `docket: the hook cannot be loaded by ${process.execPath} (${process.version}): ${String(error?.message ?? error).split('\n')[0]}\n`,
  );
  process.exitCode = 3;
}
