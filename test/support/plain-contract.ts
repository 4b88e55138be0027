/**
 * Roles and prompt specs that ask for no heading and no fence, as a workspace's own files: for tests whose fake agents answer `# Done`, and are about
 * something else than output contracts. They overlay the shipped ones, and are the same but for `output`.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** A top key of YAML and the indented lines or list below it. */
const OUTPUT = /^output:\n(?:(?: |- ).*\n)+/m;

/** `v2.1.0`, … by number. */
const versions = (): string[] =>
  readdirSync(path.join(ROOT, 'prompt-spec'))
    .filter((name) => /^v\d+\.\d+\.\d+$/.test(name))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));

/** Writes agents/ and prompt-spec/ below the root: every role, and every shipped version. What is there already stays. */
export function writePlainContract(root: string): void {
  for (const folder of readdirSync(path.join(ROOT, 'agents')).filter((name) => /^\d{2}-/.test(name))) {
    const source = readFileSync(path.join(ROOT, 'agents', folder, 'role.yaml'), 'utf8');
    put(path.join(root, 'agents', folder, 'role.yaml'), source.replace(OUTPUT, ''));
  }
  for (const version of versions()) {
    for (const name of readdirSync(path.join(ROOT, 'prompt-spec', version))) {
      const from = path.join(ROOT, 'prompt-spec', version, name);
      const to = path.join(root, 'prompt-spec', version, name);
      if (name.endsWith('.md')) put(to, readFileSync(from, 'utf8').replace(OUTPUT, 'output: []\n'));
      else cpSync(from, to, { force: false });
    }
  }
}

function put(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
