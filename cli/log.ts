/** `docket log`: who asked what, newest first, as the history's commits tell it. Plain `git log` shows the same. */

import type { Command } from 'commander';
import type { LogEntry } from '#core/history.ts';
import { isJobId, parseFeature, printable } from '#core/names.ts';
import { CliError, EXIT, paint, show, wholeNumber, type Common, type Io } from './io.ts';
import { withSources, type Sources } from './job-words-sources.ts';
import { commonOf, roleNamed } from './open.ts';

type Options = Common & { readonly job?: string; readonly limit?: number };

const LIMIT = 30;
const COMMIT_SHOWN = 10;

export function addLog(program: Command, io: Io): void {
  program
    .command('log')
    .description('list what was recorded, newest first')
    .argument('[feature[/role]]', 'only this feature, or only this role of it')
    .option('--job <id>', 'only this job (its id, or at least the first 4 characters)')
    .option('-n, --limit <n>', `at most n commits (default ${String(LIMIT)}; 0: all)`, wholeNumber('--limit'))
    .addHelpText(
      'after',
      '\nThe same with git: git -C <history> log\n\nExamples:\n  docket log\n  docket log FEAT-123\n  docket log FEAT-123/architect --limit 5\n  docket log --job k3tq --json',
    )
    .action(async (what: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      await withSources(io, common, async (sources) => {
        const filter = filterOf(sources, what, options.job);
        const history = await sources.history();
        const entries = history === null ? [] : await take(history.log(filter.exact), filter.jobStart, options.limit ?? LIMIT);
        show(
          io,
          common,
          entries,
          entries.length === 0 ? nothing(sources, history !== null, what, options) : entries.map((entry) => line(io, entry)).join('\n'),
        );
      });
    });
}

type Filter = { readonly exact: { feature?: string; role?: string; job?: string }; readonly jobStart: string | null };

function filterOf(sources: Sources, what: string | undefined, job: string | undefined): Filter {
  const exact: Filter['exact'] = {};
  if (what !== undefined) {
    const [featureText = '', roleText, ...rest] = what.split('/');
    const feature = parseFeature(featureText);
    if (!feature.ok) throw new CliError(`${JSON.stringify(printable(featureText))} is no feature: ${feature.error}`, EXIT.wrongUse);
    if (rest.length > 0)
      throw new CliError(
        `${JSON.stringify(printable(what))}: give FEATURE or FEATURE/role; \`docket show\` takes one record`,
        EXIT.wrongUse,
      );
    exact.feature = feature.value.id;
    if (roleText !== undefined) exact.role = roleNamed(sources.roles, roleText).name;
  }
  if (job === undefined) return { exact, jobStart: null };
  if (isJobId(job)) return { exact: { ...exact, job }, jobStart: null };
  if (!/^[a-z2-7]{4,15}$/.test(job))
    throw new CliError(
      `--job takes a job id (16 characters of a-z and 2-7) or its first characters, at least 4; got ${JSON.stringify(printable(job))}`,
      EXIT.wrongUse,
    );
  return { exact, jobStart: job };
}

async function take(log: AsyncIterable<LogEntry>, jobStart: string | null, limit: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of log) {
    if (jobStart !== null && entry.trailers['Docket-Job']?.startsWith(jobStart) !== true) continue;
    entries.push(entry);
    if (limit > 0 && entries.length >= limit) break;
  }
  return entries;
}

function nothing({ workspace }: Sources, isThere: boolean, what: string | undefined, { job }: Options): string {
  if (!isThere) return `nothing is recorded yet: there is no history at ${workspace.history} (\`docket up\` makes it)`;
  const asked = [what, job === undefined ? undefined : `job ${job}`].filter((word) => word !== undefined).join(', ');
  return `nothing is recorded${asked === '' ? ' yet' : ` about ${printable(asked)}`} in ${workspace.history}`;
}

const STATUS_STYLES: Readonly<Record<string, 'green' | 'red' | 'yellow' | 'cyan'>> = {
  answered: 'green',
  briefed: 'cyan',
  failed: 'red',
  cancelled: 'yellow',
  approved: 'green',
  'changes-requested': 'yellow',
  rejected: 'red',
  held: 'yellow',
};

function line(io: Io, entry: LogEntry): string {
  const subject = printable(entry.subject);
  const style = STATUS_STYLES[entry.trailers['Docket-Status'] ?? entry.trailers['Docket-Verdict'] ?? ''];
  const job = entry.trailers['Docket-Job'];
  const reviewer = entry.trailers['Docket-Reviewer'];
  return [
    paint(io, 'yellow', entry.commit.slice(0, COMMIT_SHOWN)),
    entry.at.slice(0, 19).replace('T', ' '),
    style === undefined ? subject : paint(io, style, subject),
    reviewer === undefined ? '' : `by ${printable(reviewer)}`,
    job === undefined ? '' : paint(io, 'dim', printable(job)),
  ]
    .filter((word) => word !== '')
    .join('  ');
}
