/** One thing wrong with a file that somebody wrote: where, what was expected, what was found, how to mend it. */

export type Fault = {
  /** Stable machine name, such as `revision-not-integer`; each is listed in prompt-spec/SPEC.md. */
  readonly code: string;
  /** 1-based; 0 when the fault is about the whole file. */
  readonly line: number;
  readonly column: number;
  /** The front-matter key, or `file`, `body`, `name`, `folder`. */
  readonly field: string;
  readonly message: string;
  readonly expected: string;
  /** Already made printable and cut short; never a secret. */
  readonly found: string;
  readonly mend: string;
};

/** Told to the author, does not reject. */
export type Warning = Fault;

const where = (fault: Fault): string => (fault.line > 0 ? `line ${String(fault.line)}, column ${String(fault.column)}` : 'the file');

/** One fault as people read it in a terminal: a sentence, then the facts below it. */
export function describeFault(fault: Fault): string {
  return [
    `${where(fault)}: ${fault.field}: ${fault.message}`,
    `  expected: ${fault.expected}`,
    `  found:    ${fault.found}`,
    `  mend:     ${fault.mend}`,
  ].join('\n');
}
