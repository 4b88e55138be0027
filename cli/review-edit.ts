/** A text in the person's own editor, on our own terminal. The file lies in the temporary folder, readable by the person alone, and is removed. */

import path from 'node:path';
import { runAttached } from '#platform/attached.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '#platform/system.ts';
import { CliError, EXIT, type Io } from './io.ts';

const BYTES_MAX = 8_000_000;

/** $VISUAL or $EDITOR, whose name may carry arguments as in `code --wait`. @returns null: left unchanged. Throws CliError with words. */
export async function editText(io: Pick<Io, 'env'>, text: string): Promise<string | null> {
  const words = (io.env['VISUAL'] ?? io.env['EDITOR'] ?? 'vi').split(' ').filter((word) => word !== '');
  const program = words[0] ?? 'vi';
  const fs = makeFs();
  const file = path.join(temporaryFolder(), `docket-comment-${makeDigest().uuid()}.md`);
  await fs.writeNew(file, text, 'safety', 0o600);
  try {
    const code = await runAttached(program, [...words.slice(1), file]).catch(() => {
      throw new CliError(`${program} cannot be started: set $VISUAL or $EDITOR`, EXIT.environment);
    });
    if (code !== 0) throw new CliError(`the editor ended with ${String(code)}: the comment is as it was`, EXIT.notWell);
    const written = new TextDecoder().decode((await fs.readBounded(file, BYTES_MAX)).bytes);
    return written === text ? null : written;
  } finally {
    await fs.removeTree(file);
  }
}
