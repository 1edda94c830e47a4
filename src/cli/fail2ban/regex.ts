/**
 * `fail2ban-regex`: its options, Banjour's tester. Exit code 255 for usage and filter errors, else
 * 0.
 */
import { messageOf, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { defaultPaths } from '../../setup/paths.js';
import type { Terminal } from '../../tools/terminal.js';
import { SPOKEN_VERSION } from './client.js';

const VALUED: Readonly<Record<string, string>> = {
  '-c': 'config',
  '--config': 'config',
  '-d': 'datepattern',
  '--datepattern': 'datepattern',
  '-e': 'encoding',
  '--encoding': 'encoding',
  '-L': 'maxlines',
  '--maxlines': 'maxlines',
  '-m': 'journalmatch',
  '--journalmatch': 'journalmatch',
  '-o': 'out',
  '--out': 'out',
  '--usedns': 'usedns',
  '--timezone': 'other',
  '--TZ': 'other',
  '-l': 'other',
  '--log-level': 'other',
};
const FLAGS: Readonly<Record<string, string>> = {
  '-v': 'verbose',
  '--verbose': 'verbose',
  '-r': 'raw',
  '--raw': 'raw',
  '--print-all-matched': 'print-all-matched',
  '--print-all-missed': 'print-all-missed',
  '--print-all-ignored': 'print-all-ignored',
  '--print-no-missed': 'print-no-missed',
  '--print-no-ignored': 'print-no-ignored',
  '--no-check-all': 'other',
  '--full-traceback': 'other',
  '-i': 'other',
  '--invert': 'other',
  '-D': 'other',
  '--debuggex': 'other',
  '-x': 'other',
};

const USAGE = `Usage: fail2ban-regex [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]

This is Banjour, which speaks fail2ban-regex's grammar: banjour-test(1), banjour-fail2ban(1).

LOG          a line, a file, or systemd-journal[MATCHES]
REGEX        a regex, a filter of filter.d with options (sshd[mode=aggressive]), or a filter file
IGNOREREGEX  a regex or a filter file

Options: -c DIR, -d PATTERN, -e ENCODING, -L LINES, -m MATCH, -o FORMAT, -v, -V, --usedns no|raw,
         --print-all-matched, --print-all-missed, --print-all-ignored, --print-no-missed, --print-no-ignored
`;

export async function fail2banRegex(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (error) {
    const message =
      error instanceof OperatorError && error.hint !== undefined
        ? `${error.message}\n${error.hint}`
        : messageOf(error);
    for (const line of message.split('\n')) terminal.err(`ERROR: ${escapeUntrusted(line, 4096)}\n`);
    return 255;
  }
}

async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const words: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] as string;
    const [name = word, inline] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    if (word === '-V' || word === '--version') {
      terminal.out(`${SPOKEN_VERSION}\n`);
      return 0;
    }
    if (word === '-h' || word === '--help') {
      terminal.out(USAGE);
      return 0;
    }
    if (!word.startsWith('-') || word === '-' || words.length >= 3) words.push(word);
    else if (VALUED[name] !== undefined) {
      const value = inline ?? argv[++index];
      if (value === undefined) throw new OperatorError(`${name} needs a value`);
      values.set(VALUED[name], value);
    } else if (FLAGS[name] !== undefined) flags.add(FLAGS[name]);
    else if (/^-v+$/.test(word)) flags.add('verbose');
    else throw new OperatorError(`no such option: ${word}`);
  }
  const [log, regex, ignoreregex] = words;
  if (log === undefined || regex === undefined || words.length > 3) {
    terminal.err(USAGE);
    return 255;
  }
  const { testFilter } = await import('../../tools/test/test.js');
  const paths = defaultPaths();
  const config = values.get('config');
  const optional = <K extends string>(key: K) => {
    const value = values.get(key);
    return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
  };
  const maxlines = values.get('maxlines');
  return testFilter({
    input: log,
    filter: regex,
    dirs: [
      paths.shipped,
      config === undefined || /(?:^|\/)fail2ban\/?$/.test(config) ? paths.config : config,
    ],
    json: false,
    verbose: flags.has('verbose'),
    printAllMatched: flags.has('print-all-matched'),
    printAllMissed: flags.has('print-all-missed'),
    printAllIgnored: flags.has('print-all-ignored'),
    printNoMissed: flags.has('print-no-missed'),
    printNoIgnored: flags.has('print-no-ignored'),
    usedns: flags.has('raw') || values.get('usedns') === 'raw' ? 'raw' : 'no',
    encoding: values.get('encoding') ?? 'utf-8',
    terminal,
    ...(maxlines === undefined ? {} : { maxlines: Number(maxlines) }),
    ...(ignoreregex === undefined ? {} : { ignoreregex }),
    ...optional('out'),
    ...optional('datepattern'),
    ...optional('journalmatch'),
  });
}
