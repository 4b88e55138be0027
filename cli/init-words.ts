/** What `docket init` says at its end: what was made, what was there, and the next two commands. */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import type { Excluded } from './init-exclude.ts';
import { SIGNERS_FILE, type Signed } from './init-sign.ts';
import { paint, type Io } from './io.ts';
import { describeTool, isMissing, OFFLINE, type Tool } from './offer.ts';
import { packageRoot } from './package.ts';
import { isInside, SETTINGS_FILE } from './workspace.ts';

export type Made = {
  readonly workspace: Workspace;
  readonly app: string;
  /** Null: docket.yaml was there. */
  readonly appFrom: string | null;
  readonly runner: string;
  readonly isChosen: boolean;
  readonly isNew: boolean;
  /** Flags that say something else than the docket.yaml that was there. */
  readonly unused: readonly string[];
  readonly roles: readonly string[];
  /** Roles whose folders were made now. */
  readonly newRoles: readonly string[];
  readonly isNewHistory: boolean;
  readonly excluded: Excluded;
  /** What git shows as new of docket's files; null: not asked. */
  readonly untracked: readonly string[] | null;
  readonly tools: readonly Tool[];
  /** Null: it was not asked for now. */
  readonly signed: Signed | null;
};

export type Words = { readonly data: unknown; readonly text: string; readonly notes: readonly string[] };

export function initWords(io: Io, made: Made): Words {
  const { workspace, excluded } = made;
  const next = nextCommands(io, made);
  const data = {
    root: workspace.root,
    app: made.app,
    app_from: made.appFrom,
    runner: made.runner,
    settings: made.isNew ? 'made' : 'kept',
    queues: { path: workspace.queues, made: made.newRoles },
    history: { path: workspace.history, made: made.isNewHistory },
    exclude: { path: excluded.file, added: excluded.added, problem: excluded.problem },
    untracked: made.untracked,
    signing:
      made.signed === null
        ? null
        : {
            key: made.signed.keyFile,
            key_made: made.signed.isNewKey,
            fingerprint: made.signed.fingerprint,
            signers: made.signed.signersFile,
            signers_made: made.signed.isNewList,
          },
    tools: made.tools.map(({ name, version, program, isReady, reason }) => ({ name, version, program, ready: isReady, reason })),
    next,
  };
  const label = (text: string): string => paint(io, 'bold', text.padEnd(13));
  const text = [
    headline(io, made),
    `  ${label(SETTINGS_FILE)}${settingsLine(made)}`,
    `  ${label('queues')}${queuesLine(made)}`,
    `  ${label('history')}${made.isNewHistory ? 'made' : 'was there'}: ${printable(workspace.history)}`,
    ...(made.signed === null ? [] : [`  ${label('signing')}${signingLine(made.signed)}`]),
    ...(excluded.file === null ? [] : [`  ${label('clean')}${cleanLine(made, excluded.file)}`]),
    '',
    'next:',
    ...next.map((command) => `  ${command}`),
  ].join('\n');
  return { data, text, notes: notesOf(made) };
}

function headline(io: Io, made: Made): string {
  const name = paint(io, 'bold', made.app);
  const root = printable(made.workspace.root);
  if (made.isNew) return `docket is set up for ${name} (${made.appFrom ?? ''}) in ${root}`;
  const isMended = made.newRoles.length > 0 || made.isNewHistory || made.excluded.added.length > 0;
  return `${root} is a workspace already (${name}): ${isMended ? 'what was missing is mended' : 'nothing is missing'}`;
}

function settingsLine(made: Made): string {
  const runner = made.runner === '' ? 'it chooses no runner' : `runner: ${made.runner}`;
  if (!made.isNew) return `kept as it is (${runner})`;
  return `made (${runner}${made.runner === OFFLINE ? ', no AI is called' : ''}); commit it`;
}

function queuesLine({ workspace, roles, newRoles }: Made): string {
  const place = `${printable(workspace.queues)}/{${roles.join(',')}}/{in,out}/`;
  if (newRoles.length === 0) return `were there: ${place}`;
  return newRoles.length === roles.length ? `made: ${place}` : `made for ${newRoles.join(', ')}: ${place}`;
}

const signingLine = ({ keyFile, isNewKey, fingerprint, isNewList }: Signed): string =>
  `every record is signed by ${fingerprint} (${printable(keyFile, 1_000)}, ${isNewKey ? 'made' : 'was there'}); ${isNewList ? `made ${SIGNERS_FILE}, commit it` : `${SIGNERS_FILE} names it`}`;

function cleanLine({ workspace, untracked, excluded }: Made, file: string): string {
  if (excluded.problem !== null) return `NOT: ${printable(excluded.problem, 1_000)}`;
  const shown = isInside(workspace.root, file) ? path.relative(workspace.root, file) : file;
  const how = `${printable(shown)} ${excluded.added.length > 0 ? 'keeps' : 'already keeps'} ${excluded.paths.map((one) => printable(one)).join(' and ')} out of git`;
  if (untracked === null) return how;
  const others = untracked.filter((one) => ![SETTINGS_FILE, SIGNERS_FILE].includes(path.basename(one)));
  if (others.length > 0)
    return `${how}, but \`git status\` shows ${others
      .slice(0, 3)
      .map((one) => printable(one))
      .join(', ')}: look for a rule that says !`;
  return untracked.length > 0
    ? `${how}; \`git status\` shows only ${untracked.join(', ')} as new`
    : `${how}; \`git status\` shows nothing new of docket's`;
}

function notesOf(made: Made): readonly string[] {
  const notes: string[] = [];
  if (made.unused.length > 0) notes.push(`${SETTINGS_FILE} is kept as it is, so ${made.unused.join(', ')} changed nothing: edit the file`);
  if (made.runner === '')
    notes.push(
      `no runner is chosen, so that no tool is called by accident: write \`runner: offline\` or \`runner: claude\` into ${SETTINGS_FILE}`,
    );
  if (made.signed !== null)
    notes.push(
      `verdicts count here when a person's own key signed them: add it to ${SIGNERS_FILE} with namespaces="docket-verdict" (docs/review.md); whoever loses the key of the records makes a new one (docs/signing.md)`,
    );
  const ready = made.tools.find((tool) => tool.isReady);
  if (!made.isChosen && made.runner === OFFLINE && ready !== undefined)
    notes.push(`${describeTool(ready)} is installed: \`runner: ${ready.name}\` in ${SETTINGS_FILE} lets it answer`);
  if (made.isNew && isMissing(made.runner, made.tools)) {
    const reason = made.tools.find((tool) => tool.name === made.runner)?.reason ?? 'it was not found in PATH';
    notes.push(`runner ${made.runner} is not ready, so prompts wait until it is: ${printable(reason, 500)}; \`docket doctor\` looks again`);
  }
  return notes;
}

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;
const word = (text: string): string => (PLAIN_WORD.test(text) ? text : `'${printable(text, 4_096).replaceAll("'", String.raw`'\''`)}'`);

function nextCommands(io: Io, { workspace, roles }: Made): readonly string[] {
  const docket = workspace.root === packageRoot() ? 'npx docket' : 'docket';
  const at = io.cwd === workspace.root ? '' : ` --root ${word(workspace.root)}`;
  const role = (roles.find((folder) => folder.endsWith('-architect')) ?? roles[0] ?? '<role>').replace(/^[0-9]{2}-/, '');
  return [`${docket}${at} up --detach`, `${docket}${at} ask ${role} --feature FEAT-1 your-prompt.md`];
}
