import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { startWatch } from '#platform/watch.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

type Rig = {
  readonly root: string;
  /** Resolves at the next hint after `act`. */
  hintAfter(act: () => void): Promise<void>;
  /** Acts again and again, each time another way, until a hint comes: for what becomes watched in a moment. */
  hintAmong(act: (count: number) => void): Promise<void>;
};

async function watching(t: TestContext): Promise<Rig> {
  const root = await temporaryFolder(t);
  for (const folder of ['01-architect/in', '01-architect/work', '01-architect/out', '.docket'])
    mkdirSync(`${root}/${folder}`, { recursive: true });
  let heard: (() => void) | null = null;
  const watch = await startWatch(
    root,
    () => heard?.(),
    (error) => {
      throw error;
    },
  );
  t.after(() => watch.close());
  const hintAfter = async (act: () => void): Promise<void> => {
    const hint = new Promise<void>((resolve) => {
      heard = resolve;
    });
    act();
    await hint;
    heard = null;
  };
  return {
    root,
    hintAfter,
    async hintAmong(act) {
      let count = 0;
      const again = setInterval(() => {
        act(count++);
      }, 20);
      await hintAfter(() => {
        act(count++);
      });
      clearInterval(again);
    },
  };
}

test('a drop is a hint: written, moved in, changed, moved out', async (t) => {
  const rig = await watching(t);
  const file = `${rig.root}/01-architect/in/foo.md`;
  await rig.hintAfter(() => {
    writeFileSync(file, 'x');
  });
  await rig.hintAfter(() => {
    appendFileSync(file, 'y');
  });
  await rig.hintAfter(() => {
    renameSync(file, `${rig.root}/01-architect/out/foo.md`);
  });
  await rig.hintAfter(() => {
    renameSync(`${rig.root}/01-architect/out/foo.md`, file);
  });
});

test('the traffic of work/, out/ and .docket/ makes no hint', async (t) => {
  const root = await temporaryFolder(t);
  const quiet = ['01-architect/work', '01-architect/out', '01-architect/archive', '.docket'];
  for (const folder of [...quiet, '01-architect/in']) mkdirSync(`${root}/${folder}`, { recursive: true });
  const hints: string[] = [];
  let now = 'before';
  const dropped = Promise.withResolvers<void>();
  const watch = await startWatch(
    root,
    () => {
      hints.push(now);
      if (now === 'drop') dropped.resolve();
    },
    assert.ifError,
  );
  t.after(() => watch.close());
  hints.length = 0;
  now = 'noise';
  for (const folder of quiet) writeFileSync(`${root}/${folder}/a`, 'x');
  // The loop turns a few times, so that events of the noise would have been heard before the drop's.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  now = 'drop';
  writeFileSync(`${root}/01-architect/in/foo.md`, 'x');
  await dropped.promise;
  assert.ok(!hints.includes('noise'), hints.join(' '));
});

test('a role that comes later is watched, with its in/', async (t) => {
  const rig = await watching(t);
  mkdirSync(`${rig.root}/02-openapi/in`, { recursive: true });
  await rig.hintAmong((count) => {
    writeFileSync(`${rig.root}/02-openapi/in/${String(count)}.md`, 'x');
  });
});

test('an in/ that was moved away and made again is watched again', async (t) => {
  const rig = await watching(t);
  renameSync(`${rig.root}/01-architect/in`, `${rig.root}/01-architect/old`);
  mkdirSync(`${rig.root}/01-architect/in`);
  // Hints of the move itself may still come: what counts is that drops go on being heard.
  for (let round = 0; round < 3; round++) {
    await rig.hintAmong((count) => {
      writeFileSync(`${rig.root}/01-architect/in/${String(round)}-${String(count)}.md`, 'x');
    });
  }
});

test('a variable that makes chokidar poll is overruled, and put back for whoever else reads it', async (t) => {
  process.env['CHOKIDAR_USEPOLLING'] = '1';
  process.env['CHOKIDAR_INTERVAL'] = '60000';
  t.after(() => {
    delete process.env['CHOKIDAR_USEPOLLING'];
    delete process.env['CHOKIDAR_INTERVAL'];
  });
  const rig = await watching(t);
  assert.equal(process.env['CHOKIDAR_USEPOLLING'], '1');
  // Polling each minute would not be heard before the test's own end.
  await rig.hintAfter(() => {
    writeFileSync(`${rig.root}/01-architect/in/foo.md`, 'x');
  });
});

test('closing is final and quick', async (t) => {
  const root = await temporaryFolder(t);
  mkdirSync(`${root}/01-architect/in`, { recursive: true });
  let hints = 0;
  const watch = await startWatch(
    root,
    () => {
      hints += 1;
    },
    assert.ifError,
  );
  await watch.close();
  writeFileSync(`${root}/01-architect/in/foo.md`, 'x');
  const other = await startWatch(root, () => undefined, assert.ifError);
  await other.close();
  assert.equal(hints, 0);
  rmSync(root, { recursive: true });
});

test('a hint names what was touched and how, in bytes, and says "everywhere" for a folder that was made again', async (t) => {
  const root = await temporaryFolder(t);
  mkdirSync(`${root}/01-architect/in`, { recursive: true });
  mkdirSync(`${root}/01-architect/out`);
  const told: string[] = [];
  let heard = Promise.withResolvers<void>();
  const watch = await startWatch(
    root,
    (noticed) => {
      told.push(noticed === null ? 'everywhere' : `${noticed.folder} ${noticed.name} ${noticed.isWritten ? 'written' : 'came or went'}`);
      heard.resolve();
    },
    assert.ifError,
  );
  t.after(() => watch.close());
  const until = async (words: string): Promise<void> => {
    while (!told.includes(words)) {
      await heard.promise;
      heard = Promise.withResolvers<void>();
    }
  };
  const raw = (folder: string): Buffer =>
    Buffer.concat([Buffer.from(`${root}/01-architect/${folder}/`), Buffer.from([0xff]), Buffer.from('.md')]);
  writeFileSync(raw('out'), 'x');
  renameSync(raw('out'), raw('in'));
  await until('01-architect \u00ff.md came or went');
  assert.ok(!told.some((one) => one.endsWith('written')), 'a rename is no write');
  writeFileSync(`${root}/01-architect/in/foo.md`, 'x');
  await until('01-architect foo.md written');
  told.length = 0;
  renameSync(`${root}/01-architect/in`, `${root}/01-architect/old`);
  mkdirSync(`${root}/01-architect/in`);
  await until('everywhere');
});

test('of very many events in one turn the first are told by name, the others as one "everywhere"', async (t) => {
  const root = await temporaryFolder(t);
  mkdirSync(`${root}/01-architect/in`, { recursive: true });
  let named = 0;
  const everywhere = Promise.withResolvers<void>();
  const watch = await startWatch(
    root,
    (noticed) => {
      if (noticed === null) everywhere.resolve();
      else named += 1;
    },
    assert.ifError,
  );
  t.after(() => watch.close());
  for (let n = 0; n < 1_500; n++) writeFileSync(`${root}/01-architect/in/${String(n)}.md`, 'x');
  await everywhere.promise;
  assert.equal(named, 1_000);
});
