/** What a setting is: one row of core/settings.ts. */

type Row<T> = {
  readonly default: T;
  readonly unit: 'ms' | 'bytes' | 'count' | 'usd' | 'text' | 'bool' | 'choice' | 'list';
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** docket.local.yaml may not change it. */
  readonly security?: true;
  readonly why: string;
};

export const row = <T>(value: Row<T>): Row<T> => value;
