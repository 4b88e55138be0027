/** A prompt from what a person gave: a file that is one already, or a text and flags. Checked before it is dropped, so that mistakes are told at once. */

import path from 'node:path';
import { describeFault } from '#core/fault.ts';
import { isJobId, parseFeature, parseStem, type Stem } from '#core/names.ts';
import { identityOf, type Identity, type Prompt, type Stream } from '#core/prompt.ts';
import type { Role } from '#core/role.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { runAttached } from '#platform/attached.ts';
import { temporaryFolder } from '#platform/system.ts';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { newestVersion } from '#prompt-spec/resolve.ts';
import { writePrompt } from '#prompt-spec/write.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { log, type Opened } from './open.ts';
import { clock, historyOf } from './parts.ts';
import { authorOf } from './person.ts';

export type ComposeFlags = {
  readonly feature?: string;
  readonly revision?: number;
  readonly spec?: string;
  readonly name?: string;
  readonly title?: string;
  readonly priority?: number;
  readonly dependsOn?: readonly string[];
  readonly notBefore?: string;
  readonly runner?: string;
  readonly model?: string;
  readonly stem?: string;
  readonly stream?: Stream;
  /** The text, where docket itself has asked for it. */
  readonly given?: string;
  /** Written by docket itself, never by a flag: who wants the answer, and the job that the prompt came out of. */
  readonly own?: OwnKeys;
};

/** What stands in the prompt already is not changed. */
export type OwnKeys = { readonly author?: string; readonly parent?: string };

export type Composed = {
  readonly prompt: Prompt;
  readonly stem: Stem;
  readonly text: string;
  readonly identity: Identity;
  readonly sha256: string;
  readonly warnings: readonly string[];
};

export async function compose(io: Io, opened: Opened, role: Role, file: string | undefined, flags: ComposeFlags): Promise<Composed> {
  const given = flags.given === undefined ? await readGiven(io, opened, file) : { text: flags.given, stem: null };
  const isPrompt = /^\uFEFF?---\r?\n/.test(given.text);
  const written = isPrompt ? given.text : await withHeader(opened, role, given.text, flags);
  const { settings } = opened.workspace;
  const parse = (source: string): ReturnType<typeof parsePrompt> =>
    parsePrompt(new TextEncoder().encode(source), {
      roles: [...opened.roles.keys()],
      folderRole: role.name,
      limits: { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] },
      nowMs: clock.now().getTime(),
    });
  const first = parse(written);
  const text = first.ok ? withOwnKeys(written, first.value, flags.own ?? {}) : written;
  const parsed = text === written ? first : parse(text);
  if (!parsed.ok)
    throw new CliError(`this prompt is not valid, nothing was dropped:\n${parsed.error.map(describeFault).join('\n')}`, EXIT.notWell);
  const identity = identityOf(parsed.value);
  const wanted =
    flags.stem ??
    given.stem ??
    `${identity.feature}-${identity.role}${identity.name === null ? '' : `-${identity.name}`}-r${String(identity.revision)}`;
  const stem = parseStem(wanted);
  if (!stem.ok)
    throw new CliError(
      `${JSON.stringify(wanted)} cannot be a file name in the queue: ${stem.error} (choose another with --stem)`,
      EXIT.wrongUse,
    );
  return {
    prompt: parsed.value,
    stem: stem.value,
    text,
    identity,
    sha256: makeDigest().sha256(new TextEncoder().encode(text)),
    warnings: parsed.value.warnings.map((warning) => `${warning.field}: ${warning.message} (${warning.mend})`),
  };
}

/** Lines of their own right below the opening ---. */
function withOwnKeys(text: string, { rest }: Prompt, own: OwnKeys): string {
  const lines = Object.entries(own).filter(([key]) => rest[key] === undefined);
  const open = /^\uFEFF?---[ \t]*(\r?\n)/.exec(text);
  if (open === null || lines.length === 0) return text;
  const added = lines.map(([key, value]) => `${key}: ${isJobId(value) ? value : JSON.stringify(value)}${open[1] ?? ''}`).join('');
  return `${open[0]}${added}${text.slice(open[0].length)}`;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CliError('the text is not UTF-8, nothing was dropped', EXIT.notWell);
  }
}

