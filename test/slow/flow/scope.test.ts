/** A role that may write, and a program that goes beyond its scope in every way there is: each is found, named and kept aside, with the real daemon. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { plainRole } from '#test/support/plain-contract.ts';
import { assertVerified, makeRig, promptText, type Daemon } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const SCOPE = 'scope: { files: ["src/**"], create: ["src/new/**"] }\n';

/** Runner name -> what its program does in the working folder, and what must be said of it. */
const VIOLATIONS: Readonly<Record<string, readonly [script: string, says: RegExp]>> = {
  outside: ['echo x >> README.md', /modify README\.md \(scope\.files and scope\.create of the prompt do not hold it\)/],
  makes: ['echo x > src/other.ts', /create src\/other\.ts \(scope\.create of the prompt does not hold it\)/],
  renames: ['mv src/a.ts src/b.ts', /create src\/b\.ts/],
  deletes: ['rm README.md', /delete README\.md/],
  mode: ['chmod 700 README.md', /mode README\.md/],
  settings: ['echo "# x" >> docket.yaml', /modify docket\.yaml \(nothing may change docket\.yaml\)/],
  protects: ['echo x > AGENTS.md', /create AGENTS\.md \(.*is protected/],
  ignored: ['mkdir -p build && echo x > build/out.js', /create build\/out\.js/],
  links: [
    'mkdir -p src/new && ln -s /etc/passwd src/new/p',
    /create src\/new\/p \(a link that leads out of the working folder, to \/etc\/passwd\)/,
  ],
  'hard-links': ['mkdir -p src/new && ln ../secret.txt src/new/s', /create src\/new\/s \(a hard link/],
  'look-alike': ['mkdir -p src/new && printf x > src/new/$(printf "a\\314\\210.ts")', /letters are not composed/],
  twin: ['mkdir -p src/new && printf x > src/new/Q.ts && printf x > src/new/q.ts', /some systems take it for src\/new\/[qQ]\.ts/],
  commits: ['echo x >> src/a.ts && git -c user.name=a -c user.email=a@b commit -qam x', /refs\/heads\/main \(a commit was made/],
  branches: ['git checkout -q -b other', /\.git: HEAD \(another branch/],
  stages: ['echo x >> src/a.ts && git add src/a.ts', /\.git: index \(something was staged, by stages\)/],
  hooks: ['printf "#!/bin/sh\\n" > .git/hooks/pre-commit', /\.git: hooks\/pre-commit \(a hook of git/],
  config: ['git config core.hooksPath /tmp/x', /\.git: config \(the configuration of git was changed\)/],
  sibling: ['echo x > ../side/there.txt', /create \/.*\/side\/there\.txt \(another work tree of this repository\)/],
};

describe('a run is held to its scope', () => {
  const rig = makeRig({ after }, settingsWith([]));
  let daemon: Daemon;
  const git = (...args: string[]): string => {
    const done = spawnSync('git', ['-C', rig.root, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      env: rig.env,
      encoding: 'utf8',
    });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };
  const reset = (): void => {
    for (const args of [
      ['checkout', '-q', '-f', 'main'],
      ['reset', '-q', '--hard', 'base'],
      ['clean', '-qfdx', '-e', 'queues', '-e', 'agents'],
    ])
      git(...args);
    for (const name of ['pre-commit'])
      spawnSync('rm', ['-f', path.join(rig.root, '.git/hooks', name), path.join(rig.base, 'side/there.txt')]);
    spawnSync('git', ['-C', rig.root, 'config', '--unset', 'core.hooksPath']);
  };

  before(async () => {
    rig.settings(
      settingsWith(
        [
          shellRunner('inside', 'mkdir -p src/new && echo two >> src/a.ts && echo new > src/new/n.ts && echo "# Done"'),
          shellRunner('read', 'echo x >> README.md; echo "# Read"'),
          shellRunner('look', 'cat README.md > /dev/null; echo "# Read"'),
          shellRunner('long', 'echo x > README.md; echo "# Begun"; exec sleep 600'),
          shellRunner(
            'waits',
            `touch ${rig.base}/begun; until test -e ${rig.base}/go; do sleep 0.05; done; echo x > README.md; echo "# Done"`,
          ),
          ...Object.entries(VIOLATIONS).map(([name, [script]]) => shellRunner(name, `${script}; echo "# Done"`)),
          ...['one', 'two'].map((name) =>
            shellRunner(
              name,
              `mkdir ${rig.base}/writes && mkdir -p src/new/${name} && echo x > src/new/${name}/a && rmdir ${rig.base}/writes && echo "# Done"`,
            ),
          ),
        ],
        'policy: { scope_interval: 200ms }\n',
      ),
    );
    const role = plainRole('04-integration').replace('access: read-only', 'access: worktree');
    mkdirSync(path.join(rig.root, 'agents/04-integration'), { recursive: true });
    writeFileSync(path.join(rig.root, 'agents/04-integration/role.yaml'), role);
    mkdirSync(path.join(rig.root, 'src'));
    writeFileSync(path.join(rig.root, 'src/a.ts'), 'one\n');
    writeFileSync(path.join(rig.root, 'README.md'), 'read me\n');
    writeFileSync(path.join(rig.root, '.gitignore'), 'build/\nqueues/\n');
    writeFileSync(path.join(rig.base, 'secret.txt'), 'outside\n');
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-qm', 'first');
    git('tag', 'base');
    git('worktree', 'add', '-q', '-b', 'side', path.join(rig.base, 'side'));
    daemon = await rig.start();
  });
  after(async () => daemon.stop());

  let number = 0;
  const drop = (runner: string, scope = SCOPE, agent = 'integration', folder = '04-integration'): string => {
    const stem = `p${String(++number)}-${runner}`;
    rig.drop(`${stem}.md`, promptText({ feature: `SCOPE-${String(number)}`, agent, extra: `runner: ${runner}\n${scope}` }), folder);
    return stem;
  };
  const page = (stem: string, folder = '04-integration'): string => rig.read(path.join(rig.out(folder), `${stem}_error.md`));
  /** What the attempts left goes there after the file in in/ has its last name. */
  const archived = async (id: string): Promise<string> => {
    const work = path.join(rig.queues, '04-integration/work');
    await rig.until(work, () => !readdirSync(work).some((name) => name.includes(id)), `${id} out of work/`);
    const archive = path.join(rig.queues, '04-integration/archive');
    const month = readdirSync(archive).find((name) => /^\d{4}-\d\d$/.test(name)) ?? '';
    return path.join(archive, month, id);
  };

  test('what the prompt allows is answered, and every file that changed stands in the evidence with its hash', async () => {
    const stem = drop('inside');
    await rig.ended(stem, 'processed', '04-integration');
    const { predicate } = rig.evidence(stem, '04-integration');
    assert.deepEqual(
      new Map(predicate.filesChanged.map(({ path: file, change }) => [file, change])),
      new Map([['src/a.ts', 'modify'], ['src/new/n.ts', 'create']]), // prettier-ignore
    );
    const sum = createHash('sha256')
      .update(readFileSync(path.join(rig.root, 'src/a.ts')))
      .digest('hex');
    assert.equal(predicate.filesChanged.find(({ path: file }) => file === 'src/a.ts')?.sha256, sum);
    assert.deepEqual(
      { ...predicate.scope, sha256: '' },
      { access: 'worktree', files: ['src/**'], create: ['src/new/**'], sha256: '', check: 'changes' },
    );
    assert.match(rig.git('show', 'HEAD~1:SCOPE-1/04-integration/prompt_v1.md'), /scope:/);
  });

  for (const [name, [, says]] of Object.entries(VIOLATIONS))
    test(`${name}: found, named, kept aside, and never tried again`, async () => {
      reset();
      const stem = drop(name);
      await rig.ended(stem, 'held', '04-integration');
      const words = page(stem);
      assert.match(words, says);
      assert.match(words, /class: policy-violation/);
      const id = /job: ([a-z2-7]{16})/.exec(words)?.[1] ?? '';
      const kept = await archived(id);
      const told = JSON.parse(readFileSync(path.join(kept, 'a1-changes.json'), 'utf8')) as {
        readonly findings: readonly unknown[];
        readonly copies: readonly { readonly copy: string }[];
      };
      assert.ok(told.findings.length > 0);
      for (const file of readdirSync(kept)) assert.equal(statSync(path.join(kept, file)).mode & 0o777, 0o600, file);
      assert.equal(readFileSync(path.join(kept, 'a1-answer'), 'utf8'), '# Done\n');
      assert.match(rig.run(['why', stem]).out, /changed what it may not/);
      assert.ok(!readdirSync(kept).some((file) => file.startsWith('a2-')), 'a second attempt was made');
    });

  test('the copies and the diff are what the run left, and nothing was put back', async () => {
    reset();
    const stem = drop('outside');
    await rig.ended(stem, 'held', '04-integration');
    const kept = await archived(/job: ([a-z2-7]{16})/.exec(page(stem))?.[1] ?? '');
    assert.equal(readFileSync(path.join(kept, 'a1-changed-001'), 'utf8'), 'read me\nx\n');
    assert.match(readFileSync(path.join(kept, 'a1-changes.diff'), 'utf8'), /\+x\n/);
    assert.equal(rig.read(path.join(rig.root, 'README.md')), 'read me\nx\n');
  });

  test('a run that goes on is ended when it leaves its scope', async () => {
    reset();
    const stem = drop('long');
    await rig.ended(stem, 'held', '04-integration');
    assert.match(page(stem), /modify README\.md/);
  });

  test('two runs that write in one folder go one after the other, and are each held to their own scope', async () => {
    reset();
    const [one, two] = ['one', 'two'].map((name) => drop(name, `scope: { create: ["src/new/${name}/**"] }\n`));
    await rig.ended(one ?? '', 'processed', '04-integration');
    await rig.ended(two ?? '', 'processed', '04-integration');
    const changed = (stem = ''): readonly string[] =>
      rig.evidence(stem, '04-integration').predicate.filesChanged.map((change) => change.path);
    assert.deepEqual([changed(one), changed(two)], [['src/new/one/a'], ['src/new/two/a']]);
  });

  test('a run that outlived its daemon is held to what was there before it began', async () => {
    reset();
    const stem = drop('waits');
    await rig.until(rig.base, () => existsSync(path.join(rig.base, 'begun')), 'a run');
    await daemon.kill();
    writeFileSync(path.join(rig.base, 'go'), '');
    daemon = await rig.start();
    await rig.ended(stem, 'held', '04-integration');
    assert.match(page(stem), /modify README\.md/);
  });

  /** The one that `waits`, ended while no daemon runs, and what is then in its a1/. */
  const endedAlone = async (stem: string): Promise<string> => {
    for (const name of ['begun', 'go']) rmSync(path.join(rig.base, name), { force: true });
    drop('waits');
    await rig.until(rig.base, () => existsSync(path.join(rig.base, 'begun')), 'a run');
    await daemon.kill();
    const work = path.join(rig.queues, '04-integration/work');
    const [job = ''] = readdirSync(work).filter((name) => existsSync(path.join(work, name, 'a1/before.json')));
    const dir = path.join(work, job, 'a1');
    writeFileSync(path.join(rig.base, 'go'), '');
    await rig.until(dir, () => existsSync(path.join(dir, 'exit.json')), `the end of ${stem}`);
    writeFileSync(path.join(dir, 'changes.json'), '');
    return dir;
  };

  test('a look that a kill cut short is made again', async () => {
    reset();
    const stem = `p${String(number + 1)}-waits`;
    await endedAlone(stem);
    daemon = await rig.start();
    await rig.ended(stem, 'held', '04-integration');
    assert.match(page(stem), /modify README\.md/);
  });

  test('when a power cut took the look before the run as well, the job ends and its evidence says that nobody could look', async () => {
    reset();
    const stem = `p${String(number + 1)}-waits`;
    const dir = await endedAlone(stem);
    writeFileSync(path.join(dir, 'before.json'), '{"v":1,');
    daemon = await rig.start();
    await rig.ended(stem, 'processed', '04-integration');
    assert.match(rig.evidence(stem, '04-integration').predicate.scope?.check ?? '', /^none: what was there before the run is not known/);
  });

  test('a role that may only read is held when files changed, and not when none did', async () => {
    reset();
    const good = drop('look', '', 'architect', '01-architect');
    await rig.ended(good, 'processed');
    assert.equal(rig.evidence(good).predicate.scope?.check, 'changes');
    const bad = drop('read', '', 'architect', '01-architect');
    await rig.ended(bad, 'held');
    assert.match(page(bad, '01-architect'), /README\.md \(this role may change nothing \(access: read-only\)\)/);
  });

  test('a scope that asks for what is forbidden is rejected with words and line', async () => {
    const stem = drop('inside', 'scope: { files: ["{..,docs}/x/**", ".git/hooks/*"], create: [".github/**"] }\n');
    await rig.ended(stem, 'rejected', '04-integration');
    const words = page(stem);
    assert.match(words, /scope\.files\*\* \(line 8, column \d+\): .*leaves the repository/);
    assert.match(words, /asks for what is forbidden: nothing may change \*\*\/\.git/);
    assert.match(words, /asks for what is protected with a wildcard/);
  });

  test('the history holds together', () => {
    assertVerified(rig);
  });
});
