/**
 * The closed list of bad ends. Each has a class, and the class decides who retries and whether an attempt is spent
 * (ARCHITECTURE.md "Failure classes"). A failure does not compile until it is worded in `describe`.
 */

import type { Fault } from './fault.ts';
import { describeFault } from './fault.ts';
import { printable, type JobId } from './names.ts';
import type { ScanPlace } from './policy.ts';
import { unreachable } from './result.ts';
import type { ScopeFinding } from './scope.ts';

export type FailureClass =
  | 'prompt-invalid'
  | 'policy-violation'
  | 'provider-limit'
  | 'provider-error'
  | 'agent-limit'
  | 'agent-refusal'
  | 'agent-failure'
  | 'environment-fault'
  | 'budget'
  | 'cancelled';

/** A place where a secret was found; never the secret. */
export type SecretFinding = {
  readonly rule: string;
  readonly line: number;
  readonly column: number;
  /** The rule's own public literal and stars, such as `ghp_****`; absent before docket 0.2. */
  readonly excerpt?: string;
  /** What docket.yaml may let it pass by (policy.allow_secrets). */
  readonly fingerprint?: string;
};

/** One thing in which an answer does not keep the contract of its spec or role. */
export type ContractFinding = {
  /** `heading ## Risks`, `fence yaml`, `openapi`, `prompts`, `changes`. */
  readonly check: string;
  /** Of the answer, 1-based; 0: of no place in it. */
  readonly line: number;
  readonly column: number;
  /** Printable, bounded. */
  readonly message: string;
};

/** Of all that a run changed against its scope: the first ones, how many more, and where copies are kept. */
export type OutOfScope = { readonly findings: readonly ScopeFinding[]; readonly leftOut: number; readonly kept: string };

export type Failure =
  | { readonly kind: 'prompt-invalid'; readonly faults: readonly Fault[] }
  | { readonly kind: 'identity-taken'; readonly identity: string; readonly byJob: JobId }
  /** The same bytes were accepted as another job that has no end, and that this daemon does not know. */
  | { readonly kind: 'in-work-elsewhere'; readonly identity: string; readonly byJob: JobId }
  /** What was decided for out/ was written to by somebody, and the decided bytes are nowhere else. */
  | { readonly kind: 'copy-altered'; readonly file: string }
  | { readonly kind: 'secret-found'; readonly in: ScanPlace; readonly findings: readonly SecretFinding[] }
  /** Only with policy.personal_data: hold. */
  | { readonly kind: 'personal-data-found'; readonly in: ScanPlace; readonly findings: readonly SecretFinding[] }
  | { readonly kind: 'secret-scan-failed'; readonly in: ScanPlace; readonly reason: string }
  | ({ readonly kind: 'out-of-scope' } & OutOfScope)
  | { readonly kind: 'rate-limited'; readonly runner: string; readonly message: string; readonly resumeAt: string | null }
  | { readonly kind: 'provider-error'; readonly runner: string; readonly message: string; readonly status: number | null }
  | { readonly kind: 'timeout'; readonly command: string; readonly limitMs: number; readonly roleFile: string }
  | { readonly kind: 'idle'; readonly command: string; readonly limitMs: number; readonly roleFile: string }
  | { readonly kind: 'output-limit'; readonly command: string; readonly limitBytes: number }
  /** All processes of a run together; in bytes of 1,000,000. */
  | { readonly kind: 'memory-limit'; readonly command: string; readonly limitMb: number }
  | { readonly kind: 'process-limit'; readonly command: string; readonly limit: number }
  | { readonly kind: 'turn-limit'; readonly runner: string; readonly message: string }
  | { readonly kind: 'refused'; readonly runner: string; readonly message: string }
  | { readonly kind: 'context-too-long'; readonly runner: string; readonly message: string }
  | {
      readonly kind: 'exit-code';
      readonly command: string;
      readonly code: number | null;
      readonly signal: string | null;
      readonly stderr: string;
    }
  | { readonly kind: 'no-answer'; readonly runner: string; readonly message: string }
  | { readonly kind: 'truncated'; readonly runner: string; readonly message: string }
  /** A tool call that the role's access does not allow was asked for: what the run answers may lack what it was kept from. */
  | { readonly kind: 'denied'; readonly runner: string; readonly message: string }
  | { readonly kind: 'unreadable-answer'; readonly runner: string; readonly message: string }
  /** An answer that came whole, without what its spec or role asks for: tried again with the findings (contract.repair). */
  | { readonly kind: 'contract'; readonly findings: readonly ContractFinding[]; readonly leftOut: number }
  | { readonly kind: 'interrupted'; readonly message: string }
  | { readonly kind: 'missing-program'; readonly program: string; readonly searched: string }
  | { readonly kind: 'not-logged-in'; readonly runner: string; readonly message: string }
  | { readonly kind: 'environment'; readonly what: string; readonly path: string; readonly code: string; readonly message: string }
  | { readonly kind: 'budget'; readonly message: string }
  /** A program of before_run said no. */
  | { readonly kind: 'vetoed'; readonly program: string; readonly message: string }
  | { readonly kind: 'cancelled'; readonly by: string };

