/** Facts about this machine, this user and this program. */

import { readFileSync } from 'node:fs';
import { arch, availableParallelism, freemem, homedir, hostname, release, tmpdir, totalmem, userInfo } from 'node:os';

/** Name of the machine as evidence and daemon.json give it. */
export const hostName = (): string => hostname();

/** Login name; the number when the system has no name for it (containers). */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Threads that can go on side by side. */
export const processorCount = (): number => availableParallelism();

export const homeFolder = (): string => homedir();
export const temporaryFolder = (): string => tmpdir();

/** Null where users have no number. */
export const userId = (): number | null => process.getuid?.() ?? null;

export const systemFacts = (): {
  readonly platform: string;
  readonly release: string;
  readonly arch: string;
  readonly node: string;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
} => ({
  platform: process.platform,
  release: release(),
  arch: arch(),
  node: process.version,
  memoryBytes: totalmem(),
  freeMemoryBytes: freemem(),
});

/**
 * `version` of the nearest package.json above a module of docket.
 * @param moduleUrl `import.meta.url` of the caller; works from the sources and from dist/
 */
export function packageVersion(moduleUrl: string): string {
  for (let at = new URL('.', moduleUrl); ; at = new URL('..', at)) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL('package.json', at), 'utf8'));
      if (typeof found === 'object' && found !== null && 'version' in found && typeof found.version === 'string') return found.version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (at.pathname === '/') throw new Error(`no package.json with a version above ${moduleUrl}`);
  }
}

/** What a small question to another program needs of our own environment, and no more: no tokens, no GIT_*, no NODE_OPTIONS. */
export function plainEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'LANG'] as const;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
