/**
 * What is known of a tool call of an agent: it is told in pieces (tool_call, tool_call_update, the permission itself), each with some of its fields.
 * Invariant: every path that any piece names counts; a call that holds a diff writes, and one that holds a command runs it, whatever kind it calls itself.
 */

import type { ToolCallUpdate } from '@agentclientprotocol/sdk';
import { printable } from '#core/names.ts';
import type { ToolAsk } from '#core/run.ts';

export type CallFacts = {
  readonly kind: string;
  readonly title: string;
  readonly paths: readonly string[];
  readonly diffs: readonly { readonly path: string; readonly oldText: string | null; readonly newText: string }[];
  readonly hasCommand: boolean;
  /** What it said when it failed. */
  readonly said: string;
};

const PATHS_MAX = 50;
const DEPTH_MAX = 4;
const TEXT_MAX = 300;
/** Names of arguments that hold a path, as the agents of today call them. */
const PATH_KEY =
  /^(?:path|paths|file|files|filename|filenames|fileName|fileNames|dir|directory|folder|cwd|source|destination|.*(?:_|-)(?:path|paths|file|files|dir|directory)|.*(?:Path|Paths|File|Files|Dir|Directory|FileName))$/;
const COMMAND_KEY = /^(?:command|commands|cmd|script|shell)$/i;

/** One line, without control characters, shortened. */
export const shortText = (text: string): string => printable(text.trim().slice(0, TEXT_MAX).toWellFormed(), TEXT_MAX);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

/** Texts below keys of this kind, in the arguments of a tool. */
function textsUnder(value: unknown, key: RegExp, isBelow = false, depth = 0): string[] {
  if (typeof value === 'string') return isBelow && value !== '' ? [value] : [];
  if (!isObject(value) || depth > DEPTH_MAX) return [];
  return Object.entries(value)
    .flatMap(([name, one]) => textsUnder(one, key, Array.isArray(value) ? isBelow : key.test(name), depth + 1))
    .slice(0, PATHS_MAX);
}

const NOTHING: CallFacts = { kind: '', title: '', paths: [], diffs: [], hasCommand: false, said: '' };

type Piece = Pick<ToolCallUpdate, 'kind' | 'title' | 'content' | 'locations' | 'rawInput'>;

/** @param before what earlier pieces said */
export function mergeCall(before: CallFacts | undefined, piece: Piece): CallFacts {
  const known = before ?? NOTHING;
  const { kind, title, content, locations, rawInput } = piece;
  const parts = content ?? [];
  const diffs = parts.flatMap((part) =>
    part.type === 'diff' ? [{ path: part.path, oldText: part.oldText ?? null, newText: part.newText }] : [],
  );
  const said = parts.flatMap((part) => (part.type === 'content' && part.content.type === 'text' ? [part.content.text] : [])).join(' ');
  const paths = [...(locations ?? []).map((one) => one.path), ...diffs.map((one) => one.path), ...textsUnder(rawInput, PATH_KEY)];
  return {
    kind: kind ?? known.kind,
    title: title ?? known.title,
    paths: [...new Set([...known.paths, ...paths])].slice(0, PATHS_MAX + 1),
    diffs: diffs.length === 0 ? known.diffs : diffs,
    hasCommand: known.hasCommand || textsUnder(rawInput, COMMAND_KEY).length > 0,
    said: said === '' ? known.said : said,
  };
}

export function factsOfCall({ kind, title, paths, diffs, hasCommand }: CallFacts): Pick<ToolAsk, 'kind' | 'title' | 'paths'> {
  const isPlain = kind === '' || kind === 'other' || kind === 'read' || kind === 'search' || kind === 'think';
  const real = isPlain && hasCommand ? 'execute' : isPlain && diffs.length > 0 ? 'edit' : kind === '' ? 'other' : kind;
  // More than were looked at: nobody knows where they lie.
  return { kind: paths.length > PATHS_MAX ? 'other' : real, title, paths: paths.slice(0, PATHS_MAX) };
}
