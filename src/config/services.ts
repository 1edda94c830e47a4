/**
 * Port numbers by name: the services of mail and web hosts, then `/etc/services` (services(5)) where there is one.
 * The table goes first, so that a jail means the same on a minimal system.
 */
import { readFileSync } from 'node:fs';
import { INI_FILE_BYTES_MAX } from '../core/limits.js';

const SERVICES: Readonly<Record<string, number>> = {
  ftp: 21,
  'ftp-data': 20,
  ftps: 990,
  'ftps-data': 989,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  mail: 25,
  domain: 53,
  http: 80,
  www: 80,
  pop3: 110,
  'pop-3': 110,
  imap: 143,
  imap2: 143,
  imap3: 220,
  ldap: 389,
  https: 443,
  smtps: 465,
  ssmtp: 465,
  submissions: 465,
  urd: 465,
  submission: 587,
  ldaps: 636,
  rsync: 873,
  imaps: 993,
  pop3s: 995,
  mysql: 3306,
  sieve: 4190,
  managesieve: 4190,
  'xmpp-client': 5222,
  'xmpp-server': 5269,
  postgresql: 5432,
  webmin: 10000,
};

let system: Map<string, number> | undefined;

/** The number of a port given by number or name; undefined when unknown. */
export function portOf(word: string): number | undefined {
  if (/^\d{1,5}$/.test(word)) return Number(word) <= 65_535 ? Number(word) : undefined;
  const name = word.toLowerCase();
  if (Object.hasOwn(SERVICES, name)) return SERVICES[name];
  system ??= parseServices(readServices());
  return system.get(name);
}

/** Reads `name port/protocol alias...` lines; the first mention of a name counts. */
export function parseServices(text: string): Map<string, number> {
  const ports = new Map<string, number>();
  for (const line of text.split('\n')) {
    const found = /^([^\s#]+)\s+(\d{1,5})\/\w+([^#]*)/.exec(line);
    if (found === null) continue;
    const port = Number(found[2]);
    for (const name of [found[1] as string, ...(found[3] as string).split(/\s+/)])
      if (name !== '' && !ports.has(name.toLowerCase())) ports.set(name.toLowerCase(), port);
  }
  return ports;
}

function readServices(): string {
  try {
    return readFileSync('/etc/services', 'utf8').slice(0, INI_FILE_BYTES_MAX);
  } catch {
    // Minimal systems have no such file; the table above is enough for mail.
    return '';
  }
}
