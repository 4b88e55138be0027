/** All verbs, in the order of the help. */

import type { Command } from 'commander';
import { addAdd, addAsk } from './add.ts';
import { addCancel } from './cancel.ts';
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { addConfig } from './config.ts';
import { addDoctor } from './doctor.ts';
import { addDown } from './down.ts';
import { addInit } from './init.ts';
import type { Io } from './io.ts';
import { addLog } from './log.ts';
import { addLogs } from './logs.ts';
import { addLs } from './ls.ts';
import { addPreview } from './preview.ts';
import { addRetry } from './retry.ts';
import { addShow } from './show.ts';
import { addSpec } from './spec.ts';
import { addStatus } from './status.ts';
import { addUp } from './up.ts';
import { addVerify } from './verify.ts';
import { addWait } from './wait.ts';
import { addWhy } from './why.ts';

export const VERBS: readonly ((program: Command, io: Io) => void)[] = [
  addInit,
  addUp,
  addDown,
  addStatus,
  addLogs,
  addAdd,
  addAsk,
  addWait,
  addPreview,
  addLs,
  addShow,
  addWhy,
  addCheck,
  addSpec,
  addCancel,
  addRetry,
  addLog,
  addVerify,
  addDoctor,
  addConfig,
  addCompletion,
];
