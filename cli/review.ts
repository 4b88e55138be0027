/** `docket review`: a person reads the answers that await a verdict, and gives one. On a screen of its own, line by line, or - without a terminal - only told. */

import type { Command } from 'commander';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import type { Desk } from './review-desk.ts';
import { makeDesk } from './review-docket.ts';
import { plainList, runPlain } from './review-plain.ts';
import { rowsOf, type Entry } from './review-state.ts';

type Options = Common & { readonly plain?: boolean; readonly all?: boolean };

export function addReview(program: Command, io: Io): void {
  program
    .command('review')
    .description('read the answers that await a verdict, and give one')
    .option('--plain', 'line by line, without a screen: for screen readers and simple terminals (also TERM=dumb, review.plain)')
    .option('--all', 'with --json or without a terminal: every answer, whatever its standing')
    .addHelpText(
      'after',
      '\nKeys are shown at the bottom, all of them with ?. Only a person gives a verdict: docs/review.md, docs/review-terminal.md.\nWithout a terminal, and with --json, it lists them; exit code 1 when something awaits a verdict.\n\nExamples:\n  docket review\n  docket review --plain\n  docket review --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { plain, all } = command.opts<Options>();
      await withSources(io, common, async (sources) => {
        const desk = await makeDesk(io, sources);
        if (common.json === true || !io.canAsk) return list(io, common, desk, all === true);
        const isPlain = plain === true || io.env['TERM'] === 'dumb' || sources.workspace.settings['review.plain'];
        return isPlain ? talk(io, desk) : screen(io, desk);
      });
    });
}

async function list(io: Io, common: Common, desk: Desk, isAll: boolean): Promise<void> {
  const entries = await desk.entries();
  const todo = rowsOf({ entries, filter: 'to do', narrowed: '' });
  const rows = isAll ? entries : todo;
  const data = common.json === true ? await rowsData(desk, rows) : [];
  show(io, common, data, common.json === true ? '' : await plainList(desk, rows, clock.now().getTime()));
  if (todo.length > 0) io.setExitCode(EXIT.notWell);
}

async function rowsData(desk: Desk, rows: readonly Entry[]): Promise<readonly unknown[]> {
  const facts = await desk.facts(rows.map(({ key }) => key));
  return rows.map(({ key, feature, role, revision, title, author, atMs, standing, approvals, reviewers, resultSha256 }) => ({
    answer: key,
    feature,
    role,
    revision,
    title: title === '' ? null : title,
    author,
    at: new Date(atMs).toISOString(),
    standing,
    approvals,
    reviewers,
    result_sha256: resultSha256,
    size_bytes: facts.get(key)?.sizeBytes ?? null,
    findings: facts.get(key)?.findings ?? null,
  }));
}

async function screen(io: Io, desk: Desk): Promise<void> {
  const { runScreen } = await import('./review-screen.ts');
  const isLeft = await runScreen(desk, process, io.color, clock);
  if (!isLeft) throw new CliError('stopped', EXIT.stopped);
}

/** Lines that come before they are asked for (a pasted comment) wait for their question. */
async function talk(io: Io, desk: Desk): Promise<void> {
  const { createInterface } = await import('node:readline');
  const input = createInterface({ input: process.stdin, terminal: false });
  const waiting: string[] = [];
  let isOver = false;
  let answer: ((text: string | null) => void) | null = null;
  const give = (text: string | null): void => {
    const asked = answer;
    answer = null;
    if (asked !== null) asked(text);
    else if (text !== null) waiting.push(text);
  };
  input.on('line', give);
  input.once('close', () => {
    isOver = true;
    give(null);
  });
  const ask = async (question: string): Promise<string | null> => {
    process.stdout.write(question);
    return new Promise((resolve) => {
      const next = waiting.shift();
      if (next !== undefined || isOver) resolve(next ?? null);
      else answer = resolve;
    });
  };
  try {
    await runPlain(
      desk,
      {
        say: (line) => {
          io.out(line);
        },
        ask,
      },
      () => clock.now().getTime(),
    );
  } finally {
    input.close();
  }
}
