/** `docket hooks install | remove | status | index`: docket's hooks in the code repository. docs/hooks.md. */

import path from 'node:path';
import type { Command } from 'commander';
import { printable } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { repositoryPlaces, type Places } from '#platform/git-hooks.ts';
import { linkIndex, type LinkIndex } from './hook-links.ts';
import { hookFolder, hookSettings, readInstalled, skipsFile } from './hook-settings.ts';
import { allSkips, skipLine } from './hook-skips.ts';
import { HOOKS, install, joinWords, remove, shimText, stateOf, whereHooks, type Where } from './hooks-install.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { packageFile } from './package.ts';

type Options = { readonly repository?: string };

const SKIPS_SHOWN = 10;
/** A person who asks waits longer than a commit may. */
const WHOLE_WALK = 10;
const SHIM_BYTES_MAX = 65_536;

/** No GIT_* of whoever started us: the repository is the one that was named. */
const plain = (io: Io): Record<string, string | undefined> => ({ PATH: io.env['PATH'], HOME: io.env['HOME'] });

type Opened = { readonly root: string; readonly places: Places; readonly where: Where; readonly shim: string };

async function open(io: Io, common: Common, options: Options): Promise<Opened> {
  const workspace = await openWorkspace(io, common);
  const folder = options.repository === undefined ? workspace.code : path.resolve(io.cwd, options.repository);
  const places = placesOf(io, folder);
  if (places === null) throw new CliError(`${printable(folder)} is no work tree of git: there is nothing to hook into`, EXIT.wrongUse);
  const fs = makeFs();
  const template = new TextDecoder().decode((await fs.readBounded(packageFile('hooks/shim.sh'), SHIM_BYTES_MAX)).bytes);
  const shim = shimText(template, process.execPath, packageFile('hooks/run.js'));
  return { root: workspace.root, places, where: await whereHooks(fs, plain(io), places), shim };
}

function placesOf(io: Io, folder: string): Places | null {
  try {
    return repositoryPlaces(plain(io), folder);
  } catch (error) {
    throw new CliError(`git cannot be asked: ${error instanceof Error ? error.message : String(error)}`, EXIT.environment);
  }
}

export function addHooks(program: Command, io: Io): void {
  const hooks = program.command('hooks').description("docket's hooks in the code repository: links, secrets, approvals");
  const verb = (name: string, words: string): Command =>
    hooks
      .command(name)
      .description(words)
      .option('--repository <folder>', 'another repository or submodule than the workspace names (code)');

  verb('install', 'put pre-commit, commit-msg, post-commit and pre-push in place; hooks that are there are kept, and called first')
    .option('--direct', 'write into the hooks folder although a framework, or the code itself, owns it')
    .addHelpText('after', '\nTo pass one over, noted: DOCKET_SKIP=pre-commit DOCKET_SKIP_REASON="why" git commit …')
    .action(async (options: Options & { readonly direct?: boolean }, command: Command) => {
      const common = commonOf(command);
      const opened = await open(io, common, options);
      const { places, where } = opened;
      const isDirect = options.direct === true;
      const scope = where.hooksPath?.scope ?? 'local';
      if (!['local', 'worktree'].includes(scope))
        throw new CliError(
          `core.hooksPath is set for more than this repository (${scope}: ${printable(where.folder)}): hooks there would run everywhere. Set it here (git config core.hooksPath .git/hooks) and install again`,
          EXIT.wrongUse,
        );
      const done = await install(makeFs(), places, where, { workspace: opened.root, shim: opened.shim, isDirect });
      const join = where.framework === null || isDirect ? null : joinWords(where.framework, where);
      const settings = await hookSettings(places);
      const index = await linkIndex(places, settings, settings.linkCommits * WHOLE_WALK);
      const rows = done.hooks.map(({ hook, did }) => [hook, did]);
      const text = `${printable(done.folder)}\n${table(rows)}\n${indexWords(index)}${join === null ? '' : `\n${join}`}`;
      show(io, common, { folder: done.folder, hooks: done.hooks, framework: where.framework, join, answers: index.answers }, text);
      if (done.hooks.some(({ did }) => did.startsWith('NOT'))) io.setExitCode(EXIT.notWell);
    });

  verb('remove', 'take them out again; what was there before is back').action(async (options: Options, command: Command) => {
    const common = commonOf(command);
    const { places, where } = await open(io, common, options);
    const done = await remove(makeFs(), places, where);
    const kept = done.kept === null ? '' : `\nthe notes of what was skipped stay: ${printable(done.kept)}`;
    const joined =
      where.framework === null
        ? ''
        : `\ntake the lines that call ${printable(hookFolder(places))}/hooks out of the files of ${where.framework}`;
    show(io, common, done, `${table(done.hooks.map(({ hook, did }) => [hook, did]))}${kept}${joined}`);
  });

  verb('status', 'what is in place, what was skipped, how far the index of links reaches').action(
    async (options: Options, command: Command) => {
      const common = commonOf(command);
      const opened = await open(io, common, options);
      const { places, where, shim } = opened;
      const installed = readInstalled(places);
      const folder = installed === null ? where.folder : (installed.folder ?? path.join(hookFolder(places), 'hooks'));
      const fs = makeFs();
      const states = await Promise.all(HOOKS.map(async (hook) => ({ hook, state: await stateOf(fs, folder, hook, shim) })));
      const isElsewhere = installed !== null && installed.folder !== null && installed.folder !== where.folder;
      const skips = allSkips(places);
      const settings = await hookSettings(places);
      const index = installed === null ? null : await linkIndex(places, settings);
      const lines = [
        printable(folder),
        table(states.map(({ hook, state }) => [hook, state])),
        ...(isElsewhere ? [`git looks for hooks in ${printable(where.folder)} now: install again`] : []),
        ...(installed?.folder === null && where.framework !== null ? [joinWords(where.framework, where)] : []),
        ...(settings.fault === null ? [] : [settings.fault]),
        `changes that nobody approved: ${settings.approval} at a push (hooks.require_approval)`,
        ...(index === null ? [] : [indexWords(index)]),
        skips.length === 0 ? 'nothing was skipped' : `skipped ${String(skips.length)} times (${printable(skipsFile(places))}):`,
        ...skips.slice(-SKIPS_SHOWN).map((skip) => `  ${skipLine(skip)}`),
      ];
      const isWell = !isElsewhere && states.every(({ state }) => state === 'ours' || state === 'ours, and theirs is called first');
      show(
        io,
        common,
        { folder, hooks: states, framework: where.framework, approval: settings.approval, answers: index?.answers ?? 0, skips },
        lines.join('\n'),
      );
      if (!isWell) io.setExitCode(EXIT.notWell);
    },
  );

  verb('index', 'read the whole history again for the files that its answers produced').action(
    async (options: Options, command: Command) => {
      const common = commonOf(command);
      const { places } = await open(io, common, options);
      const { linksFile } = await import('./hook-settings.ts');
      await makeFs()
        .unlink(linksFile(places))
        .catch(() => undefined);
      const settings = await hookSettings(places);
      const index = await linkIndex(places, settings, settings.linkCommits * WHOLE_WALK);
      show(io, common, { answers: index.answers, whole: index.isWhole }, indexWords(index));
    },
  );
}

const indexWords = (index: LinkIndex): string =>
  `files of ${String(index.answers)} answers are known to commit-msg${index.isWhole ? '' : '; older ones are not (hooks.link_commits, docket hooks index)'}`;
