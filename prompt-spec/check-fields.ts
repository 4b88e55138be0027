/** The schema applied to what YAML gave: every issue becomes a fault with its place, what was found and how to mend it. */

import type { z } from 'zod';
import type { Fault } from '#core/fault.ts';
import { fault, type FaultWords, type Place, shown } from './faults.ts';
import {
  DIGIT_PATHS,
  FIELD_WORDS,
  KNOWN_KEYS,
  LIMIT_KEYS,
  PROMPT_SCHEMA,
  REQUIRED_KEYS,
  STEERING_KEYS,
  type WrittenPrompt,
} from './fields.ts';
import type { FrontMatter } from './front-matter.ts';
import { nearest } from './nearest.ts';
import { emptyMap, type Spot } from './safe-yaml.ts';

type Checked = {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** Null when there are faults. */
  readonly written: WrittenPrompt | null;
  /** Top keys that have no fault: their raw value may be checked further. */
  readonly isSound: (key: string) => boolean;
};

/** `limits.timeout` -> `limits-timeout`: how codes name a field. */
const codeOf = (path: string): string => path.replaceAll(/[._]/g, '-');
const namesOf = (path: readonly PropertyKey[]): string => path.filter((part) => typeof part === 'string').join('.');

export function checkFields(front: FrontMatter): Checked {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const known = emptyMap();
  for (const [key, value] of Object.entries(front.data)) {
    if (front.broken.has(key)) continue;
    if (!KNOWN_KEYS.includes(key)) warnings.push(unknownKey(key, front));
    else if (value !== null) known[key] = value;
    else if (!REQUIRED_KEYS.some((required) => required === key)) warnings.push(emptyOptional(key, front));
  }
  for (const key of REQUIRED_KEYS) if (known[key] === undefined && !front.broken.has(key)) faults.push(missing(key, front));
  const missingKeys = new Set<string>(faults.map(({ field }) => field));

  const parsed = PROMPT_SCHEMA.safeParse(known);
  const told = new Set<string>();
  for (const issue of parsed.error?.issues ?? []) {
    const top = String(issue.path[0]);
    const at = issue.path.join('\u0000');
    if (missingKeys.has(top) || front.broken.has(top) || told.has(at)) continue;
    told.add(at);
    faults.push(...fromIssue(issue, front));
  }
  faults.push(...notPlainDigits(front, told));
  warnings.push(...needlessQuotes(front));
  const unsound = new Set([...faults.map(({ field }) => field.split('.', 1)[0] ?? ''), ...front.broken]);
  return { faults, warnings, written: parsed.success && faults.length === 0 ? parsed.data : null, isSound: (key) => !unsound.has(key) };
}

const wordsOf = (path: string): { readonly expected: string; readonly mend: string } => {
  const words = FIELD_WORDS[path];
  if (words === undefined) throw new Error(`no words for the field ${path}`);
  return words;
};

function missing(key: string, front: FrontMatter): Fault {
  const { expected, mend } = wordsOf(key);
  const spot = front.spotOf([key]);
  if (spot !== null) {
    return fault(`${codeOf(key)}-missing`, key, spot.value, {
      message: 'the required field has no value',
      expected,
      found: 'nothing',
      mend,
    });
  }
  const typo = Object.keys(front.data).find((other) => !KNOWN_KEYS.includes(other) && nearest(other, KNOWN_KEYS) === key);
  const typoAt = typo === undefined ? null : front.spotOf([typo]);
  return fault(`${codeOf(key)}-missing`, key, typoAt?.key ?? { line: front.closeLine, column: 1 }, {
    message: 'a required field is missing',
    expected,
    found: typo === undefined ? 'no such key' : `the key ${shown(typo)}`,
    mend: typo === undefined ? mend : `rename the key ${shown(typo)} to ${key}`,
  });
}

function unknownKey(key: string, front: FrontMatter): Fault {
  const near = nearest(key, KNOWN_KEYS);
  return fault('unknown-key', shown(key), front.spotOf([key])?.key ?? { line: 2, column: 1 }, {
    message: 'docket does not know this key; it is kept and handed on, and has no effect',
    expected: near === null ? 'a key of prompt-spec/SPEC.md' : near,
    found: shown(key),
    mend: near === null ? 'remove it if it was meant to do something here' : `did you mean ${near}?`,
  });
}

const emptyOptional = (key: string, front: FrontMatter): Fault =>
  fault('empty-field', key, front.spotOf([key])?.value ?? { line: 2, column: 1 }, {
    message: 'the field has no value and counts as absent',
    expected: wordsOf(key).expected,
    found: 'nothing',
    mend: 'give it a value, or remove the line',
  });

type Issue = z.core.$ZodIssue;

