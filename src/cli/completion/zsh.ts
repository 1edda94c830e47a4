/** The completion script of zsh, by its own `_arguments`. */
import type { Completion } from '../command.js';
import { COMPLETE } from '../command.js';
import { ALONE, type OfferedArgument, type OfferedCommand, type OfferedOption } from './model.js';

/** The script, as a file `_banjour` in a folder of `$fpath`. */
export function zshScript(commands: readonly OfferedCommand[]): string {
  return `#compdef banjour
# zsh completion of banjour, made by "banjour completion zsh". It starts a program only to ask a running agent.
_banjour_ask() {
  [[ $PREFIX == -* ]] && return 1
  local kind=$1 run='' word before=''
  shift
  local -a found ask
  for word in "\${_banjour_typed[@]}"; do
    [[ $before == --run-dir ]] && run=$word
    [[ $word == --run-dir=* ]] && run=\${word#*=}
    before=$word
  done
  [[ $run =~ '^[[:alnum:]_./-]+$' ]] && ask=(--run-dir $run)
  found=(\${(f)"$(command banjour ${COMPLETE} $kind "\${ask[@]}" 2>/dev/null </dev/null)"})
  (( $#found )) && compadd "$@" -a found
}
_banjour_jails() { _banjour_ask jails "$@" }
_banjour_banned() { _banjour_ask banned "$@" }
_banjour_jails-and-banned() { _banjour_ask jails-and-banned "$@" }
_banjour_commands() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}\n`).join('')}  )
  _describe -t commands 'command of banjour' commands
}
_banjour() {
  local curcontext="$curcontext" state ret=1
  local -a line _banjour_typed=("\${(@)words[1,CURRENT-1]}")
  typeset -A opt_args
  _arguments -C -S \\
${ALONE.flatMap(optionSpecs)
  .map((spec) => `    ${spec} \\\n`)
  .join('')}    '1:command:_banjour_commands' '*::argument:->rest' && ret=0
  [[ $state == rest ]] || return ret
  case $line[1] in
${commands.map(commandCase).join('')}  esac
  return ret
}
if [[ $funcstack[1] == _banjour ]]; then
  _banjour "$@"
else
  compdef _banjour banjour
fi
`;
}

function commandCase({ name, options, arguments: words }: OfferedCommand): string {
  const specs = [...options.flatMap(optionSpecs), ...words.map(argumentSpec)];
  return `    ${name})\n      _arguments -S \\\n${specs.map((spec) => `        ${spec}`).join(' \\\n')} && ret=0 ;;\n`;
}

/** One for each spelling; each shuts out the others, unless the option may be repeated. */
function optionSpecs({ spellings, describe, takesValue, repeats, offer }: OfferedOption): string[] {
  return spellings.map((word) => {
    const others = repeats ? '*' : `(${spellings.join(' ')})`;
    const joint = !takesValue ? '' : word.startsWith('--') ? '=' : '+';
    const value = takesValue ? `:${word.replace(/^-+/, '')}:${actionOf(offer)}` : '';
    return quoted(`${others}${word}${joint}[${describe.replace(/[[\]\\:]/g, '\\$&')}]${value}`);
  });
}

function argumentSpec({ name, many, offer }: OfferedArgument, index: number): string {
  return quoted(`${many ? '*' : index + 1}:${name}:${actionOf(offer)}`);
}

function actionOf(offer: Completion | undefined): string {
  if (offer === undefined) return ' ';
  if (offer === 'files') return '_files';
  if (offer === 'folders') return '_files -/';
  return typeof offer === 'string' ? `_banjour_${offer}` : `(${offer.join(' ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
