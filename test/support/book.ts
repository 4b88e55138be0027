/** A history in memory, as far as acceptance looks at one: answers, verdicts and closings, each a commit; and how often records were read. */

import { createHash } from 'node:crypto';
import { STATEMENT_TYPE } from '#core/evidence.ts';
import type { Filed, History, LogEntry } from '#core/history.ts';
import type { JobId, Sha256 } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import type { Closing, Judged, Verdict, VerdictWord } from '#core/verdict.ts';
import { identityNamed } from './verdicts.ts';

export type Book = {
  readonly history: Pick<History, 'stamps' | 'records' | 'verdicts' | 'read' | 'log' | 'closings'>;
  /** @param what `FEAT-1/architect@2` */
  answer(what: string, status?: Filed['status']): void;
  judge(what: string, verdict?: VerdictWord, more?: { readonly by?: string; readonly files?: Verdict['code']['files'] }): void;
  close(feature: string, kind?: Closing['kind']): void;
  /** Something else is recorded. */
  commit(): void;
  /** How often the records of a role were gone through. */
  readonly readings: () => number;
  /** Its run changed these files. */
  changes(what: string, paths: readonly string[]): void;
  /** The next reading of records fails. */
  fail(error: Error): void;
  /** Texts by path; an answer that nobody set has one of its own. */
  prompts: Map<string, string>;
  /** What a hand wrote over them since. */
  readonly altered: Map<string, string>;
};

export const sha256Of = (bytes: Uint8Array | string): Sha256 => createHash('sha256').update(bytes).digest('hex') as Sha256;

const HASH = 'a'.repeat(64) as Sha256;
const ANSWER = 'An answer.\n';
const JOB = 'abcdefghijklmnop' as JobId;

const trailersOf = ({ role, name, revision }: Identity): Record<string, string> => ({
  'Docket-Job': JOB,
  'Docket-Role': role,
  'Docket-Revision': String(revision),
  ...(name === null ? {} : { 'Docket-Name': name }),
});

const folderOf = ({ feature, role }: Identity): string => `${feature}/01-${role}`;

export function makeBook(): Book {
  const filed = new Map<string, { readonly identity: Identity; readonly filed: Filed }>();
  const judged: Judged[] = [];
  const closings: Closing[] = [];
  const log: LogEntry[] = [];
  const stamps = new Map<string, number>();
  const prompts = new Map<string, string>();
  const altered = new Map<string, string>();
  const evidences = new Map<string, string>();
  let readings = 0;
  let failure: Error | null = null;
  const write = (feature: string, trailers: Readonly<Record<string, string>>): string => {
    const commit = String(log.length + 1).padStart(40, '0');
    log.unshift({ commit, at: '', subject: '', trailers: { 'Docket-Feature': feature, ...trailers } });
    stamps.set(feature.toLowerCase(), log.length);
    return commit;
  };
  const resultOf = (identity: Identity): Sha256 =>
    sha256Of(prompts.get(`${folderOf(identity)}/result_v${String(identity.revision)}.md`) ?? ANSWER);
  return {
    prompts,
    altered,
    readings: () => readings,
    fail(error) {
      failure = error;
    },
    changes(what, paths) {
      const predicate = { filesChanged: paths.map((path) => ({ path })) };
      evidences.set(identityKey(identityNamed(what)), JSON.stringify({ _type: STATEMENT_TYPE, predicate }));
    },
    commit() {
      write('FEAT-0', {});
    },
    answer(what, status = 'answered') {
      const identity = identityNamed(what);
      const commit = write(identity.feature, {
        ...trailersOf(identity),
        'Docket-Status': status,
        'Prompt-SHA256': HASH,
        'Result-SHA256': HASH,
        'Spec-Version': '2.1.0',
      });
      const resultSha256 = status === 'answered' ? HASH : null;
      filed.set(identityKey(identity), {
        identity,
        filed: { job: JOB, status, promptSha256: HASH, resultSha256, evidenceSha256: HASH, commit },
      });
    },
    judge(what, verdict = 'approved', { by = 'ada@example.com', files = [] } = {}) {
      const identity = identityNamed(what);
      const commit = write(identity.feature, { ...trailersOf(identity), 'Docket-Verdict': verdict, 'Review-SHA256': HASH });
      const said = { verdict, result_sha256: HASH, code: { head: null, files }, by: { name: 'Ada', email: by } };
      judged.push({ verdict: said as unknown as Verdict, identity, path: `${what}.json`, commit });
    },
    close(feature, kind = 'closing') {
      write(feature, { 'Docket-Closing': kind === 'closing' ? 'closed' : 'reopened', 'Review-SHA256': HASH });
      closings.push({ kind, feature } as unknown as Closing);
    },
    history: {
      stamps: async (features) =>
        Promise.resolve({ commit: String(log.length), features: features.map((one) => String(stamps.get(one.toLowerCase()) ?? '')) }),
      async *records({ feature, role }) {
        readings++;
        await Promise.resolve();
        if (failure !== null) {
          const error = failure;
          failure = null;
          throw error;
        }
        for (const one of filed.values())
          if (one.identity.feature === feature && one.identity.role === role)
            yield {
              ...one,
              filed: { ...one.filed, resultSha256: one.filed.resultSha256 === null ? null : resultOf(one.identity) },
              folder: folderOf(one.identity),
              evidence: evidences.get(identityKey(one.identity)) ?? '{}',
            };
      },
      verdicts: async ({ feature, role }) =>
        Promise.resolve(
          judged
            .filter(
              ({ identity }) => (feature === undefined || identity.feature === feature) && (role === undefined || identity.role === role),
            )
            .map((one) => ({ ...one, verdict: { ...one.verdict, result_sha256: resultOf(one.identity) } })),
        ),
      read: async (path) => {
        const text = altered.get(path) ?? prompts.get(path) ?? (/\/result_v\d+\.md$/.test(path) ? ANSWER : null);
        return Promise.resolve(text === null ? null : new TextEncoder().encode(text));
      },
      async *log() {
        yield* await Promise.resolve(log);
      },
      closings: async (feature) => Promise.resolve(closings.filter((one) => feature === undefined || one.feature === feature)),
    },
  };
}
