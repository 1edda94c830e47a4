/**
 * Command lines of fail2ban-client with their answers, taken down from fail2ban 1.1.0 of Debian 13
 * (`fail2ban-client.txt`). One test holds Banjour to the file, another the real program, so that
 * the file stays true.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const GOLDEN = join(process.cwd(), 'test/cli/golden/fail2ban-client.txt');

/** The command lines, in order: each finds what the ones before it did. */
export const COMMAND_LINES: readonly string[] = [
  'ping',
  'version',
  '-V',
  'status',
  'status postfix-sasl',
  'set postfix-sasl banip 192.0.2.1 192.0.2.22 2001:db8::1',
  'set dovecot banip 192.0.2.1 198.51.100.0/24',
  'set sshd banip 203.0.113.7',
  'set postfix-sasl attempt 192.0.2.99 nothing',
  'status postfix-sasl',
  'status dovecot',
  'status sshd',
  'status sshd basic',
  'status sshd short',
  'status --all',
  'status --all short',
  'status nojail',
  'stats',
  'statistics',
  'banned',
  'banned 192.0.2.1',
  'banned 192.0.2.1 192.0.2.5 203.0.113.7',
  'get postfix-sasl banip',
  'get postfix-sasl banip ,',
  'get postfix-sasl banip --with-time',
  'get sshd banip --with-time',
  'get postfix-sasl banned',
  'get postfix-sasl banned 192.0.2.1',
  'get postfix-sasl banned 192.0.2.1 192.0.2.2',
  'get postfix-sasl bantime',
  'get sshd bantime',
  'get postfix-sasl maxretry',
  'get postfix-sasl findtime',
  'get postfix-sasl ignoreip',
  'get postfix-sasl ignoreself',
  'get postfix-sasl journalmatch',
  'get postfix-sasl logpath',
  'get postfix-sasl ignoreregex',
  'get postfix-sasl maxlines',
  'get postfix-sasl logencoding',
  'get postfix-sasl datepattern',
  'get postfix-sasl prefregex',
  'get postfix-sasl ignorecommand',
  'get postfix-sasl nonsense',
  'get nojail banip',
  'get nojail bantime',
  'get syslogsocket',
  'get',
  'set loglevel NOTICE',
  'get loglevel',
  'set postfix-sasl bantime 1h',
  'set postfix-sasl bantime 90m',
  'get postfix-sasl bantime',
  'set postfix-sasl maxretry 7',
  'set postfix-sasl findtime 20m',
  'set postfix-sasl addignoreip 10.0.0.0/8',
  'set postfix-sasl delignoreip 10.0.0.0/8',
  'set nojail bantime 5',
  'set nojail banip 192.0.2.9',
  'set dovecot banip 192.0.2.1',
  'set postfix-sasl unbanip 192.0.2.22',
  'set postfix-sasl unbanip 192.0.2.77',
  'set postfix-sasl unbanip --report-absent 192.0.2.77',
  'unban 192.0.2.1',
  'unban 192.0.2.1',
  'reload',
  'reload dovecot',
  'reload nojail',
  'reload --unban sshd',
  'restart sshd',
  'reload --all',
  'flushlogs',
  'echo hi there',
  'unban --all',
  'nonsense',
  '--str2sec 1d12h',
  '--str2sec 1w',
  '-t',
];

/** Command lines while nobody answers. */
export const WITHOUT_SERVER: readonly string[] = [
  'status',
  'ping',
  'unban 192.0.2.1',
  'reload',
  'status sshd',
  'stop',
];

export interface Answer {
  readonly line: string;
  readonly code: number;
  readonly out: string;
}

/** As the file has it; times are masked. */
export function formatAnswers(answers: readonly Answer[]): string {
  return answers
    .map(({ line, code, out }) => {
      const masked = out.replace(
        /(?<!9999-)\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d/g,
        'YYYY-MM-DD HH:MM:SS',
      );
      return `$ ${line}\n${masked}=> ${code}\n`;
    })
    .join('');
}

export function golden(): string {
  return readFileSync(GOLDEN, 'utf8');
}
