/**
 * A run is held to its scope (policy/scope.ts): the world is looked at right before its tool starts, now and then while it goes on where it may write, and
 * after its end. What it changed stands in a<n>/changes.json, so that whoever takes the attempt up again says the same.
 *
 *   planned -> a<n>/before.json -> (the run) -> looked at -> fine | a<n>/changes.json, changes.diff, changed-001 …, and the attempt has failed
 *
 * Invariants: nothing is put back; a look that fails is a violation, not a pass. The first before.json of an attempt stands, whoever died meanwhile.
 * A run that only reads, in a sandbox or by a program of docket's own, cannot write, so nobody looks.
 */

import path from 'node:path';
import type { Attempted, AttemptHooks } from '#agents/attempt.ts';
import type { Failure } from '#core/failure.ts';
import type { Before, FileChange, ScopeEvidence, ScopeFinding, ScopeRules } from '#core/scope.ts';
import type { RunOutcome, RunRequest } from '#core/run.ts';
import { isGitChange, type Looked, type Watched } from '#policy/scope-watch.ts';
import type { Ports } from './ports.ts';
import type { Choice, Submitted } from './task.ts';
import { treeFailure } from './tree-check.ts';

const BEFORE = 'before.json';
const CHANGES = 'changes.json';
const BEFORE_BYTES_MAX = 536_870_912;
/** In an error file, and in evidence. */
const SHOWN_MAX = 50;
const CHANGES_MAX = 10_000;
const COPIES_MAX = 200;
export const LEFT_OUT = '(left out: a name holds what looks like a secret, or could not be scanned for one)';

export type ScopeGuard = {
  readonly planned: NonNullable<AttemptHooks['planned']>;
  /** Aborts when the run was seen to leave its scope. */
  readonly left: AbortSignal;
  /** The outcome, or the failure in its place. */
  after(run: Attempted): Promise<RunOutcome>;
  /** However it ended. */
  readonly done: () => void;
};

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const isBoxed = (sandbox: string | undefined): boolean => sandbox !== undefined && !sandbox.startsWith('none');

/** The declaration that holds for a job. */
export const rulesOf = ({ scope }: Pick<Ports, 'scope'>, { prompt, role }: Pick<Submitted, 'prompt' | 'role'>): ScopeRules =>
  scope.rules(role.access, prompt.rest['scope'], prompt.stream);

