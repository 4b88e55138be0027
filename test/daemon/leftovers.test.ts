import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Spool } from '#core/spool.ts';
import { soundLeftovers } from '#daemon/leftovers.ts';
import type { Ports } from '#daemon/ports.ts';

const roles = new Map(['00-meta', '01-architect', '03-ui'].map((folder) => [folder, { folder }])) as unknown as Ports['roles'];
const failing = (code: string): Error => Object.assign(new Error(`${code}: a test`), { code });

/** Each role has one job, but for the one that cannot be read. */
const spoolWhere = (broken: string | null, code: string): Pick<Spool, 'leftovers'> => ({
  leftovers: (only) => {
    if (broken !== null && (only === undefined || only === broken)) return Promise.reject(failing(code));
    return Promise.resolve(
      [...roles.values()]
        .filter(({ folder }) => only === undefined || folder === only)
        .map(({ folder }) => ({ id: `job-${folder}`, folder })),
    ) as unknown as ReturnType<Spool['leftovers']>;
  },
});
const idsOf = async (spool: Pick<Spool, 'leftovers'>): Promise<unknown> => {
  const { found, isWhole } = await soundLeftovers({ spool: spool as Spool, roles });
  return [found.map(({ id }) => id), isWhole];
};

test('a role whose folders cannot be used keeps no other from its jobs', async () => {
  assert.deepEqual(await idsOf(spoolWhere(null, '')), [['job-00-meta', 'job-01-architect', 'job-03-ui'], true]);
  for (const code of ['ETIMEDOUT', 'ENOENT', 'EXDEV', 'ESTALE'])
    assert.deepEqual(await idsOf(spoolWhere('01-architect', code)), [['job-00-meta', 'job-03-ui'], false]);
});

test('an error of the disk concerns all of them', async () => {
  await assert.rejects(idsOf(spoolWhere('01-architect', 'EIO')), { code: 'EIO' });
});
