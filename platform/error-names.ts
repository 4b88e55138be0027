/**
 * Names of errno(3) that Node does not know: its library says `Unknown system error -122` where the system said EDQUOT. The numbers are those of Linux
 * (asm-generic/errno.h); elsewhere nothing is renamed.
 */

const NAMES: ReadonlyMap<string, string> = new Map([
  ['Unknown system error -116', 'ESTALE'],
  ['Unknown system error -117', 'EUCLEAN'],
  ['Unknown system error -122', 'EDQUOT'],
  ['Unknown system error -123', 'ENOMEDIUM'],
]);

const WORDS: Readonly<Record<string, string>> = {
  ESTALE: 'stale file handle',
  EUCLEAN: 'the file system is damaged',
  EDQUOT: 'disk quota exceeded',
  ENOMEDIUM: 'no medium found',
};

/** The same error, with its name as its code and in its message. */
export function withName(error: unknown): unknown {
  if (process.platform !== 'linux' || !(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const name = NAMES.get(error.code);
  if (name === undefined) return error;
  const message = error.message.replaceAll(error.code, `${name}: ${WORDS[name] ?? ''}`).replace(/^(\w+: [^:]+): \1/, '$1');
  return Object.assign(error, { code: name, message });
}

type Act = (...given: readonly unknown[]) => Promise<unknown>;

/** Every function of an object of asynchronous ones, with such errors named. */
export function namingErrors<T extends object>(acts: T): T {
  const named = Object.entries(acts as Record<string, Act>).map(([name, act]) => [
    name,
    async (...given: readonly unknown[]): Promise<unknown> => {
      try {
        return await act(...given);
      } catch (error) {
        throw withName(error);
      }
    },
  ]);
  return Object.fromEntries(named) as T;
}
