/**
 * What every fault story is made of: a workspace with four lanes, a tool that writes down each start and each answer in a log of its own, and prompts
 * whose bytes are never the same twice. The model (model.ts) compares what the tool wrote down with what docket made of it.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { makeRig, promptText, type Cleanup, type Rig } from '#test/support/rig.ts';
import type { Chance } from './chance.ts';

/** A share of each method in CI, all of it when somebody asks for `npm run test:full`. */
export const IS_FULL = process.env['DOCKET_TEST_FULL'] === '1';
/** What the suite's share takes on a quiet machine, seconds, and what there is for it (.ci/run: what the tests before it left of an hour). */
const SHARE_SECONDS = 1_800;
const SECONDS = Number(process.env['DOCKET_FAULTS_SECONDS'] ?? SHARE_SECONDS);
/** A slow machine does less of the same, never less than `least`, and the table says how much. */
export const shareOf = (whole: number, least: number): number => Math.max(least, Math.round(whole * Math.min(1, SECONDS / SHARE_SECONDS)));

export const ROLES: readonly { readonly folder: string; readonly name: string }[] = [
  { folder: '00-meta', name: 'meta' },
  { folder: '01-architect', name: 'architect' },
  { folder: '02-openapi', name: 'openapi' },
  { folder: '03-ui', name: 'ui' },
  { folder: '04-integration', name: 'integration' },
  { folder: '05-test-review', name: 'test-review' },
];
export const LANES: readonly string[] = ['north', 'east', 'south', 'west'];

/** A prompt that was dropped, and all that its answer depends on. */
export type Dropped = {
  /** Its name without `.md`; no other prompt of the story has it. */
  readonly stem: string;
  readonly folder: string;
  readonly role: string;
  readonly feature: string;
  readonly text: string;
  /** Bytes after the answer's first lines. */
  readonly padBytes: number;
  /** How it must end: a prompt that is not valid is rejected, and no tool ever sees it. */
  readonly end: 'processed' | 'rejected';
};

export type Started = { readonly stem: string; readonly nonce: string };

/**
 * Reads one line of its brief, notes the start, waits, answers with a word that is never the same twice (so that a second run cannot hide) and notes the end.
 * No newline at the end of the answer: it must come back byte for byte.
 */
const TOOL = `#!/bin/sh
set -eu
log=$1
set -- $(sed -n 's/^fault-tool: //p')
read -r nonce < /proc/sys/kernel/random/uuid
echo "start $1 $nonce" >> "$log"
[ "$2" = 0 ] || sleep "$2"
printf '# Answer\\n\\n%s %s\\n' "$1" "$nonce"
head -c "$3" /dev/zero | tr '\\0' x
echo "end $1 $nonce" >> "$log"
`;

/** What the tool prints for a prompt in a run. */
export const answerOf = ({ stem, padBytes }: Dropped, nonce: string): string => `# Answer\n\n${stem} ${nonce}\n${'x'.repeat(padBytes)}`;

export type Story = {
  readonly rig: Rig;
  readonly dropped: readonly Dropped[];
  /** All starts that the tool wrote down, in order. */
  starts(): readonly Started[];
  /** One more prompt; atomic, as `docket add` does it. */
  drop(chance: Chance, options?: DropOptions): Dropped;
  /** Other bytes in a prompt that still waits, as a careful person does it: out of the folder, and in again. False: it was taken meanwhile. */
  edit(one: Dropped, chance: Chance): boolean;
  /** Takes away a prompt that still waits, as if it had never been dropped. False: it was taken meanwhile. */
  withdraw(one: Dropped): boolean;
  /** A prompt that somebody brought in another way. */
  take(one: Dropped): void;
  /** How many dropped prompts have not come to their end. */
  open(): number;
  /** Which. */
  unfinished(): readonly string[];
  /** Resolves when all have. */
  readonly settled: () => Promise<void>;
};
export type DropOptions = {
  readonly delayMsMax?: number;
  readonly padBytesMax?: number;
  readonly lane?: string;
  /** Its name; any when it is not given. */
  readonly role?: string;
  readonly isValid?: boolean;
};

