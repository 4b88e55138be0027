/**
 * File systems that are not the machine's own, for a test: sshfs to an sshd of the test's own (its own configuration, port on 127.0.0.1 and throw-away keys,
 * key authentication only), lowntfs-3g with `ignore_case` (one name for `Foo` and `foo`, hard links) and exfat-fuse (the same, without hard links).
 * Invariant: no mount, no loop device and no sshd is left, however the test ends: a shell that knows of each ends them when its input ends, which is
 * with the test's process, killed or not. Processes are ended by their numbers.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Cleanup } from '#test/support/rig.ts';
import type { Why } from './folders.ts';
import { pidWith } from './processes.ts';

/** What the shell reads: `mount <folder>`, `loop <device>`, `process <id>`. The last one first; lazily, as a tool may end a moment later. */
const GUARD = `trap '' INT TERM HUP
all=
while IFS= read -r line; do all="$line
$all"; done
printf %s "$all" | while read -r kind what; do
  case $kind in
    mount) umount -l "$what" ;;
    loop) losetup -d "$what" ;;
    process) kill -CONT "$what"; kill -KILL "$what" ;;
  esac
done
rm -rf -- "$1"`;

const IMAGE_BYTES = 64 * 1_048_576;
const NEEDED: Readonly<Record<Kind, readonly string[]>> = {
  sshfs: ['sshfs', 'sshd', 'ssh-keygen'],
  'lowntfs-3g': ['mkntfs', 'lowntfs-3g'],
  'exfat-fuse': ['mkfs.exfat', 'mount.exfat-fuse', 'losetup'],
};

export type Kind = 'sshfs' | 'lowntfs-3g' | 'exfat-fuse';
export type CaseBlind = Exclude<Kind, 'sshfs'>;
export type Foreign = {
  /** A folder that the server shows under this name. What is done in it is done on the other side: no event comes of it. */
  exported(name: string): string;
  /** Mounts it. Null, or why it could not be. */
  connect(name: string, folder: string): Promise<Why | null>;
  /** The server's process of that connection ends: killed, as if its machine had lost its power. */
  cut(name: string): void;
  /** It answers nothing any more, until `answerAgain`. */
  hang(name: string): void;
  answerAgain(name: string): void;
  /** Mounts an empty file system that takes `Foo` and `foo` for one name. */
  mountCaseBlind(kind: CaseBlind, folder: string, isOpenToAll?: boolean): Why | null;
  unmount(folder: string): Promise<void>;
};

const run = (program: string, args: readonly string[]): { readonly why: string } | { readonly out: string } => {
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return { out: stdout.trim() };
  return { why: `${program}: ${error?.message ?? (stderr.trim().split('\n').at(-1) || `status ${String(status)}`)}` };
};
const whyOf = (ran: ReturnType<typeof run>): Why | null => ('why' in ran ? ran : null);
const foundIn = (program: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
    .map((folder) => path.join(folder, program))
    .find((file) => existsSync(file));

/** Null: all that this kind takes is here. */
function missing(kind: Kind): Why | null {
  if (process.platform !== 'linux') return { why: 'FUSE is of Linux here' };
  if (process.getuid?.() !== 0) return { why: 'only root may mount a file system' };
  if (!existsSync('/dev/fuse')) return { why: 'there is no /dev/fuse' };
  const lacking = NEEDED[kind].filter((program) => foundIn(program) === undefined);
  return lacking.length === 0 ? null : { why: `not installed: ${lacking.join(', ')}` };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

type Server = { readonly child: ChildProcess; readonly port: number };

/** Its own keys and configuration; nothing of the machine's is read. */
async function serve(home: string): Promise<Server | Why> {
  const port = await freePort();
  for (const key of ['host', 'user']) {
    const failed = whyOf(run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(home, key)]));
    if (failed !== null) return failed;
  }
  const lines = [
    `Port ${String(port)}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${path.join(home, 'host')}`,
    `AuthorizedKeysFile ${path.join(home, 'user.pub')}`,
    'AuthenticationMethods publickey',
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'Subsystem sftp internal-sftp',
  ];
  writeFileSync(path.join(home, 'sshd_config'), `${lines.join('\n')}\n`, { mode: 0o600 });
  // Where it leaves its rights behind; Debian makes it at boot.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn(foundIn('sshd') ?? 'sshd', ['-D', '-e', '-f', path.join(home, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = Promise.withResolvers<Why | null>();
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
    if (words.includes('Server listening')) said.resolve(null);
  });
  child.once('exit', () => {
    said.resolve({ why: `sshd: ${words.trim().split('\n').at(-1) ?? 'it ended'}` });
  });
  return (await said.promise) ?? { child, port };
}

