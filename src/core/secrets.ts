/**
 * What of a configuration is a secret, decided here for every output: `config show` and `check`,
 * the control sockets, logs, errors. Addresses of services, parameters that are secrets by their
 * name, and arguments of programs are hidden; files that hold secrets are named.
 */
import { shellWords } from './text.js';

export const HIDDEN = '(hidden)';

/** A text that may be a secret: read from a file at each use, or as it was written. */
export type SecretSource = { readonly file: string } | { readonly text: string };

/** Parameters of actions that are never secrets. What is not among them may be one. */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set([
  ...[
    'actname',
    'bantime',
    'blocktype',
    'chain',
    'chain_hook',
    'dest',
    'logpath',
    'name',
    'port',
    'protocol',
  ],
  ...['secret-file', 'sender', 'sendername', 'type', 'url-file'],
]);

/** Keys whose values are regexes, selections or paths: what looks like a secret there is none. */
const PLAIN_KEYS: ReadonlySet<string> = new Set([
  ...[
    'datepattern',
    'failregex',
    'filter',
    'ignoreip',
    'ignoreregex',
    'journalmatch',
    'logpath',
    'match',
  ],
  ...['prefregex', 'smtp-password-file', 'source', 'successregex'],
]);

const SECRET_NAME = /key|token|secret|passw|pwd|credential/i;
/**
 * Nothing of a URL is shown that has more than a host, and nothing of http: the address of a
 * webhook is its password.
 */
const URL =
  /\b(?:https?:\/\/[^\s"'\],]+|[a-z][a-z\d+.-]*:\/\/(?![\w.-]+(?::\d+)?\/?(?![^\s"'\],]))[^\s"'\],]+)/gi;
/**
 * `name = value` outside of an action's brackets; a quote that is not closed reaches to the end.
 */
const ASSIGNMENT = /([\w.-]+)(\s*[=:]\s*)("[^"]*"?|'[^']*'?|[^,\]\s]+)/g;
/** Shorter words are not sought in what programs say: they would be found everywhere. */
const REDACTED_CHARS_MIN = 4;

/**
 * The value of a key of the configuration as it may be shown to whoever may not know its secrets.
 */
export function hideSecrets(text: string, key = ''): string {
  const name = key.toLowerCase();
  if (PLAIN_KEYS.has(name)) return text;
  if (isSecretName(name)) return text === '' ? text : HIDDEN;
  if (name === 'ignorecommand') return hideArguments(text);
  if (name.startsWith('action')) return hideParameters(text).replace(URL, HIDDEN);
  return text
    .replace(ASSIGNMENT, (whole, left: string, sign: string) =>
      isSecretName(left) ? left + sign + HIDDEN : whole,
    )
    .replace(URL, HIDDEN);
}

/** A command line with its program and placeholders alone. */
export function hideArguments(command: string): string {
  return shownCommand(shellWords(command) ?? command.trim().split(/\s+/)).join(' ');
}

/** The same for words. */
export function shownCommand(argv: readonly string[]): string[] {
  return argv.map((word, index) => (index === 0 || isPlaceholder(word) ? word : HIDDEN));
}

/** What a program or a library says, without the arguments that it was given. */
export function redactArguments(said: string, argv: readonly string[]): string {
  const words = argv.slice(1).filter((word) => !isPlaceholder(word));
  const values = words.flatMap((word) => [word, word.replace(/^-+[^=]*=/, '')]);
  return values
    .filter((value) => value.length >= REDACTED_CHARS_MIN)
    .sort((a, b) => b.length - a.length)
    .reduce((text, value) => text.replaceAll(value, HIDDEN), said);
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !/-file$/i.test(name);
}

function isPlaceholder(word: string): boolean {
  return /^<[\w-]+>$/.test(word);
}

/**
 * Actions with their parameters: of a bracket only what is known to be plain is left, closed or
 * not.
 */
function hideParameters(text: string): string {
  let shown = '';
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf('[', at);
    if (open < 0) return shown + text.slice(at);
    const { parameters, end } = bracket(text, open + 1);
    const kept = parameters.map(shownParameter);
    const isPlain = kept.every((one, index) => one === parameters[index]);
    shown += text.slice(at, open) + (isPlain ? text.slice(open, end) : `[${kept.join(', ')}]`);
    at = end;
    // After a bracket stands another one or a blank; anything else is what a wrong quote has let
    // out of it.
    const stray = /^[^\s[]+/.exec(text.slice(at));
    if (stray !== null) {
      shown += HIDDEN;
      at += stray[0].length;
    }
  }
  return shown;
}

/** Splits a bracket into its parameters; `end` is behind it. */
function bracket(
  text: string,
  from: number,
): { readonly parameters: readonly string[]; readonly end: number } {
  const parameters: string[] = [];
  let quote = '';
  let start = from;
  for (let i = from; i < text.length; i++) {
    const char = text[i] as string;
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if ((char === '"' || char === "'") && /=\s*$/.test(text.slice(start, i))) quote = char;
    else if (char === ',' || char === ']') {
      parameters.push(text.slice(start, i).trim());
      start = i + 1;
      if (char === ']') return { parameters, end: start };
    }
  }
  return { parameters: [...parameters, text.slice(start).trim()], end: text.length };
}

function shownParameter(parameter: string): string {
  const [, name, value = ''] = /^([\w.-]+)\s*=\s*(.*)$/s.exec(parameter) ?? [];
  if (parameter === '') return '';
  if (name === undefined) return HIDDEN;
  if (PLAIN_PARAMETERS.has(name.toLowerCase())) return parameter;
  if (name.toLowerCase() !== 'command') return `${name}=${HIDDEN}`;
  return `${name}="${hideArguments(value.replace(/^["']|["']$/g, ''))}"`;
}
