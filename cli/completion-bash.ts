/**
 * The completion script for bash (3.2 and newer). Names that come from docket are read line by line and quoted with %q;
 * `compgen -W`, which would expand what stands in them, is used nowhere.
 */

import { unreachable } from '#core/result.ts';
import { plainWord, type Filler, type OptionShape, type VerbShape } from './completion-shape.ts';

const keyOf = (path: readonly string[]): string => plainWord(path.length === 0 ? '.' : path.join('/'));
const words = (list: readonly string[]): string => list.map(plainWord).join(' ');

/** The shell command that offers what may stand at a place. */
function offer(filler: Filler): string {
  switch (filler.kind) {
    case 'words':
      return `_docket_words ${words(filler.words)}`;
    case 'names':
      return `_docket_names ${filler.list}`;
    case 'files':
      return '_docket_files -f';
    case 'folders':
      return '_docket_files -d';
    case 'free':
      return ':';
    default:
      return unreachable(filler);
  }
}

const withValue = (options: readonly OptionShape[]): readonly OptionShape[] => options.filter((option) => option.value !== null);

function valueCases(shape: VerbShape): string[] {
  return withValue(shape.options).map(
    ({ flags, value }) =>
      `    ${flags.map((flag) => `'${keyOf(shape.path)} ${plainWord(flag)}'`).join('|')}) ${offer(value ?? { kind: 'free' })} ;;`,
  );
}

function wordCase(shape: VerbShape): string {
  const verbs = shape.verbs.map((verb) => verb.name);
  const positions = shape.args.map((filler, index) => {
    const isLast = index === shape.args.length - 1;
    return `        ${isLast && shape.isVariadic ? '*' : String(index)}) ${offer(filler)} ;;`;
  });
  const body =
    verbs.length > 0
      ? [`      ((count == 0)) && _docket_words ${words(verbs)}`]
      : positions.length > 0
        ? ['      case $count in', ...positions, '      esac']
        : ['      :'];
  return [`    '${keyOf(shape.path)}')`, ...body, '      ;;'].join('\n');
}

const optionCase = (shape: VerbShape): string =>
  `    '${keyOf(shape.path)}') _docket_words ${words(shape.options.flatMap(({ flags }) => flags.filter((flag) => flag.startsWith('--'))))} ;;`;

export const bashScript = (shapes: readonly VerbShape[]): string => `# bash completion for docket. Written by \`docket completion bash\`.

# Offers those of its arguments that begin as the word under the cursor does.
_docket_words() {
  local word
  for word in "$@"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done
}

# Offers names that docket lists, one per line; each is quoted, none is evaluated.
_docket_names() {
  local line quoted
  while IFS= read -r line; do
    printf -v quoted '%q' "$line"
    [[ $line == "$cur"* || $quoted == "$cur"* ]] && COMPREPLY+=("$quoted")
  done < <(command docket \${root[@]+"\${root[@]}"} completion --list "$1" 2>/dev/null)
}

_docket_files() {
  local line
  compopt -o filenames 2>/dev/null
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <(compgen "$1" -- "$cur" 2>/dev/null)
}

# Does this option of this verb take the next word?
_docket_takes() {
  case "$1 $2" in
    ${shapes
      .flatMap((shape) => withValue(shape.options).flatMap(({ flags }) => flags.map((flag) => `'${keyOf(shape.path)} ${plainWord(flag)}'`)))
      .join('|')}) return 0 ;;
  esac
  return 1
}

# Is this word a verb of the verb (or of docket itself, which is .)?
_docket_verb() {
  case "$1 $2" in
    ${shapes.flatMap((shape) => shape.verbs.map((verb) => `'${keyOf(shape.path)} ${plainWord(verb.name)}'`)).join('|')}) return 0 ;;
  esac
  return 1
}

_docket_value() {
  case "$1 $2" in
${shapes.flatMap(valueCases).join('\n')}
  esac
}

_docket() {
  local cur=\${COMP_WORDS[COMP_CWORD]} verb=. count=0 index word
  local -a root=()
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if _docket_takes "$verb" "$word"; then
      if ((index + 1 == COMP_CWORD)); then
        _docket_value "$verb" "$word"
        return
      fi
      index=$((index + 1))
      [[ $word == --root ]] && root=(--root "\${COMP_WORDS[index]}")
    elif [[ $word == -* ]]; then
      :
    elif ((count == 0)) && _docket_verb "$verb" "$word"; then
      if [[ $verb == . ]]; then verb=$word; else verb=$verb/$word; fi
    else
      count=$((count + 1))
    fi
  done
  if [[ $cur == -* ]]; then
    case $verb in
${shapes.map(optionCase).join('\n')}
    esac
    return
  fi
  case $verb in
${shapes.map(wordCase).join('\n')}
  esac
}

complete -F _docket docket
`;
