/**
 * `npm run bench:secrets`: what the secret scan finds of a corpus of its own, how often it raises a false alarm, and what it costs; per kind, beside
 * secretlint's recommended preset alone in the same run. The corpus is made at run time (secrets-corpus.ts), so no secret stands in this repository.
 * Exit code 1 when one of the limits that docs/secrets.md names is missed.
 */

import path from 'node:path';
import { parseArgs } from 'node:util';
import { byPresetAlone, findSecrets } from '#policy/find-secrets.ts';
import { scanText } from '#policy/scan-text.ts';
import { KINDS, plant, randomOf, type Group } from './secrets-corpus.ts';
import { harmless } from './secrets-harmless.ts';

const { values } = parseArgs({ options: { samples: { type: 'string', default: '40' }, files: { type: 'string', default: '4000' } } });
const samples = Number(values.samples);
const root = path.resolve(import.meta.dirname, '..');

const LEAST_RECALL = 95;
const MOST_ALARMS = 1;
const MOST_MS_PER_KB = 0.3;

type Place = { readonly from: number; readonly to: number };
const share = (part: number, whole: number): string => `${((part / whole) * 100).toFixed(1)} %`;
const cells = (...row: readonly string[]): string => `| ${row.join(' | ')} |`;
const head = (...row: readonly string[]): string => `${cells(...row)}\n${cells(...row.map(() => '---'))}`;

/** The score of a group: each kind counts by its weight. */
type Score = { weight: number; docket: number; preset: number; kinds: number };
const scores: Record<Group, Score> = {
  provider: { weight: 0, docket: 0, preset: 0, kinds: 0 },
  other: { weight: 0, docket: 0, preset: 0, kinds: 0 },
};

console.log(`## Recall: ${String(KINDS.length)} kinds, ${String(samples)} of each\n`);
console.log(head('kind', 'weight', 'docket', 'own rules alone', 'preset alone (baseline)'));
for (const kind of KINDS) {
  let docket = 0;
  let own = 0;
  let preset = 0;
  for (let n = 0; n < samples; n++) {
    const { text, from, to } = plant(kind, randomOf(n + 1_000));
    const isHit = (found: readonly Place[]): boolean => found.some((one) => one.from < to && from < one.to);
    if (isHit(await findSecrets(text))) docket++;
    if (isHit(scanText(text))) own++;
    if (isHit(await byPresetAlone(text))) preset++;
  }
  const score = scores[kind.group];
  score.kinds++;
  score.weight += kind.weight;
  score.docket += (docket / samples) * kind.weight;
  score.preset += (preset / samples) * kind.weight;
  console.log(cells(kind.id, String(kind.weight), share(docket, samples), share(own, samples), share(preset, samples)));
}

type Alarms = { files: number; docket: number; preset: number };
const alarms = new Map<string, Alarms>();
const told: string[] = [];
let bytes = 0;
let docketMs = 0;
let presetMs = 0;
let ownMs = 0;
for (const { kind, name, text } of harmless(root, Number(values.files), 100)) {
  const row = alarms.get(kind) ?? { files: 0, docket: 0, preset: 0 };
  alarms.set(kind, row);
  const startMs = performance.now();
  const found = await findSecrets(text);
  const betweenMs = performance.now();
  const byPreset = await byPresetAlone(text);
  const beforeOwnMs = performance.now();
  scanText(text);
  docketMs += betweenMs - startMs;
  presetMs += beforeOwnMs - betweenMs;
  ownMs += performance.now() - beforeOwnMs;
  bytes += Buffer.byteLength(text);
  row.files++;
  if (found.length > 0) row.docket++;
  if (byPreset.length > 0) row.preset++;
  for (const { rule, line } of found.slice(0, 3)) told.push(`${name}:${String(line)} ${rule}`);
}
const all = { files: 0, docket: 0, preset: 0 };
console.log(`\n## False alarms: files that hold no secret, with at least one finding\n`);
console.log(head('files', 'how many', 'docket', 'preset alone (baseline)'));
for (const [kind, { files, docket, preset }] of alarms) {
  console.log(cells(kind, String(files), String(docket), String(preset)));
  all.files += files;
  all.docket += docket;
  all.preset += preset;
}
console.log(cells('all', String(all.files), String(all.docket), String(all.preset)));
if (told.length > 0) console.log(`\ndocket's:\n${told.map((line) => `- ${line}`).join('\n')}`);

const kilobytes = bytes / 1_024;
const recall = (scores.provider.docket / scores.provider.weight) * 100;
const rate = (all.docket / all.files) * 100;
const msPerKb = docketMs / kilobytes;
const { provider, other } = scores;
console.log('\n## Score\n');
console.log(head('what', 'docket', 'preset alone (baseline)', 'expected'));
console.log(
  cells(
    `recall of ${String(provider.kinds)} kinds of provider tokens, weighted`,
    share(provider.docket, provider.weight),
    share(provider.preset, provider.weight),
    `>= ${String(LEAST_RECALL)} %`,
  ),
);
console.log(
  cells(
    `recall of ${String(other.kinds)} kinds without a form of their own, weighted`,
    share(other.docket, other.weight),
    share(other.preset, other.weight),
    '-',
  ),
);
console.log(
  cells('false alarms per 100 harmless files', rate.toFixed(3), ((all.preset / all.files) * 100).toFixed(3), `<= ${String(MOST_ALARMS)}`),
);
console.log(
  cells(
    `time per KB, of ${(kilobytes / 1_024).toFixed(1)} MB (own rules alone: ${(ownMs / kilobytes).toFixed(4)} ms)`,
    `${msPerKb.toFixed(4)} ms`,
    `${(presetMs / kilobytes).toFixed(4)} ms`,
    `< ${String(MOST_MS_PER_KB)} ms`,
  ),
);
if (recall < LEAST_RECALL || rate > MOST_ALARMS || msPerKb >= MOST_MS_PER_KB) process.exitCode = 1;
