/**
 * `npm run bench:release -- [--rounds 40] [--waiting 1000]`: how soon a prompt starts after the verdict that it waited for, from the moment the verdict
 * stands in the history until the file is claimed, alone and beside a crowd that waits for another answer; and what such a crowd costs a daemon at rest.
 * The baseline is a loop that asks the history once a second (`git rev-parse`, then `git cat-file -e`) and lets the prompt go, in the same run.
 */

import { execFile } from 'node:child_process';
import { existsSync, renameSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { connectControl } from '#cli/open.ts';
import { historyOf } from '#cli/parts.ts';
import { loadWorkspace } from '#cli/workspace.ts';
import { parseFeature, parseRoleName } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import type { Verdict } from '#core/verdict.ts';
import { makeFs } from '#platform/files.ts';
import { grouped, inPlace } from './backlog.ts';
import { dropByRename } from './drops.ts';
import { watchEnds, type Place } from './place.ts';
import { prepareDocket } from './prepare.ts';
import { processorSeconds, startDocket } from './process.ts';
import type { Prompt } from './prompts.ts';
import { ms, quantile, times } from './table.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' }, waiting: { type: 'string', default: '1000' } } });
const rounds = Number(values.rounds);
const crowd = Number(values.waiting);
const REST_MS = 15_000;

const silent: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => silent };
const must = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const git = promisify(execFile);

const promptOf = (stem: string, folder: string, feature: string, more: string): Prompt => ({
  stem,
  folder,
  role: folder.slice(3),
  feature,
  text: `---\nfeature: ${feature}\nagent: ${folder.slice(3)}\nprompt_spec_version: 2.1.0\nrevision: 1\ncreated_at: 2026-11-20T10:00:00Z\nrunner: says\n${more}---\n\nWrite it down.\n`,
});

/** Monotonic time at which it left in/. */
async function goneFrom(inbox: string, name: string): Promise<number> {
  return new Promise((resolve) => {
    const watcher = watch(inbox, () => {
      if (existsSync(path.join(inbox, name))) return;
      watcher.close();
      resolve(performance.now());
    });
  });
}

type Measured = { readonly verdict: number[]; readonly command: number[]; readonly restShare: number | null };

async function measure(place: Place, waiting: number): Promise<Measured> {
  const settings = `runner: offline\nlimits: { role_rate: 0 }\nrunners:\n  says: { kind: command, program: /bin/echo, args: [done], output: text }\ntools: { sandbox: off }\n`;
  const docket = await prepareDocket(place.base, 0, settings);
  const workspace = must(await loadWorkspace({ cwd: docket.root, rootFlag: null, env: {}, flags: {}, fs: makeFs() }));
  const daemon = await startDocket(docket.root, place.base);
  const history = historyOf(workspace, silent);
  await history.open();
  const ends = watchEnds(docket.inboxes);
  const control = await connectControl(workspace);
  const meta = docket.inbox('00-meta');
  const inbox = docket.inbox('01-architect');
  const found: Measured = { verdict: [], command: [], restShare: null };
  try {
    for (let n = 0; n < waiting; n++) {
      const { stem, text } = promptOf(`crowd-${String(n)}`, '01-architect', `CROWD-${String(n)}`, 'depends_on: [OTHER-1/meta]\n');
      writeFileSync(path.join(place.staging, `${stem}.md`), text);
    }
    await pause(50);
    for (let n = 0; n < waiting; n++)
      renameSync(path.join(place.staging, `crowd-${String(n)}.md`), path.join(inbox, `crowd-${String(n)}.md`));
    await control?.ask('poke');
    await pause(3_000);
    const restFrom = processorSeconds(daemon.pid);
    await pause(REST_MS);
    const restTo = processorSeconds(daemon.pid);
    for (let n = 0; n < rounds; n++) {
      const feature = `REL-${String(n)}`;
      const first = promptOf(`first-${String(n)}`, '00-meta', feature, '');
      const second = promptOf(`second-${String(n)}`, '01-architect', feature, 'depends_on: [meta]\n');
      const answered = ends.of(first.stem);
      await dropByRename(place.staging, meta, first);
      await answered;
      await dropByRename(place.staging, inbox, second);
      // It was looked at, and waits.
      await pause(150);
      const end = ends.of(second.stem);
      const gone = goneFrom(inbox, `${second.stem}.md`);
      const startMs = performance.now();
      await history.judge(await verdictOf(history, feature, n));
      const judgedMs = performance.now();
      await control?.ask('poke');
      const goneMs = await gone;
      found.verdict.push(goneMs - judgedMs);
      found.command.push(goneMs - startMs);
      await end;
    }
    return { ...found, restShare: restFrom === null || restTo === null ? null : (restTo - restFrom) / (REST_MS / 1_000) };
  } finally {
    control?.close();
    ends.close();
    await history.close();
    await daemon.stop();
  }
}