const parentOf = (pid: string): string => /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^[0-9]+$/.test(name) && parentOf(name) === String(parent) ? [Number(name)] : [];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

/** Call it before the rig is made. @returns why there is none here */
export async function makeForeign(t: Cleanup, ...kinds: readonly Kind[]): Promise<Foreign | Why> {
  for (const kind of kinds) {
    const why = missing(kind);
    if (why !== null) return why;
  }
  const home = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-foreign-')));
  const guard = spawn('sh', ['-c', GUARD, 'sh', home], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  t.after(async () => {
    const ended = once(guard, 'exit');
    guard.stdin.end();
    await ended;
  });
  const remember = (kind: 'mount' | 'loop' | 'process', what: string | number): void => void guard.stdin.write(`${kind} ${String(what)}\n`);
  let server: Server | null = null;
  if (kinds.includes('sshfs')) {
    const started = await serve(home);
    if ('why' in started) return started;
    server = started;
    remember('process', started.child.pid ?? 0);
  }
  /** The processes that serve each connection. */
  const sessions = new Map<string, readonly number[]>();
  const signal = (name: string, how: NodeJS.Signals): void => {
    for (const pid of sessions.get(name) ?? [])
      try {
        process.kill(pid, how);
      } catch (error) {
        // It was cut before.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
  };
  const exported = (name: string): string => {
    const folder = path.join(home, 'exported', name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  };
  return {
    exported,
    async connect(name, folder) {
      if (server === null) throw new Error('ask makeForeign for sshfs');
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      remember('mount', folder);
      const before = new Set(childrenOf(server.child.pid ?? 0));
      const options = [
        `IdentityFile=${path.join(home, 'user')}`,
        'IdentitiesOnly=yes',
        'BatchMode=yes',
        'StrictHostKeyChecking=no',
        'UserKnownHostsFile=/dev/null',
      ];
      const args = ['-F', '/dev/null', '-p', String(server.port), '-o', options.join(','), `root@127.0.0.1:${exported(name)}`, folder];
      const mounted = spawn('sshfs', args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let words = '';
      mounted.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
      const [status] = (await once(mounted, 'exit')) as [number | null];
      const mine = childrenOf(server.child.pid ?? 0).filter((pid) => !before.has(pid));
      for (const pid of mine) remember('process', pid);
      sessions.set(name, mine);
      return status === 0 ? null : { why: `sshfs: ${words.trim().split('\n').at(-1) ?? ''}` };
    },
    cut(name) {
      signal(name, 'SIGKILL');
    },
    hang(name) {
      signal(name, 'SIGSTOP');
    },
    answerAgain(name) {
      signal(name, 'SIGCONT');
    },
    mountCaseBlind(kind, folder, isOpenToAll = false) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const image = path.join(mkdtempSync(path.join(home, 'image-')), 'disk');
      const made =
        whyOf(run('truncate', ['-s', String(IMAGE_BYTES), image])) ??
        whyOf(kind === 'lowntfs-3g' ? run('mkntfs', ['-q', '-F', '-Q', image]) : run('mkfs.exfat', [image]));
      if (made !== null) return made;
      remember('mount', folder);
      if (kind === 'lowntfs-3g')
        return whyOf(run('lowntfs-3g', ['-o', `ignore_case,${isOpenToAll ? 'umask=0' : 'umask=077'}`, image, folder]));
      const loop = run('losetup', ['--find', '--show', image]);
      if ('why' in loop) return loop;
      remember('loop', loop.out);
      return whyOf(run('mount.exfat-fuse', ['-o', 'umask=077', loop.out, folder]));
    },
    /** One whose server has gone may have unmounted itself. */
    async unmount(folder) {
      run('umount', ['-l', folder]);
      // One that is just ending would take the next mount of this place away.
      while (pidWith('sshfs', folder) !== null) await after(20);
    },
  };
}

/** By the other side's own hand: under another name first, and no link. */
export function dropOnOtherSide(folder: string, name: string, text: string): void {
  const temporary = path.join(folder, `.${name}.part`);
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path.join(folder, name));
}
