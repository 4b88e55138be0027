/** What a sandbox is told of this machine and this workspace, and what came of looking for one (tools/sandbox.ts). */

export type SandboxMode = 'auto' | 'off' | 'required';
/** `words`: for evidence and doctor, such as `bwrap 0.8.0`. */
export type SandboxFound =
  | { readonly isThere: true; readonly program: string; readonly words: string }
  | { readonly isThere: false; readonly why: string };

/** What cli/sandbox.ts hands in. */
export type Sandbox = {
  readonly mode: SandboxMode;
  readonly look: () => Promise<SandboxFound>;
  readonly places: SandboxPlaces;
};

/** Absolute. */
export type SandboxPlaces = {
  readonly platform: string;
  readonly isRoot: boolean;
  /** docket's state, with its sockets: a tool that reached the keeper could start programs outside. */
  readonly state: string;
  /** In a working folder that may be written, these may not: they say what runs outside of the sandbox. */
  readonly readOnly: readonly string[];
  /** Folders of sockets of the person's own container engines; hidden where they are. */
  readonly engines: readonly string[];
  /** Folders that no tool sees, whatever it was given by name or may write. */
  readonly hidden: readonly string[];
  /** Where the system keeps temporary files: /tmp, and TMPDIR where that is another one. */
  readonly temporary: readonly string[];
  /** The path with its links resolved; as it is when there is nothing. */
  readonly real: (path: string) => Promise<string>;
};
