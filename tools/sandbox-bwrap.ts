/**
 * The arguments of bubblewrap (bwrap(1)): a view of this machine in which a run can write its own places and nothing else. Pure.
 *
 * Invariant: the whole machine is seen read-only first; then each mount of the view hides what those before it said of the same place.
 * The first process of a run is then bwrap; the tool and all that comes of it have process numbers of their own, and the kernel ends all of them when
 * their first process ends, whoever forked how often. bwrap never gives more rights than it has (no_new_privs), so sudo and its like give none.
 */

/**
 * `empty`: a folder of the run's own in place of what is there, gone with the run; no socket in it can be reached. `show`: may be read, when it is there.
 * `write`: may be written. `blank`: a file that is there reads as an empty one.
 */
export type Mount = { readonly how: 'empty' | 'show' | 'write' | 'blank'; readonly path: string };

/** All paths are absolute, their links resolved. */
export type View = {
  /** Root keeps the right to read what is somebody else's, and nothing else of root. */
  readonly isRoot: boolean;
  readonly mounts: readonly Mount[];
  /** As the program is to see it. */
  readonly cwd: string;
};

const OPTIONS = { empty: '--tmpfs', show: '--ro-bind-try', write: '--bind', blank: '--ro-bind' } as const;
const argsOf = ({ how, path }: Mount): string[] =>
  how === 'empty' ? [OPTIONS.empty, path] : [OPTIONS[how], how === 'blank' ? '/dev/null' : path, path];

/** Before the program and its arguments. */
export const bwrapArgs = ({ isRoot, mounts, cwd }: View): string[] => [
  // The keeper is its parent: a run outlives the daemon, and nothing of it outlives the keeper.
  '--die-with-parent',
  '--new-session',
  '--unshare-pid',
  '--unshare-ipc',
  // By itself bwrap leaves root all of it, and root would only have to mount the machine again.
  '--cap-drop',
  'ALL',
  ...(isRoot ? ['--cap-add', 'CAP_DAC_OVERRIDE'] : []),
  '--ro-bind',
  '/',
  '/',
  '--dev',
  '/dev',
  '--proc',
  '/proc',
  ...mounts.flatMap(argsOf),
  '--chdir',
  cwd,
  '--',
];
