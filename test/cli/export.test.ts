import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Command } from 'commander';
import { csvCell, jsonLine } from '#cli/export-row.ts';
import { addExport } from '#cli/export.ts';
import { CliError, EXIT } from '#cli/io.ts';
import { AGENT_TRACE, EXPORT_ROW } from '#cli/schema-export.ts';
import type { Answer, Submission } from '#core/history.ts';
import { answer, digest, makeRig, submission, value, type Rig } from '../history/rig.ts';
import { rememberingIo, type Said } from '../support/workspace.ts';

function rigFor(t: TestContext): Rig {
  const rig = makeRig();
  t.after(() => rig.end());
  return rig;
}

async function run(rig: Rig, ...args: readonly string[]): Promise<Said> {
  const { io, said } = rememberingIo(rig.root);
  const program = new Command('docket').option('--json').exitOverride();
  program.configureOutput({ writeErr: (text) => io.err(text.trimEnd()) });
  addExport(program, io);
  for (const verb of program.commands) verb.copyInheritedSettings(program);
  try {
    await program.parseAsync(['export', '--history', rig.dir, ...args], { from: 'user' });
    return said();
  } catch (error) {
    const code = error instanceof CliError ? error.exitCode : EXIT.wrongUse;
    return { ...said(), code, err: error instanceof Error ? error.message : '' };
  }
}

/** The evidence with these fields in its predicate. */
function telling(end: Answer, fields: Readonly<Record<string, unknown>>): Answer {
  const document = JSON.parse(end.evidence) as { predicate: Record<string, unknown> };
  Object.assign(document.predicate, fields);
  return { ...end, evidence: `${JSON.stringify(document, null, 2)}\n` };
}

async function seeded(t: TestContext): Promise<{ rig: Rig; asked: readonly Submission[]; ends: readonly Answer[] }> {
  const rig = rigFor(t);
  const history = await rig.open();
  const asked = [
    submission(),
    submission({ role: 'ui', folder: '03-ui', name: 'filter-panel' }),
    submission({ feature: 'FEAT-2' }),
    submission({ feature: 'FEAT-3' }),
  ];
  const ends: Answer[] = [];
  for (const [n, one] of asked.entries()) {
    value(await history.submit({ ...one, at: `2026-11-1${String(n)}T10:00:00.000Z` }));
    if (n === 3) continue;
    const end = telling({ ...answer(one, n === 2 ? { status: 'failed' } : {}), at: `2026-11-1${String(n)}T10:01:00.000Z` }, {
      runner: { name: 'shout', version: '1.2', model: 'sonnet' },
      usage: { inputTokens: 10, outputTokens: 5, costUsd: 0.25, estimated: true },
      attempts: [{ n: 1, runId: `run-${String(n)}`, acts: { asked: [], diffs: [{ path: 'src/a.ts' }, { path: '/etc/passwd' }, { path: '../x' }] } }],
      failure: n === 2 ? { kind: 'no-answer' } : null,
    }); // prettier-ignore
    ends.push(end);
    value(await history.record(end));
  }
  return { rig, asked, ends };
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.split('\n'));
const jobs = (said: Said): unknown[] => linesOf(said.out).map((line) => (JSON.parse(line) as { job: unknown }).job);

