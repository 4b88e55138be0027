/**
 * The output contract: does an answer hold what its prompt spec and its role ask for? One function for each kind of check.
 * `heading` and `fence` need the text alone; what a check needs beyond it is handed in by the daemon (`ContractPorts`): the prompts that docket would
 * take, the files that really changed, the validators of documents, which run in a thread of their own.
 *
 *   answer -> shape (headings, fences, with lines) -> each check, in the order of spec and role -> findings; none: the contract is kept
 *
 * Invariant: a finding says where, what was asked and what was found, in words that an agent can act on, and is printable and bounded.
 */

import type { ContractFinding } from '#core/failure.ts';
import { printable } from '#core/names.ts';
import { unreachable } from '#core/result.ts';
import type { OutputCheck, PromptSpec, Role } from '#core/role.ts';
import { describeCheck, fenceKey, headingKey, mergeChecks, nameOf, shapeOf, type AnswerShape, type Fence } from './check-answer.ts';

/** A finding without the name of its check. */
export type Flaw = Omit<ContractFinding, 'check'>;
type Looked = readonly Flaw[] | Promise<readonly Flaw[]>;

/** What checks need beyond the text. A kind without its function asks for the fence alone. */
export type ContractPorts = {
  /** Each fence with the word `prompt`, in the answer's order. */
  readonly prompts?: ((fences: readonly Fence[], answer: AnswerShape) => Looked) | undefined;
  /** The files that the job really changed, against what the answer lists. */
  readonly changes?: ((answer: AnswerShape) => Looked) | undefined;
  readonly openapi?: ((fence: Fence) => Looked) | undefined;
  /** @param source a JSON Schema */
  readonly schema?: ((fence: Fence, schema: { readonly file: string; readonly source: string }) => Looked) | undefined;
};

const MESSAGE_MAX = 600;

/** At the end of the answer: what is missing stands nowhere. */
const nowhere = (message: string): Flaw => ({ line: 0, column: 0, message });

const fencesOf = (answer: AnswerShape, word: string): readonly Fence[] => answer.fences.filter((fence) => fence.word === fenceKey(word));

const lacks = (check: OutputCheck): readonly Flaw[] => [nowhere(`the answer lacks ${describeCheck(check)}`)];

type Of<K extends string> = Extract<OutputCheck, Record<K, unknown>>;

function checkFence(answer: AnswerShape, check: Of<'fence'>, ports: ContractPorts): Looked {
  const [first, ...others] = fencesOf(answer, check.fence);
  if (first === undefined) return lacks(check);
  const { schema } = check;
  return schema === undefined || ports.schema === undefined ? [] : allOf([first, ...others], (one) => ports.schema?.(one, schema) ?? []);
}

function checkOpenapi(answer: AnswerShape, check: OutputCheck, ports: ContractPorts): Looked {
  const fences = fencesOf(answer, 'openapi');
  if (fences.length === 0) return lacks(check);
  return ports.openapi === undefined ? [] : allOf(fences, ports.openapi);
}

function checkPrompts(answer: AnswerShape, check: OutputCheck, ports: ContractPorts): Looked {
  const fences = fencesOf(answer, 'prompt');
  if (fences.length === 0) return 'ifAny' in check ? [] : lacks(check);
  return ports.prompts?.(fences, answer) ?? [];
}

/** One after the other: each may be as much work as the last. */
async function allOf(fences: readonly Fence[], flawsOf: (one: Fence) => Looked): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  for (const one of fences) flaws.push(...(await flawsOf(one)));
  return flaws;
}

function look(answer: AnswerShape, check: OutputCheck, ports: ContractPorts): Looked {
  if ('heading' in check) return answer.headings.has(headingKey(check.heading)) ? [] : lacks(check);
  if ('fence' in check) return checkFence(answer, check, ports);
  switch (check.kind) {
    case 'openapi':
      return checkOpenapi(answer, check, ports);
    case 'prompts':
      return checkPrompts(answer, check, ports);
    case 'changes':
      return ports.changes?.(answer) ?? [];
    default:
      return unreachable(check.kind);
  }
}

/** Every way in which the answer does not keep its contract; an empty list when it does. Throws when a function that was handed in does. */
export async function checkContract(
  answer: string,
  checks: readonly OutputCheck[],
  ports: ContractPorts = {},
): Promise<readonly ContractFinding[]> {
  const shape = shapeOf(answer);
  const findings: ContractFinding[] = [];
  for (const check of checks) {
    for (const { line, column, message } of await look(shape, check, ports))
      findings.push({ check: nameOf(check), line, column, message: printable(message, MESSAGE_MAX) });
  }
  const open = shape.fences.find((one) => !one.isClosed);
  if (findings.length > 0 && open !== undefined)
    findings.push({
      check: 'fence',
      line: open.line,
      column: 1,
      message: 'the fenced block that opens here is never closed, so all that follows is a part of it',
    });
  return findings;
}

const CONTRACTS = new WeakMap<Role, WeakMap<PromptSpec, readonly OutputCheck[]>>();

/**
 * What an answer of this role under this spec is held to: the checks of both, and what the role emits. `changes` asks nothing of a role that
 * changes no files: the same spec serves both.
 */
export function contractOf(role: Role, spec: PromptSpec): readonly OutputCheck[] {
  const bySpec = CONTRACTS.get(role) ?? new WeakMap<PromptSpec, readonly OutputCheck[]>();
  const known = bySpec.get(spec);
  if (known !== undefined) return known;
  const emitted: readonly OutputCheck[] = role.emits === 'prompts' ? [{ kind: 'prompts', ifAny: true }] : [];
  const checks = mergeChecks(spec.output, role.checks, emitted).filter(
    (check) => !('kind' in check) || check.kind !== 'changes' || role.emits === 'changes',
  );
  CONTRACTS.set(role, bySpec.set(spec, checks));
  return checks;
}
