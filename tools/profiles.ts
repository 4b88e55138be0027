/**
 * Profiles: how a tool is called and how its output is read, as data (agents/tools/<id>.yaml, parsed by agents/profile-file.ts; told in docs/tools.md).
 * Placeholders in arguments, variables and settings files are filled in whole; there is no shell.
 */

import type { Sha256 } from '#core/names.ts';
import type { FailureKind } from '#core/failure.ts';

export type Scalar = string | number | boolean | null;
/** Fields that an event must have, each with one of these values. A key that begins with "/" is a JSON pointer, another one the name of a field. */
export type Where = Readonly<Record<string, readonly Scalar[]>>;
export type Source = 'stdout' | 'stderr' | 'report';
export type Take = 'first' | 'last' | 'join' | 'sum' | 'count' | 'key';

/** One way to find a value; of a list of them the first that finds one counts. */
export type PickRule = {
  readonly in: Source;
  /** Which events; null: all. */
  readonly where: Where | null;
  /** Only events behind the last one of these; null: all. */
  readonly after: Where | null;
  /** JSON pointer (RFC 6901) into the event; `*` stands for each member. Empty: the event itself. */
  readonly at: string;
  readonly take: Take;
  /** `key`: the name of the member whose value here is largest. */
  readonly by: string | null;
  /** A pattern (tools/safe-pattern.ts) searched in each text: its first group, else the whole match, is the value; texts without one are passed over. */
  readonly match: string | null;
};
/** When a limit ends. `epoch`: seconds or milliseconds since 1970, `seconds`: from the end of the run on, `iso`: ISO 8601, `clock`: 9:42 AM. */
export type ResetPick = PickRule & { readonly as: 'epoch' | 'seconds' | 'iso' | 'clock' };

/** Kinds of failure that a profile may name: those that an output can tell. */
export const TOLD_KINDS = [
  'rate-limited', 'provider-error', 'turn-limit', 'refused', 'context-too-long', 'no-answer', 'truncated', 'denied', 'not-logged-in', 'budget', 'unreadable-answer',
] as const satisfies readonly FailureKind[]; // prettier-ignore
export type ToldKind = (typeof TOLD_KINDS)[number];

/**
 * Holds when the last event of `where` has `if` and something at each of `has`, `find` finds something, and the exit code is one of `exit`.
 * Then one of kind, status, words says what it is.
 */
export type FailureRule = {
  readonly where: Where | null;
  readonly if: Where | null;
  readonly has: readonly string[];
  /** Empty: nothing need be found. */
  readonly find: readonly PickRule[];
  readonly exit: readonly number[];
  /** What is said of it, in place of `error`. */
  readonly says: readonly PickRule[];
  readonly kind: ToldKind | null;
  /** JSON pointer of an HTTP status; the rule is passed over when there is none. */
  readonly status: string | null;
  /** The words of the error decide; the rule is passed over when they are not known. */
  readonly words: boolean;
  /** When the tool says nothing itself. */
  readonly message: string | null;
};
export type WordRule = { readonly match: string; readonly kind: ToldKind };

export type ReadRules = {
  /** `lines`: JSON lines, each an event; `json`: one JSON value (of an array each member is an event); `text`: all of it is one event, a text. */
  readonly format: 'lines' | 'json' | 'text';
  /** The event without which a run did not come to its end; null: none is needed. */
  readonly end: Where | null;
  readonly answer: readonly PickRule[];
  readonly session: readonly PickRule[];
  readonly model: readonly PickRule[];
  readonly error: readonly PickRule[];
  readonly reset: readonly ResetPick[];
  readonly usage: Readonly<Record<UsageField, readonly PickRule[]>>;
  /** Do its input tokens contain what a cache gave? */
  readonly inputHolds: 'all' | 'uncached';
  /** In order; the first that holds decides. */
  readonly failures: readonly FailureRule[];
  /** In order, before the ones every tool has (tools/words.ts). */
  readonly words: readonly WordRule[];
};
export const USAGE_FIELDS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens', 'costUsd', 'turns'] as const;
export type UsageField = (typeof USAGE_FIELDS)[number];

