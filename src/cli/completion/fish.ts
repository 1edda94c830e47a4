/** The completion script of fish (3.0 and later; since 4.0 a `?` is no wildcard there). */
import type { Completion } from '../command.js';
import { COMPLETE } from '../command.js';
import { ALONE, COMMON, type OfferedCommand, type OfferedOption, offeringSlots } from './model.js';

/** The script: one function walks the words and prints what fits, each with its description. */
export function fishScript(commands: readonly OfferedCommand[]): string {
  return `# fish completion of banjour, made by "banjour completion fish". It starts a program only to ask a running agent.
function __banjour_takes
    switch "$argv"
        case ${listed(spelled(COMMON.filter(takes)).map((word) => `* ${word}`))}
            return 0
${commands.map(takingCase).join('')}    end
    return 1
end
function __banjour_options
    switch "$argv[1]"
${commands.map(({ name, options }) => `        case ${name}\n${printed(options)}`).join('')}        case '*'
${printed(ALONE)}    end
end
function __banjour_value
    switch "$argv[1] $argv[2]"
${optionCases('*', COMMON)}${commands.map(valueCases).join('')}    end
end
function __banjour_ask
    set -l found (command banjour ${COMPLETE} $argv 2>/dev/null </dev/null)
    test (count $found) -gt 0; and printf '%s\\n' $found
end
function __banjour_offers
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l command ''
    set -l pending ''
    set -l rest ''
    set -l slot 0
    set -g __banjour_run
    set -e words[1]
    for word in $words
        if test -n "$pending"
            test "$pending" = --run-dir; and set __banjour_run --run-dir $word
            set pending ''
        else if test -z "$rest" -a "x$word" = x--
            set rest 1
        else if test -z "$rest"; and string match -q -- '--run-dir=*' $word
            set __banjour_run --run-dir (string replace -- --run-dir= '' $word)
        else if test -z "$rest"; and string match -qr -- '^-.' $word
            __banjour_takes "$command" $word; and set pending $word
        else if test -z "$command"
            set command $word
        else
            set slot (math $slot + 1)
        end
    end
    if test -n "$pending"
        __banjour_value "$command" $pending
    else if test -z "$rest"; and string match -q -- '--*=*' $current
        set -l option (string replace -r -- '=.*' '' $current)
        for value in (__banjour_value "$command" $option)
            printf '%s=%s\\n' $option $value
        end
    else if test -z "$rest"; and string match -q -- '-*' $current
        __banjour_options "$command"
    else if test -z "$command"
${commands.map(({ name, summary }) => `        printf '%s\\t%s\\n' ${name} ${quoted(summary)}\n`).join('')}    else
        __banjour_value "$command" $slot
    end
end
complete -c banjour -f -a '(__banjour_offers)'
`;
}

const takes = ({ takesValue }: OfferedOption) => takesValue;
const spelled = (options: readonly OfferedOption[]) =>
  options.flatMap(({ spellings }) => spellings);
const listed = (words: readonly string[]) => words.map(quoted).join(' ');

function takingCase({ name, options }: OfferedCommand): string {
  const own = options.filter((option) => takes(option) && !COMMON.includes(option));
  if (own.length === 0) return '';
  return `        case ${listed(spelled(own).map((word) => `${name} ${word}`))}\n            return 0\n`;
}

function printed(options: readonly OfferedOption[]): string {
  return options
    .flatMap(({ spellings, describe }) => spellings.map((word) => [word, describe] as const))
    .map(
      ([word, describe]) => `            printf '%s\\t%s\\n' ${quoted(word)} ${quoted(describe)}\n`,
    )
    .join('');
}

function valueCases(command: OfferedCommand): string {
  const own = command.options.filter((option) => !COMMON.includes(option));
  const slots = offeringSlots(command).map(([slot, offer]) => {
    return `        case ${quoted(`${command.name} ${slot}`)}\n            ${actionOf(offer)}\n`;
  });
  // The first case that fits counts, and that of all further words fits options, too.
  return `${optionCases(command.name, own)}${slots.join('')}`;
}

function optionCases(command: string, options: readonly OfferedOption[]): string {
  return options
    .filter(takes)
    .map(
      ({ spellings, offer }) =>
        `        case ${listed(spellings.map((word) => `${command} ${word}`))}\n            ${actionOf(offer)}\n`,
    )
    .join('');
}

function actionOf(offer: Completion | undefined): string {
  if (offer === undefined) return 'true';
  if (offer === 'files') return '__fish_complete_path (commandline -ct)';
  if (offer === 'folders') return '__fish_complete_directories (commandline -ct)';
  return typeof offer === 'string'
    ? `__banjour_ask ${offer} $__banjour_run`
    : `printf '%s\\n' ${offer.join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