export async function holdToScope(
  ports: Ports,
  job: Submitted,
  { facts }: Choice,
  request: RunRequest,
  rules: ScopeRules,
): Promise<ScopeGuard> {
  const { scope, workspace, fs } = ports;
  const { claimed } = job.task;
  const { settings } = workspace;
  const log = ports.log.with({ job: claimed.job.id, role: claimed.job.role, attempt: request.attempt });
  const file = path.join(request.dir, BEFORE);
  const isReader = rules.access === 'read-only';
  const isFree = facts.kind === 'offline' || facts.kind === 'http' || (isReader && settings['policy.read_only_change'] === 'ignore');
  const left = new AbortController();
  const over = new AbortController();
  let before: Before | null = null;
  let run: Watched | null = null;
  /** What was seen while it went on: a tool that undoes it has done it all the same. */
  let caught: readonly ScopeFinding[] = [];
  /** Of a look: what is against the rules; what of git may be is among the changes (policy.git_change). */
  const lookNow = async (known: Before, watched: Watched): Promise<Looked> => {
    const looked = await scope.watch.look(known, watched);
    const named = looked.findings.map((one) => (isGitChange(one) ? { ...one, words: `${one.words}, by ${facts.name}` } : one));
    if (isReader || settings['policy.git_change'] === 'hold') return { ...looked, findings: named };
    const told = named.filter(isGitChange);
    const changes = told.map(({ path: name, change }) => ({ path: name, change, before: null, sha256: null }));
    return { changes: [...looked.changes, ...changes], findings: named.filter((one) => !told.includes(one)), told };
  };

  async function earlier(): Promise<Before | null> {
    if ((await fs.facts(file)) === null) return null;
    try {
      return JSON.parse(new TextDecoder().decode((await fs.readBounded(file, BEFORE_BYTES_MAX)).bytes)) as Before;
    } catch {
      // Cut short by a power cut: no run was alive behind it.
      await fs.unlink(file);
      return null;
    }
  }

  /** What an earlier look at this run found; null: there was none, or a kill cut its writing short and it is made again. */
  async function lookedBefore(): Promise<Looked | null> {
    const kept = await ports.spool.kept(claimed, `a${String(request.attempt)}/${CHANGES}`);
    const looked = lookedIn(kept);
    if (kept !== null && looked === null) await fs.unlink(path.join(request.dir, CHANGES));
    return looked;
  }

  function begin(known: Before): void {
    before = known;
    if (run !== null) return;
    run = scope.watch.begin(known, rules);
    if (!isReader) void keepLooking(known, run);
  }

  async function keepLooking(known: Before, watched: Watched): Promise<void> {
    for (;;) {
      await ports.clock.sleep(settings['policy.scope_interval'], over.signal);
      if (over.signal.aborted) return;
      // What cannot be looked at now is looked at in the end.
      const { findings } = await lookNow(known, watched).catch((): Looked => ({ changes: [], findings: [] }));
      if (findings.length === 0) continue;
      caught = findings;
      log.warn('the run left its scope, and is ended', { run_id: request.runId });
      left.abort('its scope');
      return;
    }
  }

  // Of a run that outlived the daemon.
  if (!isFree && request.attempt <= job.task.lastAttempt) {
    const known = await earlier();
    if (known !== null) begin(known);
  }

  return {
    left: left.signal,
    async planned({ sandbox }) {
      if (isFree || (isReader && isBoxed(sandbox))) return null;
      const known = before ?? (await earlier());
      if (known !== null) {
        begin(known);
        return null;
      }
      const fault = isReader ? null : await treeFailure(ports, request.cwd);
      if (fault !== null) return fault;
      try {
        const fresh = await scope.watch.before(request.cwd, rules, isBoxed(sandbox));
        await fs.writeDerived(file, scope.textOf(fresh));
        begin(fresh);
        return null;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'LOOK';
        return {
          kind: 'environment',
          what: 'no tool is started where nobody can say what it changed',
          path: request.cwd,
          code,
          message: `${wordsOf(error)} (docs/scope.md: policy.unwatched_paths, limits.scope_files)`,
        };
      }
    },
    async after({ outcome }) {
      over.abort('ended');
      if (before === null || run === null) return outcome;
      const kept = await lookedBefore();
      const looked = kept ?? (await lookNow(before, run).catch(unseen));
      for (const one of looked.told ?? []) log.warn(`${one.path}: ${one.words} (policy.git_change: tell)`, { run_id: request.runId });
      if (looked.changes.length === 0 && looked.findings.length === 0 && caught.length === 0) {
        // Whoever understands this run again, after a crash, must not blame it for what happened since. Not synced: a power cut costs that at most.
        if (kept === null) await fs.writeDerived(path.join(request.dir, CHANGES), JSON.stringify(looked));
        return outcome;
      }
      const isTold = isReader && settings['policy.read_only_change'] === 'tell';
      if (isTold) log.warn(`files changed while a tool ran that may only read: ${pathsOf(looked.findings)}`, { run_id: request.runId });
      const findings = isTold ? [] : looked.findings.length > 0 ? looked.findings : caught;
      if (kept === null) await keepAside(ports, job, request, rules, before.root, { changes: looked.changes, findings });
      if (findings.length === 0) return outcome;
      if (outcome.ok) await ports.spool.keep(claimed, `a${String(request.attempt)}/answer`, outcome.answer);
      const { usage, model, sessionId, acts } = outcome;
      return {
        ok: false,
        failure: await failureOf(ports, job, request.attempt, findings),
        usage,
        model,
        sessionId,
        ...(acts === undefined ? {} : { acts }),
      };
    },
    done() {
      over.abort('ended');
      if (run !== null) scope.watch.end(run);
    },
  };
}

/**
 * What stands in a changes.json; null: there is none, or a kill cut its writing short. Only a page that says "nothing changed" can be cut short: any other
 * is written whole or not at all (spool.keep).
 */
function lookedIn(bytes: Uint8Array | null): Looked | null {
  if (bytes === null) return null;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Looked;
  } catch {
    return null;
  }
}

const unseen = (error: unknown): Looked => ({
  changes: [],
  findings: [
    { path: '.', change: 'modify', verdict: 'out-of-scope', words: `what the run changed could not be looked at: ${wordsOf(error)}` },
  ],
});
const pathsOf = (findings: readonly ScopeFinding[]): string => findings.slice(0, SHOWN_MAX).map((one) => one.path).join(', '); // prettier-ignore

async function failureOf(ports: Ports, { task }: Submitted, n: number, findings: readonly ScopeFinding[]): Promise<Failure> {
  const { job } = task.claimed;
  const shown = findings.slice(0, SHOWN_MAX);
  const scan = await ports.secrets.scan('answer', shown.map((one) => `${one.path} ${one.words}`).join('\n'));
  return {
    kind: 'out-of-scope',
    findings: scan.ok ? shown : shown.map((one) => ({ ...one, path: LEFT_OUT, words: one.verdict })),
    leftOut: findings.length - shown.length,
    kept: `queues/${job.folder}/archive/<month>/${job.id}/a${String(n)}-${CHANGES}`,
  };
}

