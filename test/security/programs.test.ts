/**
 * Every place of the product that can start a program, with the reason why it may: whoever adds one adds a row, and somebody reviews it.
 * Found by walking the tokens of the source, so a comment or a text that only speaks of `spawn` is none. A row that matches nothing any more is a fault too.
 */

import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { importsOf, tokensOf, type Token } from '#test/support/imports.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NOT_PRODUCT = new Set(['bench', 'dist', 'docs', 'node_modules', 'queues', 'schemas', 'scripts', 'test']);
const rooms = readdirSync(ROOT).filter(
  (name) => !name.startsWith('.') && !NOT_PRODUCT.has(name) && statSync(path.join(ROOT, name)).isDirectory(),
);
const SOURCES = globSync(`{${rooms.join(',')}}/**/*.{ts,js,mjs}`, { cwd: ROOT }).map((file) => file.replaceAll(path.sep, '/'));
const tokens: ReadonlyMap<string, readonly Token[]> = new Map(
  SOURCES.map((file) => [file, tokensOf(readFileSync(path.join(ROOT, file), 'utf8'))]),
);

/** The only files that import node:child_process or execa: what they start, how often they do, and what bounds it. */
const DOORS: Readonly<Record<string, readonly [calls: number, reason: string]>> = {
  'platform/ask.ts': [
    1,
    'a short question (versions, git facts): argument array, small environment, 1 MB of output, ended at its deadline',
  ],
  'platform/attached.ts': [
    1,
    "on the person's own terminal, because the person asked: their editor (`docket add` without a text), tmux, the iTerm2 script, their own session with a tool (docs/panes.md)",
  ],
  'platform/event-program.ts': [
    1,
    "a person's own program of hooks/events/, switched on by a committed setting: only a file of the user in folders nobody else writes, time limit on its group",
  ],
  'platform/git-hooks.ts': [
    1,
    'git facts for the hooks of the code repository (staged blobs, the commits of a push), -z and argument arrays, no hooks',
  ],
  'platform/git-work.ts': [
    1,
    'commands of git in a person’s repository (worktrees, branches), which a person’s verb asks for: execa, argument array, deadline',
  ],
  'platform/git-tree.ts': [1, 'git ls-tree of a commit: the second opinion of verify'],
  'platform/git-packs.ts': [1, 'git pack-objects and commit-graph on the history repository, no hooks, no configuration of a person'],
  'platform/piped-child.ts': [1, 'an agent that speaks ACP, started by docket’s own client inside the keeper’s run'],
  'platform/process-facts.ts': [2, 'ps and sysctl where there is no /proc, with a deadline'],
  'platform/process-memory.ts': [1, 'ps where there is no /proc, with a deadline'],
  'platform/process.ts': [
    3,
    'a run of a tool behind a fixed gate (/bin/sh reads one line, then execs the program: its words are arguments, never text of the script), and detached starts of docket itself',
  ],
  'platform/setup-program.ts': [
    1,
    'a command of worktrees.setup, which the committed docket.yaml of the base branch names, in a work tree that a person asks for: argument array, time limit on its group',
  ],
};

/** Who is handed such a door, or opens one. */
const HANDED: Readonly<Record<string, string>> = {
  'agents/attempt.ts': 'the one place where an answer is asked for: the keeper starts what the runner planned',
  'agents/probe-call.ts': '`docket tool probe`, called by a person',
  'agents/runners/profile.ts': 'asks a tool whether it is logged in, with the fixed arguments of its profile',
  'cli/acp-call.ts': 'the program that speaks ACP to an agent: the keeper starts it',
  'cli/attach-interactive.ts': "`docket attach --interactive`: a person's own session with the role's tool",
  'cli/checkpoint.ts':
    'checkpoint.command and checkpoint.time_stamp, which docket.yaml names and a person asks for: argument arrays, a deadline',
  'cli/code.ts': 'git facts of the code that a verdict or a closing is about',
  'cli/committed.ts': 'git cat-file: docket.yaml as it was committed',
  'cli/compose.ts': 'the editor',
  'cli/detached.ts': 'starts docket itself in the background',
  'cli/doctor.ts': 'git --version, git fsck',
  'cli/export.ts': 'git notes in the code repository, when a person asks for --format git-notes',
  'cli/init.ts': 'git facts of the code repository',
  'cli/keeper-door.ts': 'starts the keeper, which is docket itself',
  'cli/keeper-serve.ts': 'the keeper: owns the running tools',
  'cli/panes-iterm.ts': 'scripts/iterm_work_on_feature.py, for `docket panes --iterm`',
  'cli/panes-tmux.ts': 'tmux, for `docket panes`',
  'cli/parts.ts': 'hands it to runners for versions and logins',
  'cli/person.ts': 'git config: who the person is, and the key that signs a verdict',
  'cli/review-docket.ts': 'git cat-file and status: the changed files that a person is shown',
  'cli/review-edit.ts': 'the editor, for the comment of a verdict',
  'cli/start-ports.ts': 'git status of the code repository, for evidence',
  'cli/tool-probe.ts': '`docket tool probe`, called by a person',
  'cli/up-all.ts': 'git worktree list: the other workspaces of the application that a person is in',
  'cli/verify.ts': 'openssl ts -verify, for the time stamp of a checkpoint',
  'platform/git-configuration.ts': 'git config --list of the file of the history repository',
  'cli/worktree-ports.ts': 'git in the repository of a person’s code: making work trees, facts of them, taking them away, as a person asks',
  'tools/keeper-run.ts': 'inside the keeper: starts one planned program',
  'tools/program.ts': '<program> --version',
  'tools/run-tool.ts': 'a static check or a test, never an AI tool',
  'tools/sandbox.ts': 'tries whether the sandbox works here',
};

