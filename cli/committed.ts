/** docket.yaml as the workspace's repository has it at HEAD, asked of git: what the settings are held against (settings-strict.ts). */

import { askProgram } from '#platform/ask.ts';
import { gitCommitted } from '#platform/git-program.ts';
import type { Committed } from './settings-strict.ts';

export const committed = async (root: string, name: string): Promise<Committed> => gitCommitted(askProgram, root, name);
