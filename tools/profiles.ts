/**
 * Profiles: how an AI tool is called, as data. Placeholders in arguments are filled in whole, argument by argument; there is no shell.
 * Read from `claude --help` and runs of Claude Code 2.1.329 against a fake model.
 */

export type ToolProfile = {
  readonly program: string;
  /** Always given. */
  readonly args: readonly string[];
  readonly argsByAccess: { readonly 'read-only': readonly string[]; readonly worktree: readonly string[] };
  /** Given only when a model is asked for. */
  readonly argsWithModel: readonly string[];
  /** Fixed variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables handed through from the daemon's environment, besides BASE_ENV. */
  readonly passEnv: readonly string[];
  /** Any of these set: the tool is logged in by it, and gets a configuration folder of its own. */
  readonly tokenEnv: readonly string[];
  readonly configFolderEnv: string;
  readonly versionArgs: readonly string[];
  /** Exit code 0: logged in. */
  readonly loginArgs: readonly string[];
  readonly lane: string;
};

/** What every program gets from the daemon's environment, when it is set there. Never NODE_OPTIONS, LD_*, GIT_* or npm's own. */
export const BASE_ENV = [
  'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'SHELL', 'TZ', 'USER',
  'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME',
  'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
] as const; // prettier-ignore

/**
 * Claude Code, headless. The prompt goes in by standard input (an argument breaks at 128 KiB).
 * - `stream-json`: a line per message, so that a run which works is not taken for an idle one
 * - `--restricted`: no shell, no hooks and settings of the project, file tools confined to the working folder
 * - `--permission-prompts none`: what would ask a person is denied
 * - `--no-session-persistence`: nothing of a prompt stays in the tool's folders, and a repeated attempt may use its session id again
 * - DISABLE_ATTACHMENTS, DISABLE_FILE_MENTIONS: `@path` in a prompt stays text; without them the file's content is sent along
 * - MAX_RETRIES=0: docket backs off itself, the tool would try for 190 s
 */
export const CLAUDE: ToolProfile = {
  program: 'claude',
  args: [
    '-p', '--output-format', 'stream-json', '--verbose', '--session-id', '{session}', '--no-session-persistence',
    '--disable-slash-commands', '--strict-mcp-config', '--permission-prompts', 'none', '--restricted',
    '--max-turns', '{turns}', '--max-budget-usd', '{budget_usd}',
  ], // prettier-ignore
  argsByAccess: {
    'read-only': ['--permission-mode', 'dontAsk', '--tools', 'Read,Grep,Glob'],
    worktree: ['--permission-mode', 'acceptEdits'],
  },
  argsWithModel: ['--model', '{model}'],
  env: {
    CLAUDE_CODE_MAX_RETRIES: '0',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_DISABLE_ATTACHMENTS: '1',
    CLAUDE_CODE_DISABLE_FILE_MENTIONS: '1',
    DISABLE_AUTOUPDATER: '1',
    DISABLE_TELEMETRY: '1',
  },
  passEnv: [
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_AUTH_TOKEN',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'ANTHROPIC_BASE_URL',
    'CLAUDE_CONFIG_DIR',
    'NODE_EXTRA_CA_CERTS',
  ],
  tokenEnv: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
  configFolderEnv: 'CLAUDE_CONFIG_DIR',
  versionArgs: ['--version'],
  loginArgs: ['auth', 'status'],
  lane: 'anthropic',
};

/** The names a profile's arguments may hold, in braces. */
export type Placeholder = 'prompt_file' | 'model' | 'session' | 'dir' | 'turns' | 'budget_usd';

/** Fills `{name}` in each argument; an unknown name in braces stays as it is. */
export const fillArguments = (args: readonly string[], values: Readonly<Record<Placeholder, string>>): string[] =>
  args.map((argument) =>
    argument.replaceAll(/\{([a-z_]+)\}/g, (whole, name: string) => (values as Readonly<Record<string, string>>)[name] ?? whole),
  );

/**
 * The whole environment of a program: the fixed few and the named ones, nothing else.
 * @param searchPath the PATH it gets
 */
export function programEnv(
  from: Readonly<Record<string, string | undefined>>,
  searchPath: string,
  passEnv: readonly string[],
  fixed: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = { PATH: searchPath, NO_COLOR: '1' };
  for (const name of [...BASE_ENV, ...passEnv]) {
    const value = from[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...fixed };
}

/** A model's name, as far as docket trusts it on a command line: it may come from a prompt's front matter. */
export const isModelName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._:/@+[\]-]{0,127}$/.test(text);
