/** What `runners:` in docket.yaml says of one runner: a program (or a tool of which it changes something), or a model behind HTTP. */

/** A program that a role may use as its AI tool, from `runners:` in docket.yaml. Arguments are an array; `{prompt_file}`, `{model}`, `{session}`, `{dir}` are filled in. */
export type CommandProfile = {
  readonly name: string;
  /** `command`: any program; else the id of a tool's profile (agents/tools). */
  readonly kind: string;
  /** Program name (looked up in PATH) or absolute path; empty: the one of the tool's profile. */
  readonly program: string;
  readonly args: readonly string[];
  /** `text`: standard output is the answer; `json`: a field of a JSON object is. */
  readonly output: 'text' | 'json';
  /** Path of the answer in the JSON object, such as `result` or `message.content`. */
  readonly answerField: string | null;
  /** Names of environment variables handed through besides the fixed few (PATH, HOME, LANG …). Never values. */
  readonly passEnv: readonly string[];
  /** Fixed variables. No secrets here: docket.yaml is committed. */
  readonly env: Readonly<Record<string, string>>;
  readonly lane: string | null;
  /** What it may write besides, in a sandbox: `~/x`, `$NAME/x` or absolute. */
  readonly writes: readonly string[];
  /** Of kind `command`: into the sandbox also where that is not required. */
  readonly sandbox: boolean;
};

/** A model behind an HTTP interface, from `runners:` in docket.yaml (`kind: http`). The key itself is only ever in the environment. */
export type HttpProfile = {
  readonly name: string;
  readonly api: 'openai' | 'anthropic' | 'ollama';
  /** https, or http on loopback; what is behind the interface's own path. */
  readonly baseUrl: string;
  readonly model: string | null;
  /** Name of the environment variable with the key; null: none is sent. */
  readonly keyEnv: string | null;
  /** Longest answer, in tokens; null: the interface's own default, where it has one. */
  readonly maxTokens: number | null;
  /** Fixed headers. No secrets here: docket.yaml is committed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lane: string | null;
};