/** Without what docket says of each answer: the tool's have never the asked shape. */
const lastLines = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !line.includes('asked shape'))
    .slice(-40)
    .join('\n');

const listed = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** A rig waits for half a minute; on a machine that does many other things a start and a prompt take longer. */
const WAITS = 4;

const ENDS = /\.(?:processed|rejected|held|failed|cancelled)$/;

const settings = (tool: string, log: string, more: string): string =>
  [
    'runner: north',
    'throttle: { interval_cap: 100000, interval: 100ms }',
    'retry: { base: 10ms, cap: 500ms }',
    'intake: { scan_interval: 200ms, settle: 100ms }',
    // Clocks are set by up to a year: what was answered would be moved to archive/, as it should be.
    'retention: { processed: 1000d }',
    'runners:',
    ...LANES.map(
      (lane) =>
        `  ${lane}: { kind: command, program: ${JSON.stringify(tool)}, args: [${JSON.stringify(log)}], output: text, lane: ${lane} }`,
    ),
    more,
  ].join('\n');

export type StoryOptions = {
  /** Lines of docket.yaml. */
  readonly more?: string;
  /** Where the tool keeps its log; default: beside the workspace. */
  readonly logFolder?: string;
  /** Where the workspace is made; default: the system's temporary folder. */
  readonly parent?: string;
  /** A prompt that was dropped survives a power cut: bytes and name are on the disk when `drop` returns. */
  readonly isDurable?: boolean;
  /** What each daemon is started by. */
  readonly under?: { readonly program: string; readonly args: readonly string[] };
  /** Programs are started as this user. */
  readonly as?: number;
};

