/**
 * Events that were told and not yet run, so that a crash loses none: `queues/.docket/events.jsonl`, added to, and begun anew when all of it has run.
 * `{"do":"tell","id","event","facts"}` before the job's next step, synced; `{"do":"done","id"}` when its programs have run, not synced: at worst they run again.
 * A torn or strange line counts as not written.
 */

import type { EventFacts } from '#core/events.ts';
import type { Fs, Log } from '#core/ports.ts';

export type ToldEvent = { readonly id: string; readonly event: string; readonly facts: EventFacts };

export type EventFile = {
  /** Of an earlier start, in the order in which they were told. */
  readonly left: readonly ToldEvent[];
  tell(told: ToldEvent): Promise<void>;
  done(id: string): Promise<void>;
};

const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Then, when all of them have run, it is begun anew. */
const LINES_MAX = 2_000;

function leftIn(text: string): ToldEvent[] {
  const told = new Map<string, ToldEvent>();
  for (const line of text.split('\n')) {
    try {
      const { do: what, id, event, facts } = JSON.parse(line) as Record<string, unknown>;
      if (typeof id !== 'string') continue;
      if (what === 'done') told.delete(id);
      else if (what === 'tell' && typeof event === 'string' && typeof facts === 'object' && facts !== null)
        told.set(id, { id, event, facts: facts as EventFacts });
    } catch {
      // Torn by a crash: its job has not gone on, and tells it again.
    }
  }
  return [...told.values()];
}

const lineOf = (what: Record<string, unknown>): string => `${JSON.stringify(what)}\n`;

export async function openEventFile(fs: Fs, file: string, log: Log): Promise<EventFile> {
  let text = '';
  try {
    text = new TextDecoder().decode((await fs.readBounded(file, FILE_BYTES_MAX)).bytes);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT')
      log.warn(`events of an earlier start cannot be read, and are not told: ${String(error)}`);
  }
  const left = leftIn(text);
  const kept = left.map((told) => lineOf({ do: 'tell', ...told })).join('');
  if (kept !== text) await fs.replace(file, kept, 'safety', 0o600);
  /** One after the other, so that none is lost when the file is begun anew. */
  let last = Promise.resolve();
  const inTurn = async (act: () => Promise<void>): Promise<void> => {
    const mine = last.then(act);
    last = mine.catch(() => undefined);
    return mine;
  };
  const pending = new Set(left.map(({ id }) => id));
  let lines = left.length;
  return {
    left,
    tell: async (told) =>
      inTurn(async () => {
        await fs.append(file, lineOf({ do: 'tell', ...told }), 0o600);
        await fs.syncFile(file, 'safety');
        pending.add(told.id);
        lines++;
      }),
    done: async (id) =>
      inTurn(async () => {
        await fs.append(file, lineOf({ do: 'done', id }), 0o600);
        pending.delete(id);
        lines++;
        if (pending.size > 0 || lines < LINES_MAX) return;
        await fs.replace(file, '', 'safety', 0o600);
        lines = 0;
      }),
  };
}
