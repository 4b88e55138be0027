/** What the terminal review asks of docket, whether it is drawn on a screen or asked line by line: the fake of the tests is another body of it. */

import type { VerdictWord } from '#core/verdict.ts';
import type { Sitter } from './review-draw.ts';
import type { Entry, Facts, Fault, Pages } from './review-state.ts';

export type Desk = {
  readonly sitter: Sitter;
  readonly commentBytesMax: number;
  /** Everything that has an answer, oldest first. */
  entries(): Promise<readonly Entry[]>;
  /** Size and findings; what cannot be read is left out. */
  facts(keys: readonly string[]): Promise<ReadonlyMap<string, Facts>>;
  pages(key: string): Promise<Pages | Fault>;
  /**
   * Records a verdict once a person said yes to what `ask` shows: always asked, whoever signs it.
   * @returns what came of it, in words; throws with words where it was refused
   */
  give(key: string, verdict: VerdictWord, comment: string | null, ask: (words: string) => Promise<boolean>): Promise<string>;
  /** Opens $VISUAL or $EDITOR on the text, on our own terminal. @returns null: nothing was changed; throws with words when there is no editor */
  edit(text: string): Promise<string | null>;
};
