/** A workspace whose meta role is answered by a script with a text of the test's own, and a person's key to approve with. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { makeRig, promptText, type Cleanup, type Front, type Rig } from './rig.ts';

export type EmitRig = Rig & {
  /** What the next run of meta answers; all other roles answer `# Answer`. */
  answers(text: string): void;
  /** How often a tool was started, by its prompt's role. */
  starts(): string[];
  approve(what: string): void;
  /** Names in in/ of a role. */
  names(folder: string): string[];
};

export const block = (front: Front, fence = '````', hint = ''): string =>
  `${fence}prompt${hint === '' ? '' : ` ${hint}`}\n${promptText(front)}${fence}\n`;

export const TWO = `# Plan\n\nFor people.\n\n${block({ agent: 'ui', body: '# UI\n' }, '````', '03-ui/screens.md')}\n${block({ agent: 'architect', body: '# Design\n\n```yaml\na: 1\n```\n' })}\nThe end.\n`;

export function makeEmitRig(t: Cleanup, settings = ''): EmitRig {
  const rig = makeRig(t);
  const answer = path.join(rig.base, 'answer.md');
  const book = path.join(rig.base, 'starts');
  const tool = rig.tool(
    'tool.sh',
    `#!/bin/sh\ncase "$(cat)" in *"You turn a feature description"*) echo meta >> "${book}"; cat "${answer}";; *) echo other >> "${book}"; echo "# Answer";; esac\n`,
  );
  const key = path.join(rig.base, 'review_key');
  writeFileSync(key, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  rig.settings(
    `runner: tool\nrunners:\n  tool: { kind: command, program: ${tool}, args: [], output: text }\nreview:\n  key: ${key}\n${settings}`,
  );
  for (const args of [
    ['init', '-q'],
    ['config', 'user.name', 'Ada Example'],
    ['config', 'user.email', 'ada@example.com'],
    ['add', 'docket.yaml'],
    ['commit', '-qm', 'settings'],
  ])
    spawnSync('git', ['-C', rig.root, ...args], { env: rig.env });
  writeFileSync(book, '');
  writeFileSync(answer, TWO);
  return {
    ...rig,
    answers(text) {
      writeFileSync(answer, text);
    },
    starts: () =>
      readFileSync(book, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    approve(what) {
      const { code, out, err } = rig.run(['approve', what]);
      if (code !== 0) throw new Error(`docket approve ${what}: ${out}${err}`);
    },
    names: (folder) => readdirSync(rig.in(folder)).toSorted(),
  };
}

export const META = '00-meta';
export const metaPrompt = (front: Front = {}): string => promptText({ agent: 'meta', body: '# Feature\n', ...front });
