/** Reading JSON that may be anybody's: every field is looked at, and what is of another kind is not there. Pure. */

import { STATEMENT_TYPE } from '#core/evidence.ts';

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
export const objectIn = (value: Json, key: string): Json => (isObject(value[key]) ? value[key] : {});
export const listIn = (value: Json, key: string): readonly Json[] => (Array.isArray(value[key]) ? value[key].filter(isObject) : []);
export const textIn = (value: Json, key: string): string | null => (typeof value[key] === 'string' ? value[key] : null);
export const numberIn = (value: Json, key: string): number | null =>
  typeof value[key] === 'number' && Number.isFinite(value[key]) ? value[key] : null;

/** An in-toto Statement v1 with its predicate; null: it is none. */
export function openStatement(text: string): { readonly document: Json; readonly predicate: Json } | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(document) || document['_type'] !== STATEMENT_TYPE || !isObject(document['predicate'])) return null;
  return { document, predicate: document['predicate'] };
}
