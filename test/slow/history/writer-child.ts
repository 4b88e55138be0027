/**
 * A docket of its own that writes prompts and answers until it is told to stop or killed. Prints `<commit> <job>` after each acknowledgement.
 * Arguments: folder, prefix of features, number of prompts, how many at once.
 */

import { makeHistory } from '#history/history.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { answer, silent, submission, value } from '#test/history/rig.ts';

const [dir = '', prefix = '', count = '0', atOnce = '1'] = process.argv.slice(2);
const history = makeHistory({
  dir,
  codeRoot: null,
  fs: makeFs(),
  git: makeHistoryGit(),
  digest: makeDigest(),
  clock: makeClock(),
  log: silent,
  locks: makeKernelLocks(),
  author: { name: 'docket', email: 'docket@example.com' },
  pushRemotes: [],
  tend: { packsMax: 0, idleMs: 0 },
});
await history.open();
process.stdout.write('open\n');

async function one(index: number): Promise<void> {
  const prompt = submission({
    feature: `${prefix}-${String(index % 9)}`,
    revision: index + 1,
    prompt: `prompt ${String(index)} of ${prefix}\n`.repeat(50),
  });
  const submitted = value(await history.submit(prompt));
  process.stdout.write(`${submitted.commit} ${prompt.job}\n`);
  const recorded = value(
    await history.record(answer(prompt, { result: 'text\n'.repeat(3000), materials: ['shared', `own ${prompt.job}`] })),
  );
  process.stdout.write(`${recorded.commit} ${prompt.job}\n`);
}

let next = 0;
const worker = async (): Promise<void> => {
  while (next < Number(count)) await one(next++);
};
await Promise.all(Array.from({ length: Number(atOnce) }, worker));
await history.close();
