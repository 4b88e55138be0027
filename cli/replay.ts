/**
 * `docket replay`: the same prompt again, at the same code, with the same or another runner, and what differs. It is recorded nowhere: the identity has
 * its answer already (docs/decisions/0035); only what it cost is noted.
 */

import path from 'node:path';
import { confirm, isCancel } from '@clack/prompts';
import type { Command } from 'commander';
import { describe } from '#core/failure.ts';
import { printable } from '#core/names.ts';
import { describeIdentity } from '#core/prompt.ts';
import type { Fs } from '#core/ports.ts';
import { isOid, oidOf } from '#history/objects.ts';
import { findRecord, type FoundRecord } from '#history/reconstruct-find.ts';
import { makeFs } from '#platform/files.ts';
import { makeClean } from './clean.ts';
import { codeObjectsFolder } from './code.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { commonOf, log, openAll } from './open.ts';
import { diffText } from './replay-diff.ts';
import { replayable, type Replayable } from './replay-materials.ts';
import { chooseRunner, limitsFor, mayCostUsd, replayOnce, type Chosen, type Replayed } from './replay-run.ts';
import { wantedRecord, withReader } from './reconstruct-name.ts';
import { freshFolder, writeCode } from './reconstruct-write.ts';

type Options = Common & {
  readonly to: string;
  readonly runner?: string;
  readonly model?: string;
  readonly code?: string;
  readonly withoutCode?: boolean;
  readonly yes?: boolean;
};

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const TOLD_LINES = 40;

