/** `docket mcp` as an agent sees it: the real program, the real client of the SDK. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { jobIdFrom } from '#core/names.ts';
import { openMcp, type McpClient } from '#test/support/mcp.ts';
import { makeRig, promptText } from '#test/support/rig.ts';

const SETTINGS = 'runner: offline\nlimits: { prompt_bytes: 100k }\nmcp: { rows: 2, text_chars: 1000 }\nemit: { generations: 1 }\n';

suite('docket mcp', () => {
  const rig = makeRig({ after }, SETTINGS);
  let mcp: McpClient;
  before(async () => {
    execFileSync('git', ['init', '-q', rig.root]);
    for (const [key, value] of [
      ['user.name', 'Ada Example'],
      ['user.email', 'ada@example.com'],
    ])
      execFileSync('git', ['-C', rig.root, 'config', key ?? '', value ?? '']);
    await rig.start();
    mcp = await openMcp(rig.root, rig.env);
  });
  after(async () => mcp.close());

  test('offers exactly the tools that ask and enqueue, each with schemas of what it takes and gives', async () => {
    const { tools } = await mcp.client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).toSorted(), ['enqueue_prompt', 'get_result', 'list_queue', 'validate_prompt', 'why']);
    for (const { name, inputSchema, outputSchema, annotations } of tools) {
      assert.equal(inputSchema['additionalProperties'], false, name);
      assert.equal(outputSchema?.['type'], 'object', name);
      assert.equal(annotations?.destructiveHint, false, name);
      assert.equal(annotations.readOnlyHint, name !== 'enqueue_prompt', name);
    }
  });

  test('a text becomes a prompt with the author that git names, is answered by the daemon, and its answer is given in bounded parts', async () => {
    const added = await mcp.call('enqueue_prompt', {
      role: 'architect',
      feature: 'FEAT-5',
      title: 'Modules',
      prompt: `List them. ${'é😀'.repeat(1_000)}`,
    });
    assert.equal(added.isError, false, added.text);
    assert.deepEqual(
      [added.data['name'], added.data['revision'], added.data['parent'], added.data['daemon']],
      ['architect/FEAT-5-architect-r1', 1, null, true],
    );
    const first = await mcp.call('get_result', { job: String(added.data['name']), wait_seconds: 20 });
    assert.deepEqual([first.data['state'], first.data['feature'], first.data['role']], ['briefed', 'FEAT-5', 'architect']);
    let text = '';
    let part = first.data['result'] as { text: string; total_chars: number; next_offset: number | null };
    for (let parts = 1; ; parts++) {
      assert.ok(part.text.length <= 1_000 && part.text.isWellFormed());
      text += part.text;
      if (part.next_offset === null) {
        assert.ok(parts > 2);
        break;
      }
      const next = await mcp.call('get_result', { job: String(added.data['name']), offset: part.next_offset });
      part = next.data['result'] as typeof part;
    }
    assert.equal(text, readFileSync(path.join(rig.out(), 'FEAT-5-architect-r1_result.md'), 'utf8'));
    assert.match(
      readFileSync(path.join(rig.in(), 'FEAT-5-architect-r1.processed'), 'utf8'),
      /^author: "?Ada Example <ada@example\.com>"?$/m,
    );
  });

  test('a whole prompt keeps its words, and gets the author below the first line', async () => {
    const prompt = promptText({ feature: 'FEAT-6', agent: 'ui', body: 'Which screens?\r\nAll.' });
    const added = await mcp.call('enqueue_prompt', { role: 'ui', prompt });
    assert.equal(added.isError, false, added.text);
    await rig.ended('FEAT-6-ui-r1', 'processed', '03-ui');
    const written = readFileSync(path.join(rig.in('03-ui'), 'FEAT-6-ui-r1.processed'), 'utf8');
    assert.equal(written, prompt.replace('---\n', '---\nauthor: "Ada Example <ada@example.com>"\n'));
  });

  test('a prompt that names another author, or a parent that it has not, is refused with what to mend', async () => {
    const names = readdirSync(rig.in());
    for (const extra of ['author: eve@example.com\n', `parent: ${jobIdFrom(new Uint8Array(10))}\n`]) {
      const refused = await mcp.call('enqueue_prompt', { role: 'architect', prompt: promptText({ feature: 'FEAT-7', extra }) });
      assert.equal(refused.isError, true);
      assert.match(refused.text, /nothing was enqueued: .*remove the line, docket writes it/);
    }
    assert.deepEqual(readdirSync(rig.in()), names);
  });

  test('all faults of a prompt come back, and nothing is dropped; validate says the same and drops nothing either', async () => {
    const names = readdirSync(rig.in());
    const bad = promptText({ feature: '../x', revision: 0 });
    const refused = await mcp.call('enqueue_prompt', { role: 'architect', prompt: bad });
    assert.equal(refused.isError, true);
    assert.match(refused.text, /line 2, column 10: feature[\s\S]*line 5, column \d+: revision[\s\S]*mend:/);
    const validated = await mcp.call('validate_prompt', { prompt: bad });
    assert.equal(validated.isError, false);
    const faults = validated.data['faults'] as { field: string; line: number }[];
    assert.deepEqual(
      [validated.data['valid'], faults.map(({ field, line }) => [field, line])],
      [
        false,
        [
          ['feature', 2],
          ['revision', 5],
        ],
      ],
    );
    const good = await mcp.call('validate_prompt', { prompt: promptText(), role: 'architect' });
    assert.deepEqual([good.data['valid'], good.data['faults']], [true, []]);
    assert.equal((await mcp.call('validate_prompt', { prompt: promptText(), role: 'ui' })).data['valid'], false);
    assert.deepEqual(readdirSync(rig.in()), names);
  });

  test('too long a prompt is refused by the limit of every prompt', async () => {
    const refused = await mcp.call('enqueue_prompt', { role: 'architect', feature: 'FEAT-8', prompt: 'x'.repeat(150_000) });
    assert.equal(refused.isError, true);
    assert.match(refused.text, /100000|102400/);
  });

  test('words that look like flags are names and nothing else', async () => {
    for (const word of ['--all', '--help', '-n', '--root=/']) {
      for (const [tool, input] of [
        ['list_queue', { role: word }],
        ['why', { job: word }],
        ['get_result', { job: word }],
        ['enqueue_prompt', { role: word, feature: 'FEAT-9', prompt: 'x' }],
      ] as const) {
        const refused = await mcp.call(tool, input);
        assert.equal(refused.isError, true, `${tool} ${word}`);
        assert.match(refused.text, /there is no role|nothing here is called/, `${tool} ${word}`);
      }
    }
  });

  test('a tool takes no key that it does not know, and nothing of the wrong size', async () => {
    for (const input of [{ job: 'foo', root: '/' }, { job: 'foo', offset: -1 }, { job: 'x'.repeat(401) }, {}])
      assert.equal((await mcp.call('get_result', input)).isError, true);
  });

  test('the queue is listed up to mcp.rows of each kind, and it is said when there are more', async () => {
    for (const name of ['bad-1', 'bad-2', 'bad-3']) {
      rig.drop(`${name}.md`, 'no front matter');
      await rig.ended(name, 'rejected');
    }
    const { data } = await mcp.call('list_queue', { role: 'architect' });
    const rows = data['rows'] as { name: string; state: string }[];
    assert.deepEqual([data['more'], rows.map(({ state }) => state)], [true, ['rejected', 'rejected']]);
    const all = await mcp.call('list_queue', { role: 'ui', all: true, limit: 1 });
    assert.deepEqual(
      (all.data['rows'] as { name: string }[]).map(({ name }) => name),
      ['ui/FEAT-6-ui-r1'],
    );
    const why = await mcp.call('why', { job: 'architect/bad-1' });
    assert.equal(why.data['state'], 'rejected');
    assert.match(String(why.data['is']), /was rejected/);
    assert.ok((why.data['next'] as string[]).length > 0);
  });

  test('a prompt with a secret is held by the daemon like any other, and no answer of a tool shows it', async () => {
    const secret = ['ghp', '_', 'a1B2c3D4e5F6g7H8i9J0', 'k1L2m3N4o5P6q7R8'].join('');
    const added = await mcp.call('enqueue_prompt', { role: 'architect', feature: 'FEAT-10', prompt: `Use ${secret} to log in.` });
    assert.equal(added.isError, false, added.text);
    const end = await mcp.call('get_result', { job: String(added.data['name']), wait_seconds: 20 });
    assert.equal(end.data['state'], 'held');
    const why = await mcp.call('why', { job: String(added.data['name']) });
    for (const { text } of [end, why]) assert.ok(!text.includes(secret));
  });

  test('a mark of a run that is not in flight enqueues nothing', async () => {
    const marked = await openMcp(rig.root, { ...rig.env, DOCKET_RUN_ID: '00000000-0000-4000-8000-000000000000' });
    try {
      const refused = await marked.call('enqueue_prompt', { role: 'architect', feature: 'FEAT-11', prompt: 'x' });
      assert.equal(refused.isError, true);
      assert.match(refused.text, /DOCKET_RUN_ID is set .*, and no job in flight/);
      assert.equal((await marked.call('list_queue', {})).isError, false);
    } finally {
      await marked.close();
    }
  });

  test('outside of a workspace it does not serve, and says why', () => {
    const elsewhere = path.join(rig.base, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(path.join(elsewhere, 'x'), '');
    const ran = rig.run(['--root', elsewhere, 'mcp']);
    assert.equal(ran.code, 2);
    assert.match(ran.err, /docket\.yaml/);
    assert.equal(ran.out, '');
  });
});
