/**
 * Reads what a TypeScript file imports, from its tokens: TypeScript 7 has no programming interface. Understands comments, strings, templates with
 * expressions in them, and regular expressions, so that a text that only looks like an import is none.
 */

export type Import = {
  /** As written; null: computed, so nobody can tell. */
  readonly from: string | null;
  readonly line: number;
  /** `import type` and `export type`: gone at run time. `import { type A }` is not: the import itself stays. */
  readonly isType: boolean;
};

export type Token = { readonly kind: 'word' | 'text' | 'sign' | 'other'; readonly text: string; readonly line: number };

const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /[0-9][0-9A-Za-z_.]*/y;
/** After these a slash divides; after every other token it starts a regular expression. */
const VALUE_SIGNS = new Set([')', ']', '}']);
const OPERATOR_WORDS = new Set([
  'return',
  'typeof',
  'instanceof',
  'in',
  'of',
  'case',
  'new',
  'delete',
  'void',
  'throw',
  'await',
  'yield',
  'else',
  'do',
]);

/** Words, string literals and signs of a source, in order. The text of a template is left out, its expressions are not. */
export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const lineOf = lineCounter(source);
  /** One entry per open template: how many braces are open in its expression. */
  const templates: number[] = [];
  let at = source.startsWith('#!') ? source.indexOf('\n') : 0;
  const push = (kind: Token['kind'], text: string, start: number): void => void tokens.push({ kind, text, line: lineOf(start) });
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0] ?? '';
    at += found.length;
    return found;
  };
  /** From behind a backtick, or behind the brace that ends an expression, to the next expression or the end. */
  const template = (): void => {
    for (; at < source.length; at++) {
      if (source[at] === '\\') at++;
      else if (source[at] === '`') {
        push('other', '`', at++);
        templates.pop();
        return;
      } else if (source.startsWith('${', at)) {
        push('sign', '${', at);
        at += 2;
        templates[templates.length - 1] = 0;
        return;
      }
    }
  };

  while (at < source.length) {
    const start = at;
    const one = source.charAt(at);
    const last = tokens.at(-1);
    if (/\s/.test(one)) at++;
    else if (source.startsWith('//', at)) skip(/[^\n]*/y);
    else if (source.startsWith('/*', at)) at = Math.max(source.indexOf('*/', at + 2) + 2, at + 2);
    else if (one === "'" || one === '"') {
      const text = skip(one === "'" ? /'(?:[^'\\\n]|\\[^])*'/y : /"(?:[^"\\\n]|\\[^])*"/y);
      if (text === '') throw new Error(`line ${String(lineOf(start))}: a string without an end`);
      push('text', text.slice(1, -1), start);
    } else if (one === '`') {
      at++;
      templates.push(0);
      template();
    } else if (skip(WORD) !== '') push('word', source.slice(start, at), start);
    else if (skip(NUMBER) !== '') push('other', '0', start);
    else if (one === '/' && !isValue(last)) {
      skip(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y);
      if (at === start) throw new Error(`line ${String(lineOf(start))}: a regular expression without an end`);
      push('other', '/', start);
    } else {
      at++;
      const open = templates.at(-1);
      if (open !== undefined && one === '{') templates[templates.length - 1] = open + 1;
      if (open !== undefined && one === '}') {
        if (open === 0) {
          template();
          continue;
        }
        templates[templates.length - 1] = open - 1;
      }
      push('sign', one, start);
    }
  }
  return tokens;
}

const isValue = (token: Token | undefined): boolean => {
  if (token === undefined) return false;
  return token.kind === 'sign' ? VALUE_SIGNS.has(token.text) : !(token.kind === 'word' && OPERATOR_WORDS.has(token.text));
};

function lineCounter(source: string): (offset: number) => number {
  let line = 1;
  let seen = 0;
  return (offset) => {
    for (; seen < offset; seen++) if (source[seen] === '\n') line++;
    return line;
  };
}

/** Every static import, re-export and `import()` of a source. */
export function importsOf(source: string): Import[] {
  const tokens = tokensOf(source);
  const found: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1]?.text;
    if (token.kind !== 'word' || before === '.' || (token.text !== 'import' && token.text !== 'export')) continue;
    const next = tokens[index + 1];
    if (token.text === 'import' && next?.kind === 'text') found.push({ from: next.text, line: token.line, isType: false });
    else if (token.text === 'import' && next?.text === '(') found.push(argumentAt(tokens, index + 2, isTypeQuery(tokens, index)));
    else if (next?.text !== '.' && (token.text === 'import' || next?.text === '{' || next?.text === '*' || next?.text === 'type')) {
      const from = fromAt(tokens, index + 1);
      if (from !== null)
        found.push({ from, line: token.line, isType: next?.text === 'type' && !['from', ','].includes(tokens[index + 2]?.text ?? '') });
    }
  }
  return found;
}

function argumentAt(tokens: readonly Token[], index: number, isType: boolean): Import {
  const argument = tokens[index];
  const isWhole = argument?.kind === 'text' && [')', ','].includes(tokens[index + 1]?.text ?? '');
  return { from: isWhole ? argument.text : null, line: argument?.line ?? 0, isType };
}

/** `typeof import('x')` and `x: import('x').T` are types; an import() that runs is awaited, returned, or has `.then` … : taken as running unless it says typeof. */
const isTypeQuery = (tokens: readonly Token[], index: number): boolean => tokens[index - 1]?.text === 'typeof';

/** The text behind the `from` of this declaration; null when it is another declaration (`export { a };`, `export type A = …`). */
function fromAt(tokens: readonly Token[], start: number): string | null {
  let depth = 0;
  for (let index = start; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.text === '{' && token.kind === 'sign') depth++;
    else if (token?.text === '}' && token.kind === 'sign') depth--;
    else if (depth === 0) {
      if (token?.text === 'from' && tokens[index + 1]?.kind === 'text') return tokens[index + 1]?.text ?? null;
      if (!(token?.kind === 'word' || token?.text === ',' || token?.text === '*')) return null;
      if (['const', 'function', 'class', 'let', 'async', 'interface', 'import', 'export'].includes(token.text)) return null;
    }
  }
  return null;
}
