/** The completion script for fish. Command substitutions are split by lines only, and fish quotes what it inserts: nothing is evaluated. */

import { unreachable } from '#core/result.ts';
import { plainWord, type Filler, type VerbShape } from './completion-shape.ts';

const keyOf = (path: readonly string[]): string => plainWord(path.length === 0 ? '.' : path.join('/'));

/** Text between single quotes; fish knows \\ and \' in them. */
const quoted = (text: string): string =>
  `'${text
    .replaceAll(/\s+/g, ' ')
    .replaceAll('\\', '\\\\')
    .replaceAll("'", String.raw`\'`)}'`;

/** What `complete` takes for a place; null: nothing is offered. */
function offer(filler: Filler): string | null {
  switch (filler.kind) {
    case 'words':
      return `-a ${quoted(filler.words.map(plainWord).join(' '))}`;
    case 'names':
      return `-a '(__docket_names ${filler.list})'`;
    case 'files':
      return '-F';
    case 'folders':
      return "-a '(__fish_complete_directories)'";
    case 'free':
      return null;
    default:
      return unreachable(filler);
  }
}

function argumentLines(shape: VerbShape): string[] {
  return shape.args.flatMap((filler, index) => {
    const what = offer(filler);
    const place = shape.isVariadic && index === shape.args.length - 1 ? `${String(index)} more` : String(index);
    return what === null ? [] : [`complete -c docket -n '__docket_at ${keyOf(shape.path)} ${place}' ${what}`];
  });
}

const verbLines = (shape: VerbShape): string[] =>
  shape.verbs.map(
    (verb) => `complete -c docket -n '__docket_at ${keyOf(shape.path)} 0' -a ${plainWord(verb.name)} -d ${quoted(verb.summary)}`,
  );

const optionLines = (shape: VerbShape): string[] =>
  shape.options.map(({ flags, summary, value }) => {
    const names = flags
      .map((flag) => (flag.startsWith('--') ? `-l ${plainWord(flag.slice(2))}` : `-s ${plainWord(flag.slice(1))}`))
      .join(' ');
    const filling = value === null ? '' : ` -x ${offer(value) ?? ''}`.replace(' -x -F', ' -r -F').trimEnd();
    return `complete -c docket -n '__docket_in ${keyOf(shape.path)}' ${names}${filling === '' ? '' : ` ${filling.trim()}`} -d ${quoted(summary)}`;
  });

const taking = (shape: VerbShape): string[] =>
  shape.options
    .filter((option) => option.value !== null)
    .flatMap(({ flags }) => flags.map((flag) => `'${keyOf(shape.path)} ${plainWord(flag)}'`));

export const fishScript = (shapes: readonly VerbShape[]): string => `# fish completion for docket. Written by \`docket completion fish\`.

# Prints the verb the words before the cursor name (. is docket itself), how many arguments follow it, and the words of --root.
function __docket_place
    set -l verb .
    set -l count 0
    set -l root
    set -l takes no
    for word in (commandline -opc)[2..-1]
        if test $takes = root
            set root $word
            set takes no
        else if test $takes = yes
            set takes no
        else if contains -- "$verb $word" ${shapes.flatMap(taking).join(' ')}
            set takes yes
            test "$word" = --root; and set takes root
        else if string match -q -- '-*' $word
            continue
        else if test $count -eq 0; and contains -- "$verb $word" ${shapes
          .flatMap((shape) => shape.verbs.map((verb) => `'${keyOf(shape.path)} ${plainWord(verb.name)}'`))
          .join(' ')}
            test $verb = .; and set verb $word; or set verb $verb/$word
        else
            set count (math $count + 1)
        end
    end
    printf '%s\\n' $verb $count $root
end

# The cursor stands at argument n of the verb ("more": or behind it).
function __docket_at
    set -l place (__docket_place)
    test "$place[1]" = $argv[1]; or return 1
    test $place[2] -eq $argv[2]; and return 0
    test (count $argv) -gt 2; and test $place[2] -gt $argv[2]
end

function __docket_in
    set -l place (__docket_place)
    test "$place[1]" = $argv[1]
end

# Names that docket lists, one per line.
function __docket_names
    set -l place (__docket_place)
    set -l root
    test (count $place) -gt 2; and set root --root $place[3]
    command docket $root completion --list $argv[1] 2>/dev/null
end

complete -c docket -f
${shapes.flatMap((shape) => [...verbLines(shape), ...argumentLines(shape), ...optionLines(shape)]).join('\n')}
`;
