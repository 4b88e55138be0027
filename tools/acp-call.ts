/**
 * One turn of an agent over the Agent Client Protocol (https://agentclientprotocol.com, version 1), in a process of its own under the keeper, so that it
 * outlives the daemon like every other run. The only file that loads the SDK.
 *
 *   initialize -> session/new -> (the model) -> session/prompt -> updates, permissions, reads and writes -> its stop reason -> end
 *
 * Invariants: what is not allowed by tools/acp-policy.ts is rejected, and every decision is written down before it is sent; terminals, forms and
 * anything else that the protocol would let a client offer are not offered.
 */

import {
  client,
  methods,
  ndJsonStream,
  RequestError,
  type ClientContext,
  type RequestPermissionRequest,
  type SessionUpdate,
  type ToolCallUpdate,
} from '@agentclientprotocol/sdk';
import path from 'node:path';
import type { Digest, Fs } from '#core/ports.ts';
import type { FileDiff, TextFacts, ToolAsk } from '#core/run.ts';
import type { AcpCall, AcpEnd, AcpLine } from './acp-lines.ts';
import { factsOfCall, mergeCall, shortText, type CallFacts } from './acp-updates.ts';
import { searchText } from './safe-pattern.ts';
import { insideOf, judge, WRITES, type AcpPolicy } from './acp-policy.ts';

export type AcpPorts = {
  readonly fs: Pick<Fs, 'facts' | 'realPath' | 'readBounded' | 'replace' | 'makeFolders'>;
  readonly digest: Pick<Digest, 'sha256'>;
  readonly version: string;
  /** What AcpPolicy says of single paths. */
  readonly paths?: Pick<AcpPolicy, 'mayNotChange' | 'mayNotRead'>;
};
export type AcpPipes = { readonly input: WritableStream<Uint8Array>; readonly output: ReadableStream<Uint8Array> };

const PROTOCOL = 1;
/** A file that is longer is not read for an agent, and none is written. */
const FILE_BYTES_MAX = 16_777_216;
/** Tool calls whose beginning is remembered, for the permission that is asked later. */
const CALLS_MAX = 1_000;

/** `gone`: the agent went away before its answer was whole; nothing was written for the end. */
export type Came = 'ended' | 'gone';

/**
 * @param cwd absolute, its links resolved
 * @param cancel aborting it asks the agent to stop (session/cancel); its answer is still waited for
 */
export async function callAgent(
  call: AcpCall,
  prompt: string,
  cwd: string,
  pipes: AcpPipes,
  ports: AcpPorts,
  cancel: AbortSignal,
  write: (line: AcpLine) => void,
): Promise<Came> {
  const turn = makeTurn({ access: call.access, execute: call.execute, cwd, ...ports.paths }, call.notices, ports, write);
  // First of all: the SDK looks for a handler step by step, and an update is to be known before what comes behind it.
  const app = client({ name: 'docket' })
    .onNotification(methods.client.session.update, ({ params }) => {
      turn.update(params.update);
    })
    .onRequest(methods.client.session.requestPermission, async ({ params }) => turn.permission(params))
    .onRequest(methods.client.fs.readTextFile, async ({ params }) => turn.read(params.path, params.line ?? 1, params.limit ?? null))
    .onRequest(methods.client.fs.writeTextFile, async ({ params }) => turn.write(params.path, params.content));
  const connection = app.connect(ndJsonStream(pipes.input, pipes.output));
  try {
    write(await converse(connection.agent, call, prompt, cwd, ports, cancel, turn, write));
    return 'ended';
  } catch (error) {
    // Its own answer is an answer; whatever else went wrong, there is nobody to talk to any more.
    if (!(error instanceof RequestError) || connection.signal.aborted) return 'gone';
    await new Promise((resolve) => setImmediate(resolve));
    write({ ...turn.end(null), error: agentError(error) });
    return 'ended';
  } finally {
    connection.close();
  }
}

