/** What docket says of the prompts of an answer: every fault at its place in the answer, and none of a good one. */

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openAll, type Opened } from '#cli/open.ts';
import { baseOf, rulesMaker } from '#cli/scope.ts';
import type { Filed } from '#core/history.ts';
import type { JobId } from '#core/names.ts';
import { describeIdentity, type Identity } from '#core/prompt.ts';
import { err, ok } from '#core/result.ts';
import { emitFlaws } from '#daemon/emit-check.ts';
import type { Submitted } from '#daemon/task.ts';
import { block } from '#test/support/emits.ts';
import { promptText } from '#test/support/rig.ts';
import { makeTempWorkspace, rememberingIo, roleNamed } from '#test/support/workspace.ts';

type Check = Parameters<typeof emitFlaws>;
const PARENT = 'aaaaaaaaaaaaaaaa' as JobId;
const NOW = new Date('2026-03-02T09:00:00Z');

type Past = {
  readonly identity: Identity;
  readonly job: JobId;
  readonly prompt?: string;
  readonly emitted?: number;
  readonly endedAt?: string;
};

const statement = (one: Past): string =>
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    predicate: { emitted: Array.from({ length: one.emitted ?? 0 }, () => ({})), times: { ended: one.endedAt ?? NOW.toISOString() } },
  });

const isSame = (a: Identity, b: Identity): boolean => describeIdentity(a) === describeIdentity(b);

/** A history of these records. */
function historyOf(past: readonly Past[]): Check[0]['history'] {
  return {
    find: async (identity) => {
      const one = past.find((known) => isSame(known.identity, identity));
      return Promise.resolve(one === undefined ? null : ({ job: one.job, promptSha256: '' } as unknown as Filed));
    },
    async *records({ job, role }) {
      await Promise.resolve();
      for (const one of past)
        if ((job === undefined || one.job === job) && (role === undefined || one.identity.role === role))
          yield { identity: one.identity, filed: { job: one.job } as unknown as Filed, folder: one.job, evidence: statement(one) };
    },
    read: async (path) => {
      const one = past.find((known) => path.startsWith(known.job));
      return Promise.resolve(one?.prompt === undefined ? null : new TextEncoder().encode(one.prompt));
    },
  };
}

const metaRecord = (job: string, more: Partial<Past> = {}): Past => ({
  identity: { feature: 'FEAT-1' as Identity['feature'], role: roleNamed('meta'), name: null, revision: 1 },
  job: job as JobId,
  ...more,
});

type Setting = { readonly past?: readonly Past[]; readonly settings?: Readonly<Record<string, number>>; readonly parent?: string };

async function flawsOf(of: Opened, answer: string, { past = [], settings = {}, parent }: Setting = {}): Promise<string[]> {
  const { roles, specs } = of;
  const workspace = { ...of.workspace, settings: { ...of.workspace.settings, ...settings } };
  const role = roles.get(roleNamed('meta'));
  assert.ok(role !== undefined);
  const ports: Check[0] = {
    roles,
    specs,
    workspace,
    clock: { now: () => NOW, monotonicMs: () => 0, sleep: async () => Promise.resolve() },
    scope: { rules: rulesMaker(baseOf(workspace)) },
    runners: null,
    history: historyOf(past),
    secrets: {
      close: async () => Promise.resolve(),
      rules: { check: 'test', version: '1' },
      scan: async (place, text) =>
        Promise.resolve(
          text.includes('SECRET')
            ? err({ kind: 'secret-found', in: place, findings: [{ rule: 'made-up', line: 1, column: 1 }] })
            : ok(null),
        ),
    },
  };
  const job = {
    role,
    recordAs: PARENT,
    identity: { feature: 'FEAT-1', role: 'meta', name: null, revision: 1 },
    prompt: { feature: { id: 'FEAT-1', name: 'FEAT-1-filters' }, rest: parent === undefined ? {} : { parent } },
  } as unknown as Submitted;
  return (await emitFlaws(ports, job, answer)).map(({ line, column, message }) => `${String(line)}:${String(column)} ${message}`);
}

async function opened(t: TestContext): Promise<Opened> {
  const workspace = await makeTempWorkspace(t);
  return openAll(rememberingIo(workspace.root).io, {});
}

test('good prompts have no flaw, whatever stands around them; an answer without any has none either', async (t) => {
  const place = await opened(t);
  const good = `# Plan\n${block({ agent: 'architect' })}${block({ agent: 'ui', extra: 'name: list\ndepends_on: [architect, meta]\n' })}${block({ agent: 'ui', extra: 'name: panel\ndepends_on: [FEAT-1/ui/list]\n' })}`;
  assert.deepEqual(await flawsOf(place, good), []);
  assert.deepEqual(await flawsOf(place, '# Plan\n'), []);
});

