/** A real tmux with a server of its own: its socket lies in a folder of the test's, and it is ended by its pid. Without tmux the test is NOT RUN, and says so. */

import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Null: it can run. */
export const whyNoTmux = (): string | null => (spawnSync('tmux', ['-V']).status === 0 ? null : 'NOT RUN: there is no tmux');

/** For `test`: run, or told as not run. */
export function onlyWithTmux(): { readonly skip?: string } {
  const skip = whyNoTmux();
  if (skip === null) return {};
  console.log(skip);
  return { skip };
}

export type TmuxServer = {
  /** What makes tmux use this server. */
  readonly env: Readonly<Record<string, string>>;
  /** What tmux prints. */
  run(...args: string[]): string;
  /** Lines of `list-panes -a`. */
  panes(format: string): string[];
};

/** Its folder is its own, because the test's may be gone when it is ended. @param given the environment of the test's programs */
export function tmuxServer(t: { after(act: () => void): void }, given: Readonly<Record<string, string>>): TmuxServer {
  const folder = mkdtempSync(path.join(tmpdir(), 'docket-tm-'));
  const env = { ...given, TMUX_TMPDIR: folder, TERM: 'xterm-256color' };
  const ask = (args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
    spawnSync('tmux', args, { env, encoding: 'utf8', timeout: 20_000 });
  t.after(() => {
    // One for each name of `tmux -L`.
    for (const socket of globSync('*/*', { cwd: folder })) {
      const { status, stdout } = ask(['-S', path.join(folder, socket), 'display-message', '-p', '#{pid}']);
      const pid = Number(stdout.trim());
      if (status === 0 && Number.isSafeInteger(pid) && pid > 1) process.kill(pid, 'SIGTERM');
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  return {
    env,
    run(...args) {
      const { status, stdout, stderr } = ask(args);
      if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
      return stdout.trimEnd();
    },
    panes: (format) =>
      ask(['list-panes', '-a', '-F', format])
        .stdout.split('\n')
        .filter((line) => line !== ''),
  };
}
