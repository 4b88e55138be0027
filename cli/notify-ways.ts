/** The ways by which notices reach people (daemon/notify.ts): the settings of `notify`, read once, each fault in words. Nothing here is a shell line. */

import { printable } from '#core/names.ts';
import type { Clock } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { NOTICE_KINDS, noticeWords, type NoticeKind, type NoticeWay } from '#daemon/notify.ts';
import { runEventProgram } from '#platform/event-program.ts';
import { httpPost } from '#platform/http-post.ts';
import { findProgram } from '#platform/process.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Settings = Workspace['settings'];

export type NotifyPlan = {
  readonly on: readonly NoticeKind[];
  readonly ways: readonly NoticeWay[];
  /** What of the settings cannot be done. */
  readonly faults: readonly string[];
};

const OUTPUT_MAX = 1_000;
const RETRY_MS = 1_000;
/** What a desktop's own programs need to find the desktop. */
const DESKTOP = ['DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY', 'WAYLAND_DISPLAY'];
const SCRIPT = ['on run argv', 'display notification (item 2 of argv) with title (item 1 of argv)', 'end run'];

const isKind = (text: string): text is NoticeKind => (NOTICE_KINDS as readonly string[]).includes(text);
const isLoopback = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(host);

/** The address, or why it is none. Never the address itself: its path may be a secret. */
export function webhookOf(given: string, env: Env): { readonly url: URL } | { readonly fault: string } {
  const variable = /^env:([A-Z_][A-Z0-9_]*)$/.exec(given)?.[1];
  const text = variable === undefined ? given : (env[variable] ?? '');
  if (text === '') return { fault: `notify.webhook: ${variable ?? 'it'} is empty` };
  const where = variable === undefined ? 'notify.webhook' : `notify.webhook (${variable})`;
  const url = URL.parse(text);
  if (url === null) return { fault: `${where}: this is no address` };
  if (url.username !== '' || url.password !== '')
    return { fault: `${where}: a name or a password in the address would stand in a committed file` };
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return { url };
  return {
    fault: `${where}: https, or http on this machine (127.0.0.1, localhost), got ${printable(url.protocol, 20)}//${printable(url.hostname, 100)}`,
  };
}

/** @param ring the bell of the terminal; null: there is none */
export async function notifyPlan(
  { settings, root }: Pick<Workspace, 'settings' | 'root'>,
  env: Env,
  clock: Clock,
  ring: (() => void) | null,
  platform: string = process.platform,
): Promise<NotifyPlan> {
  const faults = settings['notify.on']
    .filter((name) => !isKind(name))
    .map((name) => `notify.on: ${printable(name, 40)}: the words are ${NOTICE_KINDS.join(', ')}`);
  const ways: NoticeWay[] = [];
  if (settings['notify.bell'] && ring !== null) ways.push({ name: 'bell', tell: async () => Promise.resolve(ring()) });
  if (settings['notify.desktop']) {
    const name = platform === 'darwin' ? 'osascript' : 'notify-send';
    const program = await findProgram(name, env['PATH'] ?? '');
    if (program === null) faults.push(`notify.desktop: ${name} is not in PATH`);
    else ways.push(desktopWay(program, name, settings, env, root));
  }
  const [command, ...args] = settings['notify.command'];
  if (command !== undefined) {
    const program = command.startsWith('/') ? command : command.includes('/') ? null : await findProgram(command, env['PATH'] ?? '');
    if (program === null)
      faults.push(
        `notify.command: ${printable(command, 200)} is ${command.includes('/') ? 'a relative path, which a run may write to: name it in full' : 'not in PATH'}`,
      );
    else
      ways.push({
        name: 'command',
        tell: async (notice, signal) => runTold(program, args, `${JSON.stringify(notice)}\n`, settings, env, root, signal),
      });
  }
  if (settings['notify.webhook'] !== '') {
    const webhook = webhookOf(settings['notify.webhook'], env);
    if ('fault' in webhook) faults.push(webhook.fault);
    else ways.push(webhookWay(webhook.url, settings, clock));
  }
  return { on: settings['notify.on'].filter(isKind), ways, faults };
}

function desktopWay(program: string, name: string, settings: Settings, env: Env, root: string): NoticeWay {
  return {
    name: 'desktop',
    tell: async (notice, signal) => {
      const { title, body } = noticeWords(notice);
      const args =
        name === 'osascript' ? [...SCRIPT.flatMap((line) => ['-e', line]), title, body] : ['--app-name=docket', '--', title, body];
      await runTold(program, args, '', settings, env, root, signal);
    },
  };
}

async function runTold(
  program: string,
  args: readonly string[],
  input: string,
  settings: Settings,
  env: Env,
  cwd: string,
  signal: AbortSignal,
): Promise<void> {
  const desktop = Object.fromEntries(DESKTOP.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const end = await runEventProgram(program, env, {
    args,
    input,
    env: desktop,
    cwd,
    timeoutMs: settings['notify.timeout'],
    outputBytesMax: OUTPUT_MAX,
    signal,
  });
  // What it printed is not told: docket cannot know what is in it.
  if (end.code !== 0) throw new Error(end.how === 'exited' ? `exit code ${String(end.code)}` : `${end.how} (notify.timeout)`);
}

function webhookWay(url: URL, settings: Settings, clock: Clock): NoticeWay {
  const headers = { 'content-type': 'application/json', 'user-agent': 'docket' };
  const post = async (body: Uint8Array, signal: AbortSignal): Promise<string | null> => {
    const over = new AbortController();
    const bounded = AbortSignal.any([signal, over.signal, AbortSignal.timeout(settings['notify.timeout'])]);
    try {
      const { status } = await httpPost(url, headers, body, bounded);
      // A redirect is an answer like any other: nobody goes there.
      return status >= 200 && status < 300 ? null : `status ${String(status)}`;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      return code === 'ABORT_ERR' ? `no answer within ${String(settings['notify.timeout'])} ms (notify.timeout)` : code || 'no connection';
    } finally {
      // Its body is not read.
      over.abort();
    }
  };
  return {
    name: `webhook ${url.origin}`,
    tell: async (notice, signal) => {
      const body = Buffer.from(JSON.stringify(notice));
      for (let tries = 0; ; tries++) {
        const fault = await post(body, signal);
        if (fault === null || signal.aborted) return;
        if (tries >= settings['notify.retries']) throw new Error(`${fault}, after ${String(tries + 1)} tries (notify.retries)`);
        await clock.sleep(RETRY_MS * 2 ** tries, signal);
      }
    },
  };
}
