/** Which lanes of a workspace share an account with others, and the folder behind it. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { accountsOf, isRunAlive, keyMaker, type Accounts } from '#cli/shared.ts';
import { openUserState, userStateFolder, type UserState } from '#cli/user-state.ts';
import { lookAtSharing } from '#cli/doctor-sharing.ts';
import { SETTINGS, type Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { bootId, startTimeOf } from '#platform/process-facts.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const fs = makeFs();
const digest = makeDigest();

async function userIn(folder: string): Promise<UserState> {
  const user = await openUserState({ XDG_STATE_HOME: folder }, fs, digest);
  assert.ok(user.ok, user.ok ? '' : user.error);
  return user.value;
}
async function stateIn(folder: string, name: string): Promise<{ readonly state: string }> {
  const state = path.join(folder, name);
  await fs.makeFolders(state, 0o700);
  return { state };
}
const accountsIn = async (t: TestContext): Promise<{ readonly folder: string; readonly user: UserState; readonly accounts: Accounts }> => {
  const folder = await temporaryFolder(t);
  const user = await userIn(folder);
  return { folder, user, accounts: await accountsOf(await stateIn(folder, 'a'), { ok: true, value: user }, fs, digest) };
};

test('the folder is XDG_STATE_HOME/docket, else ~/.local/state/docket; a relative name counts as none', () => {
  assert.equal(userStateFolder({ XDG_STATE_HOME: '/x', HOME: '/h' }), '/x/docket');
  assert.equal(userStateFolder({ XDG_STATE_HOME: 'x', HOME: '/h' }), '/h/.local/state/docket');
  assert.equal(userStateFolder({ HOME: '' }), null);
});

test('the salt is made once, for its owner alone, also when many make it at the same time; a link in its place is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const users = await Promise.all(Array.from({ length: 8 }, async () => userIn(folder)));
  assert.equal(new Set(users.map(({ salt }) => salt)).size, 1);
  assert.match(users[0]?.salt ?? '', /^[0-9a-f]{32}$/);
  assert.deepEqual(readdirSync(path.join(folder, 'docket')), ['salt']);
  assert.equal(statSync(path.join(folder, 'docket')).mode & 0o777, 0o700);
  assert.equal(statSync(path.join(folder, 'docket', 'salt')).mode & 0o777, 0o600);
  const other = await temporaryFolder(t);
  symlinkSync(folder, path.join(other, 'docket'));
  const refused = await openUserState({ XDG_STATE_HOME: other }, fs, digest);
  assert.equal(refused.ok, false);
});

test('an account has the same letters in all new workspaces; one with letters of its own keeps them, and the same key', async (t) => {
  const { folder, user, accounts } = await accountsIn(t);
  const known = { ok: true, value: user } as const;
  const second = await accountsOf(await stateIn(folder, 'b'), known, fs, digest);
  const old = await stateIn(folder, 'old');
  writeFileSync(path.join(old.state, 'salt'), 'a salt of before');
  const third = await accountsOf(old, known, fs, digest);
  const letters = [accounts, second, third].map((one) => one.letters('KEY=secret'));
  assert.equal(letters[0], letters[1]);
  assert.notEqual(letters[0], letters[2]);
  const keys = [accounts, second, third].map((one, n) =>
    keyMaker({ workspace: { runners: [], httpRunners: [] }, roleLanes: [], accounts: one, salt: user.salt, env: {}, digest })(
      `anthropic/${letters[n] ?? ''}`,
    ),
  );
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0] ?? '', /^[0-9a-f]{64}$/);
});

test('without a folder of the user a workspace makes letters of its own', async (t) => {
  const folder = await temporaryFolder(t);
  const workspace = await stateIn(folder, 'a');
  const accounts = await accountsOf(workspace, { ok: false, error: 'none' }, fs, digest);
  const again = await accountsOf(workspace, { ok: true, value: await userIn(folder) }, fs, digest);
  assert.equal(accounts.letters('KEY=secret'), again.letters('KEY=secret'));
});

const command = (name: string, lane: string | null): unknown => ({ name, kind: 'command', lane });
const http = (name: string, keyEnv: string | null): unknown => ({ name, baseUrl: 'https://api.example/v1', keyEnv, lane: null });

test('offline and programs that name no lane take no part; a name, a provider and an endpoint with its key do', async (t) => {
  const { user, accounts } = await accountsIn(t);
  const workspace = {
    runners: [command('plain', null), command('other', 'heavy')],
    httpRunners: [http('one', 'KEY'), http('two', 'KEY'), http('three', 'OTHER')],
  } as unknown as Pick<Workspace, 'runners' | 'httpRunners'>;
  const env = { KEY: 'k', OTHER: 'o' };
  const keyOf = keyMaker({ workspace, roleLanes: ['drawing', null], accounts, salt: user.salt, env, digest });
  assert.deepEqual(
    ['offline', 'plain', 'heavy', 'drawing', 'anthropic', 'one'].map((lane) => keyOf(lane) !== null),
    [false, false, true, true, true, true],
  );
  assert.equal(keyOf('one'), keyOf('two'));
  assert.notEqual(keyOf('one'), keyOf('three'));
});

test('a run is alive while the very process of its run.json is', async (t) => {
  const folder = await temporaryFolder(t);
  assert.equal(isRunAlive(folder), false);
  const run = { v: 1, runId: 'r', token: 't', startedAt: '', deadline: '', shown: '', pid: process.pid, bootId: bootId() };
  const write = (pidStart: string): void => {
    writeFileSync(path.join(folder, 'run.json'), JSON.stringify({ ...run, pidStart }));
  };
  write(startTimeOf(process.pid) ?? '');
  assert.equal(isRunAlive(folder), true);
  write('another start');
  assert.equal(isRunAlive(folder), false);
});

test('doctor tells what keeps the limits from being shared, and makes nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const settings = Object.fromEntries(Object.entries(SETTINGS).map(([key, { default: value }]) => [key, value]));
  const look = async (env: Record<string, string>, more = {}): Promise<string> => {
    const workspace = { settings: { ...settings, ...more }, state: path.join(folder, 'none') } as unknown as Workspace;
    const [check] = await lookAtSharing({ fs, openDatabase }, workspace, env);
    return `${check?.state ?? ''} ${check?.found ?? ''}`;
  };
  const env = { XDG_STATE_HOME: folder };
  assert.match(await look({}), /^warn neither XDG_STATE_HOME nor HOME names a folder/);
  assert.match(await look({}, { 'throttle.shared': false }), /^ok switched off/);
  assert.match(await look(env), /^ok .* is made at the first start/);
  assert.deepEqual(readdirSync(folder), []);
  mkdirSync(path.join(folder, 'docket'), { mode: 0o755 });
  assert.match(await look(env), /^warn .* can be read by others/);
  await userIn(folder);
  writeFileSync(path.join(folder, 'docket', 'limits-1.db'), 'this is no database, but a text that is long enough to be read as one');
  assert.match(await look(env), /^warn .*limits-1\.db cannot be used: SQLITE_NOTADB/);
});
