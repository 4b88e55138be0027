/** docket's own package: where it lies and which version it is. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageVersion as versionAbove } from '#platform/system.ts';

const isBuilt = !import.meta.url.endsWith('.ts');

/** The folder of docket's package.json: one above cli/ in a clone, two above dist/cli/ when installed. */
export const packageRoot = (): string => path.resolve(path.dirname(fileURLToPath(import.meta.url)), isBuilt ? '../..' : '..');

export const packageVersion = (): string => versionAbove(import.meta.resolve(isBuilt ? '../../package.json' : '../package.json'));

/** A module of docket that is started as a process of its own. @param name such as `cli/keeper` */
export const moduleFile = (name: string): string => path.join(packageRoot(), isBuilt ? `dist/${name}.js` : `${name}.ts`);

/** A file of data that comes with docket. @param name such as `agents/prices.yaml` */
export const packageFile = (name: string): string => path.join(packageRoot(), name);
