/** The machine as docket needs it: Node, git, the kernel's watches, the clock, docket's own secret scanner. */

import path from 'node:path';
import type { AskProgram, Clock, Fs, SecretScan } from '#core/ports.ts';
import { gitVersion } from '#platform/git-program.ts';
import { systemFacts, temporaryFolder } from '#platform/system.ts';
import { bad, codeOf, warn, well, type Check } from './doctor-checks.ts';

/** As `engines` in package.json and bin/docket.js say. */
const NODE_NEEDED = [24, 15] as const;
/** `git status --porcelain=v2` and `fsck --connectivity-only` as docket calls them. */
const GIT_NEEDED = [2, 11] as const;
const WATCHES_NEEDED = 8_192;
const INSTANCES_NEEDED = 128;
const INOTIFY = '/proc/sys/fs/inotify';
const CLOCK_OFF_MS_MAX = 2_000;
/** docket did not exist before: a clock that says so is wrong, and evidence would carry it. */
const CLOCK_FIRST_MS = Date.UTC(2026, 0, 1);

const isAtLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [first = 0, second = 0] = version.replace(/^v/, '').split('.').map(Number);
  return first > major || (first === major && second >= minor);
};

export function lookAtNode(version = systemFacts().node): readonly Check[] {
  const needed = NODE_NEEDED.join('.');
  if (isAtLeast(version, NODE_NEEDED)) return [well('node', version)];
  return [bad('node', `${version} (needed: ${needed} or newer)`, `install Node.js ${needed} or newer; in a clone \`npm ci\` brings it`)];
}

export async function lookAtGit(ask: AskProgram): Promise<readonly Check[]> {
  const version = await gitVersion(ask);
  const why = 'without it evidence names no commit of the code, and `docket doctor` cannot check the history’s objects';
  if (version === null) return [warn('git program', 'not found in PATH', `install git: ${why}`)];
  if (!isAtLeast(version, GIT_NEEDED))
    return [warn('git program', `${version} (needed: ${GIT_NEEDED.join('.')} or newer)`, `install a newer git: ${why}`)];
  return [well('git program', version)];
}

/** Where there is no inotify (macOS), or the kernel does not tell, there is no limit to look at. */
export async function lookAtWatches(fs: Pick<Fs, 'openRead'>, folder = INOTIFY): Promise<readonly Check[]> {
  const limits: Check[] = [];
  for (const [name, needed] of [
    ['max_user_watches', WATCHES_NEEDED],
    ['max_user_instances', INSTANCES_NEEDED],
  ] as const) {
    const value = await numberIn(fs, path.join(folder, name));
    if (value === null) continue;
    const check = `inotify ${name}`;
    const next = `sudo sysctl fs.inotify.${name}=${String(needed * 4)} (and in /etc/sysctl.d to keep it); without watches docket looks every few seconds`;
    limits.push(value >= needed ? well(check, String(value)) : warn(check, `${String(value)} (less than ${String(needed)})`, next));
  }
  return limits;
}

/** In one read: such a file of the kernel is at its end after the first one, however short it was. */
async function numberIn(fs: Pick<Fs, 'openRead'>, name: string): Promise<number | null> {
  try {
    const file = await fs.openRead(name);
    try {
      const text = new TextDecoder().decode(await file.readAt(0, 100)).trim();
      return /^[0-9]+$/.test(text) ? Number(text) : null;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return null;
  }
}

/**
 * Does a file written now carry the time of now? Settling, ages of locks and evidence depend on it.
 * @param folder where to try; null or not there: the temporary folder
 */
export async function lookAtClock(fs: Fs, clock: Clock, folder: string | null, uuid: string): Promise<readonly Check[]> {
  const place = folder !== null && (await fs.facts(folder))?.kind === 'folder' ? folder : temporaryFolder();
  const file = path.join(place, `.docket-${uuid}.tmp`);
  const beforeMs = clock.now().getTime();
  const facts = await fs.writeDerived(file, '');
  await fs.unlink(file);
  const afterMs = clock.now().getTime();
  const fileMs = Number(facts.mtimeNs / 1_000_000n);
  const offMs = Math.max(beforeMs - fileMs, fileMs - afterMs, 0);
  const words = `${clock.now().toISOString()}, a fresh file is ${String(offMs)} ms away`;
  if (beforeMs < CLOCK_FIRST_MS) return [bad('clock', words, 'set the clock of this machine (timedatectl): evidence carries its time')];
  if (offMs > CLOCK_OFF_MS_MAX)
    return [
      bad(
        'clock',
        `${words} (${place})`,
        'the clocks of this machine and of its file system differ: synchronise them, or put the queues on a local disk',
      ),
    ];
  return [well('clock', words)];
}

/** A token in a form that providers use, which nobody ever had. In two parts, so that no scanner takes this file for a leak. */
const BAIT = ['ghp', 'k3Jd9sQ2mX7vB1nL5cR8tY4wZ6aF0hG2pE9u'].join('_');

/** Starts the scanner and shows it a text with a token and one without. */
export async function lookAtScanner(scanner: SecretScan): Promise<readonly Check[]> {
  try {
    const name = `${scanner.rules.check} ${scanner.rules.version}`;
    const clean = await scanner.scan('prompt', 'Describe the module layout.\n');
    const caught = await scanner.scan('prompt', `token: ${BAIT}\n`);
    const next = 'prompts are held until it works: install docket again (npm ci), or raise limits.secret_scan on a slow machine';
    if (!clean.ok)
      return [
        bad(
          'secret scanner',
          clean.error.kind === 'secret-scan-failed' ? clean.error.reason : `${name} finds a secret where none is`,
          next,
        ),
      ];
    if (caught.ok || caught.error.kind !== 'secret-found')
      return [bad('secret scanner', `${name} does not find a token in a text that has one`, next)];
    return [well('secret scanner', name)];
  } finally {
    await scanner.close();
  }
}
