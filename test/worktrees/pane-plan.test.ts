/** A plan of panes: names that a terminal takes, layouts by the number of roles, what each pane runs, and the cap. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFeature, parseRoleFolder, type FeatureId } from '#core/names.ts';
import type { PanePlan, PaneWindow } from '#core/panes.ts';
import { planPanes, sessionName, type PaneWish } from '#worktrees/pane-plan.ts';
import { isPanePlan } from '#cli/schema-panes.ts';

const featureOf = (text: string): FeatureId => {
  const parsed = parseFeature(text);
  assert.ok(parsed.ok);
  return parsed.value.id;
};
const roles = (count: number): PaneWish['roles'] =>
  Array.from({ length: count }, (_, index) => {
    const parsed = parseRoleFolder(`${String(index).padStart(2, '0')}-role-${String.fromCharCode(97 + index)}`);
    assert.ok(parsed.ok);
    return { name: parsed.value.name, folder: parsed.value.folder, title: `Role ${String(index)}` };
  });
const wish = (given: Partial<PaneWish> = {}): PaneWish => ({
  app: 'shop',
  root: '/home/a/shop-FEAT-123',
  owner: '0123456789abcdef'.repeat(4),
  feature: featureOf('FEAT-123-user-filters'),
  roles: roles(6),
  interactive: new Set(),
  docket: ['/usr/bin/node', '/opt/docket/bin/docket.js'],
  panesMax: 12,
  ...given,
});
const planOf = (given: Partial<PaneWish> = {}): PanePlan => {
  const plan = planPanes(wish(given));
  assert.ok(plan.ok, plan.ok ? '' : plan.error);
  return plan.value;
};

describe('the session', () => {
  test('is named after app, feature and place', () => {
    assert.equal(planOf().session, 'docket-shop-FEAT-123-012345');
    assert.equal(planOf({ feature: null }).session, 'docket-shop-012345');
  });

  test('has no sign that means something to tmux, whatever the app is called', () => {
    for (const app of ['my.shop:v2', '...', 'ä b', '-x-', 'a'.repeat(64), '$(id)', "a'b"]) {
      assert.match(sessionName(wish({ app })), /^docket-[A-Za-z0-9_-]{6,130}$/, app);
    }
  });

  test('is the same again, and another for another place', () => {
    assert.deepEqual(planOf(), planOf());
    assert.notEqual(planOf().session, planOf({ owner: 'f'.repeat(64) }).session);
  });
});

describe('a pane', () => {
  test('follows its role with an argument array', () => {
    const [pane] = planOf({ root: "/home/a b/it's; $(id)" }).windows[0]?.panes ?? [];
    assert.deepEqual(pane, {
      role: '00-role-a',
      title: '00-role-a: Role 0',
      mode: 'follow',
      args: ['/usr/bin/node', '/opt/docket/bin/docket.js', 'attach', '00-role-a', '--root', "/home/a b/it's; $(id)"],
    });
  });

  test("is a person's own session where it is asked for, and says so", () => {
    const panes = planOf({ interactive: new Set(['role-b']) }).windows[0]?.panes ?? [];
    assert.deepEqual(
      panes.map(({ mode }) => mode),
      ['follow', 'interactive', 'follow', 'follow', 'follow', 'follow'],
    );
    assert.equal(panes[1]?.args.at(-1), '--interactive');
    assert.equal(panes[1].title, '01-role-b: Role 1, your own session, not recorded');
  });

  test('has a title in which nothing runs or is filled in', () => {
    const titles = ['#(touch x)', '#{pane_id}', String.raw`\(user.x)`, '\u001b]0;x\u0007', 'Größe, Maß'].map((title) => {
      const [role] = roles(1);
      assert.ok(role !== undefined);
      return planOf({ roles: [{ ...role, title }] }).windows[0]?.panes[0]?.title ?? '';
    });
    for (const title of titles) assert.match(title, /^[\p{L}\p{N} .,:_-]+$/u, title);
    assert.equal(titles.at(-1), '00-role-a: Größe, Maß');
  });
});

/** Which row each pane stands in, by doing the splits. */
function drawn({ panes, splits }: PaneWindow): readonly (readonly number[])[] {
  const rows: number[][] = [[0]];
  for (const { pane, from, side } of splits) {
    const at = rows.findIndex((row) => row.includes(from));
    const row = rows[at];
    assert.ok(row !== undefined && !rows.flat().includes(pane), 'each split is of a pane that is there, into one that is not');
    if (side === 'below') rows.splice(at + 1, 0, [pane]);
    else row.splice(row.indexOf(from) + 1, 0, pane);
  }
  assert.equal(rows.flat().length, panes.length);
  return rows;
}

describe('the layout', () => {
  const LAYOUTS: readonly (readonly [number, readonly (readonly (readonly number[])[])[]])[] = [
    [1, [[[0]]]],
    [2, [[[0, 1]]]],
    [3, [[[0, 1], [2]]]],
    [4, [[[0, 1], [2, 3]]]],
    [5, [[[0, 1], [2, 3], [4]]]],
    [6, [[[0, 1], [2, 3], [4, 5]]]],
    [7, [[[0, 1], [2, 3], [4, 5]], [[0]]]],
    [9, [[[0, 1], [2, 3], [4, 5]], [[0, 1], [2]]]],
  ]; // prettier-ignore
  for (const [count, wanted] of LAYOUTS)
    test(`of ${String(count)} roles`, () => {
      const { windows } = planOf({ roles: roles(count) });
      assert.deepEqual(windows.map(drawn), wanted);
      assert.deepEqual(
        windows.map((window) => window.rows),
        wanted.map((window) => window.map((row) => row.length)),
      );
    });

  test('names the windows, and keeps the order of the roles', () => {
    const { windows } = planOf({ roles: roles(8) });
    assert.deepEqual(
      windows.map(({ name }) => name),
      ['roles-1', 'roles-2'],
    );
    assert.deepEqual(
      windows.flatMap(({ panes }) => panes.map(({ role }) => role)),
      roles(8).map(({ folder }) => folder),
    );
  });
});

describe('the cap', () => {
  test('refuses one pane too many, and says how to go on', () => {
    assert.equal(planPanes(wish({ panesMax: 6 })).ok, true);
    const refused = planPanes(wish({ panesMax: 5 }));
    assert.ok(!refused.ok);
    assert.match(refused.error, /^6 panes would be opened, .*panes\.max allows 5: .*--role.*raise panes\.max/);
  });

  test('refuses no panes at all', () => {
    assert.equal(planPanes(wish({ roles: [] })).ok, false);
  });
});

test('a plan is what its schema says', () => {
  for (const count of [1, 2, 5, 9]) assert.ok(isPanePlan(JSON.parse(JSON.stringify(planOf({ roles: roles(count) })))), String(count));
  assert.ok(!isPanePlan({ ...planOf(), session: 'a.b' }));
});
