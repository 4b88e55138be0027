/**
 * The files that make a service manager run the daemon of a workspace: a user unit of systemd (systemd.service(5)), an agent of launchd
 * (launchd.plist(5)). Text in, text out. docs/daemons.md says why each line is there.
 */

/** Settings of core/settings-daemons.ts, and what the service calls. */
export type ServicePlan = {
  readonly app: string;
  readonly root: string;
  /** Absolute: the node that runs docket, and docket's own file. */
  readonly node: string;
  readonly docket: string;
  /** Variables of the service: where tools and state are. No secrets: the file is readable. */
  readonly env: Readonly<Record<string, string>>;
  readonly drainMs: number;
  readonly memoryMb: number;
  readonly tasks: number;
  readonly cpuWeight: number;
  readonly restartMs: number;
  readonly restartMsMax: number;
  readonly restarts: number;
  readonly restartWindowMs: number;
  /** Only launchd's: what the daemon says before its log is open. */
  readonly output: string;
};

/** After stop.drain the daemon still records and closes. */
const AFTER_DRAIN_S = 30;
/** From the first wait to the longest. */
const RESTART_STEPS = 6;

/** What the daemon can be handed as one word: text without control characters, which no path and no variable of this service needs. */
export function isPlain(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return false;
  }
  return true;
}

/** systemd refuses the others ("Executable name contains special characters"), however they are escaped. */
export const isProgramPath = (text: string): boolean => isPlain(text) && !/["'\\]/.test(text);

/** One word of systemd.syntax(7): in double quotes, backslash and quote escaped, `%` doubled, because it names specifiers. */
const quoted = (text: string): string =>
  `"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('%', '%%')}"`;
/** Of a setting that takes the rest of the line. */
const plain = (text: string): string => text.replaceAll('%', '%%');

const seconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1_000)));

export function systemdUnit(plan: ServicePlan): string {
  const limits = [
    ...(plan.memoryMb === 0 ? [] : [`MemoryMax=${String(plan.memoryMb * 1_000_000)}`]),
    ...(plan.tasks === 0 ? [] : [`TasksMax=${String(plan.tasks)}`]),
    `CPUWeight=${String(plan.cpuWeight)}`,
  ];
  return [
    '[Unit]',
    `Description=${plain(`docket for ${plan.app} (${plan.root})`)}`,
    `StartLimitIntervalSec=${seconds(plan.restartWindowMs)}`,
    `StartLimitBurst=${String(plan.restarts)}`,
    '',
    '[Service]',
    'Type=exec',
    '# The colon: a dollar sign in a path is no variable.',
    `ExecStart=:${[plan.node, plan.docket, '--root', plan.root, 'up'].map(quoted).join(' ')}`,
    ...Object.entries(plan.env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    'UMask=0077',
    '# Only the daemon gets the signal. Its keeper and the running tools go on, and the next start takes them over.',
    'KillMode=process',
    'KillSignal=SIGTERM',
    `TimeoutStopSec=${String(Math.ceil(plan.drainMs / 1_000) + AFTER_DRAIN_S)}`,
    'Restart=on-failure',
    `RestartSec=${seconds(plan.restartMs)}`,
    '# systemd 254 and newer: the wait grows. Older ones say that they do not know these two, and wait the same time.',
    `RestartSteps=${String(RESTART_STEPS)}`,
    `RestartMaxDelaySec=${seconds(Math.max(plan.restartMs, plan.restartMsMax))}`,
    '# Wrong settings, another daemon that holds the workspace, a disk that fails: a person mends these, no restart does.',
    'RestartPreventExitStatus=2 3',
    '# A tool that meets the limit of the memory ends, and the daemon says so.',
    'OOMPolicy=continue',
    ...limits,
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ].join('\n');
}

const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');
const string = (text: string): string => `<string>${xml(text)}</string>`;
const integer = (value: number): string => `<integer>${String(value)}</integer>`;

/** launchd has no limits for a group of processes and no wait that grows: what it has of them is here. */
export function launchdAgent(plan: ServicePlan, label: string): string {
  const entries: readonly (readonly [string, string])[] = [
    ['Label', string(label)],
    [
      'ProgramArguments',
      ['<array>', ...[plan.node, plan.docket, '--root', plan.root, 'up'].map((word) => `    ${string(word)}`), '  </array>'].join('\n'),
    ],
    [
      'EnvironmentVariables',
      ['<dict>', ...Object.entries(plan.env).map(([name, value]) => `    <key>${xml(name)}</key>${string(value)}`), '  </dict>'].join('\n'),
    ],
    ['RunAtLoad', '<true/>'],
    // Not SuccessfulExit: an exit code of 2 or 3 is for a person, and launchd cannot tell codes apart.
    ['KeepAlive', '<dict><key>Crashed</key><true/></dict>'],
    ['ThrottleInterval', integer(Math.max(10, Math.ceil(plan.restartMs / 1_000)))],
    ['ExitTimeOut', integer(Math.ceil(plan.drainMs / 1_000) + AFTER_DRAIN_S)],
    // The keeper and its tools outlive the daemon.
    ['AbandonProcessGroup', '<true/>'],
    ['ProcessType', string(plan.cpuWeight < 100 ? 'Background' : 'Standard')],
    ['Umask', integer(0o077)],
    ['StandardOutPath', string(plan.output)],
    ['StandardErrorPath', string(plan.output)],
  ];
  return [
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    ...entries.flatMap(([key, value]) => [`  <key>${key}</key>`, `  ${value}`]),
    '</dict>',
    '</plist>',
    '',
  ].join('\n');
}
