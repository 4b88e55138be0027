/**
 * What a client and the keeper say to each other: one JSON object per line, version 1, over <state>/keeper.sock.
 *
 *   client  {v, id, do: 'start', run, epoch?}   {v, id, do: 'wait', dir, runId}   {v, id, do: 'stop', runId, reason?}   {v, id, do: 'list'}   {v, id: 0, do: 'bye'}
 *   keeper  {v, id, ok: true, value}    {v, id, ok: false, failure}    {v, id: 0, ok: false, failure}: trouble that nobody asked about, for the log
 *
 * Each question gets one answer, in any order; `wait` may take hours. A side that reads another version hangs up.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { StartRun } from '#core/ports.ts';

export const VERSION = 1;

export type Question =
  /** `epoch`: content of <state>/epoch as the daemon wrote it; a start of another epoch than the file's is refused. Daemons before epochs send none. */
  | { readonly do: 'start'; readonly run: StartRun; readonly epoch?: string }
  | { readonly do: 'wait'; readonly dir: string; readonly runId: string }
  /** Without a reason: cancelled. */
  | { readonly do: 'stop'; readonly runId: string; readonly reason?: 'cancelled' | 'budget' }
  | { readonly do: 'list' }
  | { readonly do: 'bye' };
export type Asked = Question & { readonly v: typeof VERSION; readonly id: number };
export type Reply =
  | { readonly v: typeof VERSION; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly v: typeof VERSION; readonly id: number; readonly ok: false; readonly failure: Failure };

/** Whose turn it is to start programs (platform/epoch.ts). */
export const epochPath = (state: string): string => path.join(state, 'epoch');
export const socketPath = (state: string): string => path.join(state, 'keeper.sock');
/** Its kernel lock: one keeper per queue root, whatever happens to the socket's name. */
export const lockPath = (state: string): string => path.join(state, 'keeper.lock.db');

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTextMap = (value: unknown): boolean => isFields(value) && Object.values(value).every((text) => typeof text === 'string');
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string');
const areTexts = (value: Fields, keys: readonly string[]): boolean => keys.every((key) => typeof value[key] === 'string');
const isPositive = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0;

/** Part of a file name and of an environment: the UUIDs docket makes, and nothing that could mean something else. */
const isRunId = (value: unknown): boolean => typeof value === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(value);
const isPath = (value: unknown): boolean => typeof value === 'string' && path.isAbsolute(value) && !value.includes('\0');

const isPlan = (value: unknown): boolean =>
  isFields(value) &&
  value['kind'] === 'program' &&
  areTexts(value, ['shown']) &&
  isTextList(value['args']) &&
  isTextMap(value['env']) &&
  isPath(value['program']) &&
  isPath(value['cwd']) &&
  isPath(value['stdin']);

const isCeiling = (value: unknown): boolean => value === undefined || value === 0 || isPositive(value);

const isLimits = (value: unknown): boolean =>
  isFields(value) &&
  isPositive(value['timeoutMs']) &&
  isPositive(value['idleMs']) &&
  isPositive(value['outputBytes']) &&
  isCeiling(value['memoryMb']) &&
  isCeiling(value['processes']);

const isStartRun = (value: unknown): boolean =>
  isFields(value) &&
  isPlan(value['plan']) &&
  isPath(value['dir']) &&
  isRunId(value['runId']) &&
  typeof value['token'] === 'string' &&
  isLimits(value['limits']);

/** The only way a message of a client becomes a question; null: not one of ours. */
export function parseQuestion(message: unknown): Asked | null {
  if (!isFields(message) || message['v'] !== VERSION || !Number.isSafeInteger(message['id'])) return null;
  const known: Readonly<Record<string, () => boolean>> = {
    start: () => isStartRun(message['run']) && (message['epoch'] === undefined || typeof message['epoch'] === 'string'),
    wait: () => isPath(message['dir']) && isRunId(message['runId']),
    stop: () => isRunId(message['runId']) && [undefined, 'cancelled', 'budget'].includes(message['reason'] as string | undefined),
    list: () => true,
    bye: () => true,
  };
  const name = message['do'];
  return typeof name === 'string' && Object.hasOwn(known, name) && known[name]?.() === true ? (message as unknown as Asked) : null;
}

/** The same for an answer of the keeper. */
export function parseReply(message: unknown): Reply | null {
  if (!isFields(message) || message['v'] !== VERSION || !Number.isSafeInteger(message['id'])) return null;
  return message['ok'] === true || (message['ok'] === false && isFields(message['failure'])) ? (message as unknown as Reply) : null;
}
