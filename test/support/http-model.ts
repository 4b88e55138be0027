/** The fake model server, and runners that call it: for tests of the HTTP runner. */

import { after, before } from 'node:test';
import type { Runner } from '#agents/runner.ts';
import { makeHttpRunner } from '#agents/runners/http.ts';
import type { HttpProfile } from '#core/settings.ts';
import { makeRunnerPorts } from '#test/support/runner-parts.ts';

type FakeModel = {
  readonly url: string;
  urlFor(scenario: string): string;
  readonly requests: readonly { readonly promptSha256: string; readonly auth: string; readonly model: string; readonly status: unknown }[];
  close(): Promise<void>;
};

export const APIS: readonly HttpProfile['api'][] = ['openai', 'anthropic', 'ollama'];
export const KEY_ENV = 'MY_API_KEY';
/** Made here, so that no text of the repository looks like a key. */
export const KEY = ['fake', 'key', '0123456789', 'abcdef'].join('-');
export const STANDING = { maxTokens: 1_000, model: '' };

let model: FakeModel | null = null;
const running = (): FakeModel => {
  if (model === null) throw new Error('withFakeModel() was not called');
  return model;
};

/** For all tests of the calling file. */
export function withFakeModel(): void {
  before(async () => {
    const module: unknown = await import(new URL('./fake-model.mjs', import.meta.url).href);
    model = await (module as { readonly startFakeModel: () => Promise<FakeModel> }).startFakeModel();
  });
  after(async () => running().close());
}

/** Base address of a scenario, without the interface's own path. */
export const fakeUrl = (scenario: string): string => running().urlFor(scenario);

export const requestsOf = (): FakeModel['requests'] => running().requests;

export const profileOf = (api: HttpProfile['api'], scenario: string, more: Partial<HttpProfile> = {}): HttpProfile => ({
  name: `my-${api}`,
  api,
  baseUrl: `${running().urlFor(scenario)}${api === 'openai' ? '/v1' : ''}`,
  model: 'fake-model',
  keyEnv: KEY_ENV,
  maxTokens: null,
  headers: {},
  lane: null,
  ...more,
});

export const runnerOf = (profile: HttpProfile, env: Readonly<Record<string, string>> = { [KEY_ENV]: KEY }): Runner =>
  makeHttpRunner(profile, STANDING, makeRunnerPorts(env));