export type FailureKind = Failure['kind'];

const CLASS: Record<FailureKind, FailureClass> = {
  'prompt-invalid': 'prompt-invalid',
  'identity-taken': 'prompt-invalid',
  'in-work-elsewhere': 'policy-violation',
  'copy-altered': 'policy-violation',
  'secret-found': 'policy-violation',
  'personal-data-found': 'policy-violation',
  'secret-scan-failed': 'policy-violation',
  'out-of-scope': 'policy-violation',
  'rate-limited': 'provider-limit',
  'provider-error': 'provider-error',
  timeout: 'agent-limit',
  idle: 'agent-limit',
  'output-limit': 'agent-limit',
  'memory-limit': 'agent-limit',
  'process-limit': 'agent-limit',
  'turn-limit': 'agent-limit',
  refused: 'agent-refusal',
  'context-too-long': 'agent-refusal',
  'exit-code': 'agent-failure',
  'no-answer': 'agent-failure',
  truncated: 'agent-failure',
  denied: 'agent-refusal',
  'unreadable-answer': 'agent-failure',
  contract: 'agent-failure',
  interrupted: 'agent-failure',
  'missing-program': 'environment-fault',
  'not-logged-in': 'environment-fault',
  environment: 'environment-fault',
  budget: 'budget',
  vetoed: 'policy-violation',
  cancelled: 'cancelled',
};

export const classOf = (failure: Failure): FailureClass => CLASS[failure.kind];

const SCANNED: Record<ScanPlace, string> = {
  prompt: 'the prompt',
  name: 'the name of the file',
  context: 'what would be sent with the prompt (spec, role, earlier answers)',
  answer: 'the answer',
};

const findingWords = ({ rule, line, column, excerpt, fingerprint }: SecretFinding): string => {
  const shown = [...(excerpt === undefined ? [] : [excerpt]), ...(fingerprint === undefined ? [] : [fingerprint])].join(', ');
  return `${rule} at line ${String(line)}, column ${String(column)}${shown === '' ? '' : ` (${shown})`}`;
};

/** A finding as the person and the agent read it. */
export const describeFinding = ({ check, line, column, message }: ContractFinding): string =>
  `${line > 0 ? `line ${String(line)}, column ${String(column)}: ` : ''}${message} (${check})`;

const SAID_MAX = 5;
function contractWords(findings: readonly ContractFinding[], leftOut: number): string {
  const more = leftOut + Math.max(0, findings.length - SAID_MAX);
  const said = findings.slice(0, SAID_MAX).map(describeFinding).join('; ');
  return `the answer does not keep its contract: ${said}${more === 0 ? '' : `; and ${String(more)} more`} (docs/contracts.md)`;
}

