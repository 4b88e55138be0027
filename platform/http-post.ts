/**
 * One POST over HTTP/1.1, its answer read as it comes. No time limit of its own: whoever started this process watches it, or hands in a signal. Follows nothing,
 * unpacks nothing, keeps nothing. Proxies: Node's own (NODE_USE_ENV_PROXY).
 * Node's modules are taken when something is posted, and not by `import`: that would load all that they can do (HTTP/2, a browser's fetch), 8 MB which a
 * daemon without a web address would carry for as long as it runs.
 */

import type * as Http from 'node:http';
import type * as Https from 'node:https';

export type HttpAnswer = {
  readonly status: number;
  /** Names in small letters; a header that comes twice is joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Throws (ECONNRESET) when the connection ends before the answer does. */
  readonly body: AsyncIterable<Uint8Array>;
};
export type HttpPost = (url: URL, headers: Readonly<Record<string, string>>, body: Uint8Array, signal?: AbortSignal) => Promise<HttpAnswer>;

/** Rejects as the system tells it: ECONNREFUSED, ENOTFOUND, a fault of a certificate … */
export const httpPost: HttpPost = async (url, headers, body, signal) =>
  new Promise((resolve, reject) => {
    const http: typeof Http | typeof Https = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
    const asked = http.request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(body.length) },
      ...(signal === undefined ? {} : { signal }),
    });
    asked.on('response', (message) => {
      const flat = Object.entries(message.headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
      );
      resolve({ status: message.statusCode ?? 0, headers: Object.fromEntries(flat), body: message });
    });
    asked.on('error', reject);
    asked.end(body);
  });