/** Copies of what was changed, those against the scope first, as far as the limit lasts; private, and gone with the job when all was well. */
async function keepAside(
  ports: Ports,
  { task }: Submitted,
  request: RunRequest,
  rules: ScopeRules,
  root: string,
  looked: Looked,
): Promise<void> {
  const { spool, fs, scope, workspace } = ports;
  const { claimed } = task;
  const at = (name: string): string => `a${String(request.attempt)}/${name}`;
  const isBad = looked.findings.length > 0;
  const copies: { path: string; copy: string }[] = [];
  let room = workspace.settings['limits.kept_changes'];
  for (const one of isBad ? new Set([...looked.findings, ...looked.changes].map((change) => change.path)) : []) {
    if (copies.length >= COPIES_MAX || room <= 0) break;
    const from = one.startsWith('.git: ') ? path.join(root, '.git', one.slice(6)) : path.resolve(root, one);
    const read = await fs.readBounded(from, room).catch(() => null);
    if (read === null) continue;
    const copy = `changed-${String(copies.length + 1).padStart(3, '0')}`;
    await spool.keep(claimed, at(copy), read.bytes);
    copies.push({ path: one, copy });
    room -= read.bytes.length;
  }
  // With another configuration or other attributes, git might run a program that the tool named there.
  const isSafe = !looked.findings.some((one) => /^\.git: (?:config|info\/|commondir|the file)|(?:^|\/)\.gitattributes$/.test(one.path));
  const paths = looked.changes.slice(0, COPIES_MAX).map((one) => one.path);
  const diff = isBad && isSafe && paths.length > 0 ? await scope.diff(root, paths) : null;
  if (diff !== null && diff !== '' && Buffer.byteLength(diff) <= room) await spool.keep(claimed, at('changes.diff'), diff);
  const page = {
    v: 1,
    root,
    declaration: rules,
    copies,
    changes: looked.changes.slice(0, CHANGES_MAX),
    findings: looked.findings.slice(0, CHANGES_MAX),
  };
  await spool.keep(claimed, at(CHANGES), `${JSON.stringify(page, null, 2)}\n`);
}

/** For evidence: what all attempts of a job changed, and what was declared. */
export async function scopeFacts(
  ports: Ports,
  job: Submitted,
  attempts: readonly { readonly n: number; readonly starts: number; readonly sandbox?: string }[],
): Promise<{ readonly scope: ScopeEvidence | null; readonly filesChanged: readonly FileChange[] }> {
  const rules = rulesOf(ports, job);
  const started = attempts.filter(({ starts }) => starts > 0);
  if (started.length === 0 && rules.files === null) return { scope: null, filesChanged: [] };
  const isKnown = async (n: number): Promise<boolean> =>
    (await ports.fs.facts(path.join(job.task.claimed.dir, `a${String(n)}`, BEFORE))) !== null;
  const byPath = new Map<string, FileChange>();
  let check = started.length === 0 ? 'none: no program was started' : 'changes';
  for (const { n, sandbox } of started) {
    if (rules.access === 'read-only') {
      if (isBoxed(sandbox)) check = `none: ${sandbox ?? ''} kept it from writing`;
      else if (ports.workspace.settings['policy.read_only_change'] === 'ignore') check = 'none: policy.read_only_change is ignore';
      else if (!(await isKnown(n))) check = 'none: a program of docket itself';
    }
    const looked = lookedIn(await ports.spool.kept(job.task.claimed, `a${String(n)}/${CHANGES}`));
    if (rules.access !== 'read-only' && looked === null && !(await isKnown(n)))
      check = 'none: what was there before the run is not known (a program of docket itself, or a power cut)';
    for (const one of looked?.changes ?? []) byPath.set(one.path, joined(byPath.get(one.path), one));
  }
  const changed = [...byPath.values()].filter((one) => one.before !== one.sha256 || one.change !== 'modify' || isGitChange(one));
  const isClean = changed.length === 0 || (await ports.secrets.scan('answer', changed.map((one) => one.path).join('\n'))).ok;
  const { access, files, create } = rules;
  return {
    scope: { access, files, create, sha256: scopeHash(ports, rules), check },
    filesChanged: isClean ? changed : changed.map((one) => ({ ...one, path: LEFT_OUT })),
  };
}

/** Two changes of one file, one after the other. */
function joined(first: FileChange | undefined, then: FileChange): FileChange {
  if (first === undefined) return then;
  const change = first.change === 'create' && then.change !== 'delete' ? 'create' : then.change === 'create' ? 'modify' : then.change;
  return { path: then.path, change, before: first.before, sha256: then.sha256 };
}

const HASHES = new WeakMap<ScopeRules, ScopeEvidence['sha256']>();
function scopeHash({ digest }: Pick<Ports, 'digest'>, rules: ScopeRules): ScopeEvidence['sha256'] {
  const { access, files, create, forbidden, protected: guarded } = rules;
  const hash = HASHES.get(rules) ?? digest.sha256(JSON.stringify({ access, files, create, forbidden, protected: guarded }));
  HASHES.set(rules, hash);
  return hash;
}
