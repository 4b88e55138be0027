/** What the hands of others do, right after a change of the disk; and what must hold at the very moment something becomes visible. */

import { Buffer } from 'node:buffer';
import { makeDigest } from '#platform/digest.ts';
import type { SimFs } from '#test/support/sim-fs.ts';
import type { Hold } from './outside.ts';
import { folderOf, type Scenario } from './scenarios.ts';

const DIGEST = makeDigest();

export const TAKEN = '/taken';
export const ELSEWHERE = '/elsewhere';
export const LATE = '\nand one more thing';
export const NOT_OURS = 'somebody else wrote this';

/** The port answers promises, but the simulated disk has done it all when it returns one; what it refuses is no trouble of the hand's. */
const now = (act: Promise<unknown>): void => {
  act.catch(() => undefined);
};

export function makeHands({ hands, prompts }: Scenario, hold: Hold, sim: () => SimFs): (change: string, file: string) => void {
  const once = (what: string): boolean => {
    const { done } = hold.get();
    if (done.includes(what)) return false;
    hold.set({ done: [...done, what] });
    return true;
  };
  const has = (ledger: string, line: string): boolean => Buffer.from(sim().bytes(ledger) ?? []).includes(`"do":"${line}"`);

  const takeNames = (): void => {
    for (const { role, stem } of prompts)
      for (const [folder, name] of [
        ['out', `${stem}_result.md`],
        ['in', `${stem}.processed`],
      ] as const) {
        now(sim().fs.writeNew(`${ELSEWHERE}/${name}`, NOT_OURS, 'safety'));
        now(sim().fs.rename(`${ELSEWHERE}/${name}`, `${folderOf(role, folder)}/${name}`));
        now(sim().fs.syncFolder(folderOf(role, folder), 'safety'));
      }
  };

  /** The same prompt as another file, whole and durable, by one rename: as an editor saves. */
  const saveAgain = (): void => {
    for (const { role, stem, text } of prompts) {
      const entry = `${folderOf(role, 'in')}/${stem}.md`;
      if (sim().bytes(entry) === null) continue;
      now(sim().fs.writeNew(`${ELSEWHERE}/${stem}.md`, text, 'safety'));
      now(sim().fs.rename(`${ELSEWHERE}/${stem}.md`, entry));
      now(sim().fs.syncFolder(folderOf(role, 'in'), 'safety'));
    }
  };

  const visible = (file: string): void => {
    const bytes = Buffer.from(sim().bytes(file) ?? []);
    const isKnown = [...hold.get().records.values()].some(
      ({ evidence, result }) => evidence === bytes.toString() || (result !== null && bytes.equals(result)),
    );
    if (!isKnown) hold.set({ wrong: [...hold.get().wrong, `${file} is visible and not recorded`] });
  };

  let isActing = false;
  return (change, file) => {
    if (isActing) return;
    isActing = true;
    try {
      const isPublished = (change === 'link' || change === 'rename') && /\/out\/[^/]+_(?:result\.md|evidence\.json)$/.test(file);
      if (isPublished) visible(file);
      if (isPublished && hands.includes('reader') && file.endsWith('_result.md')) {
        const [from, to] = [file.slice(0, file.lastIndexOf('/')), `${TAKEN}/${String(hold.get().taken)}`];
        now(sim().fs.rename(file, to));
        now(sim().fs.syncFolder(TAKEN, 'safety'));
        now(sim().fs.syncFolder(from, 'safety'));
        hold.set({ taken: hold.get().taken + 1 });
      }
      if (change !== 'syncFile' || !file.endsWith('ledger.jsonl')) return;
      // Between the look at a file and its claim.
      if (hands.includes('saver') && has(file, 'claim') && once('saved')) saveAgain();
      if (!has(file, 'read')) return;
      if (hands.includes('late-writer') && once('late')) {
        const work = folderOf(0, 'work');
        const claimed = sim()
          .names(work)
          .find((name) => name.endsWith('.claimed'));
        if (claimed !== undefined) now(sim().fs.append(`${work}/${claimed}`, LATE));
      }
      // From here on docket answers for it: before, nobody could.
      const readWhole = prompts.filter(({ text }) => Buffer.from(sim().bytes(file) ?? []).includes(DIGEST.sha256(text)));
      if (hands.includes('careless-author') && readWhole.length > 0 && once('read'))
        hold.set({ dropped: readWhole.map(({ stem }) => stem) });
      if (hands.includes('name-taker') && once('names')) takeNames();
    } finally {
      isActing = false;
    }
  };
}
