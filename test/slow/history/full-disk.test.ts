import { test } from 'node:test';
import { fillDiskAtEach } from '#test/history/full-disk.ts';

for (const isSticky of [false, true]) {
  test(`a disk that is full at any step ${isSticky ? 'and stays full ' : ''}loses nothing that was acknowledged, and the next write mends the rest`, () =>
    fillDiskAtEach(1, isSticky));
}
