import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addCheckpoint } from '#cli/checkpoint.ts';
import { verifySchema } from '#cli/schema-verify.ts';
import { addVerify } from '#cli/verify.ts';
import type { Checkpoint, Finding } from '#core/history.ts';
import { copyTempWorkspace, makeTempWorkspace, seedJob, type TempWorkspace } from '../support/workspace.ts';

type Scope = Parameters<typeof makeTempWorkspace>[0];
type Made = { readonly checkpoint: Checkpoint; readonly document: string; readonly time_stamp: string | null; readonly sent: boolean };
type Report = {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly against: { readonly said: readonly string[] } | null;
};

let template: TempWorkspace;
const afterAll: (() => unknown)[] = [];
before(async () => {
  const scope = { after: (act: () => unknown) => void afterAll.push(act) } as unknown as Scope;
  template = await makeTempWorkspace(scope);
  const rooms = await template.rooms();
  await seedJob(rooms, 'good', {}, { status: 'answered', answer: 'the answer\n' });
  rooms.journal.close();
  await rooms.history.close();
});
after(async () => {
  for (const act of afterAll.toReversed()) await act();
});
const seeded = async (t: Scope): Promise<TempWorkspace> => copyTempWorkspace(t, template);

const openssl = (cwd: string, ...args: string[]): void => void execFileSync('openssl', args, { cwd, stdio: 'pipe' });

/** A time-stamp authority of openssl's own, in a folder: `tsa.pem`, `tsa.key`, `tsa.cnf`. */
async function authority(folder: string): Promise<void> {
  const section = ['serial = serial', 'crypto_device = builtin', 'signer_cert = tsa.pem', 'certs = tsa.pem', 'signer_key = tsa.key'];
  const rules = ['default_policy = 1.2.3.4.1', 'digests = sha256', 'signer_digest = sha256', 'ess_cert_id_alg = sha256'];
  const request = [
    '[req]',
    'distinguished_name = dn',
    '[dn]',
    '[ext]',
    'extendedKeyUsage = critical,timeStamping',
    'basicConstraints = CA:FALSE',
  ];
  await writeFile(path.join(folder, 'tsa.cnf'), [...request, '[tsa]', 'default_tsa = one', '[one]', ...section, ...rules, ''].join('\n'));
  await writeFile(path.join(folder, 'serial'), '01\n');
  openssl(
    folder,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'tsa.key',
    '-out',
    'tsa.pem',
    '-subj',
    '/CN=tsa',
    '-days',
    '2',
    '-config',
    'tsa.cnf',
    '-extensions',
    'ext',
  );
}

