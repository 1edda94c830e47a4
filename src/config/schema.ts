/**
 * Every key that is known, what it means and what it is when nobody says anything. `docs/config.md`
 * must name each (test/config/docs.test.ts). The defaults form a file of their own that is read
 * before all others, so a value that nobody stated has a place too: `(built in)`. Keys that are not
 * among them are reported.
 */
import { nearest } from '../core/text.js';
import { DEFAULT_SECTION, type IniDocument } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { BUILT_IN, textOf } from '../ini/value.js';

export interface KeySpec {
  readonly key: string;
  /** The text of the built-in file; undefined when the key has no default. */
  readonly preset?: string;
  /** Absent: in force. Else why fail2ban's key has no meaning here, for `config check`. */
  readonly noMeaning?: string;
  /** May hold regexes, files or lists over several lines. */
  readonly lines?: true;
}

/** Keys of a jail, or of [DEFAULT] for all jails. */
export const JAIL_KEYS: readonly KeySpec[] = [
  { key: 'enabled', preset: 'false' },
  { key: 'filter', preset: '%(__name__)s[mode=%(mode)s]' },
  { key: 'mode', preset: 'normal' },
  { key: 'match', lines: true },
  { key: 'journalmatch', lines: true },
  { key: 'source', preset: 'local' },
  { key: 'backend', preset: 'auto' },
  { key: 'logpath', lines: true },
  { key: 'logencoding', preset: 'auto' },
  { key: 'logtimezone' },
  { key: 'maxretry', preset: '5' },
  { key: 'findtime', preset: '10m' },
  { key: 'bantime', preset: '10m' },
  { key: 'bantime.increment', preset: 'false' },
  { key: 'bantime.factor', preset: '1' },
  { key: 'bantime.formula' },
  { key: 'bantime.multipliers' },
  { key: 'bantime.maxtime' },
  { key: 'bantime.rndtime', preset: '0' },
  { key: 'bantime.overalljails', preset: 'false' },
  { key: 'ipv6prefix', preset: '64' },
  { key: 'nat64', lines: true },
  { key: 'group' },
  { key: 'credit', preset: '30d' },
  { key: 'subnet', preset: '6' },
  { key: 'underattack', preset: '8' },
  { key: 'deadnames', preset: '5' },
  { key: 'takeover', preset: '6' },
  { key: 'honeypot', lines: true },
  { key: 'accept', preset: 'banjour cscli crowdsec' },
  { key: 'accept-bantime-max', preset: '1w' },
  { key: 'accept-prefix', preset: '24 48' },
  { key: 'publish', preset: 'all operator' },
  { key: 'forgetonsuccess', preset: 'false' },
  { key: 'maxmatches' },
  { key: 'ignoreip', lines: true },
  { key: 'trusted_proxies', lines: true },
  { key: 'ignoreself', preset: 'true' },
  { key: 'ignorecommand' },
  {
    key: 'ignorecache',
    noMeaning:
      'ignoreip is one set in memory and in the kernel; answers of ignorecommand hold for a minute',
  },
  { key: 'usedns', preset: 'no' },
  { key: 'prefregex' },
  { key: 'failregex', lines: true },
  { key: 'ignoreregex', lines: true },
  { key: 'successregex', lines: true },
  { key: 'maxlines' },
  { key: 'linelimit' },
  { key: 'datepattern' },
  { key: 'port', preset: '0:65535' },
  { key: 'protocol', preset: 'tcp' },
  { key: 'blocktype' },
  { key: 'chain' },
  { key: 'hook' },
  { key: 'banaction', preset: 'nftables' },
  { key: 'banaction_allports', preset: 'nftables[type=allports]' },
  { key: 'action', preset: '%(action_)s', lines: true },
  { key: 'destemail', preset: 'root' },
  { key: 'sender', preset: 'banjour' },
  { key: 'mta', preset: 'sendmail' },
];

/**
 * Names that stock configurations use in their values; not keys, but somebody's `%(action_mwl)s`
 * must find them.
 */
export const JAIL_VARIABLES: Readonly<Record<string, string>> = {
  action_: '%(banaction)s[port="%(port)s", protocol="%(protocol)s", chain="%(chain)s"]',
  action_mw: '%(action_)s\n %(mta)s-whois[sender="%(sender)s", dest="%(destemail)s"]',
  action_mwl: '%(action_)s\n %(mta)s-whois-lines[sender="%(sender)s", dest="%(destemail)s"]',
  action_abuseipdb: 'abuseipdb',
  action_blocklist_de: '%(action_)s\n blocklist_de',
  action_cf_mwl: '%(action_mwl)s\n cloudflare',
  action_xarf: '%(action_)s\n xarf-login-attack',
  action_badips: 'badips',
  action_badips_report: 'badips',
  fail2ban_agent: 'Fail2Ban/%(fail2ban_version)s',
  chain: '<known/chain>',
  fail2ban_version: '1.1.0',
  default_backend: '%(default/backend)s',
  syslog_backend: '%(default_backend)s',
  syslog_mail: '/var/log/mail.log',
  syslog_mail_warn: '%(syslog_mail)s',
  syslog_authpriv: '/var/log/auth.log',
  sshd_log: '%(syslog_authpriv)s',
  sshd_backend: '%(default_backend)s',
  postfix_log: '%(syslog_mail)s',
  postfix_backend: '%(default_backend)s',
  dovecot_log: '%(syslog_mail)s',
  dovecot_backend: '%(default_backend)s',
};

