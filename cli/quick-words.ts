/** Is this command line a plain `docket status`? Looked at before anything is loaded (status-quick.ts). */

export type QuickWords = { readonly json: boolean; readonly root: string | null };

/** `status`, `--json` and `--root <folder>` in any order; null: something else. */
export function quickWords(args: readonly string[]): QuickWords | null {
  let json = false;
  let root: string | null = null;
  let hasVerb = false;
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    if (word === 'status' && !hasVerb) hasVerb = true;
    else if (word === '--json') json = true;
    else if (word === '--root' && args[index + 1] !== undefined) root = args[++index] ?? null;
    else if (word.startsWith('--root=') && word.length > '--root='.length) root = word.slice('--root='.length);
    else return null;
  }
  return hasVerb ? { json, root } : null;
}
