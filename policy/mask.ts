/** Texts without their secrets: the masked version that `docket redact` offers, and short words that are shown or recorded. */

import type { TextFinding } from './scan-text.ts';
import { scanText } from './scan-text.ts';

/** Not one of these forms is a secret itself: `REDACTED` is a placeholder. In plain YAML it is a plain text. */
const maskOf = (rule: string): string => `REDACTED-${rule.replace(/^base64:/, 'base64-').replaceAll(/[^A-Za-z0-9-]/g, '-')}`;

/** Each place replaced by `REDACTED-<rule>`; places that overlap count as the first. */
export function maskFindings(text: string, findings: readonly TextFinding[]): string {
  let masked = '';
  let done = 0;
  for (const { rule, from, to } of findings.toSorted((a, b) => a.from - b.from)) {
    if (to <= done) continue;
    masked += `${text.slice(done, Math.max(done, from))}${from >= done ? maskOf(rule) : ''}`;
    done = to;
  }
  return masked + text.slice(done);
}

/** For short texts that are shown or recorded beside a run: session ids, commands, titles. */
export const maskSecrets = (text: string): string => {
  const findings = scanText(text);
  return findings.length === 0 ? text : maskFindings(text, findings);
};
