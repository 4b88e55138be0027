/** A record with all the materials of a real run, made without a daemon, for tests of `docket replay`. */

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { assembleBrief } from '#agents/brief.ts';
import { openAll } from '#cli/open.ts';
import type { Material } from '#core/evidence.ts';
import type { MaterialBytes } from '#core/history.ts';
import { jobIdFrom, type JobId } from '#core/names.ts';
import { identityOf } from '#core/prompt.ts';
import { makeStatement, renderStatement } from '#history/statement.ts';
import { makeDigest } from '#platform/digest.ts';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { resolveSpec } from '#prompt-spec/resolve.ts';
import { NO_USAGE } from '#core/run.ts';
import { promptText, rememberingIo, roleNamed, type Front, type TempWorkspace } from './workspace.ts';

const digest = makeDigest();

/** @param code where the code is: a commit of it is made */
export async function recordRun(
  workspace: TempWorkspace,
  wanted: {
    readonly front?: Front;
    readonly status: 'answered' | 'briefed' | 'failed';
    readonly answer: (brief: string) => string;
    readonly runner: string;
    readonly brief?: (brief: string) => string;
  },
): Promise<{ readonly job: JobId; readonly brief: string; readonly commit: string }> {
  const git = (...args: string[]): string => execFileSync('git', ['-C', workspace.root, '-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false', ...args], { encoding: 'utf8' }).trim(); // prettier-ignore
  git('init', '-q', '-b', 'main');
  await workspace.write('src/a.ts', 'export const a = 1;\n');
  git('add', 'src');
  git('commit', '-q', '-m', 'code');
  const commit = git('rev-parse', 'HEAD');
  const { roles, specs, workspace: settings } = await openAll(rememberingIo(workspace.root).io, {});
  const role = roles.get(roleNamed('architect'));
  const bytes = Buffer.from(promptText(wanted.front ?? {}));
  const prompt = parsePrompt(bytes, { roles: [...roles.keys()], folderRole: roleNamed('architect'), limits: { promptBytes: 1e6, frontMatterBytes: 1e5 }, nowMs: 0 }); // prettier-ignore
  const spec = resolveSpec('2.1.0', roleNamed('architect'), specs);
  if (role === undefined || !prompt.ok || !spec.ok) throw new Error('no role, prompt or spec');
  const brief = (wanted.brief ?? ((text: string) => text))(assembleBrief({ role, spec: spec.value, prompt: prompt.value }));
  const material = (kind: Material['role'], name: string, text: string): MaterialBytes => ({ role: kind, name, sha256: digest.sha256(text), sizeBytes: Buffer.byteLength(text), bytes: text }); // prettier-ignore
  const materials = [
    material('prompt-spec', `v${spec.value.version}/architect`, spec.value.source),
    material('role', role.folder, role.source),
    material('settings', 'docket.yaml (effective)', `${JSON.stringify(settings.settings, null, 2)}\n`),
    material('brief', 'brief', brief),
  ];
  const job = jobIdFrom(digest.randomBytes(10));
  const at = '2026-11-20T10:00:00.000Z';
  const { history } = await workspace.rooms();
  const identity = identityOf(prompt.value);
  const common = { job, identity, roleFolder: role.folder, promptSha256: digest.sha256(bytes), specVersion: spec.value.version, codeCommit: commit, runner: wanted.runner, model: null, at }; // prettier-ignore
  const submitted = await history.submit({
    ...common,
    featureName: prompt.value.feature.name,
    title: null,
    stream: 'feature',
    prompt: bytes,
  });
  const result = wanted.status === 'failed' ? null : Buffer.from(wanted.answer(brief));
  const statement = makeStatement(
    {
      job,
      feature: { id: prompt.value.feature.id, name: prompt.value.feature.name },
      role: 'architect',
      name: identity.name,
      revision: identity.revision,
      status: wanted.status,
      stem: 'foo',
      spec: { asked: '2.1.0', used: spec.value.version, sha256: digest.sha256(spec.value.source) },
      materials: materials.map(({ bytes: _bytes, ...rest }) => rest),
      runner: { name: wanted.runner, kind: 'command', version: null, program: null, programSha256: null, lane: wanted.runner, callsProvider: true, command: null, model: null }, // prettier-ignore
      account: null,
      attempts: [],
      usage: NO_USAGE,
      sessionId: null,
      code: { repository: null, baseCommit: commit, headCommit: commit, dirty: false },
      scope: null,
      filesChanged: [],
      policy: [],
      outputMisses: null,
      failure: null,
      daemon: { version: '0', host: 'h', instance: 'i' },
      times: { promptCreated: at, claimed: at, submitted: at, ended: at },
    },
    common.promptSha256,
    result === null ? null : digest.sha256(result),
  );
  const recorded = await history.record({
    ...common,
    status: wanted.status,
    result,
    evidence: renderStatement(statement),
    materials,
    attempts: [],
  });
  if (!submitted.ok || !recorded.ok) throw new Error('not recorded');
  return { job, brief, commit };
}

export const inFolder = (workspace: TempWorkspace, ...names: readonly string[]): string =>
  path.join(path.dirname(workspace.root), ...names);
