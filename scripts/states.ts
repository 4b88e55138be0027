/** Writes docs/state_machine.md. With --check it writes nothing and fails when the page is not what the table says. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderStates } from './states-page.ts';

const file = path.resolve(import.meta.dirname, '..', 'docs', 'state_machine.md');
const text = renderStates();
if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  const isCheck = process.argv.includes('--check');
  console.log(isCheck ? 'docs/state_machine.md is not what core/states.ts says: run npm run states' : 'docs/state_machine.md written');
  if (isCheck) process.exitCode = 1;
  else writeFileSync(file, text);
}
