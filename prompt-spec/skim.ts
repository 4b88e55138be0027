/**
 * The peek at what most prompts look like, a hundred times as fast: a header of plain `key: value` lines, each key known and once, each value
 * so simple that YAML can read it in one way only. A backlog of a hundred thousand files is put in order with it.
 * Invariant: what it answers is what peekPrompt answers; wherever it is not sure it answers nothing.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import { parseFeature, parsePromptName, parseRoleName, type FeatureId } from '#core/names.ts';
import { parseInstant } from './instant.ts';
import { PRIORITY_DEFAULT } from './parse.ts';
import { HEAD_BYTES_MAX, wholeCharacters, type Peek } from './peek.ts';

export type Skim = Pick<Peek, 'feature' | 'priority' | 'notBefore' | 'dependsOn' | 'runner'>;

const OPEN = '---\n';
const CLOSE = '\n---\n';
const LINE = /^([a-z_]+): ([0-9A-Za-z][0-9A-Za-z:.+-]*)$/;
/** Words that YAML reads as something else than text. */
const NO_TEXT = /^(?:null|true|false)$/;

const isName = (text: string): boolean => /^[a-z][a-z-]*$/.test(text) && !NO_TEXT.test(text);
/** The last moments that were some: a backlog was mostly written by one program on one day. */
const moments = new Set<string>();
const MOMENTS_MAX = 64;
const isMoment = (text: string): boolean => {
  if (moments.has(text)) return true;
  if (!parseInstant(text).ok) return false;
  if (moments.size >= MOMENTS_MAX) moments.clear();
  moments.add(ownString(text));
  return true;
};
/** Narrower than what the schema takes. */
const IS_SURE: Readonly<Record<string, (text: string) => boolean>> = {
  feature: (text) => /^[A-Z]{2,}-[0-9]+(?:-[a-z]+)*$/.test(text) && parseFeature(text).ok,
  agent: (text) => isName(text) && parseRoleName(text).ok,
  prompt_spec_version: (text) => /^(?:0|[1-9][0-9]?)\.(?:0|[1-9][0-9]?)\.(?:0|[1-9][0-9]?)$/.test(text),
  revision: (text) => /^[1-9][0-9]{0,2}$/.test(text),
  created_at: isMoment,
  name: (text) => isName(text) && parsePromptName(text).ok,
  priority: (text) => /^(?:0|[1-9][0-9]?)$/.test(text),
  not_before: isMoment,
};
const REQUIRED = ['feature', 'agent', 'prompt_spec_version', 'revision', 'created_at'];

/** A part of a text keeps the whole text in memory. */
const ownString = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

/** @param head the first 16 KiB or so of the file. Null: ask peekPrompt. Never throws. */
export function skimPrompt(head: Uint8Array): Skim | null {
  const bytes = wholeCharacters(head.subarray(0, HEAD_BYTES_MAX));
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.indexOf(CLOSE);
  if (end < OPEN.length || !isUtf8(all)) return null;
  const header = all.toString('latin1', 0, end);
  if (!header.startsWith(OPEN)) return null;
  const values = new Map<string, string>();
  for (const line of header.slice(OPEN.length).split('\n')) {
    const [, key = '', value = ''] = LINE.exec(line) ?? [];
    if (!Object.hasOwn(IS_SURE, key) || values.has(key) || IS_SURE[key]?.(value) !== true) return null;
    values.set(key, value);
  }
  if (REQUIRED.some((key) => !values.has(key))) return null;
  const notBefore = values.get('not_before');
  const feature = parseFeature(values.get('feature') ?? '');
  if (!feature.ok) return null;
  return {
    feature: ownString(feature.value.id) as FeatureId,
    priority: Number(values.get('priority') ?? PRIORITY_DEFAULT),
    notBefore: notBefore === undefined ? null : ownString(notBefore),
    dependsOn: [],
    runner: null,
  };
}
