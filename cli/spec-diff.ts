/** `docket spec diff`: what changed from one version of a prompt spec to another, and what kind of change it is. */

import type { Command } from 'commander';
import type { PromptSpec } from '#core/role.ts';
import {
  changesBetween,
  isTooSmall,
  saidStep,
  STEP_RULES,
  stepOf,
  versionsOf,
  type SpecChange,
  type Step,
} from '#prompt-spec/spec-step.ts';
import { isVersion } from '#prompt-spec/version.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { commonOf, openAll } from './open.ts';
import { diffText } from './replay-diff.ts';
import { newestOf } from './spec-new.ts';

type Diffed = {
  readonly role: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly said: Step | null;
  readonly found: Step;
  readonly changes: readonly SpecChange[];
  readonly diff: string;
};

export function addSpecDiff(spec: Command, io: Io): void {
  spec
    .command('diff')
    .description('what changed between two versions of a prompt spec, and what kind of change it is')
    .argument(
      '[versions-and-role...]',
      'two versions, one (compared with the newest), or none (the newest with the one before it); and a role',
    )
    .addHelpText(
      'after',
      `\n${STEP_RULES.join('\n')}\n\nExit code 1 when the change is bigger than the versions say.\n\nExamples:\n  docket spec diff\n  docket spec diff openapi\n  docket spec diff 2.1.0 2.2.0 openapi`,
    )
    .action(async (words: readonly string[], _options: Common, command: Command) => {
      const common = commonOf(command);
      const { from, to, role } = asked(words);
      const { specs } = await openAll(io, common);
      const roles = newestOf(specs, role).map((one) => one.role);
      for (const version of [from, to])
        if (version !== undefined && !specs.some((one) => one.version === version))
          throw new CliError(
            `no prompt spec has version ${version} (there are ${[...new Set(specs.map((one) => one.version))].join(', ')})`,
            EXIT.wrongUse,
          );
      const diffs = roles.flatMap((one): Diffed[] => between(versionsOf(specs, one), one, from, to));
      const tooSmall = diffs.filter(({ said, found }) => said !== null && isTooSmall(said, found));
      const text = [...diffs.map((one) => described(io, one)), ...STEP_RULES].join('\n');
      show(io, common, { ok: tooSmall.length === 0, roles: diffs, rules: STEP_RULES }, text);
      if (tooSmall.length > 0) io.setExitCode(EXIT.notWell);
    });
}

/** A role is no version, so the words may come in any order. */
function asked(words: readonly string[]): {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly role: string | undefined;
} {
  const versions = words.map((one) => one.replace(/^v(?=\d)/, '')).filter(isVersion);
  const roles = words.filter((one) => !isVersion(one.replace(/^v(?=\d)/, '')));
  if (versions.length > 2 || roles.length > 1)
    throw new CliError('docket spec diff takes at most two versions and one role', EXIT.wrongUse);
  return { from: versions[0], to: versions[1], role: roles[0] };
}

/** Nothing for a role that has neither of the two. */
function between(mine: readonly PromptSpec[], role: string, fromVersion: string | undefined, toVersion: string | undefined): Diffed[] {
  const to = toVersion === undefined ? mine.at(-1) : mine.find(({ version }) => version === toVersion);
  const from = fromVersion === undefined ? mine[mine.length - 2] : mine.find(({ version }) => version === fromVersion);
  if (from === undefined && to === undefined) return [];
  const changes = changesBetween(from ?? null, to ?? null);
  const names = { before: `v${from?.version ?? 'none'}/${role}`, after: `v${to?.version ?? 'none'}/${role}` };
  return [
    {
      role,
      from: from?.version ?? null,
      to: to?.version ?? null,
      said: from === undefined || to === undefined ? null : saidStep(from.version, to.version),
      found: stepOf(changes),
      changes,
      diff: diffText(from?.source ?? '', to?.source ?? '', names)?.text ?? '',
    },
  ];
}

function described(io: Io, { role, from, to, said, found, changes, diff }: Diffed): string {
  const isBad = said !== null && isTooSmall(said, found);
  const verdict = isBad ? `: the versions say ${said.toUpperCase()} (\`docket spec new --${found}\`)` : '';
  return [
    paint(io, 'bold', `${role}: ${from ?? 'nothing'} -> ${to ?? 'nothing'}`),
    `${paint(io, isBad ? 'red' : 'green', found === 'none' ? 'no change' : `a ${found.toUpperCase()} change`)}${verdict}`,
    ...changes.map(({ step, words }) => `  ${step.toUpperCase().padEnd(5)} ${words}`),
    ...(diff === '' ? [] : ['', diff.trimEnd()]),
    '',
  ].join('\n');
}
