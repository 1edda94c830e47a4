/**
 * Wrong configurations and what is said of each, held in `golden/wrong-inputs.txt`; wrong command
 * lines are in test/cli/usage.test.ts. To write the file anew: BANJOUR_WRITE_GOLDEN=1 npm run jest
 * -- test/config/wrong-inputs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { formatDiagnostic } from '../../src/core/finding.js';
import { compileFilter } from '../../src/filter/compile.js';
import { jail, load } from './support.js';

const GOLDEN = join(process.cwd(), 'test/config/golden/wrong-inputs.txt');

/** Lines of a jail, each wrong by itself. */
const JAIL_LINES: readonly string[] = [
  'enabeld = true',
  'maxretry = three',
  'maxretry = 0',
  'maxretry = -1',
  'findtime = 0',
  'findtime = soon',
  'findtime = -5m',
  'bantime = 1 hour and a half',
  'bantime = 0',
  'bantime = 200y',
  'bantime = %(foo)s',
  'bantime = %',
  'bantime.increment = perhaps',
  'bantime.increment = true\nbantime.factor = x',
  'bantime.increment = true\nbantime.multipliers = 1 two 3',
  'bantime.increment = true\nbantime.formula = ban.Time * random()',
  'ipv6prefix = 200',
  'nat64 = 2001:db8::/33',
  'maxmatches = all',
  'maxlines = 100',
  'linelimit = 10',
  'ignoreip = 192.0.2.0/33',
  'ignoreip = 192.0.2.300',
  'ignoreip = <your address>',
  'ignoreip = file:friends',
  'ignorecommand = check <host>',
  'trusted_proxies = proxy.example.org',
  'usedns = maybe',
  'usedns = yes',
  'backend = sytemd',
  'backend = systemd[foo=1]',
  'source = directory',
  'source = elsewhere',
  'match = -u',
  'match = UNIT=x',
  'journalmatch = _SYSTEMD_UNIT',
  'filter = nosuch',
  'filter = x[mode=loud',
  'failregex = ^bad (<HOST>',
  'failregex = ^bad',
  'failregex = ^bad (?<who>x) <HOST>',
  'failregex = (?R)bad <HOST>',
  'failregex = ^bad (?x) <HOST>',
  'ignoreregex = [z-a]',
  'datepattern = %Q',
  'logpath = /var/log/x.log\nbackend = polling\nlogtimezone = Mars',
  'port = sshh,99999',
  'port = 30:20',
  'protocol = carrier-pigeon',
  'blocktype = BLOCK',
  'chain = SIDEWAYS',
  'hook = sideways',
  'banaction = nosuch',
  'action = nftables[type=multiport',
  'action = nosuch',
  'group = not/a/name',
  'subnet = 1',
  'maxretry = 5 # five',
  "maxretry = '3'",
  'maxretry = 3.5',
  'maxretry = 1000000',
  'maxretry =',
  'bantime =',
  'bantime = "1h"',
  'bantime = 1h;',
  'bantime = 10 mins and 5',
  'bantime.increment = true\nbantime.rndtime = lots',
  'bantime.increment = true\nbantime.overalljails = all of them',
  'findtime = 1h 5x',
  'forgetonsuccess = maybe',
  'ignoreip = 192.0.2.1,,192.0.2.2;198.51.100.0/24',
  'ignoreip = 192.0.2.0/24/8',
  'backend = pyinotify',
  'source = container web mail',
  'source = directory var/log/journal',
  'source = namespace',
  'match = _SYSTEMD_UNIT = x.service',
  'port = 22-',
  'port = %(prot)s',
  'protocol = tcp udpp',
  'action = %(action_)',
  'action = %(action_wml)s',
  'action = nftables[port=22]\n  nftabels[port=23]',
  'logpath = %(nosuch_log)s\nbackend = auto',
  'logpath = var/log/x.log\nbackend = polling',
  'failregex = ^bad <HOTS> from <HOST>',
  'failregex = ^bad [<HOST>',
  'failregex = ^bad (?P<x>y)(?P<x>z) <HOST>',
  'failregex = ^bad {2,1} <HOST>',
  'failregex = ^bad (?P=who) <HOST>',
  'successregex = ^welcome',
  'logpath = /var/log/x.log\nbackend = polling\nlogencoding = utf-99',
  'usedns = warn',
];

