/** The completion script of bash (4.3 and later); the package bash-completion is not needed. */
import type { Completion } from '../command.js';
import { COMPLETE } from '../command.js';
import { ALONE, COMMON, type OfferedCommand, type OfferedOption, offeringSlots } from './model.js';

/**
 * Walks the words that are typed: which command, which option wants a value, which slot is next.
 */
const WALK = `  local IFS=$' \\t\\n' word glue='' command='' pending='' run='' rest='' strip='' offer='' slot=0 i
  local -a words=() found=()
  COMPREPLY=()
  # bash breaks words at colons and equals signs, which addresses and options have.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((i > 0)) && [[ -n $word && -z \${word//[:=]/} && $COMP_WORDBREAKS == *"\${word:0:1}"* ]]; then
      words[\${#words[@]} - 1]+=$word
      glue=1
    elif [[ -n $glue ]]; then
      words[\${#words[@]} - 1]+=$word
      glue=''
    else
      words+=("$word")
    fi
  done
  local current=\${words[\${#words[@]} - 1]}
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [[ -n $pending ]]; then
      [[ $pending == --run-dir ]] && run=$word
      pending=''
    elif [[ -z $rest && $word == -- ]]; then
      rest=1
    elif [[ -z $rest && $word == --run-dir=* ]]; then
      run=\${word#*=}
    elif [[ -z $rest && $word == -?* ]]; then
      if _banjour_takes "$command" "$word"; then pending=$word; fi
    elif [[ -z $command ]]; then
      command=$word
    else
      slot=$((slot + 1))
    fi
  done
  [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && strip=\${current%"\${current##*:}"}
  [[ $COMP_WORDBREAKS == *=* && $current == *=* && \${current%"\${current##*=}"} == "$strip"* ]] && strip=\${current%"\${current##*=}"}
  local before='' value=$current
  if [[ -z $rest && -z $pending && $current == --*=* ]]; then
    pending=\${current%%=*}
    before=$pending=
    value=\${current#*=}
  fi
`;

/** The script: the words are walked once, a `case` says what fits. */
export function bashScript(commands: readonly OfferedCommand[]): string {
  return `# bash completion of banjour, made by "banjour completion bash". It starts a program only to ask a running agent.
_banjour_takes() {
  case $2 in ${patterns(spelled(COMMON.filter(takes)))}) return 0 ;; esac
  case "$1 $2" in
${commands.map(takingLine).join('')}  esac
  return 1
}
_banjour_options() {
  case $1 in
${commands.map(({ name, options }) => `    ${name}) printf '%s\\n' ${spelled(options).join(' ')} ;;\n`).join('')}    *) printf '%s\\n' ${spelled(ALONE).join(' ')} ;;
  esac
}
_banjour_offers() {
  case "$1 $2" in
${optionLines('*', COMMON)}${commands.map(offerLines).join('')}  esac
}
_banjour() {
${WALK}  if [[ -n $pending ]]; then
    offer=$(_banjour_offers "$command" "$pending")
  elif [[ -z $rest && $current == -* ]]; then
    offer=$(_banjour_options "$command")
  elif [[ -z $command ]]; then
    offer='${commands.map(({ name }) => name).join(' ')}'
  else
    offer=$(_banjour_offers "$command" "$slot")
  fi
  case $offer in
    ''|*[^a-z-]*) ;;
    jails|banned|jails-and-banned)
      [[ $run =~ ^[[:alnum:]_./-]+$ ]] || run=''
      offer=$(command banjour ${COMPLETE} "$offer" \${run:+--run-dir "$run"} 2>/dev/null </dev/null) ;;
    files|folders)
      local kind=f
      [[ $offer == folders ]] && kind=d
      offer=''
      compopt -o filenames 2>/dev/null
      while read -r word; do
        word=$before$word
        COMPREPLY+=("\${word#"$strip"}")
      done < <(compgen -$kind -- "$value") ;;
  esac
  read -r -d '' -a found <<<"$offer"
  for word in "\${found[@]}"; do
    word=$before$word
    [[ $word == "$current"* ]] && COMPREPLY+=("\${word#"$strip"}")
  done
}
complete -F _banjour banjour
`;
}

const takes = ({ takesValue }: OfferedOption) => takesValue;
const spelled = (options: readonly OfferedOption[]) =>
  options.flatMap(({ spellings }) => spellings);
const patterns = (words: readonly string[]) => words.join('|');

function takingLine({ name, options }: OfferedCommand): string {
  const own = options.filter((option) => takes(option) && !COMMON.includes(option));
  if (own.length === 0) return '';
  return `    ${patterns(spelled(own).map((word) => `'${name} ${word}'`))}) return 0 ;;\n`;
}

function offerLines(command: OfferedCommand): string {
  const own = command.options.filter((option) => !COMMON.includes(option));
  const slots = offeringSlots(command).map(([slot, offer]) => {
    const pattern = slot === '*' ? `'${command.name} '[0-9]*` : `'${command.name} ${slot}'`;
    return `    ${pattern}) echo '${wordsOf(offer)}' ;;\n`;
  });
  return `${optionLines(`'${command.name}'`, own)}${slots.join('')}`;
}

function optionLines(command: string, options: readonly OfferedOption[]): string {
  return options
    .filter((option) => takes(option) && option.offer !== undefined)
    .map(
      ({ spellings, offer = [] }) =>
        `    ${patterns(spellings.map((word) => `${command}' ${word}'`))}) echo '${wordsOf(offer)}' ;;\n`,
    )
    .join('');
}

/** Fixed words begin with a space, by which they are told from the name of a kind. */
function wordsOf(offer: Completion): string {
  return typeof offer === 'string' ? offer : ` ${offer.join(' ')}`;
}
