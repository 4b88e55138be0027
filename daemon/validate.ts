/** May this prompt be sent? Shape, role, semver, runner, secrets: every fault of the file at once. Nothing is sent or recorded here. */

import { assembleBrief } from '#agents/brief.ts';
import type { MaterialBytes } from '#core/history.ts';
import { classOf, describe, type Failure } from '#core/failure.ts';
import type { Fault } from '#core/fault.ts';
import { printable } from '#core/names.ts';
import { mergeNotes, type ScanNote } from '#core/policy.ts';
import { identityOf, type Prompt } from '#core/prompt.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { FenceSchema, OutputCheck, Role } from '#core/role.ts';
import type { ScopeRules } from '#core/scope.ts';
import { scopeFaults } from '#policy/scope.ts';
import { streamFaults } from '#policy/streams.ts';
import { shown } from '#prompt-spec/faults.ts';
import { parsePrompt, placeOfField } from '#prompt-spec/parse.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { resolveSpec } from '#prompt-spec/resolve.ts';
import { briefContext, contextOf, describeMissing, isWanted, missingDependencies, type Context, type Looked } from './dependencies.ts';
import { describeCycle, type Cycle } from './intake-cycles.ts';
import { Leaving } from './leaving.ts';
import type { Ports } from './ports.ts';
import { scanContext, scanPrompt } from './scan-sent.ts';
import { BRIEF_FILE, byWhom, type Accepted, type Choice, type Task } from './task.ts';

const fileFault = (code: string, message: string, expected: string, found: string, mend: string): Fault => ({
  code,
  line: 0,
  column: 0,
  field: 'file',
  message,
  expected,
  found,
  mend,
});

const invalid = (...faults: readonly Fault[]): Result<never, Failure> => err({ kind: 'prompt-invalid', faults });

/** It may not be sent yet: what it depends on is not accepted (any more). */
type Unmet = { readonly ok: null; readonly prompt: Prompt; readonly missing: readonly Looked[] };

/** The same, and when only the environment is at fault (no tool is installed …) the lane waits and it is looked at again: no prompt is refused for that. */
export async function validateWhenHealed(ports: Ports, task: Task): Promise<Result<Accepted, Failure>> {
  for (;;) {
    const accepted = await validate(ports, task);
    if (accepted.ok === null) {
      const refused = await waitForAnswers(ports, task, accepted);
      if (refused !== null) return err(refused);
      continue;
    }
    if (accepted.ok || classOf(accepted.error) !== 'environment-fault') return accepted;
    const lane = ports.laneOf(task.claimed.job.role, askedRunner(task.bytes));
    await ports.lanes.holdForEnvironment(lane, null, describe(accepted.error));
    try {
      await ports.lanes.whenNotHeld(lane, task.cancel);
    } catch (error) {
      if (error instanceof Leaving && task.cancel.aborted) return err({ kind: 'cancelled', by: byWhom(task.cancel) });
      throw error;
    }
    await ports.runners.prepare();
  }
}

/** So few wait in work/ that each may ask for itself. */
const ASK_AGAIN_MS = 1_000;

/**
 * A file that was claimed unseen, or whose dependency lost its verdict between the look and the claim: nothing flows to it without one. It waits in work/,
 * and stands in nobody's way there. Not null: it cannot go on.
 */
async function waitForAnswers(ports: Ports, task: Task, { prompt, missing }: Unmet): Promise<Failure | null> {
  const { id } = task.claimed.job;
  const wanted = missing.map((one) => one.wanted);
  const cycle = task.cycleOf(identityOf(prompt), wanted);
  if (cycle !== null && isUnsent(ports, task)) return { kind: 'prompt-invalid', faults: [cycleFault(ports, task, prompt, cycle)] };
  task.place.leaves();
  ports.waitsForAnswers.set(id, missing.map((one) => describeMissing(one).because).join('; '));
  try {
    await ports.clock.sleep(Math.min(ports.scanIntervalMs, ASK_AGAIN_MS), AbortSignal.any([task.cancel, ports.stopping]));
  } finally {
    ports.waitsForAnswers.delete(id);
  }
  if (task.cancel.aborted) return { kind: 'cancelled', by: byWhom(task.cancel) };
  if (ports.stopping.aborted) throw new Leaving();
  return null;
}

function isUnsent(ports: Ports, { claimed: { job } }: Task): boolean {
  const state = ports.journal.job(job.id)?.state ?? 'read';
  return state === 'claimed' || state === 'read';
}

const CYCLE_LENGTH_MAX = 4_000;