/** Adds lines to docket.yaml. */
async function settings(workspace: TempWorkspace, text: string): Promise<void> {
  const file = path.join(workspace.root, 'docket.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}${text}`);
}

async function verified(workspace: TempWorkspace, file: string): Promise<Report> {
  const { code, data } = await workspace.json(addVerify, 'verify', '--against', file);
  verifySchema.parse(data);
  const report = data as Report;
  assert.equal(code, report.ok ? 0 : 1);
  return report;
}

describe('docket checkpoint', () => {
  test('prints the head of the chain, writes it into a new file, and verify compares with it', async (t) => {
    const workspace = await seeded(t);
    const { code, data } = await workspace.json(addCheckpoint, 'checkpoint');
    const made = data as Made;
    assert.equal(code, 0);
    assert.equal(made.checkpoint.records, 2);
    assert.equal(`${JSON.stringify(made.checkpoint)}\n`, made.document);
    const file = path.join(workspace.root, 'head.json');
    await workspace.json(addCheckpoint, 'checkpoint', '--to', file);
    const report = await verified(workspace, file);
    assert.ok(report.ok, JSON.stringify(report.findings));
    assert.match(report.against?.said.join() ?? '', /not signed/);
    const again = await workspace.run(addCheckpoint, 'checkpoint', '--to', file);
    assert.equal(again.code, 2);
    assert.match(again.err, /never overwritten/);
  });

  test('a checkpoint of another past is not held', async (t) => {
    const workspace = await seeded(t);
    const made = (await workspace.json(addCheckpoint, 'checkpoint')).data as Made;
    const file = path.join(workspace.root, 'head.json');
    await writeFile(file, `${JSON.stringify({ ...made.checkpoint, commit: 'a'.repeat(40), records: 9 })}\n`);
    const report = await verified(workspace, file);
    assert.deepEqual(
      report.findings.map(({ what, detail }) => `${what} ${detail ?? ''}`),
      ['checkpoint-missed cut'],
    );
    await writeFile(file, '{"v":1}\n');
    assert.equal((await workspace.run(addVerify, 'verify', '--against', file)).code, 2);
  });

  test('--send hands the document to a program on standard input, and tells when it failed', async (t) => {
    const workspace = await seeded(t);
    assert.equal((await workspace.run(addCheckpoint, 'checkpoint', '--send')).code, 2);
    const got = path.join(workspace.root, 'got.json');
    const script = `process.stdin.pipe(require('node:fs').createWriteStream(process.argv[1]))`;
    await settings(workspace, `checkpoint: { command: ${JSON.stringify([process.execPath, '-e', script, got])} }\n`);
    const made = (await workspace.json(addCheckpoint, 'checkpoint', '--send')).data as Made;
    assert.ok(made.sent);
    assert.equal(await readFile(got, 'utf8'), made.document);
  });

  test('a program that fails is told, with its words', async (t) => {
    const workspace = await seeded(t);
    const failing = [process.execPath, '-e', `console.error('no route'); process.exitCode = 4`];
    await settings(workspace, `checkpoint: { command: ${JSON.stringify(failing)} }\n`);
    const { code, err } = await workspace.run(addCheckpoint, 'checkpoint', '--send');
    assert.equal(code, 3);
    assert.match(err, /not sent.*ended with 4: no route/);
  });

  test("a time stamp of openssl's own authority is kept beside it; verify lets openssl judge it, and a changed document is found", async (t) => {
    const workspace = await seeded(t);
    await authority(workspace.root);
    const program = [
      'openssl',
      'ts',
      '-reply',
      '-config',
      path.join(workspace.root, 'tsa.cnf'),
      '-queryfile',
      '{query}',
      '-out',
      '{reply}',
    ];
    await settings(
      workspace,
      `checkpoint: { time_stamp: ${JSON.stringify(['env', '-C', workspace.root, ...program])}, time_stamp_ca: tsa.pem }\n`,
    );
    const file = path.join(workspace.root, 'head.json');
    const { data, err } = await workspace.json(addCheckpoint, 'checkpoint', '--to', file);
    assert.equal((data as Made).time_stamp, `${file}.tsr`, err);
    openssl(workspace.root, 'ts', '-verify', '-data', file, '-in', `${file}.tsr`, '-CAfile', 'tsa.pem');
    assert.match((await verified(workspace, file)).against?.said.join() ?? '', /time stamp is good: it was there at \w+ /);
    await assert.rejects(stat(`${file}.tsq`));
    await writeFile(file, (await readFile(file, 'utf8')).replace('"records":2', '"records":1'));
    assert.ok((await verified(workspace, file)).findings.some(({ detail }) => detail === 'time-stamp'));
  });

  test('a time-stamp authority at an address is sent the query, and an answer that is none is refused', async (t) => {
    const workspace = await seeded(t);
    await authority(workspace.root);
    let isBroken = false;
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        assert.equal(request.headers['content-type'], 'application/timestamp-query');
        const query = Buffer.concat(chunks);
        const queryFile = path.join(workspace.root, 'asked.tsq');
        writeFileSync(queryFile, query);
        const ask = ['ts', '-reply', '-config', 'tsa.cnf', '-queryfile', queryFile];
        const reply = isBroken ? query : execFileSync('openssl', ask, { cwd: workspace.root, stdio: ['ignore', 'pipe', 'ignore'] });
        response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(reply);
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await settings(workspace, `checkpoint: { time_stamp_url: 'http://127.0.0.1:${String(port)}/', time_stamp_ca: tsa.pem }\n`);
    const file = path.join(workspace.root, 'head.json');
    assert.equal((await workspace.run(addCheckpoint, 'checkpoint', '--to', file)).code, 0);
    openssl(workspace.root, 'ts', '-verify', '-data', file, '-in', `${file}.tsr`, '-CAfile', 'tsa.pem');
    isBroken = true;
    const second = await workspace.run(addCheckpoint, 'checkpoint', '--to', `${file}2`);
    assert.equal(second.code, 3);
    assert.match(second.err, /no time stamp: it is no reply/);
  });
});
