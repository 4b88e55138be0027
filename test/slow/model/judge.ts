/** What must be true when docket has come to rest, whatever was done to it before: nothing lost, nothing twice, nothing left over. */

import { Buffer } from 'node:buffer';
import { identityKey } from '#core/prompt.ts';
import type { Statement } from '#core/evidence.ts';
import type { SimFs } from '#test/support/sim-fs.ts';
import { LATE, NOT_OURS, TAKEN } from './hands.ts';
import { HAS_RUN_FILE } from './keeper.ts';
import { ROLES } from './life.ts';
import type { Outside, Recorded } from './outside.ts';
import { folderOf, type Scenario, type Wanted } from './scenarios.ts';

/** After so many starts that died, a tool is given up (agents/attempt.ts). */
const STARTS_MAX = 3;
type File = { readonly name: string; readonly text: string };

const isNotOurs = ({ text }: File): boolean => text === NOT_OURS;

/** @returns what is wrong; nothing: all is well */
export function judge(scenario: Scenario, sim: SimFs, outside: Outside): readonly string[] {
  // Half of a file that its author did not sync is a file like any other.
  if (scenario.hands.includes('careless-author') && outside.dropped.length === 0) return [];
  const wrong: string[] = [...outside.wrong];
  const filesIn = (folder: string): File[] =>
    sim.names(folder).flatMap((name): File[] => {
      const bytes = sim.bytes(`${folder}/${name}`);
      return bytes === null ? [] : [{ name, text: Buffer.from(bytes).toString() }];
    });
  const taken = filesIn(TAKEN);
  for (const [role] of ROLES.entries()) {
    const own = scenario.prompts.filter((prompt) => prompt.role === role);
    const input = filesIn(folderOf(role, 'in'));
    const output = filesIn(folderOf(role, 'out'));
    for (const prompt of own) wrong.push(...judgePrompt(scenario, prompt, { input, output, taken }, outside));
    const expected = own.filter(({ text }) => input.some((file) => file.text === text));
    // A prompt whose tool died too often failed, whatever its answer would have come to: judgePrompt says whether it may.
    const isFailed = ({ text }: Wanted): boolean => input.some((file) => file.text === text && file.name.endsWith('.failed'));
    const strangers = input.filter((file) => !isNotOurs(file) && !own.some(({ text }) => text === file.text));
    if (strangers.length > 0) wrong.push(`in/: ${strangers.map(({ name }) => name).join()}`);
    const published = output.filter((file) => !isNotOurs(file)).length + (own.length > 0 ? taken.length : 0);
    const wanted = expected.reduce((sum, one) => sum + (one.end === 'processed' || isFailed(one) ? 2 : 1), 0);
    // A retry that is cut off may have put the old words away, or leave both names.
    if (published !== wanted && !scenario.isReopened)
      wrong.push(`${String(published)} files were published, not ${String(wanted)}: ${output.map(({ name }) => name).join()}`);
    for (const name of sim.names(folderOf(role, 'work'))) wrong.push(`work/ holds ${name.replace(/[a-z2-7]{16}/, '<job>')} still`);
    for (const name of sim.names(folderOf(role, '.')))
      if (!['in', 'out', 'work', 'archive', 'ledger.jsonl'].includes(name)) wrong.push(`${name} was left behind`);
    wrong.push(...judgeArchive(scenario, own, sim, role, outside));
  }
  return wrong;
}

type Places = { readonly input: readonly File[]; readonly output: readonly File[]; readonly taken: readonly File[] };

