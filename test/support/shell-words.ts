/** What a real shell makes of a text that was typed into a pane. */

import { execFileSync } from 'node:child_process';

/** `cd <folder> && <words>`: asked of /bin/sh, with a `cd` that only remembers. */
export function parsePlanText(text: string): { readonly folder: string; readonly args: readonly string[] } {
  const [folder = '', ...args] = execFileSync(
    '/bin/sh',
    ['-c', `cd() { printf '%s\\0' "$1"; }\ncommand_not_run() { printf '%s\\0' "$@"; }\n${text.replace(' && ', ' && command_not_run ')}`],
    { encoding: 'utf8' },
  )
    .split('\0')
    .slice(0, -1);
  return { folder, args };
}