/** How the events of a run that goes on are read (tools/progress.ts). Each pick is asked of one event of standard output at a time. */
export type ProgressRules = {
  /** A call of a tool: its name. */
  readonly tool: readonly PickRule[];
  /** The file that it is about. */
  readonly file: readonly PickRule[];
  /** What the model says. */
  readonly text: readonly PickRule[];
  /** It comes in pieces of one text, not in whole ones. */
  readonly textIsPieces: boolean;
  readonly model: readonly PickRule[];
  readonly usage: {
    /** JSON pointer to the id of the message that is counted: of events with the same one the largest numbers count. Null: each event counts. */
    readonly by: string | null;
    readonly inputHolds: ReadRules['inputHolds'];
    readonly fields: Readonly<Record<Exclude<UsageField, 'turns'>, readonly PickRule[]>>;
  };
};

export type More = { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };

/** The tool's own rules for paths, where the access is `worktree`. */
export type ScopeWay = {
  /** One rule: {cwd} and {pattern} are filled in. */
  readonly rule: string;
  /** The same of what may not be read; null: it has no such rules. */
  readonly read: string | null;
  /** In place of the arguments of `access.worktree`, where a prompt declares what may be changed. */
  readonly declared: readonly string[];
  /** The argument before the rules of what may be changed, and before those of what may not. */
  readonly allow: string;
  readonly deny: string;
};

export type ConfigFolder = {
  /** `run`: <attempt>/config, gone with the attempt; `workspace`: <state>/tools/<name>. */
  readonly scope: 'run' | 'workspace';
  /** `token`: only when a token is in the environment; without one the person's own folder is used, because the login lies there. */
  readonly when: 'always' | 'token';
  /** Variables that name it. */
  readonly env: Readonly<Record<string, string>>;
  /** Path in the folder -> content. */
  readonly files: Readonly<Record<string, string>>;
  /** The same, in place of those of the same name, when a token is in the environment. */
  readonly filesWithToken: Readonly<Record<string, string>>;
  /** Path in the folder -> where the person's own file may lie (`~/…`, `$NAME/…`); the first that is there is linked, never copied. */
  readonly links: Readonly<Record<string, readonly string[]>>;
};

export type Login = {
  /** Any of these set: logged in by it. */
  readonly tokenEnv: readonly string[];
  /** Any of these there: logged in. */
  readonly files: readonly string[];
  /** A question to the program; what it answers goes before `files`. */
  readonly ask: {
    readonly args: readonly string[];
    /** JSON pointer to true or false in its standard output; null: exit code 0 means logged in. */
    readonly at: string | null;
  } | null;
};

/** The other way to call an agent: over the Agent Client Protocol (agents/runners/acp.ts). What is not here is as in the rest of its profile. */
export type AcpWay = {
  /** Null: the same program. */
  readonly program: string | null;
  readonly tested: Tested;
  readonly args: readonly string[];
  readonly access: { readonly 'read-only': More; readonly worktree: More };
  /** Empty: the model is asked for over the protocol. */
  readonly withModel: More;
  readonly env: Readonly<Record<string, string>>;
  /** May it run commands, where the access is `worktree`? */
  readonly execute: boolean;
  /** Besides those of its profile: what a project may not hold, because the agent would run it. */
  readonly guard: readonly string[];
  /** `_meta` of session/new: settings that an agent takes there and nowhere else. */
  readonly sessionMeta: Readonly<Record<string, unknown>>;
  /** Does docket offer to read and write files for it? An agent that is not offered it asks, and does so itself. */
  readonly files: boolean;
  /** Patterns: a piece of text that fits one is the agent's own word, not the model's. */
  readonly notices: readonly string[];
  /** Failures that look like an answer in this way. */
  readonly hides: readonly ToldKind[];
  /** Why one would take the one way or the other: for people. */
  readonly why: string;
  readonly inputHolds: ReadRules['inputHolds'];
  /** Before the rules that hold for every agent (tools/acp-read.ts). */
  readonly failures: readonly FailureRule[];
};
/** `real`: the program itself ran in docket's tests; `transcript`: only its recorded or documented output was read; `probe`: `docket tool probe` made it; `none`: none of these. */
export type Tested = { readonly how: 'real' | 'transcript' | 'probe' | 'none'; readonly from: string; readonly to: string };

