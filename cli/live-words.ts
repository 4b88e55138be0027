/** Events of runs under way (daemon/live-runs.ts), as they come over the socket and as people read them. */

import { styleText } from 'node:util';
import { usdOf } from '#core/money.ts';
import { printable } from '#core/names.ts';
import type { LiveEvent } from '#daemon/live-runs.ts';

/** A message of the daemon as an event; null: none that this version knows. */
export function eventOf(message: unknown): LiveEvent | null {
  if (typeof message !== 'object' || message === null) return null;
  const { v, event, job, role, stem, at, elapsed_ms: elapsedMs } = message as Readonly<Record<string, unknown>>;
  const areTexts = [event, job, role, stem, at].every((one) => typeof one === 'string');
  return v === 1 && areTexts && typeof elapsedMs === 'number' ? (message as LiveEvent) : null;
}

const two = (value: number): string => String(value).padStart(2, '0');
/** `7s`, `2m03s`, `1h05m`. */
export function elapsedWord(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${String(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${String(minutes)}m${two(seconds % 60)}s` : `${String(Math.floor(minutes / 60))}h${two(minutes % 60)}m`;
}

/** `950`, `12.3k`, `1.2M`. */
export function countWord(count: number): string {
  if (count < 1_000) return String(count);
  return count < 999_950 ? `${(count / 1_000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

/** `12.3k tokens, ~$0.04`; empty when nothing is known. */
export function usageWords(event: Extract<LiveEvent, { readonly event: 'usage' }>): string {
  const counts = [event.input_tokens, event.output_tokens, event.cache_read_tokens, event.cache_write_tokens].filter(
    (one) => typeof one === 'number',
  );
  const tokens = counts.length === 0 ? '' : `${countWord(counts.reduce((sum, one) => sum + one, 0))} tokens`;
  const cost = event.cost_usd === null ? '' : `${event.estimated ? '~' : ''}$${usdOf(Math.ceil(event.cost_usd * 1e6)).toFixed(2)}`;
  return [tokens, cost].filter((part) => part !== '').join(', ');
}

/** What happened, in a few words. */
export function eventWords(event: LiveEvent): string {
  switch (event.event) {
    case 'begin':
      return `${event.runner} runs (attempt ${String(event.attempt)}, ${elapsedWord(event.elapsed_ms)} so far)`;
    case 'tool':
      return event.file === null ? event.tool : `${event.tool} ${event.file}`;
    case 'file':
      return event.file;
    case 'text':
      return `"${event.text}"`;
    case 'usage':
      return usageWords(event);
    case 'bytes':
      return `${countWord(event.bytes)} bytes of output`;
    case 'more':
      return `… ${String(event.skipped)} more`;
    case 'end':
      return `attempt ${String(event.attempt)}: ${event.outcome} after ${elapsedWord(event.elapsed_ms)}`;
    default:
      return event satisfies never;
  }
}

/** `12:03:55 › architect/foo  Write src/a.ts`: beside the lines of the log. */
export function eventLine(event: LiveEvent, color: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const time = new Date(event.at).toTimeString().slice(0, 8);
  const place = printable(`${event.role}/${event.stem}`, 120);
  return `${paint('dim', time)} ${paint('magenta', '›')} ${paint('bold', place)}  ${printable(eventWords(event), 500)}`;
}
