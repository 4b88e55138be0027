/** Types of the model server on loopback that tests run real AI tools against; its header describes the scenarios. */

export type FakeModel = {
  readonly url: string;
  readonly requests: readonly { readonly method?: string; readonly path?: string; readonly [field: string]: unknown }[];
  urlFor(scenario: string): string;
  enqueue(scenario: string, count?: number): void;
  /** Lets go on what is held by that name, now and from now on. */
  release(name: string): void;
  /** The scenario of every request that names none. */
  setDefault(scenario: string): void;
  reset(): void;
  close(): Promise<void>;
};

export function startFakeModel(options?: {
  readonly port?: number;
  readonly scenario?: string;
  readonly log?: string;
  readonly dump?: string;
  /** Asked first with the last user text; what it says is the answer, null leaves it to the scenario. */
  readonly answer?: (prompt: string) => string | null;
}): Promise<FakeModel>;
