/** The completion script for zsh. Names that come from docket are given to compadd as they are: it quotes them, nothing is evaluated. */

import { unreachable } from '#core/result.ts';
import { plainWord, type Filler, type VerbShape } from './completion-shape.ts';

const keyOf = (path: readonly string[]): string => plainWord(path.length === 0 ? '.' : path.join('/'));

/** Text between single quotes. */
const quoted = (text: string): string => `'${text.replaceAll(/\s+/g, ' ').replaceAll("'", String.raw`'\''`)}'`;
/** `word:what it is` for _describe: a colon in the word would end it. */
const described = (word: string, summary: string): string => quoted(`${plainWord(word).replaceAll(':', String.raw`\:`)}:${summary}`);

function offer(filler: Filler): string {
  switch (filler.kind) {
    case 'words':
      return `compadd -- ${filler.words.map(plainWord).join(' ')}`;
    case 'names':
      return `_docket_names ${filler.list}`;
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'free':
      return ':';
    default:
      return unreachable(filler);
  }
}

const optionNames = (shape: VerbShape): string =>
  shape.options
    .flatMap(({ flags, summary }) => flags.filter((flag) => flag.startsWith('--')).map((flag) => described(flag, summary)))
    .join(' ');

function wordCase(shape: VerbShape): string {
  const body =
    shape.verbs.length > 0
      ? `      ((count == 0)) || return 1; choices=(${shape.verbs.map((verb) => described(verb.name, verb.summary)).join(' ')}); _describe verb choices`
      : [
          '      case $count in',
          ...shape.args.map(
            (filler, index) => `        (${index === shape.args.length - 1 && shape.isVariadic ? '*' : String(index)}) ${offer(filler)} ;;`,
          ),
          '        (*) ;;',
          '      esac',
        ].join('\n');
  return `    ('${keyOf(shape.path)}')\n${body}\n      ;;`;
}

const taking = (shape: VerbShape): string[] =>
  shape.options
    .filter((option) => option.value !== null)
    .flatMap(({ flags }) => flags.map((flag) => `'${keyOf(shape.path)} ${plainWord(flag)}'`));

const valueCases = (shape: VerbShape): string[] =>
  shape.options
    .filter((option) => option.value !== null)
    .map(
      ({ flags, value }) =>
        `    (${flags.map((flag) => `'${keyOf(shape.path)} ${plainWord(flag)}'`).join('|')}) ${offer(value ?? { kind: 'free' })} ;;`,
    );

export const zshScript = (shapes: readonly VerbShape[]): string => `#compdef docket
# zsh completion for docket. Written by \`docket completion zsh\`.

# Offers names that docket lists, one per line; compadd quotes them, none is evaluated.
_docket_names() {
  local -a names
  names=("\${(@f)$(command docket $root completion --list $1 2>/dev/null)}")
  names=(\${names:#})
  (( $#names )) && compadd -- $names
}

_docket_takes() {
  case "$1 $2" in
    (${shapes.flatMap(taking).join('|')}) return 0 ;;
  esac
  return 1
}

_docket_verb() {
  case "$1 $2" in
    (${shapes.flatMap((shape) => shape.verbs.map((verb) => `'${keyOf(shape.path)} ${plainWord(verb.name)}'`)).join('|')}) return 0 ;;
  esac
  return 1
}

_docket_value() {
  case "$1 $2" in
${shapes.flatMap(valueCases).join('\n')}
  esac
}

_docket() {
  local verb=. word
  local -i count=0 index
  local -a root choices
  for ((index = 2; index < CURRENT; index++)); do
    word=$words[index]
    if _docket_takes $verb $word; then
      if ((index + 1 == CURRENT)); then
        _docket_value $verb $word
        return
      fi
      index+=1
      [[ $word == --root ]] && root=(--root $words[index])
    elif [[ $word == -* ]]; then
      :
    elif ((count == 0)) && _docket_verb $verb $word; then
      if [[ $verb == . ]]; then verb=$word; else verb=$verb/$word; fi
    else
      count+=1
    fi
  done
  if [[ $words[CURRENT] == -* ]]; then
    case $verb in
${shapes.map((shape) => `    ('${keyOf(shape.path)}') choices=(${optionNames(shape)}) ;;`).join('\n')}
    esac
    _describe option choices
    return
  fi
  case $verb in
${shapes.map(wordCase).join('\n')}
  esac
}

# As a file of fpath it is the function's body, sourced it registers it.
if [[ $funcstack[1] == _docket ]]; then _docket "$@"; else compdef _docket docket; fi
`;
