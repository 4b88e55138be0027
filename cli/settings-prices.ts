/** The price table: agents/prices.yaml (built in) and `prices:` in docket.yaml (the user's own), text in, rows of core/money.ts out. */

import { z } from 'zod';
import { describeFault } from '#core/fault.ts';
import type { Price, PriceTables } from '#core/money.ts';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { readYaml } from '#prompt-spec/safe-yaml.ts';
import { CliError, EXIT } from './io.ts';
import { packageFile } from './package.ts';

const FILE_BYTES_MAX = 262_144;
const BUILT_IN = 'agents/prices.yaml';

/** A model's name as a tool reports it, with `*` for any letters. */
export const modelPattern = z
  .string()
  .regex(/^[A-Za-z0-9*][A-Za-z0-9._:/@+*-]{0,127}$/, 'a model is named with letters, digits and . _ : / @ + -, and * for any letters');

const usdPerMillion = z.number().min(0).max(1_000_000);
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'a day, as in 2026-11-20');
const words = z.string().min(1).max(200);

/** US dollars per million tokens. */
export const price = z.strictObject({
  input: usdPerMillion.describe('US dollars per million tokens of input'),
  output: usdPerMillion.describe('US dollars per million tokens of output'),
  cache_read: usdPerMillion.optional().describe('the same for what a cache gives; default: as input'),
  cache_write: usdPerMillion.optional().describe('the same for what is put into a cache; default: as input'),
  source: words.optional().describe('where the price stands'),
  as_of: day.optional().describe('the day it was read there'),
});

const table = z.record(z.string(), z.strictObject({ source: words, as_of: day, models: z.record(modelPattern, price) }));

const rowOf = (model: string, entry: z.infer<typeof price>, source: string, asOf: string): Price => ({
  model,
  inputUsd: entry.input,
  outputUsd: entry.output,
  cacheReadUsd: entry.cache_read ?? entry.input,
  cacheWriteUsd: entry.cache_write ?? entry.input,
  source: entry.source ?? source,
  asOf: entry.as_of ?? asOf,
});

/** The rows of docket.yaml, as the settings' loader found them. */
export const pricesOf = (entries: Readonly<Record<string, z.infer<typeof price>>>): readonly Price[] =>
  Object.entries(entries).map(([model, entry]) => rowOf(model, entry, 'docket.yaml', 'no day given'));

/** Throws CliError 3 with words when the file is not what it should be. */
export function readPrices(text: string, file: string): readonly Price[] {
  const yaml = readYaml(text, 1);
  const read = table.safeParse(yaml.data);
  if (yaml.faults.length === 0 && read.success)
    return Object.values(read.data).flatMap(({ source, as_of: asOf, models }) =>
      Object.entries(models).map(([model, entry]) => rowOf(model, entry, source, asOf)),
    );
  const faults = yaml.faults.length > 0 ? yaml.faults.map(describeFault) : [read.success ? '' : z.prettifyError(read.error)];
  throw new CliError(`${file} cannot be used:\n${faults.join('\n')}`, EXIT.environment);
}

/** The user's own rows, then the built-in ones. */
export async function loadPrices(fs: Pick<Fs, 'readBounded'>, workspace: Pick<Workspace, 'prices'>): Promise<PriceTables> {
  const file = packageFile(BUILT_IN);
  const { bytes } = await fs.readBounded(file, FILE_BYTES_MAX);
  return [workspace.prices, readPrices(new TextDecoder().decode(bytes), file)];
}