export function addReplay(program: Command, io: Io): void {
  program
    .command('replay')
    .description('run a recorded prompt again, and show what differs from the recorded answer')
    .argument('<record...>', 'FEATURE role@revision, FEATURE/role/name@revision, or a job id; without @ the newest revision')
    .requiredOption('--to <folder>', 'a new folder, or an empty one: the code, the run and its answer go there')
    .option('--runner <name>', 'another runner than it was recorded with')
    .option('--model <name>', 'another model')
    .option('--code <repository>', "where the code's commit is (default: the workspace's)")
    .option('--without-code', 'run it in an empty folder: the code of then is not to be had, or not needed')
    .option('--yes', 'it may cost money: do not ask')
    .addHelpText(
      'after',
      '\nPolicy, sandbox, limits and budgets hold as for every prompt. The history is not changed; what it costs counts in budgets and in `docket cost`.\nExit code 0 when the answer is the same, 1 when it differs or there is none.\n\nExamples:\n  docket replay FEAT-123 architect@2 --to /tmp/again\n  docket replay FEAT-123/ui/filter-panel@1 --runner codex --to /tmp/codex --yes\n  docket replay FEAT-123 architect@2 --runner offline --to /tmp/brief',
    )
    .action(async (words: readonly string[], _options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      const wanted = wantedRecord(words);
      const dir = path.resolve(io.cwd, options.to);
      await withReader(io, common, {}, async (reader, place) => {
        const found = await findRecord(reader, wanted);
        if (found === null) throw new CliError(`nothing is recorded as ${printable(words.join(' '))} in ${place}`, EXIT.wrongUse);
        const { workspace, roles } = await openAll(io, common);
        const { settings } = workspace;
        const limits = { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
        const recorded = await replayable(reader, found, [...roles.keys()], limits);
        const installed = roles.get(found.identity.role);
        const chosen = await chooseRunner(workspace, io.env, installed, recorded, options);
        const runLimits = limitsFor(workspace, recorded);
        await ask(io, options, chosen, mayCostUsd(chosen, runLimits));
        const fs = makeFs();
        const cwd = path.join(dir, 'code');
        const code = await placeCode(fs, recorded, found, dir, cwd, options, workspace.code);
        await fs.writeDerived(path.join(dir, 'brief.md'), recorded.brief, 0o600);
        const stop = new AbortController();
        const onSignal = (): void => {
          stop.abort('a person who stopped the replay');
        };
        for (const signal of SIGNALS) process.on(signal, onSignal);
        try {
          const access = recorded.role.access === 'worktree' && installed?.access !== 'read-only' ? 'worktree' : 'read-only';
          const wish = { job: found.job, feature: found.identity.feature, role: found.identity.role };
          const replayed = await replayOnce({ workspace, env: io.env, log, recorded, chosen, wish, dir, cwd, access, signal: stop.signal });
          const changes = await changesIn(fs, cwd, code.files);
          await tell(io, common, { fs, dir, found, recorded, chosen, replayed, commit: code.commit, changes });
          if (stop.signal.aborted) io.setExitCode(EXIT.stopped);
        } finally {
          for (const signal of SIGNALS) process.off(signal, onSignal);
        }
      });
    });
}

async function ask(io: Io, { yes }: Options, { facts, model }: Chosen, usd: number | null): Promise<void> {
  if (usd === null || yes === true) return;
  io.err(`${facts.name}${model === null ? '' : `, model ${model}`}: this run calls a provider and may cost up to ${String(usd)} USD where the tool can hold itself to it`); // prettier-ignore
  if (!io.canAsk)
    throw new CliError('nobody can be asked here whether it may cost money: say --yes, or run it on a terminal', EXIT.wrongUse);
  const answer = await confirm({ message: 'Run it?', initialValue: false });
  if (isCancel(answer) || !answer) throw new CliError('nothing was run', EXIT.stopped);
}

type Placed = {
  readonly commit: string | null;
  /** Blob ids by path, as they were before the run. */ readonly files: ReadonlyMap<string, string>;
};

async function placeCode(
  fs: Fs,
  { evidence }: Replayable,
  found: FoundRecord,
  dir: string,
  cwd: string,
  options: Options,
  own: string,
): Promise<Placed> {
  const commit = evidence.code.baseCommit ?? evidence.code.headCommit ?? found.steps.at(-1)?.trailers['Code-Commit'] ?? null;
  const isWithout = options.withoutCode === true || commit === null;
  const repository = options.code ?? own;
  if (!isWithout) {
    if (!isOid(commit))
      throw new CliError(`${printable(commit)} is no id of a commit that can be read here: say --without-code`, EXIT.notWell);
    await codeObjectsFolder(fs, repository);
  }
  await freshFolder(fs, dir);
  await fs.makeFolders(cwd, 0o700);
  if (isWithout) return { commit: null, files: new Map() };
  const { gaps } = await writeCode(fs, repository, commit, cwd);
  const lost = gaps.filter(({ why }) => why === 'missing' || why === 'differs');
  if (lost.length > 0)
    throw new CliError(`the code of then is not to be had: ${lost.map(({ words }) => words).join('; ')} (--code <repository>, or --without-code)`, EXIT.notWell); // prettier-ignore
  return { commit, files: await filesBelow(fs, cwd) };
}

const CODE_FILE_BYTES_MAX = 1024 * 1024 * 1024;

async function filesBelow(fs: Fs, folder: string, prefix = '', found = new Map<string, string>()): Promise<Map<string, string>> {
  for (const { name, kind } of await fs.list(folder)) {
    if (name === null) continue;
    const file = path.join(folder, name);
    if (kind === 'folder') await filesBelow(fs, file, `${prefix}${name}/`, found);
    else if (kind === 'file') found.set(`${prefix}${name}`, oidOf('blob', (await fs.readBounded(file, CODE_FILE_BYTES_MAX)).bytes));
    else found.set(`${prefix}${name}`, kind);
  }
  return found;
}

type Change = { readonly path: string; readonly what: 'added' | 'changed' | 'removed' };

async function changesIn(fs: Fs, cwd: string, before: ReadonlyMap<string, string>): Promise<readonly Change[]> {
  const after = await filesBelow(fs, cwd);
  const changes: Change[] = [];
  for (const [file, oid] of after) {
    const old = before.get(file);
    if (old !== oid) changes.push({ path: file, what: old === undefined ? 'added' : 'changed' });
  }
  for (const file of before.keys()) if (!after.has(file)) changes.push({ path: file, what: 'removed' });
  return changes;
}

type Told = {
  readonly fs: Fs;
  readonly dir: string;
  readonly found: FoundRecord;
  readonly recorded: Replayable;
  readonly chosen: Chosen;
  readonly replayed: Replayed;
  readonly commit: string | null;
  readonly changes: readonly Change[];
};

async function tell(io: Io, common: Common, { fs, dir, found, recorded, chosen, replayed, commit, changes }: Told): Promise<void> {
  const { outcome } = replayed.attempted;
  const write = (name: string, text: string): Promise<unknown> => fs.writeDerived(path.join(dir, name), text, 0o600);
  const failure = outcome.ok ? null : makeClean(io.env)(describe(outcome.failure), 1_000);
  const answer = outcome.ok && replayed.held === null ? outcome.answer : null;
  const assembledDiff = recorded.assembled === null ? null : diffText(recorded.brief, recorded.assembled, { before: 'the brief that was sent', after: 'the brief as this docket makes it' }); // prettier-ignore
  const diff =
    answer === null || recorded.answer === null ? null : diffText(recorded.answer, answer, { before: 'recorded', after: 'replayed' });
  if (answer !== null) await write('result.md', answer);
  if (recorded.answer !== null) await write('recorded_result.md', recorded.answer);
  if (diff !== null) await write('result.diff', diff.text);
  if (assembledDiff !== null) await write('brief.diff', assembledDiff.text);
  const isSame = answer !== null && answer === recorded.answer;
  const { feature, role, name, revision } = found.identity;
  const data = {
    v: 1,
    folder: dir,
    record: { feature, role, name, revision, job: found.job, status: found.steps.at(-1)?.status ?? null },
    recorded_with: recorded.evidence.runner,
    runner: {
      name: chosen.facts.name,
      version: chosen.facts.version,
      program_sha256: chosen.facts.programSha256,
      model: outcome.model ?? chosen.model,
    },
    code_commit: commit,
    outcome: replayed.held !== null ? 'held' : outcome.ok ? outcome.status : outcome.failure.kind,
    failure: failure ?? replayed.held,
    brief: recorded.assembled === null ? 'unknown' : assembledDiff === null ? 'same' : 'differs',
    answer: answer === null || recorded.answer === null ? null : isSame ? 'same' : 'differs',
    added_lines: diff?.added ?? 0,
    removed_lines: diff?.removed ?? 0,
    changed_files: changes,
    usage: replayed.usage,
    recorded: false,
  };
  await write('replay.json', `${JSON.stringify(data, null, 2)}\n`);
  const brief = { same: 'this docket assembles the same brief, byte for byte', differs: 'this docket would assemble another brief (brief.diff); the recorded one was sent', unknown: 'its prompt spec is not in the history: the recorded brief was sent' }[data.brief]; // prettier-ignore
  const shownDiff = diff === null ? [] : diff.text.split('\n').slice(0, TOLD_LINES);
  const lines = [
    `${paint(io, 'bold', describeIdentity(found.identity))}, job ${found.job}, with ${chosen.facts.name}${data.runner.model === null ? '' : ` (${printable(data.runner.model)})`}: ${data.outcome}`,
    ...(data.failure === null ? [] : [printable(data.failure, 1_000)]),
    `brief   ${brief}`,
    ...(commit === null ? ['code    none: it ran in an empty folder'] : [`code    ${commit}`]),
    ...(data.answer === null
      ? [recorded.answer === null ? 'answer  nothing was recorded to compare it with' : 'answer  none to compare']
      : [
          isSame
            ? `answer  ${paint(io, 'green', 'the same')}, byte for byte`
            : `answer  ${paint(io, 'yellow', 'differs')}: ${String(data.removed_lines)} lines less, ${String(data.added_lines)} more (result.diff)`,
        ]),
    ...(changes.length === 0
      ? []
      : [
          `files   ${String(changes.length)} changed: ${printable(
            changes
              .slice(0, 5)
              .map((one) => one.path)
              .join(', '),
            500,
          )}`,
        ]),
    `folder  ${printable(dir, 1_000)}; nothing was recorded`,
    ...shownDiff.map((line) => printable(line, 400)),
    ...(diff !== null && diff.text.split('\n').length > TOLD_LINES ? ['… (all of it in result.diff)'] : []),
  ];
  show(io, common, data, lines.join('\n'));
  if (!isSame && !(answer !== null && recorded.answer === null)) io.setExitCode(EXIT.notWell);
}
