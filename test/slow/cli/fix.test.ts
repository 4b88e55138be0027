/** `docket fix` and `docket work-on --prd` as people use them, with real git: what is taken, what is left, who is told what. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { addCheck } from '#cli/check.ts';
import { addFix } from '#cli/fix.ts';
import { addFound } from '#cli/found.ts';
import { addPreview } from '#cli/preview.ts';
import { makeCodeTree, withRemote, type CodeTree } from '#test/support/worktrees.ts';

const LOG = `# Issues

| # | Title | Severity | Status | Steps |
|---|---|---|---|---|
| 3 | Slow list | low | open | |
| 7 | Totals are wrong: /etc & "x" | high | open | 1. Open the cart<br>2. Add two discounts |
| 8 | Größe fehlt | P1 | open | |
| 9 | Crash | critical | fixed | |
`;
const QUIET = ['--no-panes', '--no-daemon'];
type Data = Record<string, unknown> & { readonly prompt: { readonly path: string | null }; readonly folder: string };

async function place(t: Parameters<typeof makeCodeTree>[0], log = LOG): Promise<CodeTree> {
  const code = await makeCodeTree(t);
  code.write(path.join(code.app, 'docs/issues.md'), log);
  code.git(code.app, 'add', '.');
  code.git(code.app, 'commit', '-q', '-m', 'log');
  return code;
}
async function fix(code: CodeTree, cwd: string, ...args: string[]): Promise<{ code: number; data: Data; err: string }> {
  const said = await code.run(cwd, addFix, 'fix', ...args, ...QUIET, '--json');
  return { code: said.code, data: (said.out === '' ? {} : JSON.parse(said.out)) as Data, err: said.err };
}

describe('docket fix', () => {
  test('takes the most severe, then the next; what is taken is shown with who has it', async (t) => {
    const code = await place(t);
    const first = await fix(code, code.app);
    assert.equal(first.code, 0, first.err);
    assert.deepEqual(
      [first.data['issue'], first.data['branch'], first.data['id'], first.data['stream']],
      [7, 'fix/7-totals-are-wrong-etc-x', 'ISSUE-7', 'fix'],
    );
    assert.match(first.err, /not known: what people with other clones took: the repository has no remote/);
    const file = first.data.prompt.path ?? '';
    assert.match(
      path.relative(first.data.folder, file),
      /^queues\/07-fix-from-issues\/in\/ISSUE-7-totals-are-wrong-etc-x-fix-from-issues-r1/,
    );
    const text = readFileSync(file, 'utf8');
    assert.match(text, /\nstream: fix\n/);
    assert.match(text, /prompt_spec_version: 2\.3\.0\n/);
    assert.match(text, /1\. Open the cart\n2\. Add two discounts/);
    const held = path.join(first.data.folder, 'prompt.md');
    code.write(held, text);
    assert.equal((await code.run(first.data.folder, addCheck, 'check', held)).code, 0);
    // The brief says what is the other stream's; a prompt of that one is refused here.
    assert.match((await code.run(first.data.folder, addPreview, 'preview', held)).out, /## What you may not read[^]*- `docs\/prd`/);
    code.write(held, text.replace('stream: fix', 'stream: feature'));
    const refused = await code.run(first.data.folder, addCheck, 'check', held);
    assert.match(refused.err + refused.out, /stream-other|belongs to the stream fix/);
    const second = await fix(code, code.app);
    assert.deepEqual([second.data['issue'], second.data['branch']], [8, 'fix/8-grosse-fehlt']);
    const list = JSON.parse((await code.run(code.app, addFix, 'fix', '--list', '--json')).out) as {
      issues: { number: number; free: boolean; why: string }[];
    };
    assert.deepEqual(list.issues.map(({ number, free }) => [number, free]), [[7, false], [8, false], [3, true]]); // prettier-ignore
    assert.match(list.issues[0]?.why ?? '', /^high; taken by Ada <ada@localhost>, .*app-ISSUE-7 \(in a worktree/);
    assert.match((await code.run(code.app, addFix, 'fix', '--list')).out, /#3 +free +Slow list +low/);
    // Again with its number: opened, and no second prompt.
    const again = await fix(code, code.app, '7');
    assert.deepEqual([again.code, again.data['how'], again.data.prompt.path], [0, 'reopened', null]);
    assert.equal(readdirSync(path.dirname(file)).length, 1);
  });

  test('gives one issue to one person, also when both ask at once, and in two clones of one remote', async (t) => {
    const code = await place(t);
    const remote = withRemote(code);
    code.git(code.beside, 'clone', '-q', remote, 'other/app');
    const other = path.join(code.beside, 'other/app');
    const [here, there] = await Promise.all([fix(code, code.app), fix(code, other)]);
    assert.deepEqual([here.code, there.code], [0, 0], here.err + there.err);
    assert.deepEqual(new Set([here.data['issue'], there.data['issue']]), new Set([7, 8]));
    assert.deepEqual(code.git(remote, 'for-each-ref', '--format=%(refname)', 'refs/heads/fix').trim().split('\n'), [
      'refs/heads/fix/7-totals-are-wrong-etc-x',
      'refs/heads/fix/8-grosse-fehlt',
    ]);
    // Nothing left this machine with the claim that was not there before.
    assert.equal(code.git(remote, 'rev-parse', 'fix/8-grosse-fehlt'), code.git(remote, 'rev-parse', 'main'));
    const mine = here.data['issue'] === 7 ? 8 : 7;
    const refused = await fix(code, code.app, String(mine));
    assert.equal(refused.code, 1);
    assert.match(refused.err, new RegExp(`#${String(mine)} is not free: .*taken by origin/fix/${String(mine)}-.*--anyway`));
    code.git(code.app, 'remote', 'set-url', 'origin', path.join(code.beside, 'nowhere.git'));
    const offline = await fix(code, code.app);
    assert.deepEqual([offline.code, offline.data['issue']], [0, 3]);
    assert.match(offline.err, /not known: what others took since the last fetch: origin could not be asked/);
    const none = await fix(code, code.app);
    assert.equal(none.code, 1);
    assert.match(none.err, /none of the 3 open issues is free/);
  });

  test('two at once in one repository get two issues', async (t) => {
    const code = await place(t);
    const both = await Promise.all([fix(code, code.app), fix(code, code.app)]);
    assert.deepEqual(new Set(both.map(({ data }) => data['issue'])), new Set([7, 8]), both.map(({ err }) => err).join('\n'));
  });

  test('says what is wrong: no log, no such issue, none open, odd numbers', async (t) => {
    const code = await makeCodeTree(t);
    assert.match((await fix(code, code.app)).err, /there is no issue log: expected docs\/issues\.md or .*docket found issue/);
    assert.match((await code.run(code.app, addFound, 'found', 'issue', 'Something')).out, /docs\/issues\.md:3: #1/);
    assert.match((await fix(code, code.app, '2')).err, /the log has no #2/);
    assert.match((await fix(code, code.app, 'x')).err, /takes the number of an issue/);
    assert.match((await fix(code, code.app, '--anyway')).err, /--anyway goes with a number/);
    code.write(path.join(code.app, 'docs/issues.md'), '## #1 Something\nStatus: closed\n');
    assert.match((await fix(code, code.app)).err, /the log has no open issue/);
    assert.match((await fix(code, code.app, '1')).err, /#1 is not open/);
    assert.ok(!existsSync(path.join(code.beside, 'app-ISSUE-1')));
  });
});

describe('docket work-on --prd', () => {
  const TABLE =
    '# Sales CRM\n\n| ID | Feature | Level | State |\n|-|-|-|-|\n| CRM-1 | Deals | L2 | built |\n| CRM-2 | 2FA for \\| leads | L0 | planned |\n| CRM-3 | Export | L1 | planned |\n';
  async function prds(t: Parameters<typeof makeCodeTree>[0]): Promise<CodeTree> {
    const code = await makeCodeTree(t);
    code.write(path.join(code.app, 'docs/prd/sales-crm/index.md'), TABLE);
    code.write(path.join(code.app, 'docs/prd/sales-crm/spec/index.md'), '# Spec\n\n```sh\nrun\n```\n');
    code.write(path.join(code.app, 'docs/prd/web/index.md'), '| Feature | Level |\n|-|-|\n| Home | L0 |\n');
    code.write(path.join(code.app, 'docs/prd/index.md'), '| PRD |\n|-|\n| [Web](web/) |\n| [CRM](sales-crm/index.md) |\n');
    code.git(code.app, 'add', '.');
    code.git(code.app, 'commit', '-q', '-m', 'prd');
    return code;
  }
  test('makes the work tree of the document and drops a prompt for meta with its table and texts', async (t) => {
    const code = await prds(t);
    const made = await code.json(code.app, '--prd', 'docs/prd/sales-crm/');
    assert.equal(made.code, 0, made.err);
    const data = made.data as Data;
    assert.deepEqual(
      [data['id'], data['branch'], data['stream'], data['capability']],
      ['prd-sales-crm', 'feature/sales-crm', 'feature', 'CRM-2'],
    );
    const file = data.prompt.path ?? '';
    assert.match(path.relative(data.folder, file), /^queues\/00-meta\/in\/prd-sales-crm-meta-f-2fa-for-leads-r1/);
    const text = readFileSync(file, 'utf8');
    assert.match(text, /\nname: f-2fa-for-leads\nstream: feature\n/);
    assert.match(text, /Plan one feature of docs\/prd\/sales-crm: 2FA for \| leads \(CRM-2\)\. It is at L0/);
    assert.match(text, /\| CRM-1 \| Deals \| L2 \| built \| not now \|/);
    assert.match(text, /### docs\/prd\/sales-crm\/spec\/index\.md\n\n````markdown\n# Spec/);
    const copy = path.join(data.folder, 'prompt.md');
    code.write(copy, text);
    assert.equal((await code.run(data.folder, addCheck, 'check', copy)).code, 0);
    // The next feature of the same document: a series of its own in the same work tree.
    const next = await code.json(code.app, '--prd', 'docs/prd/sales-crm', '--capability', 'export');
    assert.deepEqual(
      [next.data['how'], path.basename((next.data as Data).prompt.path ?? '').startsWith('prd-sales-crm-meta-export-r1')],
      ['reopened', true],
    );
    assert.equal(((await code.json(code.app, '--prd', 'docs/prd/sales-crm')).data as Data).prompt.path, null);
    // A gap that is found in this work tree goes into its document.
    assert.match(
      (await code.run(data.folder, addFound, 'found', 'gap', 'No import')).out,
      /^docs\/prd\/sales-crm\/spec\/index\.md:9: No import/,
    );
  });
  test('without a folder takes the next of the queue, and says when none is left', async (t) => {
    const code = await prds(t);
    assert.equal((await code.json(code.app, '--prd')).data['id'], 'prd-web');
    assert.equal((await code.json(code.app, '--prd')).data['id'], 'prd-sales-crm');
    const none = await code.json(code.app, '--prd');
    assert.equal(none.code, 1);
    assert.match(none.err, /no document of the queue waits to be begun:\n {2}docs\/prd\/web: it has a work tree/);
  });
  test('says what is wrong', async (t) => {
    const code = await prds(t);
    const words = async (...args: string[]): Promise<string> => (await code.json(code.app, ...args)).err;
    assert.match(await words('--prd', 'docs/none'), /docs\/none is no requirements document: expected docs\/none\/index\.md or/);
    assert.match(
      await words('--prd', 'docs/prd/sales-crm', '--capability', 'Deals'),
      /Deals is at L2 \(built\): this stream builds up to L2/,
    );
    assert.match(await words('--prd', 'docs/prd/sales-crm', '--capability', 'x'), /has no feature "x"; it has CRM-1, CRM-2, CRM-3/);
    assert.match(await words('FEAT-1', '--capability', 'x'), /--capability goes with --prd/);
    assert.match(await words(), /name a feature, or a requirements document/);
    assert.match(await words('--prd', '../../etc'), /leads out of the code repository/);
  });
});
