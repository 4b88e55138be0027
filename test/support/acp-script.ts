/** What test/support/scripted-acp-agent.ts can be told to do, and the profile by which docket calls it. */

import { fileURLToPath } from 'node:url';
import { profileOf } from './profiles.ts';
import type { ToolProfile } from '#tools/profiles.ts';

type Fields = Readonly<Record<string, unknown>>;
export type Step =
  | { readonly say: string }
  /** Bytes on its standard output, such as they are. */
  | { readonly raw: string }
  | { readonly update: Fields }
  /** session/request_permission; it says the outcome. */
  | { readonly ask: Fields; readonly options?: readonly string[] }
  /** Any request to the client; it says the answer, but when it is to be quiet. */
  | { readonly call: string; readonly params: Fields; readonly quiet?: boolean }
  /** Its pid, as a line of a file. */
  | { readonly note: string }
  /** Until this file is there. */
  | { readonly wait: string }
  | { readonly stop: string; readonly more?: Fields }
  | { readonly error: Fields }
  | { readonly exit: number }
  | { readonly hang: 'polite' | 'deaf' };

const AGENT = fileURLToPath(new URL('scripted-acp-agent.ts', import.meta.url));

export const scriptOf = (...steps: readonly Step[]): string => `# Brief\n\nSCRIPT ${JSON.stringify(steps)}\n`;

/** As a person would write it. @param args of the agent; more of `acp:`, line by line */
export const scriptedYaml = (args: readonly string[] = [], more: readonly string[] = []): string =>
  [
    'id: scripted',
    'kind: ai',
    'title: An agent that does what the prompt says',
    `program: ${process.execPath}`,
    'tested: { how: transcript }',
    'lane: scripted',
    'read: { format: text, answer: [{}] }',
    'acp:',
    '  tested: { how: real, from: 1.2.3, to: 1.2.3 }',
    '  why: it speaks nothing else',
    `  args: ${JSON.stringify([AGENT, ...args])}`,
    ...more.map((line) => `  ${line}`),
    '',
  ].join('\n');

export const scripted = (args: readonly string[] = [], more: readonly string[] = []): ToolProfile =>
  profileOf('scripted', scriptedYaml(args, more));