test('each prompt is held to what a dropped file is held to, with the place in the answer', async (t) => {
  const place = await opened(t);
  const one = async (front: Parameters<typeof block>[0], setting: Setting = {}): Promise<string> =>
    (await flawsOf(place, `# P\n\n${block(front)}`, setting)).join('\n');
  assert.match(await one({ feature: 'FEAT-2' }), /^5:10 feature: .* write FEAT-1-filters$/);
  assert.match(await one({ agent: 'nobody' }), /^6:8 agent: there is no such role/);
  assert.match(await one({ extra: 'priority: high\n' }), /^10:11 priority:/);
  assert.match(await one({ extra: `parent: ${PARENT}\n` }), /^10:9 parent: docket writes this line/);
  assert.match(await one({ extra: 'author: ada@example.com\n' }), /^10:9 author: names a person/);
  assert.match(await one({ extra: 'scope: { files: [".git/config"] }\n' }), /^10:\d+ scope\.files:/);
  assert.match(await one({ body: 'SECRET\n' }), /^3:1 the prompt contains what looks like a secret/);
  assert.match(await one({ body: `${'x'.repeat(3_000)}\n` }, { settings: { 'limits.prompt_bytes': 2_000 } }), /2000 bytes/);
  assert.match((await flawsOf(place, block({}).replace('2.1.0', '9.9.9'))).join(), /^5:22 prompt_spec_version:/);
  assert.match((await flawsOf(place, '```prompt\nno header\n```\n')).join(), /^2:1 file: there is no front matter/);
  assert.match((await flawsOf(place, `\`\`\`prompt\n${promptText()}`)).join(), /^1:1 the block of this prompt is never closed/);
  const indented = `  \`\`\`prompt\n${promptText({ agent: 'nobody' }).replaceAll(/^/gm, '  ')}\`\`\`\n`;
  assert.match((await flawsOf(place, indented)).join('\n'), /^4:10 agent:/m);
});

test('two of one identity, one that is recorded, a circle and a wait for nothing are told', async (t) => {
  const place = await opened(t);
  const twins = await flawsOf(place, `${block({})}${block({})}`);
  assert.match(twins.join('\n'), /^13:1 revision 1 of FEAT-1\/architect is what the prompt at line 1 is, too/);
  const past = [metaRecord('bbbbbbbbbbbbbbbb', { identity: { ...metaRecord('b').identity, role: roleNamed('architect') } })];
  assert.match(
    (await flawsOf(place, block({}), { past })).join(),
    /^6:11 revision: revision 1 of FEAT-1\/architect is recorded already \(job bbbbbbbbbbbbbbbb\)/,
  );
  const circle = ['architect', 'openapi', 'ui']
    .map((agent, n, all) => block({ agent, extra: `depends_on: [${all[(n + 1) % 3] ?? ''}]\n` }))
    .join('');
  assert.deepEqual(await flawsOf(place, circle), [
    '1:1 depends_on: these prompts wait for each other for ever: FEAT-1/architect -> FEAT-1/openapi -> FEAT-1/ui -> FEAT-1/architect',
  ]);
  const named = `${block({ agent: 'ui', extra: 'name: list\n' })}${block({ extra: 'depends_on: [ui]\n' })}`;
  assert.match((await flawsOf(place, named)).join(), /depends_on: nothing is called FEAT-1\/ui: did you mean FEAT-1\/ui\/list\?/);
  assert.match((await flawsOf(place, block({ extra: 'depends_on: [FEAT-1/ui@3]\n' }))).join(), /nothing is called FEAT-1\/ui@3/);
  assert.deepEqual(await flawsOf(place, block({ extra: 'depends_on: [ui]\n' })), [], 'a person may still drop it');
});

test('an answer may hold so many prompts, so many generations below a person, so many of a feature within a day', async (t) => {
  const place = await opened(t);
  const three = ['architect', 'openapi', 'ui'].map((agent) => block({ agent })).join('');
  const many = await flawsOf(place, three, { settings: { 'emit.prompts_max': 2 } });
  assert.match(many.join('\n'), /^25:1 the answer holds 3 prompts, at most 2 are enqueued \(emit\.prompts_max\)/);
  const far = `${block({ extra: 'depends_on: [FEAT-1/ui/list]\n' })}${block({ agent: 'ui', extra: 'name: list\n' })}${block({ agent: 'nobody' })}`;
  const [only, ...others] = await flawsOf(place, far, { settings: { 'emit.prompts_max': 1 } });
  assert.match(only ?? '', /the answer holds 3 prompts, at most 1 are enqueued/);
  assert.deepEqual(others, [], 'of far too many only as many are read as could be enqueued');

  const child = metaRecord('bbbbbbbbbbbbbbbb', { prompt: promptText({ agent: 'meta', extra: 'parent: cccccccccccccccc\n' }) });
  const top = metaRecord('cccccccccccccccc', { prompt: promptText({ agent: 'meta' }) });
  const past = [child, top];
  assert.deepEqual(await flawsOf(place, block({}), { past, parent: 'cccccccccccccccc' }), [], 'one below, and one more');
  assert.match(
    (await flawsOf(place, block({}), { past, parent: 'bbbbbbbbbbbbbbbb' })).join(),
    /^1:1 .*2 generations below.*emit\.generations: 2/,
  );
  assert.match(
    (await flawsOf(place, block({}), { settings: { 'emit.generations': 1 }, parent: 'zzzzzzzzzzzzzzzz' })).join(),
    /emit\.generations: 1/,
  );

  const day = [
    metaRecord('dddddddddddddddd', { emitted: 2 }),
    metaRecord('eeeeeeeeeeeeeeee', { emitted: 50, endedAt: '2026-02-28T00:00:00Z' }),
  ];
  assert.deepEqual(await flawsOf(place, block({}), { past: day, settings: { 'emit.feature_day_max': 3 } }), []);
  assert.match(
    (await flawsOf(place, three, { past: day, settings: { 'emit.feature_day_max': 4 } })).join(),
    /answers have enqueued 2 prompts for FEAT-1 within 24 hours, and 3 more are above 4 \(emit\.feature_day_max\): answer with at most 2, or let a person drop them/,
  );
});