/** What docket may ask of git. None of them changes a branch, a work tree or another repository. */
const GIT_VERBS: readonly string[] = ['cat-file', 'commit-graph', 'config', 'fsck', 'pack-objects', 'rev-parse', 'status'];
/** `git help --all` without those above: a text that is one of them, in a file that calls git, is a call of it. */
const OTHER_GIT_VERBS = new Set(
  'add am apply bisect branch bundle checkout cherry-pick clean clone commit commit-tree daemon fast-import fetch filter-branch format-patch gc init maintenance merge mv notes prune pull push rebase receive-pack remote replace repack reset restore revert rm send-email send-pack stash submodule switch symbolic-ref tag update-index update-ref upload-pack worktree write-tree'.split(
    ' ',
  ),
);

/**
 * What the commands of a person's repository (room worktrees) may be: none sends anything out, or takes a change back. `add` is `git worktree add`, and with
 * write-tree and commit-tree the keeping of a whole tree through a private index (worktrees/snapshot.ts): no branch ever has that commit.
 */
const WORK_VERBS: readonly string[] = [
  'add',
  'branch',
  'commit-tree',
  'fetch',
  'remote',
  'symbolic-ref',
  'update-ref',
  'worktree',
  'write-tree',
];

/** Beside them, in one file each: `git notes add` to docket's own ref, opt-in, on a person's word. */
const OWN_VERBS: Readonly<Record<string, readonly string[]>> = {
  'platform/git-notes.ts': ['notes', 'add'],
  // Of a work tree whose making was killed, before anybody was given it.
  'worktrees/mend.ts': ['checkout'],
  // `docket fix`, a person's verb, claims an issue for its team by a branch that points to a commit the remote has already (streams.claim).
  'worktrees/claims.ts': ['push'],
  // A field of an issue.
  'worktrees/issue-log.ts': ['tag'],
};

const at = (all: readonly Token[], index: number): string => all[index]?.text ?? '';
const isCall = (all: readonly Token[], index: number): boolean =>
  at(all, index + 1) === '(' && !['.', 'function'].includes(at(all, index - 1));
const filesWhere = (has: (all: readonly Token[], index: number) => boolean): string[] =>
  SOURCES.filter((file) => tokens.get(file)?.some((_token, index, all) => has(all, index)) === true).toSorted();
const isWord = (all: readonly Token[], index: number, words: readonly string[]): boolean =>
  all[index]?.kind === 'word' && words.includes(at(all, index));
const isText = (all: readonly Token[], index: number, pattern: RegExp): boolean =>
  all[index]?.kind === 'text' && pattern.test(at(all, index));

const callsKeeper = (all: readonly Token[], index: number): boolean =>
  at(all, index) === 'keeper' && at(all, index + 1) === '.' && at(all, index + 2) === 'start';
const shellOption = (all: readonly Token[], index: number): boolean => at(all, index) === 'shell' && at(all, index + 1) === ':';
const isCode = (all: readonly Token[], index: number): boolean =>
  (isWord(all, index, ['eval', 'Function']) && (at(all, index + 1) === '(' || at(all, index - 1) === 'new')) ||
  isText(all, index, /^(?:node:)?vm$/);

