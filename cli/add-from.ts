/**
 * `docket add --from`: a stream of prompts, from a file or standard input. All are checked before the first is dropped, as the prompts of an answer are
 * (daemon/emit-check.ts): one that is not valid keeps all of them out, and every fault is told with its line in the stream.
 */

import path from 'node:path';
import { parseStem } from '#core/names.ts';
import { identityOf } from '#core/prompt.ts';
import { parseBlock, type Child, type Parsed } from '#daemon/emit-answer.ts';
import { atFence, flawOf, groupFlaws, promptFlaws, type EmitFlaw } from '#daemon/emit-check.ts';
import { setHold } from '#daemon/holds.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { splitStream, type Stream } from './add-stream.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { connectControl, log, type Opened } from './open.ts';
import { clock, historyOf, spoolOf } from './parts.ts';
import { holderOf } from './person.ts';
import { workspaceRules } from './scope.ts';
import { openSecretScan } from './secret-scan-of.ts';

/** As many as one answer of the largest setting, each of the longest size, would never fit in here. */
const STREAM_BYTES_MAX = 64_000_000;
const SHOWN_FAULTS = 50;

export type FromOptions = { readonly from: string; readonly held: boolean };

export async function addFrom(io: Io, common: Common, opened: Opened, { from, held }: FromOptions): Promise<void> {
  const stream = splitStream(await textOf(io, from));
  const { children, flaws, same } = await checked(opened, stream);
  if (flaws.length > 0) {
    const lines = flaws
      .slice(0, SHOWN_FAULTS)
      .map(({ line, column, message }) => `line ${String(line)}, column ${String(column)}: ${message}`);
    const more = flaws.length > SHOWN_FAULTS ? [`… and ${String(flaws.length - SHOWN_FAULTS)} more`] : [];
    if (common.json === true) show(io, common, { dropped: [], same: [], faults: flaws, daemon: null }, '');
    else
      io.err(
        [`nothing was dropped: ${String(flaws.length)} faults in ${from === '-' ? 'standard input' : from}`, ...lines, ...more].join('\n'),
      );
    io.setExitCode(EXIT.notWell);
    return;
  }
  const spool = spoolOf(opened.workspace, [...opened.roles.values()], log);
  if ((await makeFs().facts(opened.workspace.queues)) === null) await spool.prepare();
  const dropped = await spool.dropAll(children.map(({ role, stem, bytes }) => ({ role: role.name, stem, bytes, isHeld: held })));
  const rows = children.map((child, n) => ({
    role: child.role.name,
    name: dropped[n]?.name ?? '',
    path: dropped[n]?.path ?? '',
    identity: child.identity,
    sha256: makeDigest().sha256(child.bytes),
    line: child.block.fenceLine,
  }));
  if (held) await remember(opened, rows);
  const control = await connectControl(opened.workspace);
  await control?.ask('poke');
  control?.close();
  const isUp = control !== null;
  const data = { dropped: rows, same, faults: [], daemon: isUp };
  const words = [
    ...rows.map((row) => `dropped ${row.path}`),
    ...same.map((one) => `line ${String(one.line)}: recorded already with the same bytes (job ${one.job}), not dropped again`),
    ...(rows.length > 0 && !isUp && !held ? ['no daemon runs: they wait until `docket up`'] : []),
  ];
  show(io, common, data, words.join('\n'));
}

async function textOf(io: Io, from: string): Promise<string> {
  if (from === '-') return io.readInput();
  try {
    const { bytes } = await makeFs().readBounded(path.resolve(io.cwd, from), STREAM_BYTES_MAX);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new CliError(`${from} cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.wrongUse);
  }
}

type Same = { readonly line: number; readonly job: string };
type Checked = { readonly children: readonly Child[]; readonly flaws: readonly EmitFlaw[]; readonly same: readonly Same[] };

async function checked(opened: Opened, stream: Stream): Promise<Checked> {
  const { workspace, roles, specs } = opened;
  const [anyRole] = roles.values();
  if (anyRole === undefined) throw new CliError('no role is installed', EXIT.environment);
  const flaws: EmitFlaw[] = stream.faults.map(({ line, message }) => ({ line, column: 1, message }));
  const ports = { roles, workspace, clock };
  const most = workspace.settings['emit.prompts_max'];
  const parsed = stream.blocks.slice(0, most).map((block) => parseBlock(ports, anyRole, null, block));
  if (parsed.length === 0 && flaws.length === 0) flaws.push({ line: 1, column: 1, message: emptyWords(stream) });
  const tooMany = stream.blocks[most];
  if (tooMany !== undefined)
    flaws.push(
      atFence(
        { block: tooMany },
        `the stream holds ${String(stream.blocks.length)} prompts, at most ${String(most)} are taken at once (emit.prompts_max)`,
      ),
    );
  const history = (await makeFs().facts(workspace.history)) === null ? null : historyOf(workspace, log);
  await history?.open();
  const secrets = await openSecretScan(makeFs(), workspace, { makesKey: false });
  const same: Same[] = [];
  const fresh: Child[] = [];
  try {
    const checking = { ...ports, specs, secrets, scope: { rules: workspaceRules(workspace) }, runners: null, history };
    for (const one of parsed) {
      const { child, block, faults } = one;
      flaws.push(...faults.map((fault) => placed(stream, one, flawOf(one, fault))));
      if (!block.isClosed) flaws.push(atFence(one, 'the block of this prompt is never closed'));
      if (child === null) continue;
      const sha256 = makeDigest().sha256(child.bytes);
      const found = await promptFlaws(checking, child, (recorded) => recorded === sha256);
      flaws.push(...found.map((flaw) => placed(stream, one, flaw)));
      const filed = (await history?.find(identityOf(child.prompt))) ?? null;
      if (filed?.promptSha256 === sha256) same.push({ line: block.fenceLine, job: filed.job });
      else fresh.push(child);
      if (!parseStem(child.stem).ok) flaws.push(atFence(one, 'this cannot be a file name in the queue'));
    }
    const children = parsed.flatMap(({ child }) => child ?? []);
    if (tooMany === undefined) flaws.push(...(await groupFlaws(checking, children, (child, flaw) => placed(stream, child, flaw))));
  } finally {
    await secrets.close();
    await history?.close();
  }
  return { children: fresh, same, flaws: flaws.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** A line of JSON has the prompt's lines inside. */
function placed({ form }: Stream, { block }: Pick<Parsed, 'block'>, flaw: EmitFlaw): EmitFlaw {
  if (form !== 'json' || (flaw.line === block.fenceLine && flaw.column === 1)) return flaw;
  const inside = `line ${String(flaw.line - block.line + 1)}, column ${String(flaw.column)} of its text: `;
  return { line: block.fenceLine, column: 1, message: `${inside}${flaw.message}` };
}

const emptyWords = ({ form }: Stream): string =>
  form === 'fences'
    ? 'there is no fenced block that opens with ```prompt, and the first line is neither --- nor JSON'
    : 'there is no prompt';

/** `--held`: a person's word, so that nothing but a person lets them go. */
async function remember(opened: Opened, rows: readonly { readonly role: Child['role']['name']; readonly name: string }[]): Promise<void> {
  const by = await holderOf(opened.workspace);
  const ports = { fs: makeFs(), digest: makeDigest(), state: opened.workspace.state };
  for (const { role, name } of rows) {
    const stem = parseStem(name.replace(/\.held$/, ''));
    if (stem.ok) await setHold(ports, { role, stem: stem.value, parent: null }, { by, at: clock.now().toISOString(), comment: null });
  }
}
