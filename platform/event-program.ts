/**
 * Small programs of a person's own, started at a point of a job's life: no shell, a small environment, bounded output, and a process group that is ended
 * when its time is up, whatever it holds.
 *
 * Only what belongs to this user, and what nobody else can write, is run: the file and each folder that leads to it from the workspace.
 */

import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import path from 'node:path';
import type { EventEnd, EventRun, FoundPrograms } from '#core/events.ts';
import { codeOf } from './file-facts.ts';

const PROGRAMS_MAX = 16;
/** What was started by it and stayed in its group gets a moment to hear that it ends. */
const KILL_MS = 500;
/** A grandchild may hold the pipe open after the program ended. */
const LAST_WORDS_MS = 200;
const OTHERS_MAY_WRITE = 0o022;

function statOf(file: string): Stats | null {
  try {
    return lstatSync(file);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(error))) return null;
    throw error;
  }
}

const isMine = (stats: Stats): boolean => process.getuid === undefined || stats.uid === process.getuid();

/** Null: nobody else can change it. A folder may be root's, and of a sticky one (/tmp) the names in it are their owners'. */
function folderFault(folder: string): string | null {
  const stats = statOf(folder);
  if (stats === null) return `${folder} is not there`;
  if (!stats.isDirectory()) return `${folder} is no folder`;
  if (!isMine(stats) && stats.uid !== 0) return `${folder} belongs to another user`;
  return (stats.mode & OTHERS_MAY_WRITE) === 0 ? null : `${folder} can be written by others (chmod go-w)`;
}

function fileFault(file: string): string | null {
  const stats = statOf(file);
  if (stats === null) return `${file} is not there`;
  if (!stats.isFile()) return `${file} is no plain file`;
  if (!isMine(stats)) return `${file} does not belong to the user of the daemon`;
  if ((stats.mode & OTHERS_MAY_WRITE) !== 0) return `${file} can be written by others (chmod go-w)`;
  return (stats.mode & 0o100) === 0 ? `${file} is not executable (chmod u+x)` : null;
}

/**
 * The programs of an event, in the order of their names: `<root>/hooks/events/<event>`, or the files in a folder of that name; hidden ones and
 * those that end in `~` or `.md` are passed over.
 */
export function eventPrograms(root: string, event: string): FoundPrograms {
  const folders = [root, path.join(root, 'hooks'), path.join(root, 'hooks', 'events')];
  const place = path.join(root, 'hooks', 'events', event);
  const stats = statOf(place);
  if (stats === null) return { programs: [], faults: [] };
  const isFolder = stats.isDirectory();
  const faults = (isFolder ? [...folders, place] : folders).flatMap((folder) => folderFault(folder) ?? []);
  if (faults.length > 0) return { programs: [], faults };
  const names = isFolder
    ? readdirSync(place)
        .filter((name) => !name.startsWith('.') && !name.endsWith('~') && !name.endsWith('.md'))
        .toSorted()
    : [''];
  const programs: FoundPrograms['programs'][number][] = [];
  for (const name of names) {
    const file = name === '' ? place : path.join(place, name);
    const fault =
      programs.length >= PROGRAMS_MAX ? `${file}: at most ${String(PROGRAMS_MAX)} programs are run for an event` : fileFault(file);
    if (fault === null) programs.push({ name: name === '' ? event : `${event}/${name}`, path: file });
    else faults.push(fault);
  }
  return { programs, faults };
}

const HANDED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'] as const;

/** Never rejects. What is left of its process group is ended with it. */
export async function runEventProgram(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
  run: EventRun,
): Promise<EventEnd> {
  const small = Object.fromEntries(HANDED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let how: EventEnd['how'] = 'exited';
    let last: NodeJS.Timeout | undefined;
    const child = spawn(program, [...(run.args ?? [])], {
      cwd: run.cwd,
      env: { ...small, ...run.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const signalGroup = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The whole group has gone.
      }
    };
    const end = (why: EventEnd['how']): void => {
      if (last !== undefined) return;
      how = why;
      signalGroup('SIGTERM');
      last = setTimeout(signalGroup, KILL_MS, 'SIGKILL');
    };
    const timer = setTimeout(end, run.timeoutMs, 'too slow');
    const onStop = (): void => {
      end('stopped');
    };
    run.signal.addEventListener('abort', onStop);
    if (run.signal.aborted) onStop();
    let isOver = false;
    const over = (code: number | null, fallback: EventEnd['how']): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      clearTimeout(last);
      run.signal.removeEventListener('abort', onStop);
      const isSaid = how === 'exited';
      resolve({ code: isSaid ? code : null, how: isSaid ? fallback : how, output: Buffer.concat(chunks).toString('utf8') });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        const room = run.outputBytesMax - length;
        if (room <= 0) return;
        chunks.push(chunk.subarray(0, room));
        length += Math.min(room, chunk.length);
      });
      stream.on('error', () => undefined);
    }
    // It need not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdin.end(run.input);
    child.once('error', () => {
      over(null, 'not started');
    });
    child.once('exit', () => {
      // What it started and left in its group; what left the group may hold the pipe, and is not waited for.
      signalGroup('SIGKILL');
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, LAST_WORDS_MS).unref();
    });
    child.once('close', (code) => {
      over(code, code === null ? 'killed' : 'exited');
    });
  });
}
