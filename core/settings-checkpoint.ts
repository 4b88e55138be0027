/** Rows of the settings' table: where `docket checkpoint` sends the head of the chain, and who says what time it was. */

import { row } from './settings-row.ts';

export const CHECKPOINT_SETTINGS = {
  'checkpoint.command': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'the program, and its arguments one by one, that `docket checkpoint --send` hands the checkpoint to on standard input: mail, a ticket, another machine; no shell',
  }),
  'checkpoint.time_stamp': row<readonly string[]>({
    default: [],
    unit: 'list',
    security: true,
    why: 'the program, and its arguments, that takes a time-stamp query (RFC 3161) from the file {query} and writes the reply into {reply}, for `docket checkpoint --to`',
  }),
  'checkpoint.time_stamp_url': row<string>({
    default: '',
    unit: 'text',
    security: true,
    why: 'instead of that program: the address of a time-stamp authority, which is sent the SHA-256 of the checkpoint and nothing else',
  }),
  'checkpoint.time_stamp_ca': row<string>({
    default: '',
    unit: 'text',
    security: true,
    why: 'certificates (PEM) of that authority, for `docket verify --against`, which asks the openssl program; relative to docket.yaml',
  }),
  'checkpoint.time_limit': row<number>({
    default: 60_000,
    unit: 'ms',
    min: 1_000,
    max: 3_600_000,
    why: 'how long either of these may take',
  }),
} as const;