/** makeRig makes its folder where the system says. */
function rigIn({ parent, under, as }: StoryOptions, t: Cleanup): Rig {
  const before = process.env['TMPDIR'];
  if (parent !== undefined) process.env['TMPDIR'] = parent;
  try {
    return makeRig(t, undefined, { ...(under === undefined ? {} : { under }), ...(as === undefined ? {} : { as }) });
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

type Lines = { readonly stem: string; readonly role: string; readonly feature: string; readonly lane: string; readonly isValid: boolean };

/** Other bytes each time, for the same place in the history. */
function write({ stem, role, feature, lane, isValid }: Lines, chance: Chance, options: DropOptions): Pick<Dropped, 'text' | 'padBytes'> {
  const { delayMsMax = 300, padBytesMax = 20_000 } = options;
  const delayMs = chance.between(0, delayMsMax);
  const padBytes = chance.percent(20) ? chance.between(0, padBytesMax) : chance.between(0, 200);
  const order = `fault-tool: ${stem} ${(delayMs / 1000).toFixed(3)} ${String(padBytes)}`;
  const text = promptText({
    feature,
    agent: role,
    revision: isValid ? 1 : 0,
    body: `# Task ${stem} ${String(chance.next())}\n\n${order}\n`,
    extra: `name: ${stem}\nrunner: ${lane}\npriority: ${String(chance.between(0, 99))}\n`,
  });
  return { text, padBytes };
}

/** A careful program takes its own leavings away when there was no room. */
function dropInto(rig: Rig, name: string, text: string, folder: string): void {
  try {
    rig.drop(name, text, folder);
  } catch (error) {
    for (const file of listed(rig.in(folder))) if (file.endsWith('.tmp')) rmSync(path.join(rig.in(folder), file));
    throw error;
  }
}

function dropDurably(rig: Rig, name: string, text: string, folder: string): void {
  const aside = path.join(rig.base, 'aside.md');
  writeFileSync(aside, text, { flush: true });
  // Both times tick every 4 ms or so, which is longer than this takes.
  utimesSync(aside, new Date(Date.now() - 1000), new Date(Date.now() - 1000));
  renameSync(aside, path.join(rig.in(folder), name));
  syncFolder(rig.in(folder));
}

const syncFolder = (folder: string): void => {
  const fd = openSync(folder, 'r');
  fsyncSync(fd);
  closeSync(fd);
};

export function makeStory(t: Cleanup, how: StoryOptions = {}): Story {
  const { more = '', logFolder, isDurable = false } = how;
  const rig = rigIn(how, t);
  const log = path.join(logFolder ?? rig.base, 'tool.log');
  rig.settings(settings(rig.tool('tool.sh', TOOL), log, more));
  const dropped: Dropped[] = [];
  let count = 0;
  const takeAway = ({ stem, folder }: Dropped): boolean => {
    const aside = path.join(rig.base, 'aside.md');
    try {
      renameSync(path.join(rig.in(folder), `${stem}.md`), aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    rmSync(aside);
    return true;
  };
  const endedIn = (folder: string): number => listed(rig.in(folder)).filter((name) => ENDS.test(name)).length;
  const isEnded = ({ folder, stem }: Dropped): boolean =>
    listed(rig.in(folder)).some((name) => name.startsWith(`${stem}.`) && ENDS.test(name));
  const open = (): number => dropped.length - ROLES.reduce((sum, { folder }) => sum + endedIn(folder), 0);
  return {
    rig,
    dropped,
    starts: () =>
      (existsSync(log) ? readFileSync(log, 'utf8') : '').split('\n').flatMap((line) => {
        const [, stem, nonce] = /^start (\S+) (\S+)$/.exec(line) ?? [];
        return stem === undefined || nonce === undefined ? [] : [{ stem, nonce }];
      }),
    drop(chance, options = {}) {
      const { lane = chance.pick(LANES), isValid = true } = options;
      const { folder, name: role } = ROLES.find(({ name }) => name === options.role) ?? chance.pick(ROLES);
      count += 1;
      const stem = `p${String(count)}`;
      // Some share a feature, so that folders of the history are written to again.
      const feature = `FEAT-${String(count - (count > 1 && chance.percent(30) ? 1 : 0))}`;
      const one: Dropped = {
        stem,
        folder,
        role,
        feature,
        end: isValid ? 'processed' : 'rejected',
        ...write({ stem, role, feature, lane, isValid }, chance, options),
      };
      (isDurable ? dropDurably : dropInto)(rig, `${stem}.md`, one.text, folder);
      dropped.push(one);
      return one;
    },
    edit(one, chance) {
      if (!takeAway(one)) return false;
      const { stem, role, feature, folder } = one;
      const next: Dropped = {
        ...one,
        ...write({ stem, role, feature, lane: chance.pick(LANES), isValid: one.end === 'processed' }, chance, {}),
      };
      dropInto(rig, `${stem}.md`, next.text, folder);
      dropped[dropped.indexOf(one)] = next;
      return true;
    },
    withdraw(one) {
      if (!takeAway(one)) return false;
      dropped.splice(dropped.indexOf(one), 1);
      return true;
    },
    take: (one) => void dropped.push(one),
    open,
    unfinished: () => dropped.filter((one) => !isEnded(one)).map(({ stem }) => stem),
    async settled() {
      for (const one of dropped) {
        const { folder, stem } = one;
        const ended = async (): Promise<unknown> => rig.until(rig.in(folder), () => isEnded(one), `the end of ${stem}`);
        let end = ended();
        for (let waits = 1; waits < WAITS; waits++) end = end.catch(ended);
        await end.catch((error: unknown) => {
          const why = rig.run(['why', stem]);
          throw new Error(`${stem} does not come to its end: ${why.out}${why.err}\n${rig.run(['ls']).out}\n${lastLines(rig.log())}`, {
            cause: error,
          });
        });
      }
    },
  };
}
