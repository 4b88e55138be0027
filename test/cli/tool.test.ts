/** `docket tool`: list, show and check; and probe, with tools of many shapes that are shell scripts. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { runCli, type CliAnswer } from '#test/support/cli.ts';
import { DOCKET } from '#test/support/rig.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const CANARY = 'canary-value-of-somebody-else';

type Stub = {
  readonly help: string;
  /** Shell: what it does with a prompt; `$answer` is the joined words of `$prompt`. */
  readonly act: string;
  /** Shell: puts the prompt into `$prompt`. */
  readonly prompt?: string;
};
type Rig = {
  readonly root: string;
  readonly tool: string;
  readonly draft: string;
  readonly calls: () => string;
  readonly run: (...args: string[]) => Promise<CliAnswer>;
  readonly env: Record<string, string>;
};

const STDIN = 'prompt=$(cat)';
const LAST = 'for prompt in "$@"; do :; done';

async function makeRig(t: TestContext, { help, act, prompt = STDIN }: Stub = { help: '', act: '' }): Promise<Rig> {
  const root = await temporaryFolder(t);
  writeFileSync(path.join(root, 'docket.yaml'), 'app: app\nrunner: offline\n');
  const bin = path.join(root, 'bin');
  mkdirSync(bin);
  const tool = path.join(bin, 'stub');
  writeFileSync(path.join(bin, 'help'), help);
  writeFileSync(
    tool,
    `#!/bin/sh
case "$*" in --version) echo 'stub 1.2.3'; exit ;; --help) cat '${bin}/help'; exit ;; *--help) cat '${bin}/help.'"$1"; exit ;; esac
echo "call: $*" >> '${bin}/calls'
env > '${bin}/env'
pwd >> '${bin}/env'
${prompt}
answer=$(printf '%s\\n' "$prompt" | sed -n 's/.*joined by a hyphen: \\([^ ]*\\) \\([^ ]*\\)$/\\1-\\2/p')
case "$*" in *docket-no-such-model*) wrong=1 ;; esac
${act}
`,
  );
  chmodSync(tool, 0o755);
  const env: Record<string, string> = { PATH: `${bin}:/usr/bin:/bin`, HOME: root, SOMEBODY_API_KEY: CANARY };
  return {
    root,
    tool,
    env,
    draft: path.join(root, 'agents', 'tools', 'stub.yaml.draft'),
    calls: () => (existsSync(path.join(bin, 'calls')) ? readFileSync(path.join(bin, 'calls'), 'utf8') : ''),
    run: async (...args) => runCli(['tool', ...args], { cwd: root, env }),
  };
}

const HELP = `Usage: stub [options] [prompt]

Options:
  -p, --print               Print the answer and exit (non-interactive)
  --output-format <format>  "text", "json" or "stream-json"
  --verbose                 Say more
  --yolo                    Allow everything
  --model <model>           The model
  --permission-mode <mode>  (choices: "acceptEdits", "bypassPermissions", "default", "plan")
`;

type Told = { readonly answered: boolean; readonly prompt: string; readonly reads_answer: boolean; readonly reads_error: string | null; readonly usage: readonly string[]; readonly trials: readonly unknown[] }; // prettier-ignore

async function probed(rig: Rig, ...args: string[]): Promise<{ readonly told: Told; readonly draft: string }> {
  const { out, err, code } = await rig.run('probe', 'stub', '--yes', '--json', ...args);
  assert.equal(code, 0, `${out}${err}`);
  const checked = await rig.run('check', rig.draft);
  assert.equal(checked.code, 0, checked.out);
  return { told: JSON.parse(out) as Told, draft: readFileSync(rig.draft, 'utf8') };
}

