/** All verbs, in the order of the help. */

import type { Command } from 'commander';
import { addAdd, addAsk } from './add.ts';
import { addCheck } from './check.ts';
import { addConfig } from './config.ts';
import { addDown } from './down.ts';
import type { Io } from './io.ts';
import { addLs } from './ls.ts';
import { addPreview } from './preview.ts';
import { addShow } from './show.ts';
import { addSpec } from './spec.ts';
import { addStatus } from './status.ts';
import { addUp } from './up.ts';
import { addWait } from './wait.ts';

export const VERBS: readonly ((program: Command, io: Io) => void)[] = [
  addUp,
  addDown,
  addStatus,
  addAdd,
  addAsk,
  addWait,
  addPreview,
  addLs,
  addShow,
  addCheck,
  addSpec,
  addConfig,
];