async function converse(
  agent: ClientContext,
  call: AcpCall,
  prompt: string,
  cwd: string,
  ports: AcpPorts,
  cancel: AbortSignal,
  turn: Turn,
  write: (line: AcpLine) => void,
): Promise<AcpEnd> {
  const hello = await agent.request(methods.agent.initialize, {
    protocolVersion: PROTOCOL,
    clientInfo: { name: 'docket', version: ports.version },
    clientCapabilities: { fs: { readTextFile: call.files, writeTextFile: call.files } },
  });
  const { agentInfo, protocolVersion } = hello;
  write({ type: 'agent', name: agentInfo?.name ?? null, version: agentInfo?.version ?? null, protocol: protocolVersion });
  const fault = (kind: 'protocol' | 'model', message: string): AcpEnd => ({
    ...turn.end(null),
    error: { kind, code: null, status: null, message },
  });
  if (protocolVersion !== PROTOCOL)
    return fault('protocol', `it speaks version ${String(protocolVersion)} of the protocol, and docket ${String(PROTOCOL)}`);
  const session = await agent.request(methods.agent.session.new, { cwd, mcpServers: [], _meta: call.sessionMeta });
  const { sessionId } = session;
  const option = (session.configOptions ?? []).find(({ category, type }) => category === 'model' && type === 'select');
  const standing = option?.type === 'select' ? option.currentValue : null;
  if (call.model !== null && call.model !== standing) {
    const offered = option?.type === 'select' ? option.options.flatMap((one) => ('options' in one ? one.options : [one])) : [];
    if (option === undefined || !offered.some(({ value }) => value === call.model))
      return fault('model', `it does not offer the model ${call.model}`);
    await agent.request(methods.agent.session.setConfigOption, { sessionId, configId: option.id, value: call.model });
  }
  write({ type: 'session', id: sessionId, model: call.model ?? standing });
  const stop = (): void => void agent.notify(methods.agent.session.cancel, { sessionId }).catch(() => undefined);
  if (cancel.aborted) return turn.end('cancelled');
  cancel.addEventListener('abort', stop, { once: true });
  const answer = await agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: 'text', text: prompt }] });
  // The SDK hands on what came before the answer a few steps behind it.
  await new Promise((resolve) => setImmediate(resolve));
  const { stopReason, _meta, ...more } = answer;
  const end = turn.end(stopReason);
  return { ...end, usage: 'usage' in more ? more.usage : end.usage, meta: _meta ?? null };
}

type Turn = {
  permission(params: RequestPermissionRequest): Promise<{ outcome: { outcome: 'selected'; optionId: string } | { outcome: 'cancelled' } }>;
  read(file: string, line: number, limit: number | null): Promise<{ content: string }>;
  write(file: string, content: string): Promise<Record<string, never>>;
  update(update: SessionUpdate): void;
  end(stop: string | null): AcpEnd;
};

