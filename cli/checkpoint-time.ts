/**
 * External time for a checkpoint: asks a program or an address of the user's choice, and lets the openssl program judge a reply.
 * What leaves is the SHA-256 of the checkpoint and a random number.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { AskProgram, Fs } from '#core/ports.ts';
import type { Settings } from '#core/settings.ts';
import { QUERY_TYPE, REPLY_TYPE, replyFault, timeQuery } from '#history/checkpoint-time.ts';
import type { HttpPost } from '#platform/http-post.ts';
import { CliError, EXIT } from './io.ts';

const REPLY_BYTES_MAX = 1024 * 1024;

export const stampFileOf = (file: string): string => `${file}.tsr`;
export const wantsTime = (settings: Settings): boolean =>
  settings['checkpoint.time_stamp'].length > 0 || settings['checkpoint.time_stamp_url'] !== '';

export type TimePorts = { readonly fs: Fs; readonly ask: AskProgram; readonly post: HttpPost };

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @returns the reply. Throws CliError with words */
export async function askForTime(ports: TimePorts, settings: Settings, file: string, bytes: Uint8Array): Promise<Buffer> {
  const query = timeQuery(bytes);
  let reply: Buffer;
  try {
    reply =
      settings['checkpoint.time_stamp'].length > 0
        ? await fromProgram(ports, settings, file, query.bytes)
        : await fromAddress(ports.post, settings, query.bytes);
  } catch (error) {
    throw new CliError(`there is no time stamp: ${wordsOf(error)}`, EXIT.environment);
  }
  const fault = replyFault(reply, query);
  if (fault !== null) throw new CliError(`there is no time stamp: ${fault}`, EXIT.environment);
  return reply;
}

async function fromProgram({ fs, ask }: TimePorts, settings: Settings, file: string, query: Buffer): Promise<Buffer> {
  const [program = '', ...args] = settings['checkpoint.time_stamp'];
  const [queryFile, replyFile] = [`${file}.tsq`, `${file}.tsr.new`];
  const whole = args.map((arg) => arg.replaceAll('{query}', queryFile).replaceAll('{reply}', replyFile));
  if (!args.some((arg) => arg.includes('{query}')) || !args.some((arg) => arg.includes('{reply}')))
    throw new Error('checkpoint.time_stamp names the file {query} that it reads and the file {reply} that it writes');
  const clean = async (): Promise<void> => {
    for (const one of [queryFile, replyFile]) await fs.unlink(one).catch(() => undefined);
  };
  await clean();
  try {
    await fs.writeDerived(queryFile, query, 0o600);
    const { code, stderr } = await ask(program, whole, { timeoutMs: settings['checkpoint.time_limit'], cwd: path.dirname(file) });
    if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${stderr.trim().slice(-500)}`);
    return Buffer.from((await fs.readBounded(replyFile, REPLY_BYTES_MAX)).bytes);
  } finally {
    await clean();
  }
}

async function fromAddress(post: HttpPost, settings: Settings, query: Buffer): Promise<Buffer> {
  const url = new URL(settings['checkpoint.time_stamp_url']);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('checkpoint.time_stamp_url is no http address');
  const signal = AbortSignal.timeout(settings['checkpoint.time_limit']);
  const { status, body } = await post(url, { 'content-type': QUERY_TYPE, accept: REPLY_TYPE }, query, signal);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > REPLY_BYTES_MAX) throw new Error('the reply is too long');
    chunks.push(chunk);
  }
  if (status !== 200) throw new Error(`${url.host} answered ${String(status)}`);
  return Buffer.concat(chunks);
}

/** How a person checks a time stamp. */
export const checkWords = (file: string, ca: string): string =>
  `openssl ts -verify -data ${file} -in ${stampFileOf(file)} -CAfile ${ca === '' ? '<certificates of the authority>' : ca}`;

/** `said`: what the stamp is worth; `fault`: it is wrong. @param ca '' : none is named */
export async function judgeTime(
  { fs, ask }: Pick<TimePorts, 'fs' | 'ask'>,
  file: string,
  ca: string,
  timeoutMs: number,
): Promise<{ readonly said: string; readonly fault: string | null } | null> {
  if ((await fs.facts(stampFileOf(file))) === null) return null;
  const how = `check it with: ${checkWords(file, ca)}`;
  if (ca === '') return { said: `a time stamp lies beside it, not checked here; ${how}`, fault: null };
  try {
    const args = ['ts', '-verify', '-data', file, '-in', stampFileOf(file), '-CAfile', ca];
    const { code, stderr } = await ask('openssl', args, { timeoutMs });
    if (code === 0) {
      const text = await ask('openssl', ['ts', '-reply', '-in', stampFileOf(file), '-text'], { timeoutMs });
      const at = /^Time stamp: (.+)$/m.exec(text.stdout)?.[1] ?? 'a time that openssl does not tell';
      return { said: `its time stamp is good: it was there at ${at}`, fault: null };
    }
    return { said: '', fault: `openssl does not accept the time stamp beside it: ${stderr.trim().slice(-300)}` };
  } catch (error) {
    return { said: `a time stamp lies beside it, not checked (${wordsOf(error)}); ${how}`, fault: null };
  }
}
