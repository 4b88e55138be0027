/** What a feature has in its queues is found also while it moves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobView } from '#core/job.ts';
import type { FeatureId, JobId, RoleName } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import { promptsInQueues } from '#daemon/next-plan.ts';
import { promptText } from '#test/support/rig.ts';

const view = (state: JobView['state'], id: JobView['id']): JobView => ({
  id,
  role: 'ui' as RoleName,
  stem: 'FEAT-1-ui-r1',
  state,
  feature: null,
  revision: null,
  name: null,
  attempts: 0,
  since: null,
  why: null,
});

test('a prompt that is claimed between the list and the look at it is in work, not missing', async () => {
  const lists = [[view('waiting-in', null)], [view('running', '2fdsvhvvaolasyho' as JobId)]];
  const asked: string[] = [];
  const found = await promptsInQueues(
    {
      queues: '/queues',
      roles: new Map([['ui' as RoleName, { folder: '03-ui' } as unknown as Role]]),
      spool: { list: () => Promise.resolve(lists.shift() ?? []) },
      fs: {
        readHead(file) {
          asked.push(String(file));
          if (String(file).endsWith('.md')) return Promise.reject(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }));
          return Promise.resolve({ bytes: new TextEncoder().encode(promptText({ feature: 'FEAT-1', agent: 'ui' })) } as never);
        },
      },
    },
    'FEAT-1' as FeatureId,
  );
  assert.deepEqual(
    found.map(({ identity, where }) => [identity.role, where]),
    [['ui', 'ui/FEAT-1-ui-r1 is in work']],
  );
  assert.equal(asked.length, 2);
});