/** One sentence for people: the thing, the value, the limit and the next step. */
export function describe(failure: Failure): string {
  switch (failure.kind) {
    case 'prompt-invalid':
      return failure.faults.map(describeFault).join('\n');
    case 'identity-taken':
      return `${failure.identity} is already recorded with another content (job ${failure.byJob}): raise \`revision\`, or give this prompt a \`name:\` of its own`;
    case 'in-work-elsewhere':
      return `${failure.identity} was accepted with these bytes as job ${failure.byJob}, which has no end in history and is not known here: another daemon that shares the history may be at work on it (when none is, \`docket retry\` takes it up)`;
    case 'copy-altered':
      return `${failure.file} was changed in work/ after it was decided, so nothing of this job is published or recorded; what stands there now was moved to archive/ (find out who wrote to it, then \`docket retry\`)`;
    case 'secret-found':
      return `${SCANNED[failure.in]} contains what looks like a secret: ${failure.findings.map(findingWords).join('; ')} (take it out, and treat a real one as leaked; docs/secrets.md)`;
    case 'personal-data-found':
      return `${SCANNED[failure.in]} contains what looks like personal data: ${failure.findings.map(findingWords).join('; ')} (take it out, or see policy.personal_data in docs/secrets.md)`;
    case 'secret-scan-failed':
      return `${SCANNED[failure.in]} could not be scanned for secrets, so it was not let through: ${failure.reason}`;
    case 'out-of-scope':
      return `the run changed what it may not: ${failure.findings.map(({ path, change, words }) => `${change} ${printable(path, 300)} (${printable(words, 300)})`).join('; ')}${failure.leftOut === 0 ? '' : `; and ${String(failure.leftOut)} more`}. Nothing was put back; copies of what changed are in ${failure.kept} (look at it, undo it or take it over, then raise \`revision\`)`;
    case 'rate-limited':
      return `${failure.runner} is at the provider's limit: ${failure.message}${failure.resumeAt === null ? '' : ` (again at ${failure.resumeAt})`}`;
    case 'provider-error':
      return `${failure.runner}: the provider failed${failure.status === null ? '' : ` with status ${String(failure.status)}`}: ${failure.message}`;
    case 'timeout':
      return `the agent ran longer than ${String(failure.limitMs)} ms: ${failure.command} (raise timeout in ${failure.roleFile}, or limits.timeout in the prompt)`;
    case 'idle':
      return `the agent wrote nothing for ${String(failure.limitMs)} ms: ${failure.command} (raise idle_timeout in ${failure.roleFile})`;
    case 'output-limit':
      return `the agent wrote more than ${String(failure.limitBytes)} bytes: ${failure.command} (raise limits.output_bytes, or limits.answer_bytes for an answer, in docket.yaml)`;
    case 'memory-limit':
      return `the agent and its children held more than ${String(failure.limitMb)} MB of memory: ${failure.command} (raise limits.memory_mb in docket.yaml)`;
    case 'process-limit':
      return `the agent had more than ${String(failure.limit)} processes at the same time: ${failure.command} (raise limits.processes in docket.yaml)`;
    case 'turn-limit':
      return `${failure.runner} stopped at its turn limit: ${failure.message} (raise limits.turns in the prompt)`;
    case 'refused':
      return `${failure.runner} refused: ${failure.message} (change the prompt, then raise \`revision\`)`;
    case 'context-too-long':
      return `${failure.runner} cannot take a prompt this long: ${failure.message} (shorten it, then raise \`revision\`)`;
    case 'exit-code':
      return `the agent ended with ${failure.signal === null ? `exit code ${String(failure.code)}` : `signal ${failure.signal}`}: ${failure.command}${failure.stderr === '' ? '' : `; it said: ${failure.stderr}`}`;
    case 'no-answer':
      return `${failure.runner} gave no answer: ${failure.message}`;
    case 'truncated':
      return `${failure.runner} cut its answer short: ${failure.message}`;
    case 'denied':
      return `${failure.runner} was denied what it asked for: ${failure.message} (give the role more access, or change the prompt, then raise \`revision\`)`;
    case 'unreadable-answer':
      return `the output of ${failure.runner} could not be understood: ${failure.message}`;
    case 'contract':
      return contractWords(failure.findings, failure.leftOut);
    case 'interrupted':
      return `the run was interrupted: ${failure.message}`;
    case 'missing-program':
      return `the program ${failure.program} was not found in ${failure.searched} (install it, or set its path in docket.yaml; \`docket doctor\` looks again)`;
    case 'not-logged-in':
      return `${failure.runner} is not logged in: ${failure.message} (log in with the tool itself, then \`docket doctor\`)`;
    case 'environment':
      return `${failure.what}: ${failure.message} [${failure.code}] ${failure.path}`;
    case 'budget':
      return failure.message;
    case 'vetoed':
      return `hooks/events/${failure.program} holds this prompt: ${failure.message}`;
    case 'cancelled':
      return `stopped by ${failure.by}`;
    default:
      return unreachable(failure);
  }
}
