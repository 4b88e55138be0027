/**
 * Who gives a verdict, and how it is known that it is a person: git's identity, a terminal or the key of `review.key`, and no mark of a run around us.
 *
 *   started by docket (a tool, a lifecycle program) -> refused, whatever else is there
 *   `review.key` is set and usable -> 'key', signed;  a terminal -> 'terminal', signed with git's own SSH key where there is one;  else refused
 * Invariant: what is refused here is refused before anything is asked or written.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import type { Signer } from '#core/signing.ts';
import type { Person } from '#core/verdict.ts';
import { parseAllowedSigners, type AllowedSigner } from '#history/allowed-signers.ts';
import { isPerson } from '#history/review-format.ts';
import { whyNoReviewer } from '#history/review-signature.ts';
import { makeSigner, readKeyFile } from '#history/signer.ts';
import type { PublicKey } from '#history/ssh-key.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs } from '#platform/files.ts';
import { gitConfigValue } from '#platform/git-program.ts';
import { isBelowMarked } from '#platform/process-facts.ts';
import { homeFolder, userName } from '#platform/system.ts';
import { MARKER } from '#tools/end-tree.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { absolute, readSigners, reviewSignersFileOf, signersFileOf, signingOptions } from './signing.ts';

/** Of what docket starts: tools, and the programs of hooks/events. */
const RUN_MARKS = [MARKER, 'DOCKET_EVENT'];

export type Key = { readonly signer: Signer; readonly publicKey: PublicKey; readonly file: string };
export type Reviewer = {
  readonly person: Person;
  readonly how: 'terminal' | 'key';
  readonly key: Key | null;
  /** Why a key that git names is not used; null: nothing to tell. */
  readonly note: string | null;
};

/** The git identity of the code repository. Null: it has none that can be used. */
export async function personOf({ code }: Pick<Workspace, 'code'>): Promise<Person | null> {
  const [name, email] = await Promise.all(['user.name', 'user.email'].map(async (key) => gitConfigValue(askProgram, code, key)));
  const person = { name: name ?? '', email: email ?? '' };
  return isPerson(person) ? person : null;
}

/** As git writes a person. */
export const personWords = ({ name, email }: Person): string => `${name} <${email}>`;

/** The form of `author` in prompt-spec/fields.ts: one line, no angle brackets in the name. */
const AUTHOR_FITS = /^[^<>\p{C}]{1,150} <[^\s<>@\p{C}]{1,64}@[^\s<>@\p{C}]{1,100}>$/u;

/** `author` of a prompt that docket writes for a person. Null: git names nobody, or nobody that front matter can hold. */
export async function authorOf(workspace: Pick<Workspace, 'code'>): Promise<string | null> {
  const person = await personOf(workspace);
  const text = person === null ? '' : personWords(person);
  return AUTHOR_FITS.test(text) ? text : null;
}

/** Who holds a prompt: git's identity, else the account. */
export async function holderOf(workspace: Pick<Workspace, 'code'>): Promise<string> {
  const person = await personOf(workspace);
  return person === null ? userName() : personWords(person);
}

/** Words why the key that is set cannot be used; null where none is set. */
export async function reviewKey(workspace: Workspace, fs: Pick<Fs, 'facts' | 'readBounded' | 'realPath'>): Promise<Key | string | null> {
  const file = workspace.settings['review.key'];
  return file === '' ? null : readKey(workspace, fs, absolute(workspace.root, file), 'review.key');
}

async function readKey(
  workspace: Workspace,
  fs: Pick<Fs, 'facts' | 'readBounded' | 'realPath'>,
  keyFile: string,
  setting: string,
): Promise<Key | string> {
  const read = await readKeyFile({ ...signingOptions(workspace, fs), keyFile });
  if (!read.ok) return `${setting}: ${read.error.replace(/ \(`signing\.key`.*\)$/, '')}`;
  const { key, file } = read.value;
  return { signer: makeSigner(key), publicKey: key.publicKey, file };
}

