#!/usr/bin/env node
/**
 * An agent that speaks the Agent Client Protocol, version 1, by hand (no SDK: the wire is what is tested), and does what the prompt says and nothing
 * else: a line `SCRIPT [step, …]`. Without one it answers "Hello.". See test/support/acp-script.ts for the steps.
 */

import { createInterface } from 'node:readline';
import { appendFileSync, existsSync, watch } from 'node:fs';
import path from 'node:path';
import type { Step } from './acp-script.ts';

type Fields = Record<string, unknown>;
const send = (message: Fields): void => void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const waiting = new Map<number, (answer: Fields) => void>();
let nextId = 1_000;
const request = async (method: string, params: Fields): Promise<Fields> =>
  new Promise((resolve) => {
    waiting.set(++nextId, resolve);
    send({ id: nextId, method, params: { sessionId: 's1', ...params } });
  });
const update = (fields: Fields): void => {
  send({ method: 'session/update', params: { sessionId: 's1', update: fields } });
};
const say = (text: string): void => {
  update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
};
let cancelled: (() => void) | null = null;

const there = async (file: string): Promise<void> =>
  new Promise((resolve) => {
    const watcher = watch(path.dirname(file), () => {
      look();
    });
    const look = (): void => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    };
    look();
  });

/** A title may come in parts, so that the prompt does not hold it. */
const whole = (ask: Fields): Fields => {
  const title = ask['title'] as { readonly join?: readonly string[] } | undefined;
  return title?.join === undefined ? ask : { ...ask, title: title.join.join('') };
};

async function act(step: Step): Promise<Fields | null> {
  if ('say' in step) say(step.say);
  else if ('raw' in step) process.stdout.write(step.raw);
  else if ('update' in step) update(step.update);
  else if ('ask' in step) {
    const options = (step.options ?? ['allow_always', 'allow_once', 'reject_once']).map((kind) => ({
      optionId: `o-${kind}`,
      name: kind,
      kind,
    }));
    const answer = await request('session/request_permission', { toolCall: { toolCallId: 't1', ...whole(step.ask) }, options });
    say(JSON.stringify((answer['result'] as Fields)['outcome']));
  } else if ('call' in step) {
    const { result, error } = await request(step.call, step.params);
    if (step.quiet !== true) say(JSON.stringify(result ?? { code: (error as Fields)['code'], message: (error as Fields)['message'] }));
  } else if ('note' in step) appendFileSync(step.note, `${String(process.pid)}\n`);
  else if ('wait' in step) await there(step.wait);
  else if ('stop' in step) return { result: { stopReason: step.stop, ...step.more } };
  else if ('error' in step) return { error: step.error };
  else if ('exit' in step) process.exit(step.exit);
  else {
    // `hang`: until it is told to stop, or for ever.
    await new Promise<void>((resolve) => {
      cancelled = step.hang === 'deaf' ? null : resolve;
    });
    return { result: { stopReason: 'cancelled' } };
  }
  return null;
}

async function prompt(id: unknown, params: Fields): Promise<void> {
  const text = (params['prompt'] as readonly { readonly text: string }[]).map((block) => block.text).join('');
  const script = /^SCRIPT (.*)$/m.exec(text)?.[1];
  const steps = script === undefined ? [{ say: 'Hello.' }] : (JSON.parse(script) as readonly Step[]);
  for (const step of steps) {
    const end = await act(step);
    if (end === null) continue;
    send({ id, ...end });
    return;
  }
  send({ id, result: { stopReason: 'end_turn', usage: { inputTokens: 12, outputTokens: 3, totalTokens: 15 } } });
}

const [, , protocol = '1'] = process.argv;
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params, ...answer } = JSON.parse(line) as {
    readonly id?: number;
    readonly method?: string;
    readonly params?: Fields;
  };
  if (method === undefined) waiting.get(id ?? 0)?.(answer);
  else if (method === 'initialize')
    send({ id, result: { protocolVersion: Number(protocol), agentInfo: { name: 'scripted', version: '1.2.3' }, agentCapabilities: {} } });
  else if (method === 'session/new') {
    const model = { id: 'm', name: 'Model', category: 'model', type: 'select', currentValue: 'small', options: [{ value: 'small', name: 'S' }, { value: 'large', name: 'L' }] }; // prettier-ignore
    send({ id, result: { sessionId: 's1', configOptions: [model] } });
  } else if (method === 'session/set_config_option') send({ id, result: { configOptions: [] } });
  else if (method === 'session/prompt') void prompt(id, params ?? {});
  else if (method === 'session/cancel') cancelled?.();
});
