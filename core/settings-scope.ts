/** The settings of what runs may change (policy/scope.ts): rows of core/settings.ts. */

type Choice = {
  readonly default: string;
  readonly unit: 'choice';
  readonly choices: readonly string[];
  readonly security: true;
  readonly why: string;
};
type List = { readonly default: readonly string[]; readonly unit: 'list'; readonly security: true; readonly why: string };
type Amount = {
  readonly default: number;
  readonly unit: 'ms' | 'bytes' | 'count';
  readonly min: number;
  readonly max: number;
  readonly why: string;
};

const list = (defaults: readonly string[], why: string): List => ({ default: defaults, unit: 'list', security: true, why });
const amount = (unit: Amount['unit'], value: number, min: number, max: number, why: string): Amount => ({
  default: value,
  unit,
  min,
  max,
  why,
});

/** What runs code of its own when it is opened, entered or committed with, or changes the rules of a tool. */
const FORBIDDEN: readonly string[] = [
  '**/.husky', '**/.githooks', '**/.pre-commit-config.yaml', '**/lefthook.yml', '**/.envrc', '**/.vscode', '**/.idea', '**/.mcp.json',
  '**/.claude', '**/.codex', '**/.gemini', '**/.qwen', '**/.opencode', '**/opencode.json', '**/.cursor',
]; // prettier-ignore
/** What machines of others run, what is downloaded, who may decide, what agents are told, what docket itself is told. */
const PROTECTED: readonly string[] = [
  '.github', '.gitlab-ci.yml', '.gitlab', '.circleci', '.buildkite', 'azure-pipelines.yml', 'bitbucket-pipelines.yml', '**/Jenkinsfile',
  '**/package-lock.json', '**/npm-shrinkwrap.json', '**/yarn.lock', '**/pnpm-lock.yaml', '**/bun.lock', '**/Cargo.lock', '**/poetry.lock', '**/uv.lock',
  '**/Pipfile.lock', '**/Gemfile.lock', '**/composer.lock', '**/go.sum', '**/gradle.lockfile', '**/packages.lock.json',
  '**/AGENTS.md', '**/CLAUDE.md', '**/GEMINI.md', 'CODEOWNERS', 'docs/CODEOWNERS', 'GOVERNANCE.md', 'SECURITY.md', 'LICENSE*', 'CODE_OF_CONDUCT.md',
  'CONTRIBUTING.md', '**/.gitattributes', '**/.gitmodules', '**/.npmrc', 'agents/*/role.yaml', 'agents/tools', 'prompt-spec',
]; // prettier-ignore

export const SCOPE_SETTINGS = {
  'policy.forbidden_paths': list(
    FORBIDDEN,
    'patterns of paths that no run may change, besides .git, docket.yaml, docket.local.yaml and the queues: what would run code of its own, or change the rules of a tool',
  ),
  'policy.protected_paths': list(
    PROTECTED,
    'patterns of paths that a run may change only when its prompt names the very path in its scope, without a wildcard',
  ),
  'policy.unwatched_paths': list(
    [],
    'patterns of paths that other programs write to while tools run (caches, what a build makes): changes there are neither looked for nor told',
  ),
  'policy.read_only_change': {
    default: 'hold',
    unit: 'choice',
    choices: ['hold', 'tell', 'ignore'],
    security: true,
    why: 'what happens when files changed while a tool ran that may only read, and no sandbox kept it from writing: its answer is held, or the log says it, or nobody looks; tell where people work in the same checkout',
  } as Choice,
  'policy.git_change': {
    default: 'hold',
    unit: 'choice',
    choices: ['hold', 'tell'],
    security: true,
    why: 'what happens when a tool has committed, staged or changed the branch: the prompt is held, or the log and the evidence say it; hooks and configuration are held always',
  } as Choice,
  'worktrees.clean_start': {
    default: false,
    unit: 'bool',
    why: 'a run that may write starts only in a work tree without uncommitted changes; off, because one role goes on where the one before it has written',
  } as const,
  'policy.scope_interval': amount(
    'ms',
    5_000,
    200,
    3_600_000,
    'how often a run that may write is looked at while it goes on, so that one that leaves its scope is ended early',
  ),
  'limits.scope_files': amount(
    'count',
    500_000,
    100,
    10_000_000,
    'files of the working folder, and of each other work tree, that are looked at before and after a run; with more, no tool starts that would have to be looked at (policy.unwatched_paths takes some out)',
  ),
  'limits.scope_hash_bytes': amount(
    'bytes',
    33_554_432,
    1_000,
    1_000_000_000,
    'a larger file has no hash in evidence: that it changed is seen by its times alone',
  ),
  'limits.kept_changes': amount(
    'bytes',
    33_554_432,
    0,
    1_000_000_000,
    'how much of what a run changed against its scope is copied aside, so that a person can look at it',
  ),
} as const;