/** git-config(1), user.signingKey: a file, or the key itself; its private part lies beside the `.pub`. */
async function gitKey(workspace: Workspace, fs: Pick<Fs, 'facts' | 'readBounded' | 'realPath'>): Promise<Key | string | null> {
  const [format, named] = await Promise.all(
    ['gpg.format', 'user.signingkey'].map(async (key) => gitConfigValue(askProgram, workspace.code, key)),
  );
  if (format !== 'ssh' || named === null || named === undefined) return null;
  if (/^(?:key::|ssh-)/.test(named)) return "git's user.signingkey is a key and no file";
  const file = named.startsWith('~/') ? path.join(homeFolder(), named.slice(2)) : path.resolve(workspace.code, named);
  return readKey(workspace, fs, file.replace(/\.pub$/, ''), "git's user.signingkey");
}

/** Null: no list is set. Throws CliError 3 with words when there is one that cannot be used. */
export async function allowedSigners(
  workspace: Workspace,
  fs: Pick<Fs, 'readBounded' | 'realPath'>,
): Promise<readonly AllowedSigner[] | null> {
  const file = signersFileOf(workspace);
  if (file === null) return null;
  const text = await readSigners(fs, file).catch((error: unknown) => {
    throw new CliError(error instanceof Error ? error.message : String(error), EXIT.environment);
  });
  const parsed = parseAllowedSigners(text);
  if (!parsed.ok) throw new CliError(`${file}: ${parsed.error}`, EXIT.environment);
  return parsed.value;
}

export const isBelowRun = (env: Io['env']): boolean => RUN_MARKS.some((mark) => isBelowMarked(mark, env));

/** Must verdicts be signed by somebody on the list? */
export const isSignatureDemanded = (workspace: Pick<Workspace, 'root' | 'settings'>): boolean => reviewSignersFileOf(workspace) !== null;

/** Throws CliError 2 or 3 with words why nobody may say anything from here. @param at ISO 8601, when it is said */
export async function reviewerOf(io: Pick<Io, 'env' | 'canAsk'>, workspace: Workspace, at: string): Promise<Reviewer> {
  const fs = makeFs();
  if (isBelowRun(io.env))
    throw new CliError('a verdict is a person’s: this program was started by docket, so it cannot give one', EXIT.wrongUse);
  const person = await personOf(workspace);
  if (person === null)
    throw new CliError(
      `a verdict needs a name and an e-mail address, and git has none for ${workspace.code}: git config --global user.name "…", git config --global user.email "…"`,
      EXIT.environment,
    );
  const set = await reviewKey(workspace, fs);
  if (typeof set === 'string') throw new CliError(set, EXIT.environment);
  if (set === null && !io.canAsk) {
    // A key that nobody committed is not taken, and this says so.
    const note = workspace.notes?.find((one) => one.includes('review.key'));
    throw new CliError(
      `a verdict needs a terminal where a person confirms it, or the key that \`review.key\` names (docs/review.md)${note === undefined ? '' : `; ${note}`}`,
      EXIT.wrongUse,
    );
  }
  const git = set === null ? await gitKey(workspace, fs) : null;
  const key = set ?? (typeof git === 'string' ? null : git);
  const signers = await allowedSigners(workspace, fs);
  const unknown = key === null || signers === null ? null : whyNoReviewer(signers, key.publicKey, { by: person, at });
  const isTaken = unknown === null && !(key === null && isSignatureDemanded(workspace));
  const why =
    unknown ?? (typeof git === 'string' ? git : 'there is no key to sign with: `review.key`, or git’s user.signingkey with gpg.format=ssh');
  if (!isTaken && (set !== null || isSignatureDemanded(workspace)))
    throw new CliError(`verdicts must be signed by somebody in ${signersFileOf(workspace) ?? 'signing.signers'}: ${why}`, EXIT.environment);
  const isUsed = isTaken && key !== null;
  return {
    person,
    how: set === null ? 'terminal' : 'key',
    key: isUsed ? key : null,
    note: isUsed || (unknown === null && typeof git !== 'string') ? null : `not signed: ${why}`,
  };
}