export type ToolProfile = {
  readonly id: string;
  readonly kind: 'ai' | 'static-check' | 'test';
  readonly title: string;
  readonly program: string;
  readonly tested: Tested;
  /** What differs from other tools, for people. */
  readonly notes: string;
  readonly lane: string;
  readonly args: readonly string[];
  readonly prompt: 'stdin' | 'file' | 'argument';
  /** `escape`, `split`: the tool sends along files that a prompt names by `@path`; tools/mentions.ts keeps it from it. */
  readonly mentions: 'inert' | 'escape' | 'split';
  /** Names in the working folder, or above it in its repository, by which a project would make the tool run code, and no switch keeps it from that. */
  readonly guard: readonly string[];
  readonly access: { readonly 'read-only': More; readonly worktree: More };
  /** Given only when a model is asked for. */
  readonly withModel: More;
  /** How it is told what it may change (tools/scope-args.ts); null: it has no rules for paths. */
  readonly scope: ScopeWay | null;
  /** Fixed variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables handed through from the daemon's environment, besides BASE_ENV. */
  readonly passEnv: readonly string[];
  readonly config: ConfigFolder | null;
  /** What it keeps of its own elsewhere (`~/…`, `$NAME/…`): it may be written in a sandbox, when it is there. */
  readonly writes: readonly string[];
  readonly login: Login;
  readonly versionArgs: readonly string[];
  readonly limits: { readonly promptBytes: number };
  readonly success: {
    readonly exit: readonly number[];
    /** For checks and tests: codes that mean "it ran, and found something". */
    readonly findingsExit: readonly number[];
  };
  readonly read: ReadRules;
  /** Null: it is called by its command line only. */
  readonly acp: AcpWay | null;
  /** The arguments with which a person talks to it, the brief as {prompt} among them; null: docket knows no such way. */
  readonly interactive: readonly string[] | null;
  /** Null: what it prints tells nothing before its end. */
  readonly progress: ProgressRules | null;
  /** Of the file's text: for evidence. */
  readonly sha256: Sha256;
};

/** What every program gets from the daemon's environment, when it is set there. Never NODE_OPTIONS, LD_*, GIT_* or npm's own. */
export const BASE_ENV = [
  'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'SHELL', 'TZ', 'USER',
  'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME',
  'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
] as const; // prettier-ignore

/** The names that may stand in braces; `prompt` only where the prompt is an argument. */
export const PLACEHOLDERS = [
  'prompt', 'prompt_file', 'model', 'session', 'dir', 'cwd', 'config', 'turns', 'budget_usd', 'timeout_ms', 'timeout_s',
] as const; // prettier-ignore
export type Placeholder = (typeof PLACEHOLDERS)[number];
export type Values = Readonly<Partial<Record<Placeholder, string>>>;

/** Fills `{name}`; an unknown name in braces stays as it is. */
export const fillText = (text: string, values: Values): string =>
  text.replaceAll(/\{([a-z_]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? ((values as Readonly<Record<string, string>>)[name] ?? whole) : whole,
  );
export const fillArguments = (args: readonly string[], values: Values): string[] => args.map((argument) => fillText(argument, values));
export const fillEnv = (env: Readonly<Record<string, string>>, values: Values): Record<string, string> =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fillText(value, values)]));

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
