/** The big AI tools, installed only by `npm install` in test/tools. A missing one is told and counted as skipped, never passed over in silence. */

import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../tools/node_modules/.bin', import.meta.url));

/** The folder to put into PATH; null when the tool is not installed. */
export const toolFolder = (program: string): string | null => (existsSync(`${BIN}/${program}`) ? BIN : null);

/** Runs the suite with the tool's folder, or counts one skipped test that says NOT RUN. */
export function withTool(program: string, suite: (folder: string) => void): void {
  const folder = toolFolder(program);
  if (folder !== null) {
    suite(folder);
    return;
  }
  const reason = `NOT RUN: ${program} is not installed (npm install in test/tools)`;
  console.log(reason);
  test(`the real ${program}`, { skip: reason }, () => undefined);
}
