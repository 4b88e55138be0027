/** The docket.yaml that `docket init` writes: short, commented, meant to be committed. */

import type { SettingKey } from '#core/settings.ts';

export type FirstSettings = {
  readonly app: string;
  readonly runner: string;
  /** As it is to be written; null: the default. */
  readonly history: string | null;
  readonly queues: string | null;
  /** Records are signed, and by whom stands in allowed_signers. */
  readonly isSigned?: boolean;
};

const PLAIN = /^[a-z][a-z-]*[a-z]$/;
const NO_TEXT = ['true', 'false', 'null'];
/** A scalar of YAML: quoted unless nobody could read it as anything but a text. A JSON string is one in YAML too. */
const scalar = (text: string): string => (PLAIN.test(text) && !NO_TEXT.includes(text) ? text : JSON.stringify(text));

const SIGNING = `
# Every record is signed, and nothing is recorded that cannot be. Whose keys may sign stands in allowed_signers: commit it, too.
signing: { mode: required, signers: allowed_signers }
`;

/** A line that sets it, or the same line as a comment with its default. */
const maybe = (key: SettingKey, value: string | null, standing: string, why: string): string =>
  value === null ? `# ${key}: ${standing.padEnd(30 - key.length)} # ${why}` : `${key}: ${scalar(value)}  # ${why}`;

export const settingsText = ({
  app,
  runner,
  history,
  queues,
  isSigned = false,
}: FirstSettings): string => `# docket: a prompt dropped into queues/<role>/in/ is answered in queues/<role>/out/ and recorded in the history repository.
# Commit this file. \`docket config --why\` prints every setting, where its value comes from and why it exists.
# docket.local.yaml beside it is for you alone and is not committed.

app: ${scalar(app)}

# Who answers. offline: nobody, the answer is the assembled brief, ready to paste into any chat; nothing leaves this machine.
# claude: Claude Code. auto: the first tool that is installed and logged in. Or a program of your own, a key of \`runners:\`.
runner: ${scalar(runner)}

${maybe('history', history, `../${app}-ai-history`, 'never inside the code repository')}
${maybe('queues', queues, 'queues', 'on a local file system')}
# model: sonnet                    # for roles and prompts that name none
# slots: 2                         # jobs that run at the same time
# limits: { timeout: 30m, budget_usd: 5 }
${isSigned ? SIGNING : ''}`;