suite('programs', () => {
  test('are started in the files of the list only, as often as it says', () => {
    const starters = ['execa', 'spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'];
    const importing = SOURCES.filter((file) =>
      importsOf(readFileSync(path.join(ROOT, file), 'utf8')).some(
        ({ from, isType }) => !isType && (from?.endsWith('child_process') === true || from === 'execa'),
      ),
    );
    assert.deepEqual(importing.toSorted(), Object.keys(DOORS).toSorted(), 'a new door: review it, and give it a row with its reason');
    for (const [file, [calls]] of Object.entries(DOORS)) {
      const all = tokens.get(file) ?? [];
      assert.equal(
        all.filter((_one, index) => isWord(all, index, starters) && isCall(all, index)).length,
        calls,
        `${file}: another start of a program`,
      );
    }
  });

  test('are asked for by those of the list only', () => {
    const handles = ['askProgram', 'makeGitWork', 'makeProcesses', 'runAttached', 'startPiped', 'startDetached'];
    const isAsked = (all: readonly Token[], index: number): boolean =>
      isWord(all, index, handles) ||
      (isWord(all, index, ['start']) &&
        at(all, index - 1) === '.' &&
        at(all, index + 1) === '(' &&
        ['keeper', 'processes'].includes(at(all, index - 2))) ||
      (isWord(all, index, ['ask']) && at(all, index - 1) === '.' && at(all, index + 1) === '(' && at(all, index - 2) === 'ports');
    const found = filesWhere(isAsked).filter((file) => DOORS[file] === undefined);
    assert.deepEqual(
      found,
      Object.keys(HANDED).toSorted(),
      'somebody new can start a program: review it, and give it a row with its reason',
    );
  });

  test('that answer are started by one file, through the keeper', () => {
    assert.deepEqual(filesWhere(callsKeeper), ['agents/attempt.ts', 'tools/run-tool.ts']);
  });

  test('get no shell: no shell option, and sh only as the fixed gate and to leave an exit code', () => {
    // Words for a language and for a completion, not options of a start.
    assert.deepEqual(filesWhere(shellOption), ['agents/check-answer.ts', 'cli/completion.ts']);
    assert.deepEqual(
      filesWhere((all, index) => isText(all, index, /^(?:\/(?:usr\/)?bin\/)?(?:ba|da|z|k)?sh$/)).filter(
        (file) => !/^(?:agents\/check-answer|cli\/completion)/.test(file),
      ),
      ['platform/end-process.ts', 'platform/process.ts'],
    );
  });

  test('are never sudo, a container’s or a system’s', () => {
    const names =
      /^(?:.*\/)?(?:sudo|doas|su|pkexec|docker|podman|nerdctl|kubectl|nsenter|chroot|systemctl|systemd-run|service|crontab|at|launchctl|ssh|scp|curl|wget|nc)$/;
    // What its sandbox forbids, by name; a value of git's gpg.format.
    const allowed = new Set(['tools/sandbox-macos.ts', 'cli/person.ts']);
    const found = filesWhere((all, index) => isText(all, index, names) && !['at', 'service'].includes(at(all, index)));
    assert.deepEqual(found.filter((file) => !allowed.has(file)), []); // prettier-ignore
    // docket's own verb of that name, which asks nobody to start a program (above).
    const verb = filesWhere((all, index) => isText(all, index, /^service$/));
    assert.deepEqual(verb, ['cli/service.ts', 'cli/verbs.ts']);
    assert.equal(HANDED['cli/service.ts'], undefined);
  });

  test('that are git do what the list says, and no push, commit, merge or checkout', () => {
    // There it is the namespace of a signature.
    const callers = filesWhere((all, index) => isText(all, index, /^git$/)).filter((file) => file !== 'history/ssh-signature.ts');
    const verbs = new Set<string>();
    for (const file of callers)
      for (const { kind, text } of tokens.get(file) ?? []) {
        if (kind !== 'text') continue;
        assert.ok(!OTHER_GIT_VERBS.has(text) || OWN_VERBS[file]?.includes(text) === true, `${file} asks git for ${text}`);
        if (GIT_VERBS.includes(text)) verbs.add(text);
      }
    assert.deepEqual([...verbs].toSorted(), GIT_VERBS);
    assert.ok(
      callers.every((file) => file.startsWith('platform/git')),
      callers.join(),
    );
  });

  test('of git in the room of worktrees are those of the list', () => {
    // `replace` is a method of Fs.
    const found = SOURCES.filter((file) => file.startsWith('worktrees/')).flatMap((file) =>
      (tokens.get(file) ?? [])
        .filter(
          ({ kind, text }) =>
            kind === 'text' && OTHER_GIT_VERBS.has(text) && ![...WORK_VERBS, ...(OWN_VERBS[file] ?? []), 'replace'].includes(text),
        )
        .map(({ text }) => `${file} asks git for ${text}`),
    );
    assert.deepEqual(found, []);
  });

  test('of isomorphic-git nothing that reaches another repository or a work tree is used', () => {
    const reaching = ['push', 'pull', 'fetch', 'clone', 'checkout', 'merge', 'commit', 'addRemote', 'cherryPick', 'stash'];
    const uses = (all: readonly Token[], index: number): boolean =>
      isWord(all, index, reaching) && at(all, index - 1) === '.' && ['git', 'isomorphic'].includes(at(all, index - 2));
    assert.deepEqual(filesWhere(uses), []);
  });
});

test('no text becomes code: no eval, no Function, no vm, no import of a computed name', () => {
  assert.deepEqual(filesWhere(isCode), []);
  const computed = SOURCES.filter((file) => importsOf(readFileSync(path.join(ROOT, file), 'utf8')).some(({ from }) => from === null));
  // Their own entries, as sources or as built.
  assert.deepEqual(computed.toSorted(), ['bin/start.js', 'hooks/run.js']);
});