test('text on standard input: all of the output is the answer, and an error is known by its exit code and words', async (t) => {
  const rig = await makeRig(t, {
    help: 'Usage: stub\n\nOptions:\n  -m, --model <name>  which model\n',
    act: '[ -n "$wrong" ] && { echo "model not found" >&2; exit 4; }\necho "$answer"',
  });
  const { told, draft } = await probed(rig);
  assert.deepEqual([told.prompt, told.reads_answer, told.reads_error, told.trials.length], ['stdin', true, 'refused', 1]);
  assert.match(draft, /^ {2}format: text$/m);
  assert.match(draft, /exit: \[4\], words: true/);
  assert.match(draft, /^# NOT SEEN: its help offers nothing that docket knows for how much it may do/m);
});

test('one JSON document, with the prompt as an argument', async (t) => {
  const rig = await makeRig(t, {
    help: 'Options:\n  --prompt TEXT     run non-interactively with this prompt\n  --format FORMAT   text or json\n  --model NAME      the model\n',
    prompt: LAST,
    act: `case "$*" in *--prompt*) ;; *) echo 'no prompt' >&2; exit 2 ;; esac
prompt=$(printf '%s' "$*" | tr '\\n' ' ')
answer=$(printf '%s' "$prompt" | sed -n 's/.*joined by a hyphen: \\([^ ]*\\) \\([^ ]*\\) .*/\\1-\\2/p')
[ -n "$wrong" ] && { echo '{"error":{"message":"no such model","status":404}}'; exit 1; }
printf '{"response":"%s","stats":{"prompt_tokens":12,"completion_tokens":3},"session_id":"s1","model":"m1"}' "$answer"`,
  });
  const { told, draft } = await probed(rig);
  assert.deepEqual([told.prompt, told.reads_answer], ['argument', true]);
  assert.deepEqual(told.usage, ['inputTokens', 'outputTokens']);
  assert.match(draft, /^args: \[--format, json, --prompt, "\{prompt\}"\]$/m);
  assert.match(draft, /answer: \[\{ at: \/response \}\]/);
  assert.match(draft, /at: \/error\/message/);
});

test('JSON lines in pieces behind a verb: the pieces are joined, the last event is the end', async (t) => {
  const rig = await makeRig(t, {
    help: 'Commands:\n  stub run [message..]   run with a message\n\nOptions:\n  -h, --help  show help\n',
    act: `[ "$1" = run ] || { sleep 0; exit 3; }
half=$(printf '%s' "$answer" | cut -c1-9); rest=$(printf '%s' "$answer" | cut -c10-)
echo 'loading…'
printf '{"type":"start","sessionID":"s1"}\\n{"type":"text","delta":true,"part":{"text":"%s"}}\\n{"type":"text","delta":true,"part":{"text":"%s"}}\\n' "$half" "$rest"
echo '{"type":"done","cost":0.01,"tokens":{"input":5,"output":6,"cache":{"read":7,"write":8}}}'`,
  });
  writeFileSync(path.join(path.dirname(rig.tool), 'help.run'), 'Options:\n  --json   print events as JSON lines\n');
  const { told, draft } = await probed(rig);
  assert.deepEqual([told.prompt, told.reads_answer, told.reads_error], ['stdin', true, null]);
  assert.match(draft, /^args: \[run, --json\]$/m);
  assert.match(draft, /end: \{ type: done \}/);
  assert.match(draft, /answer: \[\{ where: \{ type: text \}, at: \/part\/text, take: join \}\]/);
  assert.match(draft, /cache_read_tokens: \[\{ where: \{ type: done \}, at: \/tokens\/cache\/read \}\]/);
  assert.match(draft, /cost_usd: \[\{ where: \{ type: done \}, at: \/cost \}\]/);
  assert.match(draft, /^ {2}# NOT SEEN: an error/m);
});

test('a switch and a variable that the tool itself asks for are given, a dangerous one never', async (t) => {
  const rig = await makeRig(t, {
    help: HELP,
    act: `case "$*" in *--verbose*) ;; *) echo 'stream-json requires --verbose (or --yolo)' >&2; exit 1 ;; esac
[ -z "$ELSEWHERE_API_KEY" ] && { echo 'set ELSEWHERE_API_KEY first' >&2; exit 1; }
[ -n "$wrong" ] && { printf '{"type":"start"}\\n{"type":"result","is_error":true,"result":"429 too many requests for %s"}\\n' "$ELSEWHERE_API_KEY"; exit 0; }
printf '{"type":"start"}\\n{"type":"result","is_error":false,"result":"%s"}\\n' "$answer"`,
  });
  const key = ['elsewhere', 'key', '123456'].join('-');
  Object.assign(rig.env, { ELSEWHERE_API_KEY: key, ELSEWHERE_BASE_URL: 'http://127.0.0.1:1' });
  const { told, draft } = await probed(rig);
  assert.equal(told.reads_error, 'rate-limited');
  assert.match(draft, /^# LOOK: the tool itself asked for --verbose\./m);
  assert.doesNotMatch(draft + rig.calls(), /--yolo|bypass/);
  assert.match(draft, /token_env: \[ELSEWHERE_API_KEY\]/);
  assert.match(draft, /^pass_env: \[ELSEWHERE_BASE_URL\]$/m);
  assert.match(draft, /read-only: \{ args: \[--permission-mode, default\] \}/);
  assert.ok(!draft.includes(key));
});

test('what only repeats the prompt has not answered; the draft says so, and is written all the same', async (t) => {
  const rig = await makeRig(t, { help: HELP, act: 'printf "%s" "$prompt"' });
  const { code, out } = await rig.run('probe', 'stub', '--yes');
  assert.equal(code, 1, out);
  assert.match(out, /^no answer +in \d+ tries/);
  assert.match(readFileSync(rig.draft, 'utf8'), /^# NOT SEEN: an answer\. All of standard output/m);
  const count = rig.calls().match(/^call:/gm)?.length ?? 0;
  assert.ok(count > 2 && count <= 12, String(count));
  assert.equal((await rig.run('check', rig.draft)).code, 0);
});

test('a tool that nobody is logged in with is not asked in every way there is, and it is said what helps', async (t) => {
  const rig = await makeRig(t, { help: HELP, act: 'echo "Not logged in. Please run /login" >&2; exit 1' });
  const { code, out } = await rig.run('probe', 'stub', '--yes');
  assert.equal(code, 1);
  assert.match(out, /in 2 tries[\s\S]*nobody is logged in: --own-login/);
});

test('the tool gets an empty folder and home and nothing of others, and what it leaves running is ended', async (t) => {
  const rig = await makeRig(t, {
    help: HELP,
    act: 'setsid sleep 600 > /dev/null 2>&1 &\necho $! > "$(dirname "$0")/child"\necho "$answer"',
  });
  await probed(rig, '--model', 'small');
  const given = readFileSync(path.join(path.dirname(rig.tool), 'env'), 'utf8');
  assert.ok(!given.includes(CANARY));
  const home = /^HOME=(.*)$/m.exec(given)?.[1] ?? '';
  assert.ok(home !== rig.root && home.includes('docket-probe-') && !existsSync(path.dirname(home)), home);
  const child = readFileSync(path.join(path.dirname(rig.tool), 'child'), 'utf8').trim();
  const stat = existsSync(`/proc/${child}/stat`) ? readFileSync(`/proc/${child}/stat`, 'utf8') : '';
  assert.ok(stat === '' || / [ZX] /.test(stat), stat);
});

test('nothing is sent and nothing written where nobody can be asked, nor over a draft that is there', async (t) => {
  const rig = await makeRig(t, { help: HELP, act: 'echo "$answer"' });
  const asked = await rig.run('probe', 'stub');
  assert.equal(asked.code, 2);
  assert.match(asked.err, /may cost money[\s\S]*say --yes/);
  assert.deepEqual([rig.calls(), existsSync(rig.draft)], ['', false]);
  await probed(rig);
  const again = await rig.run('probe', 'stub', '--yes');
  assert.equal(again.code, 2);
  assert.match(again.err, /is there already/);
  assert.equal((await rig.run('probe', 'nobody-knows-it', '--yes')).code, 3);
  const active = await rig.run('probe', 'stub', '--yes', '--out', 'agents/tools/stub.yaml');
  assert.deepEqual([active.code, /would be read at once/.test(active.err)], [2, true]);
});

test('Ctrl-C ends the tool, and leaves neither draft nor folder', async (t) => {
  const rig = await makeRig(t, { help: HELP, act: `echo "$$ $HOME" > "$(dirname "$0")/asks"\nexec sleep 600` });
  const child = spawn(process.execPath, [DOCKET, 'tool', 'probe', 'stub', '--yes'], {
    cwd: rig.root,
    env: rig.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');
  const bin = path.dirname(rig.tool);
  const asks = path.join(bin, 'asks');
  const watcher = watch(bin);
  while (!existsSync(asks) || !readFileSync(asks, 'utf8').endsWith('\n')) await once(watcher, 'change');
  watcher.close();
  child.kill('SIGINT');
  const [code] = (await ended) as [number | null];
  assert.equal(code, 130, said);
  assert.match(said, /stopped; nothing was written/);
  const [pid = '', home = ''] = readFileSync(asks, 'utf8').trim().split(' ');
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  assert.ok(stat === '' || / [ZX] /.test(stat), stat);
  assert.deepEqual([existsSync(rig.draft), existsSync(path.dirname(home))], [false, false]);
});

test('a draft is not active until it is renamed; then it is listed with its file and shown', async (t) => {
  const rig = await makeRig(t, { help: HELP, act: 'echo "$answer"' });
  await probed(rig);
  const before = await rig.run('list');
  assert.doesNotMatch(before.out, /^stub /m);
  assert.match(before.out, /^codex +ai +real 0\.\d+\.\d+ +- +shipped$/m);
  renameSync(rig.draft, rig.draft.replace('.draft', ''));
  assert.match((await rig.run('list')).out, /^stub +ai +probe 1\.2\.3 +1\.2\.3 +agents\/tools\/stub\.yaml$/m);
  const { out, code } = await rig.run('show', 'stub');
  assert.equal(code, 0);
  assert.match(out, /^read-only +stub --print .*--permission-mode default < prompt$/m);
  const unknown = await rig.run('show', 'nobody');
  assert.deepEqual([unknown.code, /there are: .*claude/.test(unknown.err)], [2, true]);
});

test('check tells every fault of a profile at once, each with its line and column', async (t) => {
  const rig = await makeRig(t);
  const file = path.join(rig.root, 'mine.yaml');
  writeFileSync(
    file,
    'id: other\nkind: robot\ntitle: Mine\nprogram: ./mine\ntested: { how: probe }\nlane: mine\nprompt: file\nsurprise: 1\nread: { format: text, answer: [{}] }\n',
  );
  const { out, code } = await rig.run('check', file, '--json');
  assert.equal(code, 1);
  const { faults } = JSON.parse(out) as {
    readonly faults: readonly { readonly code: string; readonly line: number; readonly column: number }[];
  };
  assert.deepEqual(
    faults.map((fault) => [fault.line, fault.column, fault.code]),
    [
      [1, 5, 'tool-id-invalid'],
      [2, 7, 'tool-kind-invalid'],
      [4, 10, 'tool-program-invalid'],
      [7, 9, 'tool-prompt-invalid'],
      [8, 1, 'tool-unknown-key'],
    ],
  );
  assert.match((await rig.run('check', file)).out, /^not valid .*\n {2}line 1, column 5: id: /);
  assert.equal((await rig.run('check', path.join(rig.root, 'docket.txt'))).code, 2);
  assert.equal((await rig.run('check', path.join(rig.root, 'absent.yaml'))).code, 3);
});
