/** `banjour test`: tries a filter on a line, a file, or the journal. */
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const test: CommandDefinition = {
  name: 'test',
  summary: 'Try a filter on a line, a file, or the journal',
  details: [
    "INPUT is a line of log, a file, - for standard input, or journal[MATCHES] for entries of this host's journal, e.g. journal[_SYSTEMD_UNIT=dovecot.service]; journal alone takes the filter's own matches.",
    'FILTER is a name in filter.d with options (postfix[mode=aggressive]), a filter file, or a regex. IGNOREREGEX is a regex or a filter file.',
    'Lines of text are dated as in fail2ban (syslog, ISO, TAI64N, epoch, ...); entries of the journal have their own time.',
  ],
  positionals: [
    {
      name: 'input',
      describe: 'Line, file, -, or journal[MATCHES]',
      required: true,
      complete: 'files',
    },
    {
      name: 'filter',
      describe: 'Filter, filter file, or regex',
      required: true,
      complete: 'files',
    },
    {
      name: 'ignoreregex',
      describe: 'Regex or filter file of what to ignore',
      required: false,
      complete: 'files',
    },
  ],
  options: {
    'print-all-matched': { type: 'boolean', describe: 'Print every line that matched' },
    'print-all-missed': { type: 'boolean', describe: 'Print every line that did not' },
    'print-all-ignored': { type: 'boolean', describe: 'Print every line that was ignored' },
    'print-no-missed': { type: 'boolean', describe: 'Print no missed lines' },
    'print-no-ignored': { type: 'boolean', describe: 'Print no ignored lines' },
    verbose: { type: 'boolean', alias: 'v', describe: 'Show whom each regex found, and when' },
    out: {
      type: 'string',
      alias: 'o',
      describe: 'Print one value per match only: ip, user, row, id, msg, or a text with <tags>',
    },
    datepattern: { type: 'string', alias: 'd', describe: 'Date pattern of text lines' },
    encoding: { type: 'string', alias: 'e', describe: 'Encoding of a file (default: UTF-8)' },
    maxlines: { type: 'number', alias: 'L', describe: 'Lines that one regex may span' },
    journalmatch: { type: 'string', alias: 'm', describe: 'Matches for journal' },
    usedns: {
      type: 'string',
      describe: 'no: only addresses count; raw: keep names',
      choices: ['no', 'raw'],
    },
    since: { type: 'string', describe: 'Only entries of the journal from this time on: 2h, 7d' },
  },
  honours: ['json', 'pager', 'config-dir', 'shipped-dir'],
  examples: [
    ['banjour test /var/log/mail.log postfix-sasl', 'What a shipped filter finds in a file'],
    [
      "banjour test 'journal[_SYSTEMD_UNIT=dovecot.service]' dovecot --since 1d",
      'In the journal of a day',
    ],
    [
      "banjour test 'sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2' sshd",
      'In one line',
    ],
    [
      "banjour test mail.log 'reject: .* from \\S+\\[<HOST>\\]' -o ip",
      'A regex of your own; only the addresses',
    ],
  ],
  exits: [[EXIT.config, 'the filter has errors']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { testFilter } = await import('../../tools/test/test.js');
  const optional = <K extends string>(key: K, value: string | undefined) =>
    value === undefined ? {} : { [key]: value };
  const maxlines = args.number('maxlines');
  return testFilter({
    input: args.text('input') ?? '',
    filter: args.text('filter') ?? '',
    dirs: [paths.shipped, paths.config],
    json: args.flag('json'),
    verbose: args.flag('verbose'),
    printAllMatched: args.flag('print-all-matched'),
    printAllMissed: args.flag('print-all-missed'),
    printAllIgnored: args.flag('print-all-ignored'),
    printNoMissed: args.flag('print-no-missed'),
    printNoIgnored: args.flag('print-no-ignored'),
    usedns: args.text('usedns') === 'raw' ? 'raw' : 'no',
    encoding: args.text('encoding') ?? 'utf-8',
    terminal,
    ...(maxlines === undefined ? {} : { maxlines }),
    ...optional('ignoreregex', args.text('ignoreregex')),
    ...optional('out', args.text('out')),
    ...optional('datepattern', args.text('datepattern')),
    ...optional('journalmatch', args.text('journalmatch')),
    ...optional('since', args.text('since')),
  });
}
