/** agents/NN-name/role.yaml -> core/role.ts. Strict: an unknown key is a fault, because a role decides who may do what. */

import { z } from 'zod';
import type { Fault } from '#core/fault.ts';
import { parseRoleFolder, parseRoleName } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { Role } from '#core/role.ts';
import { fault, shown, WHOLE_FILE } from './faults.ts';
import { parseModel, parseRunnerName } from './fields.ts';
import { DURATION_PATTERN, parseDuration } from './instant.ts';
import { readYaml } from './safe-yaml.ts';
import { must, OUTPUT_SCHEMA, OUTPUT_WORDS, readShape, type Shape, through } from './shape.ts';

const SIZE_MAX = 65_536;

const WORDS = {
  name: 'the name of the folder behind its number',
  number: 'the number of the folder, 0 to 99',
  title: 'one line of text',
  responsibility: 'text: what the role answers for, and what it does not do',
  runner:
    'the name of a runner, or a list: the first, then those that answer while it is at a limit or cannot run; absent: the one of docket.yaml',
  allowed_runners: 'a list of names of runners that a prompt may ask for; empty: all',
  model: 'the name of a model; absent: the one of docket.yaml',
  access: 'read-only or worktree',
  lane: 'the name of a lane; absent: the one of the runner',
  slots: 'a whole number from 1 to 64',
  timeout: 'a length of time from 1s to 24h, such as 30m',
  idle_timeout: 'a length of time from 1s to 24h, such as 10m',
  attempts: 'a whole number from 1 to 20',
  review: 'required or none',
  reviewers: 'a whole number from 1 to 10: people whose approval it takes',
  author_may_approve: 'true or false: does the approval of who wrote the prompt count; absent: only with one reviewer',
  next: 'a list of role names',
  emits: 'document, prompts or changes',
  output: OUTPUT_WORDS,
} as const;

const text = (max: number, words: string) => z.string().trim().min(1).max(max).meta({ description: words });
const duration = (words: string) =>
  z.string().meta({ description: words, pattern: DURATION_PATTERN }).transform(through(parseDuration)).optional();
const name = (words: string) => z.string().meta({ description: words }).transform(through(parseRunnerName));

export const ROLE_SCHEMA = z.strictObject({
  name: z
    .string()
    .meta({ description: WORDS.name })
    .transform(through(must(parseRoleName))),
  number: z.int().min(0).max(99).meta({ description: WORDS.number }),
  title: text(200, WORDS.title),
  responsibility: text(4_000, WORDS.responsibility),
  runner: z
    .union([
      name(WORDS.runner),
      z.array(name('the name of a runner')).min(1).max(10).meta({ description: WORDS.runner, uniqueItems: true }),
    ])
    .optional(),
  allowed_runners: z.array(name('the name of a runner')).max(50).meta({ description: WORDS.allowed_runners }).optional(),
  model: z.string().meta({ description: WORDS.model }).transform(through(parseModel)).optional(),
  access: z.enum(['read-only', 'worktree']).meta({ description: WORDS.access }),
  lane: name(WORDS.lane).optional(),
  slots: z.int().min(1).max(64).meta({ description: WORDS.slots }).optional(),
  timeout: duration(WORDS.timeout),
  idle_timeout: duration(WORDS.idle_timeout),
  attempts: z.int().min(1).max(20).meta({ description: WORDS.attempts }).optional(),
  review: z.enum(['required', 'none']).meta({ description: WORDS.review }),
  reviewers: z.int().min(1).max(10).meta({ description: WORDS.reviewers }).optional(),
  author_may_approve: z.boolean().meta({ description: WORDS.author_may_approve }).optional(),
  next: z
    .array(z.string().transform(through(must(parseRoleName))))
    .max(50)
    .meta({ description: WORDS.next })
    .optional(),
  emits: z.enum(['document', 'prompts', 'changes']).meta({ description: WORDS.emits }),
  output: OUTPUT_SCHEMA.meta({ description: WORDS.output }).optional(),
});

/**
 * @param source the text of role.yaml
 * @param file where it was read, for words that say what to edit
 * @param folder the name of its folder, such as 01-architect
 */
export function parseRole(source: string, file: string, folder: string): Result<Role, readonly Fault[]> {
  const shape: Shape = { kind: 'role', file, words: WORDS };
  const place = parseRoleFolder(folder);
  if (!place.ok) return refuse('role-folder-invalid', 'folder', file, place.error, folder);
  if (source.length > SIZE_MAX)
    return refuse('role-too-large', 'file', file, `at most ${String(SIZE_MAX)} characters`, String(source.length));
  const yaml = readYaml(source.replace(/^\ufeff/, '').replaceAll('\r\n', '\n'), 1);
  const read = readShape(yaml, ROLE_SCHEMA, shape);
  if (!read.ok) return read;
  const role = read.value;
  const differs = role.name === place.value.name ? (role.number === place.value.number ? null : 'number') : 'name';
  if (differs !== null) {
    const expected = differs === 'name' ? place.value.name : String(place.value.number);
    const words = {
      message: `${file} does not fit its folder ${folder}`,
      expected,
      found: shown(String(role[differs])),
      mend: 'rename one of the two',
    };
    return err([fault(`role-${differs}-differs`, differs, yaml.spotOf([differs])?.value ?? WHOLE_FILE, words)]);
  }
  const runners = role.runner === undefined ? [] : [role.runner].flat();
  return ok({
    name: role.name,
    folder: place.value.folder,
    number: role.number,
    title: role.title,
    responsibility: role.responsibility,
    runner: runners[0] ?? null,
    fallbacks: [...new Set(runners)].slice(1),
    allowedRunners: role.allowed_runners ?? [],
    model: role.model ?? null,
    access: role.access,
    lane: role.lane ?? null,
    slots: role.slots ?? null,
    timeoutMs: role.timeout ?? null,
    idleTimeoutMs: role.idle_timeout ?? null,
    attempts: role.attempts ?? null,
    review: role.review,
    reviewers: role.reviewers ?? 1,
    authorMayApprove: role.author_may_approve ?? (role.reviewers ?? 1) === 1,
    next: role.next ?? [],
    emits: role.emits,
    checks: role.output ?? [],
    file,
    source,
  });
}

const refuse = (code: string, field: string, file: string, expected: string, found: string): Result<never, readonly Fault[]> =>
  err([
    fault(code, field, WHOLE_FILE, {
      message: `${file} cannot be a role`,
      expected,
      found: shown(found),
      mend: 'mend it, or take it out of agents/',
    }),
  ]);