async function readGiven(io: Io, opened: Opened, file: string | undefined): Promise<{ text: string; stem: string | null }> {
  if (file !== undefined && file !== '-') {
    const limit = opened.workspace.settings['limits.prompt_bytes'];
    const { bytes } = await makeFs()
      .readBounded(path.resolve(io.cwd, file), limit)
      .catch((error: unknown) => {
        throw new CliError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.wrongUse);
      });
    return { text: decode(bytes), stem: path.basename(file).replace(/\.(?:md|txt|markdown)$/, '') };
  }
  if (file === '-' || !io.canAsk) return { text: await io.readInput(), stem: null };
  return { text: await edit(io), stem: null };
}

async function edit(io: Io): Promise<string> {
  const edited = await editText(io, '');
  await edited.remove();
  return edited.text;
}

export type Edited = { readonly text: string; /** Where it stays until `remove`. */ readonly file: string; remove(): Promise<void> };

/** $VISUAL or $EDITOR on a file with this text; the program's name may carry arguments, as in `code --wait`. Throws CliError when nothing is to be used. */
export async function editText(io: Io, given: string): Promise<Edited> {
  const words = (io.env['VISUAL'] ?? io.env['EDITOR'] ?? 'vi').split(' ').filter((word) => word !== '');
  const fs = makeFs();
  const file = path.join(temporaryFolder(), `docket-${makeDigest().uuid()}.md`);
  await fs.writeNew(file, given, 'safety', 0o600);
  const remove = async (): Promise<void> => fs.removeTree(file);
  try {
    const code = await runAttached(words[0] ?? 'vi', [...words.slice(1), file]);
    if (code !== 0) throw new CliError(`the editor ended with ${String(code)}, nothing was dropped`, EXIT.notWell);
    const text = new TextDecoder().decode((await fs.readBounded(file, 8_000_000)).bytes);
    if (text.trim() === '') throw new CliError('the text is empty, nothing was dropped', EXIT.wrongUse);
    return { text, file, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function withHeader(opened: Opened, role: Role, body: string, flags: ComposeFlags): Promise<string> {
  if (flags.feature === undefined)
    throw new CliError('the text has no front matter, so --feature is needed (such as --feature FEAT-123)', EXIT.wrongUse);
  const version = flags.spec ?? newestVersion(role.name, opened.specs);
  if (version === null) throw new CliError(`no prompt spec of role ${role.name} is installed`, EXIT.environment);
  const header = {
    feature: flags.feature,
    agent: role.name,
    prompt_spec_version: version,
    revision: flags.revision ?? (await nextRevision(opened, role, flags)),
    created_at: clock.now().toISOString(),
    name: flags.name,
    stream: flags.stream,
    title: flags.title,
    priority: flags.priority,
    not_before: flags.notBefore,
    depends_on: flags.dependsOn,
    runner: flags.runner,
    model: flags.model,
    author: (await authorOf(opened.workspace)) ?? undefined,
  };
  return writePrompt(header, `\n${body.trimStart()}${body.endsWith('\n') ? '' : '\n'}`);
}

/** One more than the newest that history has of this feature, role and name. */
async function nextRevision(opened: Opened, role: Role, flags: ComposeFlags): Promise<number> {
  const feature = parseFeature(flags.feature ?? '');
  if (!feature.ok || (await makeFs().facts(opened.workspace.history)) === null) return 1;
  const history = historyOf(opened.workspace, log);
  let newest = 0;
  try {
    await history.open();
    for await (const record of history.records({ feature: feature.value.id, role: role.name })) {
      if ((record.identity.name ?? undefined) === flags.name) newest = Math.max(newest, record.identity.revision);
    }
  } finally {
    await history.close();
  }
  return newest + 1;
}