/** Where decisions are kept unless told otherwise (StateDirectory= of the unit). */
export const LEDGER = '/var/lib/banjour/ledger.sqlite3';

/** Keys of [Definition] (or [DEFAULT]) of banjour.conf and of fail2ban.conf. */
export const SETTING_KEYS: readonly KeySpec[] = [
  { key: 'loglevel', preset: 'INFO' },
  { key: 'logtarget', preset: 'journal' },
  { key: 'allowipv6', preset: 'auto' },
  { key: 'dbfile', preset: LEDGER },
  { key: 'dbpurgeage', preset: '30d' },
  { key: 'hook', preset: 'input' },
  { key: 'bridge', preset: 'false' },
  { key: 'counters', preset: 'jail' },
  { key: 'lockoutguard', preset: 'true' },
  { key: 'dbmaxmatches', noMeaning: 'a ban keeps the cursors of its entries, not their text' },
  { key: 'socket', noMeaning: 'the control sockets lie in /run/banjour' },
  { key: 'pidfile', noMeaning: 'systemd knows the process' },
  { key: 'syslogsocket', noMeaning: 'logs go to the journal' },
  { key: 'stacksize', noMeaning: 'there are no threads to size' },
];

/** Keys of [Init] in action.d/nftables-common.local and its kin. */
export const BAN_ACTION_KEYS = ['chain_hook', 'protocol', 'blocktype', 'chain'] as const;
/** Keys of [Init] in action.d/sendmail-common.local and its kin. */
export const MAIL_ACTION_KEYS = ['dest', 'sender', 'sendername'] as const;

/** The built-in file in the dialect of the others. */
export function builtInText(
  keys: readonly KeySpec[],
  variables: Readonly<Record<string, string>> = {},
): string {
  const presets = keys
    .filter((spec) => spec.preset !== undefined)
    .map((spec) => `${spec.key} = ${spec.preset}`);
  return [
    '[DEFAULT]',
    ...presets,
    ...Object.entries(variables).map(([key, text]) => `${key} = ${text}`),
    '',
  ].join('\n');
}

// Keys that nothing reads: misspelled, or fail2ban's without a meaning here.

/** Names that some value of the document uses, as `%(name)s`, `%(section/name)s` or `<name>`. */
export function referencedNames(document: IniDocument): Set<string> {
  const names = new Set<string>();
  const sections = [...document.sections.values()].map((section) => section.options);
  for (const options of [document.defaults, ...sections])
    for (let option of options.values())
      for (;;) {
        for (const [, name = ''] of textOf(option.value).matchAll(
          /(?:%\(|<)(?:[\w-]+\/)?([^()<>\s]+)[)>]/g,
        ))
          names.add(name.toLowerCase());
        if (option.previous === undefined) break;
        option = option.previous;
      }
  return names;
}

/**
 * Reports keys of one section. In [DEFAULT], where people keep variables, only what looks like a
 * misspelled key is reported.
 */
export function reportKeys(
  document: IniDocument,
  section: string,
  keys: readonly KeySpec[],
  used: ReadonlySet<string>,
  report: Report,
): void {
  const isDefault = section === DEFAULT_SECTION;
  const options = isDefault
    ? document.defaults
    : (document.sections.get(section)?.options ?? new Map());
  const known = new Map(keys.map((spec) => [spec.key, spec]));
  for (const { key, place } of options.values()) {
    if (place.file === BUILT_IN) continue;
    const about = { place, section, key };
    const reason = known.get(key)?.noMeaning;
    if (reason !== undefined)
      report.add({
        level: 'note',
        id: 'config.no-meaning',
        message: `has no meaning here: ${reason}`,
        ...about,
      });
    if (
      known.has(key) ||
      used.has(key) ||
      Object.hasOwn(JAIL_VARIABLES, key) ||
      key.startsWith('action_')
    )
      continue;
    const similar = nearest(key, known.keys());
    if (isDefault && similar === undefined) continue;
    const fix =
      similar === undefined ? 'remove it, or correct its name' : `did you mean ${similar}?`;
    report.add({
      level: 'warning',
      id: 'config.unknown-key',
      message: 'is not a known key and nothing uses it',
      ...about,
      fix,
    });
  }
}
