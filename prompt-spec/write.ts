/** A prompt file from fields and body: for `docket add` and for programs. What it writes, parsePrompt reads back the same. */

/** Names and forms are those of the front matter (SPEC.md). Undefined fields are left out. */
export type PromptFields = {
  readonly feature: string;
  readonly agent: string;
  readonly prompt_spec_version: string;
  readonly revision: number;
  readonly created_at: string;
  readonly name?: string | undefined;
  readonly stream?: string | undefined;
  readonly title?: string | undefined;
  readonly priority?: number | undefined;
  readonly not_before?: string | undefined;
  readonly depends_on?: readonly string[] | undefined;
  readonly runner?: string | undefined;
  readonly model?: string | undefined;
  readonly limits?:
    | {
        readonly timeout?: string | undefined;
        readonly attempts?: number | undefined;
        readonly budget_usd?: number | undefined;
        readonly turns?: number | undefined;
      }
    | undefined;
  readonly [key: string]: unknown;
};

const ORDER = [
  'feature',
  'agent',
  'prompt_spec_version',
  'revision',
  'created_at',
  'name',
  'stream',
  'title',
  'priority',
  'not_before',
  'depends_on',
  'runner',
  'model',
  'limits',
];

/**
 * Checks nothing: give the bytes to parsePrompt and show its faults. Throws on values that are no JSON (functions, NaN, bigint).
 * @param body written as it is, right below the closing ---
 */
export function writePrompt(fields: PromptFields, body: string): string {
  const given = Object.keys(fields).filter((key) => fields[key] !== undefined);
  const keys = [...ORDER.filter((key) => given.includes(key)), ...given.filter((key) => !ORDER.includes(key))];
  return `---\n${keys.map((key) => `${scalar(key)}: ${flow(fields[key])}\n`).join('')}---\n${body}`;
}

/** A value on one line: YAML flow style, `{ timeout: 15m }` and `[meta, ui]`. */
function flow(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return scalar(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object') throw new TypeError(`a prompt cannot hold a ${typeof value}`);
  const pairs = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return pairs.length === 0 ? '{}' : `{ ${pairs.map(([key, inner]) => `${scalar(key)}: ${flow(inner)}`).join(', ')} }`;
}

/** Letters, digits and signs that mean nothing to YAML anywhere, also inside [] and {}; a colon only between letters and digits. */
const PLAIN = /^[\p{L}\p{N}_.](?:[\p{L}\p{N}_./@+*~-]| (?=[\p{L}\p{N}_./(])|:(?=[\p{L}\p{N}/])|[()'](?=[\p{L}\p{N} _.]|$))*$/u;
/** What YAML 1.2 core reads as no text, and what YAML 1.1 does (other readers). */
const OTHER_TYPE = /^(?:null|~|true|false|yes|no|on|off|y|n|\.inf|\.nan)$/i;

function scalar(text: string): string {
  const isText =
    PLAIN.test(text) && !OTHER_TYPE.test(text) && Number.isNaN(Number(text)) && !/^[0-9.]/.test(text.replace(VERSION_OR_TIME, 'x'));
  return isText ? text : quoted(text);
}

/** Begins with a digit, but is text to every YAML reader: versions, times and lengths of time. */
const VERSION_OR_TIME = /^(?:\d+\.\d+\.\d+[\w.-]*|\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})|\d+[smh])$/;

/** JSON is YAML, but for characters that a reader may take for line ends or refuse. */
const quoted = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- these are the characters that must not stand there raw
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