/** Whole files, each wrong by itself. */
const FILES: readonly (readonly [string, string])[] = [
  ['jail.local', '[x]\nenabled = yes please\n'],
  ['jail.local', '[x]\nenabled = true\nbackend = polling\n'],
  ['jail.local', '[sshd\nenabled = true\n'],
  ['jail.local', 'enabled = true\n'],
  ['jail.local', '[x]\nenabled = true\nmaxretry = 3\nmaxretry = 5\n'],
  ['jail.local', '[x]\nenabled = true\njust words\n'],
  ['jail.local', '[INCLUDES]\nbefore = nosuch.conf\n\n[x]\nenabled = true\n'],
  ['jail.local', '[a jail!]\nenabled = true\nfilter = x\n'],
  ['jail.local', '[DEFUALT]\nbantime = 1d\n'],
  ['jail.local', '[default]\nbantime = 1d\n'],
  ['jail.local', '[x]\nenabled = true\nmaxretry = 3\n\n[X]\nmaxretry = 5\n'],
  ['jail.local', '[x]\nenabled =\n'],
  ['jail.local', '\ufeff[x]\r\nenabled = true\r\nmaxretry = x\r\n'],
  ['jail.local.conf', '[x]\nenabled = true\n'],
  ['jail.d/mail.cfg', '[x]\nenabled = true\n'],
  ['filter.d/x.local', '[Definition]\nfailregx = ^bad <HOST>\n'],
  ['filter.d/x.local', '[Defintion]\nfailregex = ^bad <HOST>\n'],
  ['banjour.local', '[Defintion]\nloglevel = INFO\n'],
  ['banjour.local', '[Definition]\nloglevel = LOUD\n'],
  ['banjour.local', '[Definition]\nlogtarget = banjour.log\n'],
  ['banjour.local', '[Definition]\nhook = outside\n'],
  ['banjour.local', '[Definition]\ndbpurgeage = never\n'],
  ['banjour.local', '[Definition]\ncounters = everything\n'],
  ['banjour.local', '[Definition]\nlog_level = INFO\n'],
];

/** What a jail with these lines is told, by its filter's compiler too. */
function toldOf(lines: string) {
  const { jail: config, diagnostics } = jail(lines);
  return [
    ...diagnostics,
    ...(config === undefined ? [] : compileFilter(config.intake.filter).diagnostics),
  ];
}

/** What such a file is told; the filter's is that of a jail. */
function toldOfFile(name: string, text: string) {
  const ofFilter = name.startsWith('filter.d/') ? { 'jail.local': '[x]\nenabled = true\n' } : {};
  return load({ [name]: text, ...ofFilter }).diagnostics;
}

function said(): string {
  const answers: string[] = [];
  const note = (input: string, diagnostics: ReturnType<typeof load>['diagnostics']) =>
    answers.push(
      `${input.trimEnd()}\n${diagnostics.map((one) => `  => ${formatDiagnostic(one)}\n`).join('')}`,
    );
  for (const lines of JAIL_LINES) note(lines, toldOf(lines));
  for (const [name, text] of FILES) note(`${name}:\n${text}`, toldOfFile(name, text));
  return answers.join('\n');
}

test(`${JAIL_LINES.length + FILES.length} wrong configurations: each is told as the golden file says`, () => {
  if (process.env['BANJOUR_WRITE_GOLDEN'] === '1') writeFileSync(GOLDEN, said());
  expect(said()).toBe(readFileSync(GOLDEN, 'utf8'));
});

test.each(FILES)('%s %j is told at its file and line, with a remedy', (name, text) => {
  const [first] = toldOfFile(name, text);
  expect(first?.place).toMatchObject({ file: `/etc/${name}`, line: expect.any(Number) });
  expect(first?.fix?.length ?? 0).toBeGreaterThan(0);
});

test.each(JAIL_LINES)('%j is told at the line of the user, with a remedy', (lines) => {
  const diagnostics = toldOf(lines);
  expect(diagnostics.length).toBeGreaterThan(0);
  for (const one of diagnostics) {
    expect(one.place?.file).toBe('/etc/jail.local');
    expect(one.place?.line).toBeGreaterThan(2);
    expect(one.fix?.length ?? 0).toBeGreaterThan(0);
  }
});