function cycleFault(ports: Ports, { bytes }: Task, prompt: Prompt, cycle: Cycle): Fault {
  const { settings } = ports.workspace;
  const limits = { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
  const [, next] = cycle;
  const at = prompt.dependsOn.findIndex((wanted) => next !== undefined && isWanted(wanted, next));
  const place = bytes === null ? { line: 0, column: 0 } : placeOfField(bytes, 'depends_on', limits, Math.max(at, 0));
  return {
    code: 'depends-on-cycle',
    ...place,
    field: 'depends_on',
    message: 'the prompt waits for others that wait for it, so none of them could ever start',
    expected: 'prompts that do not wait for this one',
    // Names that were parsed, and no text of the prompt: all of it is shown.
    found: printable(describeCycle(cycle), CYCLE_LENGTH_MAX),
    mend: 'take one of these dependencies out',
  };
}

/** The runner that a prompt names itself; its lane is the one to wait in. */
export const askedRunner = (bytes: Uint8Array | null): string | null => (bytes === null ? null : (peekPrompt(bytes)?.runner ?? null));

async function validate(ports: Ports, task: Task): Promise<Result<Accepted, Failure> | Unmet> {
  const { job } = task.claimed;
  const { settings } = ports.workspace;
  if (task.unreadable !== null) return err(task.unreadable);
  if (task.bytes === null || job.sha256 === null) throw new Error(`job ${job.id} has neither bytes nor a reason`);
  const state = ports.journal.job(job.id)?.state ?? 'read';
  // Once it was accepted, the parser is known to live: a job may wait through any number of restarts.
  if (job.reads > settings['limits.parser_reads'] && (state === 'claimed' || state === 'read')) {
    return invalid(
      fileFault(
        'parser-crashed',
        'docket stopped while reading this file, again and again; it was not read another time',
        `a file that can be read within ${String(settings['limits.parser_reads'])} starts`,
        `${String(job.reads)} reads`,
        'make the file smaller and plainer; please report it as a bug of docket',
      ),
    );
  }
  const role = ports.roles.get(job.role);
  if (role === undefined) throw new Error(`no role ${job.role}`);

  const { bytes } = task;
  const scan = await scanPrompt(ports, task, bytes);
  if (!scan.ok) return scan;

  const limits = { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
  const parsed = ports.whileParsing(job.id, () =>
    parsePrompt(bytes, {
      roles: [...ports.roles.keys()],
      folderRole: job.role,
      limits,
      nowMs: ports.clock.now().getTime(),
    }),
  );
  if (!parsed.ok) return invalid(...parsed.error);
  const prompt = parsed.value;
  for (const warning of prompt.warnings) {
    ports.log.warn(`${warning.field}: ${warning.message} (${warning.mend})`, { job: job.id, role: job.role, feature: prompt.feature.id });
  }

  const scope = ports.scope.rules(role.access, prompt.rest['scope'], prompt.stream);
  const misplaced = !isUnsent(ports, task) ? [] : faultsOfScope(ports, prompt, scope, (field) => placeOfField(bytes, field, limits));
  if (misplaced.length > 0) return invalid(...misplaced.map((one) => ({ ...one, found: shown(one.found) })));

  const spec = resolveSpec(prompt.specVersion, prompt.agent, ports.specs, () => placeOfField(bytes, 'prompt_spec_version', limits));
  if (!spec.ok) return invalid(spec.error);
  const model = prompt.model ?? role.model ?? (settings.model === '' ? null : settings.model);
  const runner = chooseRunner(ports, role, prompt, model);
  if (!runner.ok) return runner;
  const facts = await runner.value.facts();
  const fallbacks = await fallbacksOf(ports, role, prompt);

  const kept = await sentBrief(ports, task);
  const missing = kept === null ? await missingDependencies(ports.acceptance, prompt.dependsOn) : [];
  if (missing.length > 0) return { ok: null, prompt, missing };
  const context = await contextOf(ports, prompt.dependsOn, settings['context.bytes'], kept);
  const around = await scanContext(ports, role, spec.value, context, kept);
  if (!around.ok) return around;
  const note = mergeNotes([scan.value, around.value]);
  tellPersonal(ports, task, prompt, note);
  const brief = kept ?? assembleBrief({ role, spec: spec.value, prompt, scope, context: briefContext(context) });
  const materials = materialsOf(ports, role, spec.value, brief, context);
  return ok({
    task,
    bytes: task.bytes,
    sha256: job.sha256,
    prompt,
    identity: identityOf(prompt),
    role,
    spec: spec.value,
    runner: runner.value,
    facts,
    model,
    fallbacks,
    brief,
    materials,
    context: context.map(({ fact }) => fact),
    note,
  });
}

const faultsOfScope = (
  { workspace }: Pick<Ports, 'workspace'>,
  { stream }: Pick<Prompt, 'stream'>,
  scope: ScopeRules,
  placeOf: (field: string) => { readonly line: number; readonly column: number },
): readonly Fault[] => [
  ...scopeFaults(scope, () => placeOf('scope')),
  ...streamFaults(workspace.work?.stream, stream, () => placeOf('stream')),
];

/** policy.personal_data: warn. */
function tellPersonal(ports: Ports, { claimed: { job } }: Task, prompt: Prompt, note: ScanNote | null): void {
  const kinds = Object.entries(note?.personal ?? {}).map(([kind, count]) => `${kind} (${String(count)})`);
  if (kinds.length === 0) return;
  const words = `the prompt, or what is sent with it, seems to hold personal data: ${kinds.join(', ')} (policy.personal_data)`;
  ports.log.warn(words, { job: job.id, role: job.role, feature: prompt.feature.id });
}

export function chooseRunner(
  ports: Pick<Ports, 'runners'>,
  role: Role,
  prompt: Prompt,
  model: string | null,
): Result<Accepted['runner'], Failure> {
  const asked = prompt.runner;
  const fault = (code: string, message: string, expected: string, mend: string): Result<never, Failure> =>
    invalid({ ...fileFault(code, message, expected, printable(asked ?? ''), mend), field: 'runner' });
  if (asked !== null && !ports.runners.names().includes(asked)) {
    return fault(
      'runner-unknown',
      'there is no such runner',
      ports.runners.names().join(', '),
      'choose one of these, or add it to runners: in docket.yaml',
    );
  }
  if (asked !== null && role.allowedRunners.length > 0 && !role.allowedRunners.includes(asked)) {
    return fault(
      'runner-not-allowed',
      `the role ${role.name} does not allow this runner`,
      role.allowedRunners.join(', '),
      `choose an allowed one, or add it to allowed_runners in ${role.file}`,
    );
  }
  return ports.runners.resolve(role.runner, asked, model);
}

/**
 * Only for what a role names itself: a prompt that names its runner or its model means just that one. A model is a name that one tool knows, so the
 * others take their own. One that is not installed as a runner is no fault of the prompt: doctor tells it.
 */
async function fallbacksOf(ports: Ports, role: Role, prompt: Prompt): Promise<Choice[]> {
  if (prompt.runner !== null || prompt.model !== null) return [];
  const choices: Choice[] = [];
  for (const name of role.fallbacks) {
    const runner = ports.runners.get(name);
    if (runner !== undefined) choices.push({ runner, facts: await runner.facts(), model: null });
  }
  return choices;
}

/** What an earlier start of this job was given: a run that is taken up again was made with it, whatever is installed now. */
async function sentBrief(ports: Ports, task: Task): Promise<string | null> {
  const kept = task.lastAttempt > 0 ? await ports.spool.kept(task.claimed, BRIEF_FILE) : null;
  return kept === null ? null : new TextDecoder('utf-8', { ignoreBOM: true }).decode(kept);
}

/** What a stranger needs to rebuild the run, each stored once by hash. */
function materialsOf(ports: Ports, role: Role, spec: Accepted['spec'], brief: string, context: readonly Context[]): MaterialBytes[] {
  return [
    lasting(ports, spec, 'prompt-spec', `v${spec.version}/${spec.role}`, () => spec.source),
    lasting(ports, role, 'role', role.folder, () => role.source),
    ...schemasOf(spec.output).map((schema) =>
      lasting(ports, schema, 'prompt-spec', `v${spec.version}/${schema.file}`, () => schema.source),
    ),
    ...schemasOf(role.checks).map((schema) => lasting(ports, schema, 'role', `${role.folder}/${schema.file}`, () => schema.source)),
    lasting(ports, ports.workspace, 'settings', 'docket.yaml (effective)', () => `${JSON.stringify(ports.workspace.settings, null, 2)}\n`),
    material(ports, 'brief', 'brief', brief),
    ...context.map((one) => material(ports, 'context', one.name, one.whole)),
  ];
}

const UTF8 = new TextEncoder();

function material(ports: Ports, kind: MaterialBytes['role'], name: string, text: string): MaterialBytes {
  // Once, and in memory of its own: the history takes these bytes, and a text that is not plain ASCII is more work to encode than to hash.
  const bytes = UTF8.encode(text);
  return { role: kind, name, sha256: ports.digest.sha256(bytes), sizeBytes: bytes.length, bytes };
}

/** What an answer is judged by is a part of what it was made with. */
const schemasOf = (checks: readonly OutputCheck[]): readonly FenceSchema[] =>
  checks.flatMap((check) => ('fence' in check && check.schema !== undefined ? [check.schema] : []));

const known = new WeakMap<object, MaterialBytes>();

/** The same for every prompt as long as its source is the same object. */
function lasting(ports: Ports, source: object, kind: MaterialBytes['role'], name: string, bytes: () => string): MaterialBytes {
  const made = known.get(source) ?? material(ports, kind, name, bytes());
  known.set(source, made);
  return made;
}
