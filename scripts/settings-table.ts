/**
 * Writes what follows from the table of settings: its Markdown between the two marks in README.md, and schemas/docket.schema.json.
 * With --check it writes nothing and fails when they differ.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderSettingsTable } from '#cli/settings.ts';
import { settingsJsonSchema } from '#cli/settings-schema.ts';

const START = '<!-- settings: printed by `npm run settings` -->';
const END = '<!-- /settings -->';

const root = path.resolve(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');

const readme = path.join(root, 'README.md');
const schema = path.join(root, 'schemas', 'docket.schema.json');
const present = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

function withTable(text: string): string {
  const from = text.indexOf(START);
  const to = text.indexOf(END);
  if (from === -1 || to < from) throw new Error(`README.md needs the lines ${START} and ${END}`);
  return `${text.slice(0, from + START.length)}\n\n${renderSettingsTable()}\n${text.slice(to)}`;
}

const wanted = [
  { file: readme, text: withTable(present(readme)) },
  { file: schema, text: `${JSON.stringify(settingsJsonSchema(), null, 2)}\n` },
];
for (const { file, text } of wanted) {
  if (present(file) === text) continue;
  const name = path.relative(root, file);
  console.log(isCheck ? `${name} is not what the settings say: run npm run settings` : `${name} written`);
  if (isCheck) process.exitCode = 1;
  else writeFileSync(file, text);
}
