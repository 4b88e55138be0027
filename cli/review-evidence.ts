/** What the evidence says of an answer, for its reviewer: who, with what, at which cost, and everything that a check found. Pure; every field is looked at. */

import { listIn, numberIn, objectIn, openStatement, textIn, type Json } from '#history/loose-json.ts';
import type { Judged, ReviewRule } from '#core/verdict.ts';
import { elapsedWord } from './live-words.ts';

export type Row = { readonly name: string; readonly words: string; readonly isFinding?: true };
export type Section = { readonly title: string; readonly rows: readonly Row[] };

const row = (name: string, words: string | null): readonly Row[] => (words === null || words === '' ? [] : [{ name, words }]);
const finding = (name: string, words: string): Row => ({ name, words, isFinding: true });
const textsIn = (value: Json, key: string): readonly string[] =>
  Array.isArray(value[key]) ? value[key].filter((one): one is string => typeof one === 'string') : [];

/** What a reviewer should look at: how many findings of checks are in it. */
export const findingsIn = (sections: readonly Section[]): number =>
  sections.reduce((sum, { rows }) => sum + rows.filter(({ isFinding }) => isFinding === true).length, 0);

/** Null: this is no evidence of docket's. */
export function evidenceSections(evidence: string): readonly Section[] | null {
  const predicate = openStatement(evidence)?.predicate;
  if (predicate === undefined) return null;
  return [findingSection(predicate), run(predicate), attempts(predicate), code(predicate), prompts(predicate)].filter(
    ({ rows }) => rows.length > 0,
  );
}

function findingSection(predicate: Json): Section {
  const rows: Row[] = textsIn(predicate, 'outputMisses').map((words) => finding('contract', words));
  for (const one of listIn(predicate, 'policy')) {
    const name = `${textIn(one, 'check') ?? 'check'} (${textIn(one, 'on') ?? '?'})`;
    const kinds = Object.entries(objectIn(one, 'kinds')).map(([kind, count]) => `${String(count)} ${kind}`);
    const allowed = listIn(one, 'allowed').map(
      (what) => `${textIn(what, 'rule') ?? ''} let pass by ${textIn(what, 'by') ?? 'nobody'}: ${textIn(what, 'reason') ?? ''}`,
    );
    const outcome = textIn(one, 'outcome') ?? '?';
    const words = [outcome, kinds.join(', '), ...allowed].filter((part) => part !== '').join('; ');
    rows.push(outcome === 'passed' && allowed.length === 0 ? { name, words } : finding(name, words));
  }
  const scope = objectIn(predicate, 'scope');
  const check = textIn(scope, 'check');
  if (check !== null)
    rows.push(check.startsWith('none') ? finding('scope', `not checked: ${check}`) : { name: 'scope', words: scopeWords(scope) });
  for (const one of listIn(predicate, 'attempts')) {
    const failure = objectIn(one, 'failure');
    for (const found of listIn(failure, 'findings'))
      rows.push(finding(`attempt ${String(numberIn(one, 'n') ?? 0)}`, foundWords(textIn(failure, 'kind') ?? 'failed', found)));
  }
  return { title: 'Checks', rows };
}
function scopeWords(scope: Json): string {
  const [files, create] = [textsIn(scope, 'files'), textsIn(scope, 'create')];
  const declared = files.length + create.length === 0 ? 'nothing declared' : [...files, ...create.map((one) => `new ${one}`)].join(', ');
  return `${textIn(scope, 'access') ?? '?'}; ${declared}; nothing outside of it was changed`;
}
function foundWords(kind: string, found: Json): string {
  const line = numberIn(found, 'line') ?? 0;
  const place = textIn(found, 'path') ?? textIn(found, 'check') ?? '';
  return `${kind}: ${place}${line > 0 ? ` line ${String(line)}` : ''} ${textIn(found, 'message') ?? textIn(found, 'words') ?? ''}`.trim();
}

const tokens = (count: number | null): string => (count === null ? '?' : String(count));
function usageWords(usage: Json): string {
  const cost = numberIn(usage, 'costUsd');
  const [sent, came] = [numberIn(usage, 'inputTokens'), numberIn(usage, 'outputTokens')];
  if (cost === null && sent === null && came === null) return 'not said';
  return `${cost === null ? 'cost not said' : `$${cost.toFixed(4)}${usage['estimated'] === true ? ' estimated' : ''}`}, ${tokens(sent)} tokens in, ${tokens(came)} out`;
}

