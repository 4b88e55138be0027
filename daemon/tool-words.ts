/**
 * What a tool said before it failed goes into the error file, the evidence and the log. When a secret stands in it, its words are left out.
 * All of its output is looked at, not only the end that is shown: a token that was cut in two is not known for one. Fails closed.
 */

import { describe, type Failure } from '#core/failure.ts';
import type { ToolActs } from '#core/run.ts';
import type { Claimed } from '#core/spool.ts';
import type { Ports } from './ports.ts';

const LEFT_OUT = '(left out: its output holds what looks like a secret, or could not be scanned for one)';

/** @param n the attempt whose output it is */
export async function withoutSecrets(
  ports: Pick<Ports, 'secrets' | 'spool' | 'workspace'>,
  claimed: Claimed,
  n: number,
  failure: Failure,
): Promise<Failure> {
  if (!('stderr' in failure) && !('message' in failure)) return failure;
  const texts = [describe(failure)];
  for (const name of ['stdout', 'stderr']) {
    const bytes = await ports.spool.kept(claimed, `a${String(n)}/${name}`);
    if (bytes === null) continue;
    if (bytes.length > ports.workspace.settings['limits.answer_bytes']) return silent(failure);
    texts.push(new TextDecoder().decode(bytes));
  }
  const scan = await ports.secrets.scan('answer', texts.join('\n'));
  return scan.ok ? failure : silent(failure);
}

function silent(failure: Failure): Failure {
  if ('stderr' in failure) return { ...failure, stderr: LEFT_OUT };
  return 'message' in failure ? { ...failure, message: LEFT_OUT } : failure;
}

/** The same for what an agent named when it asked: decisions, rules and hashes stay. */
export async function actsWithoutSecrets({ secrets }: Pick<Ports, 'secrets'>, acts: ToolActs): Promise<ToolActs> {
  const named = [...acts.asked.flatMap(({ title, paths }) => [title, ...paths]), ...acts.diffs.map(({ path }) => path)];
  if ((await secrets.scan('answer', named.join('\n'))).ok) return acts;
  return {
    asked: acts.asked.map((ask) => ({ ...ask, title: LEFT_OUT, paths: ask.paths.map(() => LEFT_OUT) })),
    diffs: acts.diffs.map((diff) => ({ ...diff, path: LEFT_OUT })),
    leftOut: acts.leftOut,
  };
}