async function verdictOf(history: ReturnType<typeof historyOf>, featureText: string, n: number): Promise<Verdict> {
  const feature = must(parseFeature(featureText));
  const role = must(parseRoleName('meta'));
  const filed = await history.find({ feature: feature.id, role, name: null, revision: 1 });
  const { resultSha256 = null, evidenceSha256 = null } = filed ?? {};
  if (filed === null || resultSha256 === null || evidenceSha256 === null) throw new Error(`${featureText} has no answer`);
  return {
    v: 1,
    kind: 'verdict',
    job: filed.job,
    feature: feature.name,
    role,
    name: null,
    revision: 1,
    verdict: 'approved',
    result_sha256: resultSha256,
    evidence_sha256: evidenceSha256,
    code: { head: null, files: [] },
    by: { name: 'Bench', email: 'bench@localhost' },
    at: new Date(Date.UTC(2026, 10, 20) + n).toISOString(),
    comment: null,
    how: 'terminal',
    signature: null,
  };
}

/** What a script would do: once a second, is the verdict there? */
async function baseline(place: Place, count: number): Promise<number[]> {
  const root = path.join(place.base, 'asked');
  await git('git', ['init', '-q', '-b', 'main', root]);
  const inGit = async (...args: string[]): Promise<string> =>
    (await git('git', ['-C', root, '-c', 'user.name=b', '-c', 'user.email=b@b', ...args])).stdout.trim();
  await inGit('commit', '-q', '--allow-empty', '-m', 'first');
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    const file = `review_${String(n)}.json`;
    const head = await inGit('rev-parse', 'main');
    const waits = path.join(place.staging, `asked-${String(n)}.md`);
    writeFileSync(waits, 'a prompt');
    let goneMs = 0;
    const loop = (async () => {
      for (;;) {
        await pause(1_000);
        if ((await inGit('rev-parse', 'main')) === head) continue;
        await inGit('cat-file', '-e', `main:${file}`);
        renameSync(waits, `${waits}.claimed`);
        goneMs = performance.now();
        return;
      }
    })();
    // Anywhere in its second.
    await pause(Math.random() * 1_000);
    writeFileSync(path.join(root, file), '{}');
    await inGit('add', file);
    await inGit('commit', '-q', '-m', 'verdict');
    const judgedMs = performance.now();
    await loop;
    took.push(goneMs - judgedMs);
  }
  return took;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const asked = await inPlace(async (place) => baseline(place, Math.min(rounds, 20)));
const shown = (took: readonly number[]): string => `p50 ${ms(quantile(took, 0.5))}, p95 ${ms(quantile(took, 0.95))}`;
say(`baseline, a loop that asks once a second:           ${shown(asked)}`);
for (const waiting of crowd > 0 ? [0, crowd] : [0]) {
  const { verdict, command, restShare } = await inPlace(async (place) => measure(place, waiting));
  const beside = waiting === 0 ? 'alone' : `beside ${grouped(waiting)} that wait for another answer`;
  say(`docket, ${beside}: verdict in the history -> claimed  ${shown(verdict)}, max ${ms(Math.max(...verdict))} (expected < 100 ms)`);
  say(
    `  ratio to the baseline: p50 ${times(quantile(asked, 0.5) / quantile(verdict, 0.5))}, p95 ${times(quantile(asked, 0.95) / quantile(verdict, 0.95))}`,
  );
  say(`  with the writing of the verdict itself: ${shown(command)}`);
  if (restShare !== null) say(`  the daemon at rest used ${(restShare * 100).toFixed(1)} % of a processor`);
}