function run(predicate: Json): Section {
  const [runner, spec, times] = [objectIn(predicate, 'runner'), objectIn(predicate, 'spec'), objectIn(predicate, 'times')];
  const [asked, used] = [textIn(spec, 'asked'), textIn(spec, 'used')];
  return {
    title: 'The run',
    rows: [
      ...row('job', textIn(predicate, 'job')),
      ...row('spec', used === null ? null : asked === used ? used : `${used} (asked: ${asked ?? '?'})`),
      ...row('tool', [textIn(runner, 'name'), textIn(runner, 'version')].filter((part) => part !== null).join(' ')),
      ...row('program', textIn(runner, 'program')),
      ...row('model', textIn(runner, 'model')),
      ...row('account', textIn(predicate, 'account')),
      ...row('cost', usageWords(objectIn(predicate, 'usage'))),
      ...row('asked', textIn(times, 'submitted')),
      ...row('answered', textIn(times, 'ended')),
      ...listIn(predicate, 'materials').flatMap((one) =>
        textIn(one, 'role') === 'context'
          ? row('context', `${textIn(one, 'name') ?? ''}  ${(textIn(one, 'sha256') ?? '').slice(0, 16)}`)
          : [],
      ),
    ],
  };
}

function attempts(predicate: Json): Section {
  const rows = listIn(predicate, 'attempts').map((one): Row => {
    const tookMs = Date.parse(textIn(one, 'endedAt') ?? '') - Date.parse(textIn(one, 'startedAt') ?? '');
    const failure = textIn(objectIn(one, 'failure'), 'kind');
    const parts = [
      `${textIn(one, 'outcome') ?? '?'}${failure === null ? '' : ` (${failure})`}`,
      Number.isNaN(tookMs) ? '' : `after ${elapsedWord(tookMs)}`,
      usageWords(objectIn(one, 'usage')),
      textIn(one, 'sandbox') === null ? '' : `sandbox ${textIn(one, 'sandbox') ?? ''}`,
    ];
    return { name: `attempt ${String(numberIn(one, 'n') ?? 0)}`, words: parts.filter((part) => part !== '').join(', ') };
  });
  return { title: 'Attempts', rows };
}

function code(predicate: Json): Section {
  const facts = objectIn(predicate, 'code');
  const dirty = facts['dirty'] === true ? ', with changes that were not committed' : '';
  const files = listIn(predicate, 'filesChanged');
  return {
    title: 'The code',
    rows: [
      ...row('commit', textIn(facts, 'headCommit') === null ? null : `${textIn(facts, 'headCommit') ?? ''}${dirty}`),
      ...row('changed', files.length === 0 ? 'no files' : `${String(files.length)} files (page 3)`),
    ],
  };
}

/** `01-architect/foo`: prompts that the answer enqueued. */
export function emittedIn(evidence: string): readonly string[] {
  const predicate = openStatement(evidence)?.predicate ?? {};
  return listIn(predicate, 'emitted').map((one) => `${textIn(one, 'role') ?? '?'}/${textIn(one, 'stem') ?? textIn(one, 'file') ?? '?'}`);
}
const prompts = (predicate: Json): Section => ({
  title: 'Prompts it wrote',
  rows: listIn(predicate, 'emitted').map((one) => ({
    name: textIn(one, 'role') ?? '?',
    words: textIn(one, 'stem') ?? textIn(one, 'file') ?? '?',
  })),
});

/** Who must judge, who did, and what they said. */
export function verdictSection(
  rule: ReviewRule,
  approvals: number,
  author: string | null,
  verdicts: readonly Judged[],
  resultSha256: string,
): Section {
  const asked =
    rule.review === 'none' ? 'none: this role is not reviewed' : `${String(approvals)} of ${String(rule.reviewers)} approvals given`;
  return {
    title: 'Verdicts',
    rows: [
      { name: 'asked for', words: `${asked}${rule.authorMayApprove ? '' : '; the author’s own does not count'}` },
      ...row('author', author ?? 'nobody said'),
      ...row('result', `SHA-256 ${resultSha256}`),
      ...verdicts.flatMap(({ verdict }) => {
        const { verdict: word, by, at, comment, signature, how, result_sha256: about } = verdict;
        const other = about === resultSha256 ? '' : ', about other bytes';
        const signed = signature === null ? 'not signed' : `signed ${signature.key}`;
        return [
          { name: word, words: `${by.name} <${by.email}> ${at}, ${how === 'key' ? 'by key' : 'at a terminal'}, ${signed}${other}` },
          ...(comment === null ? [] : comment.split('\n').map((words) => ({ name: '', words }))),
        ];
      }),
    ],
  };
}
