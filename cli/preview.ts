/** `docket preview`: the exact brief that would be sent, its size, and what the secret scan says. Sends nothing, records nothing. */

import path from 'node:path';
import type { Command } from 'commander';
import { assembleBrief } from '#agents/brief.ts';
import { makeRunners } from '#agents/registry.ts';
import { describeFault } from '#core/fault.ts';
import { describe } from '#core/failure.ts';
import { briefContext, contextOf, describeDependency, describeMissing, missingDependencies, type Looked } from '#daemon/dependencies.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { resolveSpec } from '#prompt-spec/resolve.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, log, openAll, profilesOf } from './open.ts';
import { parseFile } from './parse-file.ts';
import { historyOf, runnerPorts } from './parts.ts';
import { acceptanceOf } from './why-acceptance.ts';
import { workspaceRules, scopeWords } from './scope.ts';
import { openSecretScan } from './secret-scan-of.ts';

/** Rough, as all tokenizers differ: bytes of English text and code per token. */
const BYTES_PER_TOKEN = 4;

export function addPreview(program: Command, io: Io): void {
  program
    .command('preview')
    .description('print the exact brief that would be sent; sends nothing')
    .argument('<file>', 'a prompt file')
    .addHelpText(
      'after',
      '\nThe brief goes to standard output, the facts to standard error. Exit code 1 when the prompt is not valid or would be held.\n\nExamples:\n  docket preview prompt.md | less\n  docket preview prompt.md --json',
    )
    .action(async (file: string, _options: Common, command: Command) => {
      const common = commonOf(command);
      const opened = await openAll(io, common);
      const { workspace, roles, specs } = opened;
      const limit = workspace.settings['limits.prompt_bytes'];
      const { bytes } = await makeFs()
        .readBounded(path.resolve(io.cwd, file), limit)
        .catch((error: unknown) => {
          throw new CliError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.wrongUse);
        });
      const parsed = parseFile(bytes, opened, null);
      const spec = parsed.ok ? resolveSpec(parsed.value.specVersion, parsed.value.agent, specs) : null;
      if (!parsed.ok || spec === null)
        throw new CliError(`this prompt is not valid:\n${parsed.ok ? '' : parsed.error.map(describeFault).join('\n')}`, EXIT.notWell);
      if (!spec.ok) throw new CliError(`this prompt is not valid:\n${describeFault(spec.error)}`, EXIT.notWell);
      const prompt = parsed.value;
      const role = roles.get(prompt.agent);
      if (role === undefined) throw new CliError(`there is no role ${prompt.agent}`, EXIT.notWell);

      const ports = { history: historyOf(workspace, log) };
      const isRecorded = (await makeFs().facts(workspace.history)) !== null;
      if (isRecorded) await ports.history.open();
      const acceptance = acceptanceOf(ports.history, workspace, roles);
      const missing = isRecorded
        ? await missingDependencies(acceptance, prompt.dependsOn)
        : prompt.dependsOn.map((wanted): Looked => ({ wanted, found: null, newest: null }));
      const context = isRecorded
        ? await contextOf({ ...ports, acceptance, digest: makeDigest() }, prompt.dependsOn, workspace.settings['context.bytes'])
        : [];
      await ports.history.close();

      const scope = workspaceRules(workspace)(role.access, prompt.rest['scope'], prompt.stream);
      const brief = assembleBrief({ role, spec: spec.value, prompt, scope, context: briefContext(context) });
      const secrets = await openSecretScan(makeFs(), workspace, { makesKey: false });
      const ofPrompt = await secrets.scan('prompt', new TextDecoder().decode(bytes));
      const scan = ofPrompt.ok ? await secrets.scan('context', brief) : ofPrompt;
      await secrets.close();
      const runners = makeRunners(workspace, await profilesOf(workspace), runnerPorts(io.env));
      await runners.prepare();
      const runner = runners.resolve(role.runner, prompt.runner, prompt.model ?? role.model);
      const sizeBytes = Buffer.byteLength(brief);
      const data = {
        role: role.name,
        spec: spec.value.version,
        runner: runner.ok ? runner.value.name : null,
        bytes: sizeBytes,
        tokens_about: Math.ceil(sizeBytes / BYTES_PER_TOKEN),
        budget_usd: prompt.limits.budgetUsd ?? workspace.settings['limits.budget_usd'],
        waits_for: missing.map(({ wanted }) => describeDependency(wanted)),
        scope,
        policy: scan.ok ? 'passed' : describe(scan.error),
        brief,
      };
      io.err(
        `${data.role}, prompt spec ${data.spec}, runner ${runner.ok ? runner.value.name : describe(runner.error)}: ${String(data.bytes)} bytes, about ${String(data.tokens_about)} tokens; costs at most ${String(data.budget_usd)} USD where the tool can hold itself to it`,
      );
      io.err(scopeWords(scope));
      for (const one of missing) io.err(`would wait: ${describeMissing(one).because}`);
      io.err(scan.ok ? 'secret scan: nothing found' : `would be held: ${data.policy}`);
      show(io, common, data, brief.replace(/\n$/, ''));
      if (!scan.ok) io.setExitCode(EXIT.notWell);
    });
}