describe('docket export', () => {
  test('JSON lines: a line for each end, newest first, and one for what has none yet; each as the schema says', async (t) => {
    const { rig, asked } = await seeded(t);
    const said = await run(rig);
    assert.equal(said.code, 0);
    const rows = linesOf(said.out).map((line) => EXPORT_ROW.parse(JSON.parse(line)));
    assert.deepEqual(rows.map(({ status }) => status), ['submitted', 'failed', 'answered', 'answered']); // prettier-ignore
    assert.deepEqual(rows.map(({ job }) => job), asked.map(({ job }) => job).toReversed()); // prettier-ignore
    const [, failed, panel] = rows;
    assert.equal(failed?.failure, 'no-answer');
    assert.equal(panel?.name, 'filter-panel');
    assert.deepEqual(
      [panel.runner, panel.runner_version, panel.cost_usd, panel.cost_estimated, panel.signed],
      ['shout', '1.2', 0.25, true, false],
    );
  });

  test('filters: feature, role, time and status', async (t) => {
    const { rig, asked } = await seeded(t);
    const job = (n: number): unknown => asked[n]?.job;
    assert.deepEqual(jobs(await run(rig, '--feature', 'feat-1-other-slug')), [job(1), job(0)]);
    assert.deepEqual(jobs(await run(rig, '--role', '03-ui')), [job(1)]);
    assert.deepEqual(jobs(await run(rig, '--since', '2026-11-11', '--until', '2026-11-12')), [job(2), job(1)]);
    assert.deepEqual(jobs(await run(rig, '--until', '2026-11-10T10:00:59Z')), []);
    assert.deepEqual(jobs(await run(rig, '--status', 'failed,submitted')), [job(3), job(2)]);
    for (const args of [
      ['--since', 'yesterday'],
      ['--until', '2026-13-01'],
      ['--status', 'lost'],
      ['--feature', '..'],
      ['--role', 'A b'],
      ['--format', 'xml'],
      ['--format', 'git-notes'],
    ])
      // prettier-ignore
      assert.equal((await run(rig, ...args)).code, 2, args.join(' '));
  });

  test('in-toto: the statement of each end, whose recorded bytes can be made again; an envelope where there is one', async (t) => {
    const { rig, ends } = await seeded(t);
    const plain = await run(rig, '--format', 'in-toto');
    assert.equal(plain.code, 0);
    assert.deepEqual(linesOf(plain.out).map((line) => `${JSON.stringify(JSON.parse(line), null, 2)}\n`), ends.map(({ evidence }) => evidence).toReversed()); // prettier-ignore
    const folder = path.join(rig.dir, 'FEAT-1-user-filters/01-architect');
    const envelope = { payloadType: 'application/vnd.in-toto+json', payload: Buffer.from(ends[0]?.evidence ?? '').toString('base64'), signatures: [{ keyid: 'k', sig: 's' }] }; // prettier-ignore
    const commit = (payload: unknown): void => {
      writeFileSync(path.join(folder, 'evidence_v1.dsse.json'), `${JSON.stringify(payload)}\n`);
      rig.git('add', '-A');
      rig.git('commit', '-q', '-m', 'signed');
    };
    commit(envelope);
    const signed = await run(rig, '--format', 'in-toto');
    assert.deepEqual(JSON.parse(linesOf(signed.out).at(-1) ?? ''), envelope);
    commit({ ...envelope, payload: Buffer.from('{}').toString('base64') });
    const forged = await run(rig, '--format', 'in-toto');
    assert.equal(forged.code, 1);
    assert.equal(linesOf(forged.out).length, 2);
    assert.match(forged.err, /not what was signed: the evidence of job/);
  });

  test('evidence that is gone is told, and is not made up', async (t) => {
    const { rig, ends } = await seeded(t);
    rig.git('rm', '-q', path.join(rig.dir, 'FEAT-1-user-filters/01-architect/evidence_v1.json'));
    rig.git('commit', '-q', '-m', 'gone');
    const gone = await run(rig);
    assert.equal(gone.code, 1);
    const last = EXPORT_ROW.parse(JSON.parse(linesOf(gone.out).at(-1) ?? ''));
    assert.deepEqual([last.gap, last.evidence_path, last.cost_usd], ['missing', null, null]);
    mkdirSync(path.join(rig.dir, 'tombstones'));
    writeFileSync(
      path.join(rig.dir, 'tombstones/x.json'),
      JSON.stringify({ predicate: { paths: [digest.sha256(ends[0]?.evidence ?? '')] } }),
    );
    rig.git('add', '-A');
    rig.git('commit', '-q', '-m', 'told');
    const purged = await run(rig);
    assert.equal(purged.code, 0);
    assert.equal(EXPORT_ROW.parse(JSON.parse(linesOf(purged.out).at(-1) ?? '')).gap, 'purged');
  });

  test('agent-trace: as its schema says, only for answers, the same ids each time, only paths of the repository', async (t) => {
    const { rig } = await seeded(t);
    const first = await run(rig, '--format', 'agent-trace');
    const traces = linesOf(first.out).map((line) => AGENT_TRACE.parse(JSON.parse(line)));
    assert.equal(traces.length, 2);
    for (const { id, timestamp, vcs, tool, files } of traces) {
      // The patterns of the project's own schema.
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.match(timestamp, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
      assert.deepEqual(vcs, { type: 'git', revision: 'a'.repeat(40) });
      assert.deepEqual(tool, { name: 'shout', version: '1.2' });
      assert.deepEqual(files.map((file) => file.path), ['src/a.ts']); // prettier-ignore
    }
    assert.equal((await run(rig, '--format', 'agent-trace')).out, first.out);
  });

  test('CSV: no cell is a formula, ends a line or steers a terminal', async (t) => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '  =1', '\uff1d1', '\t=1', '\r=1']) assert.match(csvCell(text), /^"?'/, JSON.stringify(text)); // prettier-ignore
    assert.equal(csvCell('a "b", c'), '"a ""b"", c"');
    assert.equal(csvCell('a\u001b[31m\n\u202eb'), String.raw`a\u{1b}[31m\n\u{202e}b`);
    assert.deepEqual(
      [csvCell(null), csvCell(0.5), csvCell(-3), csvCell(false), csvCell('plain-text')],
      ['', '0.5', '-3', 'false', 'plain-text'],
    );
    const rig = rigFor(t);
    const history = await rig.open();
    const asked = submission();
    value(await history.submit(asked));
    value(await history.record(telling(answer(asked), { runner: { name: '=HYPERLINK("http://x","y")', model: '@x\u001b]0;t\u0007' } })));
    const { out } = await run(rig, '--format', 'csv');
    const [header = '', line = '', ...more] = linesOf(out);
    assert.deepEqual(more, []);
    assert.ok(header.startsWith('commit,at,job,feature,role,name,revision,status,'));
    assert.ok(line.includes(`,"'=HYPERLINK(""http://x"",""y"")",`), line);
    assert.ok(line.includes(String.raw`,"'@x\u{1b}]0`) && !line.includes('\u001b'), line);
  });

  test('a line of JSON has the same value, and nothing that steers a terminal', () => {
    const wild = { a: '\u001b[2J\u009b\u202e\u2028\ufeff\u200f' };
    assert.deepEqual(JSON.parse(jsonLine(wild)), wild);
    assert.match(jsonLine(wild), /^[\u0020-\u007e]*$/);
  });

  test('a file that is there is not written over; a new one is private, and its end is told', async (t) => {
    const { rig } = await seeded(t);
    const file = path.join(rig.root, 'out.csv');
    const said = await run(rig, '--format', 'csv', '--out', file, '--json');
    assert.deepEqual(JSON.parse(said.out), {
      v: 1,
      format: 'csv',
      file,
      records: 4,
      lines: 4,
      skipped: 0,
      missing: 0,
      purged: 0,
      differ: 0,
    });
    const before = readFileSync(file, 'utf8');
    assert.equal(linesOf(before.trimEnd()).length, 5);
    assert.equal((await run(rig, '--out', file)).code, 2);
    assert.equal(readFileSync(file, 'utf8'), before);
    assert.equal((await run(rig, '--out', path.join(rig.root, 'no/where'))).code, 2);
  });

  test('git notes: on the commits of the code that are there, the same again changes nothing, other refs stay', async (t) => {
    const rig = rigFor(t);
    const code = path.join(rig.root, 'code');
    mkdirSync(code);
    const git = (...args: string[]): string => execFileSync('git', ['-C', code, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { encoding: 'utf8' }); // prettier-ignore
    git('init', '-q', '-b', 'main');
    git('commit', '-q', '--allow-empty', '-m', 'first');
    const commit = git('rev-parse', 'HEAD').trim();
    const history = await rig.open();
    const record = async (revision: number, codeCommit: string): Promise<Submission> => {
      const asked = { ...submission({ revision }), codeCommit };
      value(await history.submit(asked));
      value(await history.record({ ...answer(asked), codeCommit }));
      return asked;
    };
    const first = await record(1, commit);
    await record(2, 'b'.repeat(40));
    const args = ['--format', 'git-notes', '--code', code, '--json'];
    const counts = async (): Promise<unknown[]> => {
      const { added, same, absent } = JSON.parse((await run(rig, ...args)).out) as { added: unknown; same: unknown; absent: unknown };
      return [added, same, absent];
    };
    assert.deepEqual(await counts(), [1, 0, 1]);
    const notes = git('rev-parse', 'refs/notes/docket');
    assert.deepEqual(await counts(), [0, 1, 1]);
    assert.equal(git('rev-parse', 'refs/notes/docket'), notes);
    const second = await record(3, commit);
    assert.deepEqual(await counts(), [1, 0, 1]);
    const shown = linesOf(git('notes', '--ref=docket', 'show', commit).trimEnd()).map((line) => (JSON.parse(line) as { job: string }).job);
    assert.deepEqual(shown.toSorted(), [first.job, second.job].toSorted());
    assert.deepEqual(linesOf(git('for-each-ref', '--format=%(refname)').trimEnd()), ['refs/heads/main', 'refs/notes/docket']);
  });
});
