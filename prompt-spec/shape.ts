/** Faults of our own data files, role.yaml and prompt specs: strict schemas, so that a word written wrongly is not a setting ignored. */

import { z } from 'zod';
import type { Fault } from '#core/fault.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { OutputCheck } from '#core/role.ts';
import { fault, inOrder, shown } from './faults.ts';
import { nearest } from './nearest.ts';
import { emptyMap, type Spot, type YamlRead } from './safe-yaml.ts';

export type Shape = {
  /** `role` or `spec`: how codes begin. */
  readonly kind: string;
  /** Shown in the words of a fault: the file to mend. */
  readonly file: string;
  /** What each field takes. */
  readonly words: Readonly<Record<string, string>>;
};

/** The data of the file by its schema, or every fault. Keys with nothing behind them count as absent. */
export function readShape<S extends z.ZodType>(yaml: YamlRead, schema: S, shape: Shape): Result<z.output<S>, readonly Fault[]> {
  const faults: Fault[] = [...yaml.faults];
  if (!yaml.wellFormed) return err(inOrder(faults));
  const given = emptyMap();
  for (const [key, value] of Object.entries(yaml.data)) if (value !== null) given[key] = value;
  const parsed = schema.safeParse(given);
  for (const issue of parsed.error?.issues ?? []) {
    if (!yaml.broken.has(String(issue.path[0]))) faults.push(...fromIssue(issue, yaml, shape));
  }
  return parsed.success && faults.length === 0 ? ok(parsed.data) : err(inOrder(faults));
}

function fromIssue(issue: z.core.$ZodIssue, yaml: YamlRead, shape: Shape): readonly Fault[] {
  const top = issue.path.length === 0 ? 'file' : String(issue.path[0]);
  const spot = yaml.spotOf(issue.path);
  const place = spot?.value ?? yaml.spotOf(issue.path.slice(0, 1))?.value ?? { line: 1, column: 1 };
  if (issue.code === 'unrecognized_keys') {
    const keys = Object.keys(shape.words);
    return issue.keys.map((key) => {
      const near = nearest(key, keys);
      return fault(`${shape.kind}-unknown-key`, shown(key), yaml.spotOf([...issue.path, key])?.key ?? place, {
        message: `${shape.file} has a key that docket does not know`,
        expected: keys.join(', '),
        found: shown(key),
        mend: near === null ? 'remove it' : `did you mean ${near}?`,
      });
    });
  }
  const isMissing = spot === null && issue.code === 'invalid_type';
  const field = top.replaceAll('_', '-');
  return [
    fault(`${shape.kind}-${field}-${isMissing ? 'missing' : 'invalid'}`, top, place, {
      message: isMissing
        ? `${shape.file} lacks a required key`
        : `in ${shape.file} the value ${issue.code === 'custom' ? issue.message : 'is not one that is taken'}`,
      expected: shape.words[top] ?? 'the keys of docs/formats.md',
      found: found(spot),
      mend: isMissing ? 'add it' : 'mend the value',
    }),
  ];
}

function found(spot: Spot | null): string {
  if (spot === null || spot.written === 'nothing') return 'nothing';
  return spot.written === 'list' || spot.written === 'mapping' ? `a ${spot.written}` : shown(spot.source);
}

/** A parse function of this project as a step of a schema: the text goes in, the parsed value comes out. */
export const through =
  <T>(parse: (text: string) => Result<T, string>) =>
  (text: string, context: z.core.$RefinementCtx): T => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.error });
    return z.NEVER;
  };

/** The same for the parsers of core/names.ts, whose errors say what was expected. */
export const must =
  <T>(parse: (text: string) => Result<T, string>) =>
  (text: string): Result<T, string> => {
    const parsed = parse(text);
    return parsed.ok ? parsed : err(`must be ${parsed.error}`);
  };

/** What a right answer contains, one entry of `output`. A schema's text is read by whoever reads the file (cli/load.ts). */
export const OUTPUT_SCHEMA = z
  .array(
    z.union([
      z.strictObject({ heading: z.string().regex(/^#{1,6} \S.{0,198}$/) }),
      z
        .strictObject({
          fence: z.string().regex(/^[a-z][a-z0-9+-]{0,39}$/),
          schema: z
            .string()
            .regex(/^[a-z0-9][a-z0-9._-]{0,99}\.json$/)
            .meta({ description: 'a JSON Schema (2020-12) beside this file, for a fence of JSON or YAML' })
            .optional(),
        })
        .transform(({ fence, schema }): OutputCheck => {
          if (fence === 'openapi' && schema === undefined) return { kind: 'openapi' };
          return schema === undefined ? { fence } : { fence, schema: { file: schema, source: '' } };
        }),
      z.enum(['openapi', 'prompts', 'changes']).transform((kind): OutputCheck => ({ kind })),
    ]),
  )
  .max(100);
export const OUTPUT_WORDS =
  'a list of `heading: "## …"`, `fence: yaml | json | diff …` (with `schema: <file>.json` beside it, if you like), and the words openapi, prompts, changes';