function makeTurn(policy: AcpPolicy, notices: readonly string[], ports: AcpPorts, write: (line: AcpLine) => void): Turn {
  const { fs, digest } = ports;
  const calls = new Map<string, CallFacts>();
  const told = new Set<string>();
  let costUsd: number | null = null;
  /** Of agents that tell their tokens piece by piece. */
  let tokens: Tokens | null = null;
  /** The first write that was rejected: what was asked for lacks it. */
  let lacking: string | null = null;
  /** What was rejected last, when nothing was said since. */
  let silentSince: string | null = null;

  const textFacts = (text: string): TextFacts => ({ sha256: digest.sha256(text), sizeBytes: Buffer.byteLength(text) });
  const shown = async (file: string): Promise<string> => shortText((await insideOf(policy.cwd, file, fs)) ?? file);

  function tellDiff(diff: FileDiff): void {
    const key = `${diff.path} ${diff.by} ${diff.before?.sha256 ?? ''} ${diff.after.sha256}`;
    if (told.has(key)) return;
    told.add(key);
    write({ type: 'diff', ...diff });
  }

  async function decide(asked: Pick<ToolAsk, 'kind' | 'title' | 'paths'>): Promise<boolean> {
    const verdict = await judge(asked, policy, fs);
    const paths = await Promise.all(asked.paths.map(shown));
    write({ type: 'permission', kind: asked.kind, title: shortText(asked.title), paths, ...verdict });
    if (verdict.decision === 'allowed') return true;
    const words = `${asked.kind}${paths[0] === undefined ? '' : ` ${paths[0]}`}: ${verdict.rule}`;
    silentSince = words;
    if (WRITES.has(asked.kind)) lacking ??= words;
    return false;
  }

  function said(text: string): void {
    const isNotice = notices.some((pattern) => searchText(pattern, text) !== null);
    if (!isNotice && text.trim() !== '') silentSince = null;
    write({ type: isNotice ? 'notice' : 'text', text });
  }

  function called(update: ToolCallUpdate): void {
    const known = calls.get(update.toolCallId);
    const facts = mergeCall(known, update);
    if (calls.size < CALLS_MAX || known !== undefined) calls.set(update.toolCallId, facts);
    const { kind, title } = factsOfCall(facts);
    if (known === undefined) write({ type: 'tool', kind, title: shortText(title) });
    if (update.status === 'failed') write({ type: 'failed-tool', kind, said: shortText(facts.said) });
    else if (known !== undefined) write({ type: 'alive' });
  }

  return {
    async permission({ toolCall, options }) {
      const facts = mergeCall(calls.get(toolCall.toolCallId), toolCall);
      const isAllowed = await decide(factsOfCall(facts));
      for (const { path: file, oldText, newText } of facts.diffs)
        if (isAllowed)
          tellDiff({
            path: await shown(file),
            before: oldText === null ? null : textFacts(oldText),
            after: textFacts(newText),
            by: 'agent',
          });
      const prefix = isAllowed ? 'allow' : 'reject';
      // "Always" would be the last question; a rejection may well stand.
      const option = options.find(({ kind }) => kind === `${prefix}_once`) ?? options.find(({ kind }) => kind === 'reject_always');
      return option === undefined ? { outcome: { outcome: 'cancelled' } } : { outcome: { outcome: 'selected', optionId: option.optionId } };
    },
    async read(file, line, limit) {
      if (!(await decide({ kind: 'read', title: 'fs/read_text_file', paths: [file] })))
        throw RequestError.invalidParams(undefined, 'not allowed');
      const real = await fs.realPath(path.resolve(policy.cwd, file)).catch(() => null);
      if (real === null) throw RequestError.resourceNotFound(file);
      const text = new TextDecoder().decode((await fs.readBounded(real, FILE_BYTES_MAX)).bytes);
      if (line <= 1 && limit === null) return { content: text };
      const from = Math.max(line - 1, 0);
      return { content: text.split('\n').slice(from, limit === null ? undefined : from + limit).join('\n') }; // prettier-ignore
    },
    async write(file, content) {
      if (!(await decide({ kind: 'write', title: 'fs/write_text_file', paths: [file] })))
        throw RequestError.invalidParams(undefined, 'not allowed');
      if (Buffer.byteLength(content) > FILE_BYTES_MAX) throw RequestError.invalidParams(undefined, 'too long');
      const inside = await insideOf(policy.cwd, file, fs);
      // It was inside a moment ago.
      if (inside === null) throw RequestError.invalidParams(undefined, 'not allowed');
      const real = path.join(policy.cwd, inside);
      const facts = await fs.facts(real);
      const old = facts === null ? null : new TextDecoder().decode((await fs.readBounded(real, FILE_BYTES_MAX)).bytes);
      await fs.makeFolders(path.dirname(real), 0o755);
      await fs.replace(real, content, 'safety', facts === null ? 0o644 : facts.mode & 0o777);
      tellDiff({ path: inside, before: old === null ? null : textFacts(old), after: textFacts(content), by: 'docket' });
      return {};
    },
    update(update) {
      tokens = addTokens(tokens, update);
      if (update.sessionUpdate === 'agent_message_chunk' && update.content.type === 'text' && update.content.text !== '')
        said(update.content.text);
      else if (update.sessionUpdate === 'tool_call' || update.sessionUpdate === 'tool_call_update') called(update);
      else {
        if (update.sessionUpdate === 'usage_update' && update.cost?.currency === 'USD') costUsd = update.cost.amount;
        write({ type: 'alive' });
      }
    },
    end: (stop) => ({ type: 'end', stop, error: null, usage: tokens, costUsd, meta: null, denied: lacking ?? silentSince ?? '' }),
  };
}

type Tokens = Readonly<Record<(typeof TOKENS)[number], number>>;
const TOKENS = ['inputTokens', 'outputTokens', 'cachedReadTokens', 'cachedWriteTokens'] as const;

/** `_meta.usage` of an update, where an agent puts it. */
function addTokens(before: Tokens | null, update: SessionUpdate): Tokens | null {
  const { _meta: meta } = update as { readonly _meta?: Readonly<Record<string, unknown>> | null };
  const told = meta?.['usage'];
  if (typeof told !== 'object' || told === null || !('inputTokens' in told)) return before;
  const number = (key: string): number => {
    const value = (told as Readonly<Record<string, unknown>>)[key];
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
  };
  return Object.fromEntries(TOKENS.map((key) => [key, (before?.[key] ?? 0) + number(key)])) as Tokens;
}

const isStatus = (value: number): boolean => value >= 400 && value <= 599;

/** Some say the status of the provider as their code, some in their data, some in words. */
function agentError({ code, message, data }: RequestError): NonNullable<AcpEnd['error']> {
  const details = typeof data === 'string' ? data : data === undefined || data === null ? '' : JSON.stringify(data);
  const found = Number(/"(?:status|statusCode|httpStatus|code)":\s*"?([45]\d\d)\b/.exec(details)?.[1] ?? Number.NaN);
  const status = isStatus(code) ? code : Number.isNaN(found) ? null : found;
  return { kind: 'agent', code, status, message: [message, details].filter((text) => text !== '').join(': ').slice(0, 2_000) }; // prettier-ignore
}
