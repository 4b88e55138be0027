/**
 * The profile of sandbox-exec(1) on macOS: the same borders as tools/sandbox-bwrap.ts, as far as its language has them. Pure.
 * It has no numbers of processes of its own: a tree is ended by its mark there, as without a sandbox.
 */

import type { View } from './sandbox-bwrap.ts';

/** A string of the profile's language (TinyScheme). */
const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
const subpath = (path: string): string => `(subpath ${quoted(path)})`;

/** What every program may write to. */
const DEVICES = ['/dev/null', '/dev/zero', '/dev/tty', '/dev/dtracehelper'].map((one) => `(literal ${quoted(one)})`).join(' ');
const DENIED_PROGRAMS = ['/usr/bin/sudo', '/usr/bin/su', '/bin/launchctl', '/usr/bin/osascript', '/usr/bin/open'];

/** @param hidden folders of sockets @param unread folders that are not to be read */
export const seatbeltProfile = ({ mounts }: View, hidden: readonly string[], unread: readonly string[]): string =>
  [
    '(version 1)',
    '(allow default)',
    '(deny file-write*)',
    `(allow file-write* ${DEVICES})`,
    // The last rule that fits decides.
    ...mounts.map(({ how, path }) => `(${how === 'write' ? 'allow' : 'deny'} file-write* ${subpath(path)})`),
    ...unread.map((one) => `(deny file-read* ${subpath(one)})`),
    ...hidden.map((one) => `(deny network-outbound ${subpath(one)})`),
    ...['/private/var/run/docker.sock', '/var/run/docker.sock'].map((one) => `(deny network-outbound (literal ${quoted(one)}))`),
    ...DENIED_PROGRAMS.map((one) => `(deny process-exec (literal ${quoted(one)}))`),
  ].join('\n');