function judgePrompt(scenario: Scenario, prompt: Wanted, { input, output, taken }: Places, outside: Outside): string[] {
  const wrong: string[] = [];
  const say = (words: string): void => {
    wrong.push(`${prompt.stem}: ${words}`);
  };
  const copies = input.filter(({ text }) => text === prompt.text);
  if (copies.length === 0) {
    if (outside.dropped.includes(prompt.stem)) say('the prompt is lost');
    return wrong;
  }
  // `docket retry` that is killed between its two names leaves both of them.
  if (copies.length > (scenario.isReopened ? 2 : 1))
    say(`the prompt is there ${String(copies.length)} times: ${copies.map(({ name }) => name).join()}`);
  const stem = prompt.mayBe.find((one) => copies.some(({ name }) => name === `${one}.${prompt.end}`));
  const died = outside.runs.filter(({ mark, fate, isStarted }) => mark === prompt.mark && isStarted && fate === 'died').length;
  const starts = outside.runs.filter(({ mark, isStarted }) => mark === prompt.mark && isStarted).length;
  if (stem === undefined) {
    const perhapsDied = outside.runs.filter(
      ({ mark, fate, stage }) => mark === prompt.mark && stage >= HAS_RUN_FILE && fate === 'died',
    ).length;
    const isGivenUp = perhapsDied >= STARTS_MAX && copies.some(({ name }) => name.endsWith('.failed'));
    if (!isGivenUp) say(`it ended as ${copies.map(({ name }) => name).join()}`);
    return wrong;
  }
  const published = (part: string): string[] => {
    const files = output.filter(({ name, text }) => text !== NOT_OURS && prompt.mayBe.some((one) => name === `${one}${part}`));
    return files.map(({ text }) => text);
  };
  const records = [...outside.records.values()].filter(({ identity }) => identity.role === ROLES[prompt.role]?.name);
  const record = records.find(({ identity }) => identityKey(identity).startsWith(`feat-${String(prompt.stem.codePointAt(0) ?? 0)}/`));
  if (prompt.usesTool) {
    if (starts > 1 + died) say(`the tool was started ${String(starts)} times, and ${String(died)} of its runs died with the machine`);
    const told = scenario.losesJournal || record === undefined ? null : startsIn(record);
    // Between run.json and "go" nobody can know: the evidence may say once more, never once less.
    const perhaps = outside.runs.filter(({ mark, stage }) => mark === prompt.mark && stage >= HAS_RUN_FILE).length;
    if (told !== null && (told < starts || told > perhaps))
      say(`the tool was started ${String(starts)} times, the evidence says ${String(told)}`);
  }
  if (prompt.end === 'rejected' || prompt.end === 'held') {
    const pages = published('_error.md');
    if (pages.length !== 1 && !scenario.isReopened) say('no error page, or two');
    if (pages.some((text) => !isWhole(text))) say('the error page is damaged');
    if ((record?.filed.status ?? 'submitted') !== 'submitted') say('it was recorded as ended');
    return wrong;
  }
  if (record === undefined || record.filed.status === 'submitted') {
    say('it is not recorded');
    return wrong;
  }
  for (const what of ['submit', 'answer']) {
    const commits = outside.commits.filter((words) => words === `${what} ${record.filed.job}`).length;
    if (commits !== 1) say(`${String(commits)} commits to ${what}`);
  }
  const evidence = published('_evidence.json');
  if (evidence.length !== 1 || evidence[0] !== record.evidence)
    say('the evidence in out/ is not the one that was recorded, or not there once');
  if (prompt.end === 'failed') {
    if (published('_error.md').length !== 1 || !published('_error.md').every(isWhole)) say('the error page is damaged, or not there once');
    return wrong;
  }
  const results = [...published('_result.md'), ...taken.map(({ text }) => text)];
  if (results.length !== 1) say(`${String(results.length)} results were published`);
  if (results.some((text) => text !== Buffer.from(record.result ?? []).toString())) say('the result is not the one that was recorded');
  return wrong;
}

/** An error page ends in an empty line's end, whatever it says (daemon/error-page.ts). */
const isWhole = (text: string): boolean => text.startsWith('#') && text.endsWith('\n') && !text.includes('\0');

const startsIn = ({ evidence }: Recorded): number | null =>
  evidence === null ? null : (JSON.parse(evidence) as Statement).predicate.attempts.reduce((sum, { starts }) => sum + starts, 0);

function judgeArchive(scenario: Scenario, own: readonly Wanted[], sim: SimFs, role: number, { runs }: Outside): string[] {
  const archive = folderOf(role, 'archive');
  const wrong: string[] = [];
  const found: string[] = [];
  const walk = (folder: string, shown: string): void => {
    for (const name of sim.names(folder)) {
      const bytes = sim.bytes(`${folder}/${name}`);
      if (bytes === null) walk(`${folder}/${name}`, `${shown}${name}/`);
      else found.push(`${shown}${name}`);
    }
  };
  walk(archive, '');
  for (const prompt of own) {
    // Of a tool that always died there is nothing to keep.
    const hasRun = runs.some(({ mark, fate }) => mark === prompt.mark && fate === 'ended');
    const isEnded = hasRun && sim.names(folderOf(role, 'in')).some((name) => name.endsWith(`.${prompt.end}`));
    const wanted = prompt.end === 'failed' ? ['a1-stdout'] : prompt.end === 'held' ? ['a1-stdout', 'a1-answer'] : [];
    for (const name of wanted)
      if (isEnded && found.filter((one) => one.endsWith(`/${name}`)).length !== 1)
        wrong.push(`${name} is not in archive/ once: ${found.join()}`);
  }
  for (const name of found) {
    const isTorn = scenario.hands.includes('careless-author');
    const isLate = name.endsWith('.late') && (isTorn || scenario.hands.includes('late-writer'));
    const isOutput =
      /^2026-01\/[a-z2-7]{16}\/a\d-(?:stdout|stderr|answer)$/.test(name) && own.some(({ end }) => end === 'failed' || end === 'held');
    const isOldWords = name.startsWith('superseded/') && scenario.isReopened;
    if (!isLate && !isOutput && !isOldWords) wrong.push(`archive/ holds ${name.replace(/[a-z2-7]{16}/, '<job>')}`);
    if (
      isLate &&
      !isTorn &&
      !Buffer.from(sim.bytes(`${archive}/${name}`) ?? [])
        .toString()
        .startsWith(own[0]?.text ?? LATE)
    )
      wrong.push('the late bytes are not kept');
  }
  return wrong;
}
