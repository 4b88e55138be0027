/** `docket next`: writes the prompts that come next in a feature, where there are none yet. What the daemon does by itself with `emit.auto_next`. */

import type { Command } from 'commander';
import { parseFeature, printable } from '#core/names.ts';
import { nextFacts, planNext, type LeftOut, type NextPrompt } from '#daemon/next-plan.ts';
import { authorOf } from './person.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { poke } from './add.ts';
import { commonOf, openAll } from './open.ts';
import { acceptanceOf } from './why-acceptance.ts';

type Options = Common & { readonly dryRun?: boolean };

export function addNext(program: Command, io: Io): void {
  program
    .command('next')
    .description('write the prompts of the roles that come next in a feature')
    .argument('<feature>', 'such as FEAT-123')
    .option('--dry-run', 'say what would be written, and write nothing')
    .addHelpText(
      'after',
      [
        '',
        'For each accepted answer whose role names others in `next` (role.yaml), where the feature has no prompt of such a role yet: it gets one, with the',
        'title of what was accepted, and waits for all that leads to it. Again it writes nothing. docs/revise.md',
        '',
        'Examples:',
        '  docket next FEAT-123 --dry-run',
        '  docket next FEAT-123',
      ].join('\n'),
    )
    .action(async (text: string, _options: Options, command: Command) => {
      const common = commonOf(command);
      const { dryRun: isDry = false } = command.opts<Options>();
      const feature = parseFeature(text);
      if (!feature.ok) throw new CliError(`${printable(text)} is no feature: ${feature.error}`, EXIT.wrongUse);
      const opened = await openAll(io, common);
      await withSources(io, common, async (sources) => {
        const { workspace, roles, fs, spool } = sources;
        const history = await sources.history();
        if (history === null) throw nothing(feature.value.id);
        const acceptance = acceptanceOf(history, workspace, roles);
        const { queues } = workspace;
        const ports = { history, acceptance, spool, fs, queues, roles, specs: opened.specs, author: await authorOf(workspace) };
        const facts = await nextFacts(ports, feature.value.id);
        if (facts === null) throw nothing(feature.value.id);
        const { prompts, leftOut } = planNext(facts, ports);
        const written: Written[] = [];
        for (const prompt of prompts) {
          const dropped = isDry ? null : await spool.drop(prompt.role, prompt.stem, prompt.text, true);
          written.push({
            role: prompt.role,
            name: `${prompt.role}/${prompt.stem}`,
            path: dropped?.path ?? null,
            depends_on: prompt.dependsOn,
            text: prompt.text,
          });
        }
        const isUp = written.length > 0 && !isDry && (await poke(opened));
        show(
          io,
          common,
          { feature: facts.feature, dry_run: isDry, written, left_out: leftOut.map(({ role, after, why }) => ({ role, after, why })) },
          words(facts.feature, prompts, leftOut, written, { isDry, isUp, hasAccepted: facts.accepted.length > 0 }),
        );
      });
    });
}

type Written = {
  readonly role: string;
  readonly name: string;
  readonly path: string | null;
  readonly depends_on: readonly string[];
  readonly text: string;
};

const nothing = (feature: string): CliError =>
  new CliError(`nothing of ${feature} is recorded in the history: \`docket log\` lists what is`, EXIT.wrongUse);

function words(
  feature: string,
  prompts: readonly NextPrompt[],
  leftOut: readonly LeftOut[],
  written: readonly Written[],
  { isDry, isUp, hasAccepted }: { readonly isDry: boolean; readonly isUp: boolean; readonly hasAccepted: boolean },
): string {
  const lines = prompts.map(
    ({ role, dependsOn }, index) =>
      `${isDry ? 'would write' : 'wrote'} ${written[index]?.name ?? role}${dependsOn.length === 0 ? '' : `, which waits for ${dependsOn.join(', ')}`}`,
  );
  lines.push(...leftOut.map(({ role, after, why }) => `left out ${role} (next after ${after.join(', ')}): ${why}`));
  if (prompts.length === 0 && leftOut.length === 0)
    lines.push(
      hasAccepted
        ? `nothing comes next in ${feature}: no accepted answer’s role names another one`
        : `nothing comes next in ${feature} yet: no answer is accepted (\`docket review\` lists what awaits a verdict)`,
    );
  if (isDry && prompts.length > 0) lines.push('', ...written.map(({ text }) => text));
  if (!isDry && prompts.length > 0 && !isUp) lines.push('no daemon runs: they wait until `docket up`');
  return lines.map((line) => line.trimEnd()).join('\n');
}
