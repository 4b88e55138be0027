/**
 * `docket redact`: the masked version of a prompt that is held for a secret, as a new file, or in the place of the held one when that is asked for.
 * It sends nothing: what it writes is never called `.md` in an inbox; a person reads it, and renames it or runs `docket retry`.
 * Invariant: what it writes was scanned again and is clean, and no part of a secret is printed.
 */

import path from 'node:path';
import type { Command } from 'commander';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { maskFindings } from '#policy/mask.ts';
import type { TextFinding } from '#policy/scan-text.ts';
import type { SecretFinder } from '#policy/secret-scan.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { fileNameOf, shownPath } from './job-words.ts';
import { findSubject, nameOf, type Subject } from './job-words-find.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { openSecretScan } from './secret-scan-of.ts';

type Options = Common & { readonly to?: string; readonly replace?: boolean };

/** Each round finds at most 50; one that masks nothing new ends it. */
const ROUNDS_MAX = 200;

export function addRedact(program: Command, io: Io): void {
  program
    .command('redact')
    .description('write the masked version of a prompt that is held for a secret; sends nothing')
    .argument('<job>', 'a job id (or its first 4 characters), role/name, or name')
    .option('--to <file>', 'where to write it; default: beside the held file, as <name>.redacted')
    .option('--replace', 'write it over the held file: the secret is gone from it then')
    .addHelpText(
      'after',
      '\nEach secret becomes REDACTED-<rule>. Nothing is sent: read the new file, then rename it to <name>.md, or with --replace run `docket retry`.\nA real secret that was in a prompt counts as leaked: renew it. What is no secret can be let pass: docs/secrets.md.\n\nExamples:\n  docket redact architect/foo\n  docket redact foo --to ~/foo-clean.txt\n  docket redact foo --replace && docket retry foo',
    )
    .action(async (name: string, _options: Options, command: Command) => {
      const common = commonOf(command);
      const { to, replace = false } = command.opts<Options>();
      if (to !== undefined && replace) throw new CliError('give --to or --replace, not both', EXIT.wrongUse);
      await withSources(io, common, async (sources) => {
        const subject = await findSubject(sources, name);
        const file = heldFile(sources, subject);
        const target = replace ? file : to === undefined ? file.replace(/\.held$/, '.redacted') : targetOf(io, sources.workspace, to);
        const finder = await openSecretScan(sources.fs, sources.workspace, { makesKey: true });
        let masked: Masked;
        try {
          masked = await redact(sources, finder, file);
        } finally {
          await finder.close();
        }
        await write(sources.fs, target, masked.text, replace);
        const findings = masked.found.map(({ rule, line, column, excerpt }) => ({ rule, line, column, excerpt }));
        show(io, common, { name: nameOf(subject), file: target, findings }, words(io, sources.workspace, subject, target, masked, replace));
      });
    });
}

function heldFile(sources: Sources, subject: Subject): string {
  const { view, folder } = subject;
  const held = view === null || view.state !== 'held' ? null : fileNameOf(view);
  if (held === null || folder === null)
    throw new CliError(`${nameOf(subject)} is not held (\`docket show ${nameOf(subject)}\` says how it stands)`, EXIT.wrongUse);
  return path.join(sources.layout.in(folder), held);
}

/** Never a name that docket would take. */
function targetOf(io: Io, workspace: Workspace, to: string): string {
  const target = path.resolve(io.cwd, to);
  const isInQueue = !path.relative(workspace.queues, target).startsWith('..');
  if (isInQueue && target.endsWith('.md'))
    throw new CliError(`${to} would be taken at once as a prompt: write it elsewhere, read it, and drop it then`, EXIT.wrongUse);
  return target;
}

type Masked = { readonly text: string; readonly found: readonly TextFinding[] };

async function redact({ fs, workspace }: Pick<Sources, 'fs' | 'workspace'>, finder: SecretFinder, file: string): Promise<Masked> {
  const { bytes } = await fs.readBounded(file, workspace.settings['limits.prompt_bytes']);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CliError(`${file} is not UTF-8: mend it by hand`, EXIT.notWell);
  }
  const all: TextFinding[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = await finder.find(text);
    if (!found.ok) throw new CliError(`nothing was written: ${found.error}`, EXIT.notWell);
    if (found.value.length === 0 && all.length > 0) return { text, found: all };
    if (found.value.length === 0)
      throw new CliError(
        'nothing in this prompt has to be masked: it is held for another reason (its error file in out/ says which; a secret in an answer stays in archive/)',
        EXIT.wrongUse,
      );
    all.push(...found.value);
    text = maskFindings(text, found.value);
  }
  throw new CliError('nothing was written: after masking there is still something that looks like a secret; mend it by hand', EXIT.notWell);
}

async function write(fs: Fs, target: string, text: string, replaces: boolean): Promise<void> {
  if (replaces) {
    await fs.replace(target, text, 'safety', 0o600);
    await fs.syncFolder(path.dirname(target), 'safety');
    return;
  }
  await fs.writeNew(target, text, 'safety', 0o600).catch((error: unknown) => {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw isThere ? new CliError(`${target} is there already: remove it, or choose another with --to`, EXIT.wrongUse) : error;
  });
}

function words(io: Io, { root }: Workspace, subject: Subject, target: string, { found }: Masked, replaces: boolean): string {
  const next = replaces
    ? `the held file is masked now: read it, then \`docket retry ${nameOf(subject)}\``
    : `written to ${shownPath(io.cwd, target)} (mode 0600); read it, then rename it to \`${subject.stem}.md\` in the inbox, or drop it with \`docket add\``;
  const lines = found.map(({ rule, line, column, excerpt }) => `  ${rule} at line ${String(line)}, column ${String(column)}: ${excerpt}`);
  return [`masked in ${nameOf(subject)} (${shownPath(root, target)}):`, ...lines, `nothing was sent; ${next}`].join('\n');
}
