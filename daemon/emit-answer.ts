/**
 * The prompts of an answer as docket would enqueue them: each block parsed like a file in the folder of the role that its front matter names. Pure but for the
 * roles of the workspace; daemon/emit-check.ts says whether they may be enqueued, daemon/emit.ts enqueues them.
 */

import { Buffer } from 'node:buffer';
import { withParent, type PromptBlock } from '#agents/prompts-answer.ts';
import type { Fault } from '#core/fault.ts';
import { parseStem, type JobId, type RoleFolder, type Stem } from '#core/names.ts';
import { identityOf, type Identity, type Prompt } from '#core/prompt.ts';
import type { Role } from '#core/role.ts';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import type { Ports } from './ports.ts';

export type Child = {
  readonly block: PromptBlock;
  /** The block, and the line that names its parent. */
  readonly bytes: Uint8Array;
  readonly prompt: Prompt;
  readonly identity: Identity;
  readonly role: Role;
  readonly folder: RoleFolder;
  /** What it would like to be called. */
  readonly stem: Stem;
};

export type Parsed = { readonly block: PromptBlock; readonly child: Child | null; readonly faults: readonly Fault[] };

type Reading = Pick<Ports, 'roles' | 'workspace' | 'clock'>;

export function limitsOf({ workspace: { settings } }: Pick<Ports, 'workspace'>): {
  readonly promptBytes: number;
  readonly frontMatterBytes: number;
} {
  return { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
}

/** In the order of the answer. @param blocks of it that are looked at @param asking the role that answered: whose folder a prompt of no known role is read in, for the words */
export function parseAnswer(ports: Reading, asking: Role, parent: JobId, blocks: readonly PromptBlock[]): readonly Parsed[] {
  return blocks.map((block) => parseBlock(ports, asking, parent, block));
}

/** One prompt of an answer, or of a stream (`parent` null: its bytes stay as they are). */
export function parseBlock(ports: Reading, asking: Role, parent: JobId | null, block: PromptBlock): Parsed {
  const bytes = Buffer.from(block.text);
  const agent = peekPrompt(bytes)?.agent;
  const named = agent === undefined ? undefined : ports.roles.get(agent);
  // Without a front matter that can be read whole its role is found by trying.
  let role = named ?? asking;
  let parsed = parseAs(ports, bytes, role);
  for (const other of named === undefined ? ports.roles.values() : []) {
    if (parsed.ok || !parsed.error.some(({ code }) => code === 'agent-folder')) break;
    role = other;
    parsed = parseAs(ports, bytes, role);
  }
  const text = parent === null ? block.text : withParent(block.text, parent);
  if (!parsed.ok || text === null) return { block, child: null, faults: parsed.ok ? [] : parsed.error.map(inAnswer) };
  const identity = identityOf(parsed.value);
  const stem = stemOf(block.hint, identity);
  return { block, faults: [], child: { block, bytes: Buffer.from(text), prompt: parsed.value, identity, role, folder: role.folder, stem } };
}

const parseAs = (ports: Reading, bytes: Uint8Array, role: Role): ReturnType<typeof parsePrompt> =>
  parsePrompt(bytes, {
    roles: [...ports.roles.keys()],
    folderRole: role.name,
    limits: limitsOf(ports),
    nowMs: ports.clock.now().getTime(),
  });

/** There is no folder that the prompt lies in. */
const inAnswer = (fault: Fault): Fault =>
  fault.code === 'agent-unknown' && !fault.mend.startsWith('did you mean') ? { ...fault, mend: 'name one of these' } : fault;

/** `01-architect/FEAT-1-architect.md` -> FEAT-1-architect; what is no name of a file is left aside. */
function stemOf(hint: string | null, { feature, role, name, revision }: Identity): Stem {
  const last =
    hint
      ?.split(/[/\\]/)
      .at(-1)
      ?.replace(/\.(?:md|markdown)$/, '') ?? '';
  const wanted = parseStem(last);
  if (wanted.ok && /^[A-Za-z0-9]/.test(last)) return wanted.value;
  const made = `${feature}-${role}${name === null ? '' : `-${name}`}${revision === 1 ? '' : `-r${String(revision)}`}`;
  return made as Stem;
}