function fromIssue(issue: Issue, front: FrontMatter): readonly Fault[] {
  const path = namesOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => strictKey(path, key, front));
  }
  const spot = front.spotOf(issue.path);
  const place = spot?.value ?? { line: front.closeLine, column: 1 };
  const { expected, mend } = FIELD_WORDS[path] ?? wordsOf(path.split('.', 1)[0] ?? '');
  const found = foundAt(spot);
  const top = FIELD_WORDS[path] === undefined ? (path.split('.', 1)[0] ?? '') : path;
  const isWhole = DIGIT_PATHS.some((digits) => digits.join('.') === path);
  const is = (code: string, words: FaultWords): readonly Fault[] => [fault(`${codeOf(top)}-${code}`, path, place, words)];
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') {
    if (isWhole) return is('not-integer', { message: wholeReason(spot), expected, found, mend });
    return is('type', typeWords(path, issue, spot, front, { expected, mend }));
  }
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    return is('range', { message: 'the value is out of bounds', expected, found, mend });
  }
  if (issue.code === 'custom') return is('invalid', { message: `the value ${issue.message}`, expected, found, mend: spaces(spot) ?? mend });
  return is('invalid', { message: 'the value is none of those that are taken', expected, found, mend });
}

function strictKey(path: string, key: string, front: FrontMatter): Fault {
  const keys = path === 'limits' ? LIMIT_KEYS : ['files', 'create'];
  const near = nearest(key, keys);
  return fault(`${codeOf(path)}-unknown-key`, path, front.spotOf([path, key])?.key ?? { line: 2, column: 1 }, {
    message: `${path} has no such key, and what narrows a run must not be ignored`,
    expected: keys.join(', '),
    found: shown(key),
    mend: near === null ? 'remove it' : `did you mean ${near}?`,
  });
}

function foundAt(spot: Spot | null): string {
  if (spot === null || spot.written === 'nothing') return 'nothing';
  if (spot.written === 'list' || spot.written === 'mapping') return `a ${spot.written}`;
  return shown(spot.source);
}

const spaces = (spot: Spot | null): string | null =>
  spot?.written === 'quoted' && /^["']\s|\s["']$/.test(spot.source) ? 'remove the space inside the quotes' : null;

function wholeReason(spot: Spot | null): string {
  if (spot?.written === 'quoted') return 'the value is text because of its quotes, not a number';
  if (spot?.written === 'list' || spot?.written === 'mapping') return `the value is a ${spot.written}, not a number`;
  return 'the value is not a whole number';
}

function typeWords(
  path: string,
  issue: Issue,
  spot: Spot | null,
  front: FrontMatter,
  words: { readonly expected: string; readonly mend: string },
) {
  const found = foundAt(spot);
  const value = valueAt(front.data, issue.path);
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  if (wantsText && spot !== null && (typeof value === 'number' || typeof value === 'boolean')) {
    const kind = typeof value === 'number' ? `the number ${String(value)}` : `a truth value (${String(value)})`;
    return {
      message: `the value must be text, and YAML reads ${shown(spot.source)} as ${kind}`,
      expected: words.expected,
      found,
      mend: numberMend(path, spot.source) ?? words.mend,
    };
  }
  const wanted =
    issue.code === 'invalid_type'
      ? ({ string: 'text', array: 'a list', object: 'a mapping', number: 'a number' } as Record<string, string>)[issue.expected]
      : undefined;
  return {
    message: wanted === undefined ? 'the value is of the wrong kind' : `the value must be ${wanted}`,
    expected: words.expected,
    found,
    mend: words.mend,
  };
}

function numberMend(path: string, source: string): string | null {
  if (path === 'prompt_spec_version' && /^[0-9]+(?:\.[0-9]+)?$/.test(source))
    return `write ${source}${source.includes('.') ? '.0' : '.0.0'}`;
  return path === 'title' || path === 'story' || path === 'objective' || path === 'model' ? `write "${shown(source)}", with quotes` : null;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  let value = data;
  for (const part of path) value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined;
  return value;
}

/** `1e2`, `0x2`, `+2`, `2.0` and `002` are whole numbers to YAML; a person reads something else. */
function notPlainDigits(front: FrontMatter, told: ReadonlySet<string>): readonly Fault[] {
  return DIGIT_PATHS.flatMap((path) => {
    const spot = front.spotOf(path);
    const name = path.join('.');
    if (spot === null || spot.written !== 'plain' || front.broken.has(path[0] ?? '')) return [];
    if (told.has(path.join('\u0000')) || typeof valueAt(front.data, path) !== 'number' || /^(?:0|[1-9][0-9]*)$/.test(spot.source))
      return [];
    const { expected, mend } = wordsOf(name);
    return [
      fault(`${codeOf(name)}-not-integer`, name, spot.value, {
        message: 'the number is not written as plain digits',
        expected,
        found: shown(spot.source),
        mend,
      }),
    ];
  });
}

function needlessQuotes(front: FrontMatter): readonly Fault[] {
  return ['prompt_spec_version', 'created_at'].flatMap((key) => {
    const spot = front.spotOf([key]);
    if (spot?.written !== 'quoted' || front.broken.has(key)) return [];
    return [
      fault('needless-quotes', key, spot.value, {
        message: 'the quotes are not needed; the value is taken',
        expected: wordsOf(key).expected,
        found: shown(spot.source),
        mend: 'leave the quotes out',
      }),
    ];
  });
}

/** Keys that docket does not act on, as they are. */
export function restOf(front: FrontMatter): Readonly<Record<string, unknown>> {
  const rest = emptyMap();
  for (const [key, value] of Object.entries(front.data)) if (!STEERING_KEYS.includes(key)) rest[key] = value;
  return rest;
}

export const placeOf = (front: FrontMatter, path: readonly PropertyKey[]): Place =>
  front.spotOf(path)?.value ?? { line: front.closeLine, column: 1 };
