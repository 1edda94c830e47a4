/** `[share]` of companion.conf: with which engine bans are shared, and as whom. */
import { hostname } from 'node:os';
import type { Section } from '../config/section.js';
import { type Parsed, parseBoolean } from '../config/values.js';
import { isLoopback } from '../core/address.js';
import { isHostName } from '../core/names.js';

/** Where Valkey or Redis answers. */
interface ValkeyPlace {
  readonly kind: 'valkey';
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly database: number;
}

/** Where CrowdSec's LAPI answers; a text, so that the configuration stays plain data. */
interface LapiPlace {
  readonly kind: 'lapi';
  readonly url: string;
}

export interface ShareConfig {
  readonly enabled: boolean;
  /** null: nothing is written. */
  readonly place: ValkeyPlace | LapiPlace | null;
  /** What this host is called among the others. */
  readonly name: string;
  /** Of Valkey. Files are paths, or names of credentials of systemd. */
  readonly stream: string;
  readonly user: string | null;
  readonly passwordFile: string | null;
  /** Of the LAPI. */
  readonly machine: string | null;
  readonly machinePasswordFile: string | null;
  readonly bouncerKeyFile: string | null;
  /** Certificates that the engine's must be signed by; null: those of the system. */
  readonly caFile: string | null;
}

export const SHARE_DEFAULTS = `[share]
enabled = false
url =
name =
stream = banjour
user =
password-file =
machine-id =
machine-password-file = /etc/banjour/secrets/lapi-machine
bouncer-key-file = /etc/banjour/secrets/lapi-bouncer
ca-file =
`;

/** Reads the section; what is wrong stands in its report. */
export function readShare(share: Section): ShareConfig {
  const text = (key: string) => {
    const value = share.text(key).trim();
    return value === '' ? null : value;
  };
  const config: ShareConfig = {
    enabled: share.parse('enabled', parseBoolean, false),
    place: text('url') === null ? null : share.parse<ShareConfig['place']>('url', parsePlace, null),
    name: text('name') === null ? ownName() : share.parse('name', parseName, ownName()),
    stream: share.parse('stream', parseStream, 'banjour'),
    user: text('user'),
    passwordFile: text('password-file'),
    machine: text('machine-id'),
    machinePasswordFile: text('machine-password-file'),
    bouncerKeyFile: text('bouncer-key-file'),
    caFile: text('ca-file'),
  };
  if (config.enabled) examine(config, share);
  return config;
}

function examine(config: ShareConfig, share: Section): void {
  const { place, machine, user, passwordFile } = config;
  if (place === null && share.text('url').trim() === '')
    share.error(
      'share.url',
      'url',
      'is empty: no engine shares the bans',
      'write url = valkey://HOST:6379 or, for CrowdSec, url = http://HOST:8080',
    );
  if (place?.kind === 'lapi' && machine === null)
    share.error(
      'share.machine',
      'machine-id',
      'is empty, and CrowdSec lets no machine in without a name',
      'on the host of the LAPI: cscli machines add NAME (docs/share.md has the options); then write machine-id = NAME',
    );
  for (const [key, file] of [
    ['machine-password-file', config.machinePasswordFile],
    ['bouncer-key-file', config.bouncerKeyFile],
  ] as const)
    if (place?.kind === 'lapi' && file === null)
      share.error(
        'share.secret',
        key,
        'is empty, and CrowdSec lets nobody in without that secret',
        `take the line out: the default is /etc/banjour/secrets/lapi-${key.split('-')[0]}`,
      );
  if (user !== null && passwordFile === null)
    share.error(
      'share.password',
      'user',
      'password-file is empty, so this user has no password',
      'write password-file = /etc/banjour/secrets/share, the file that holds the password',
    );
  if (place !== null && isOpen(place))
    share.warn(
      'share.plain',
      'url',
      'the password and all bans cross the network as plain text',
      'write valkeys:// or https://; behind a tunnel of yours this may stay',
    );
}

/** True when others can read along on the way. */
function isOpen(place: ValkeyPlace | LapiPlace): boolean {
  if (place.kind === 'valkey') return !place.isTls && !isLoopback(place.address);
  const { protocol, hostname: host } = new URL(place.url);
  return protocol === 'http:' && !isLoopback(host.replace(/^\[|\]$/g, ''));
}

const PLACE_FIX =
  'write valkey://HOST:6379, valkeys://HOST:6379 (TLS), http://HOST:8080 or https://HOST:8080; secrets stand in files';

/** `valkey://host:6379` (or `redis://`), `http://host:8080`; nothing secret in it. */
function parsePlace(text: string): Parsed<NonNullable<ShareConfig['place']>> {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return { problem: 'is no URL', fix: PLACE_FIX };
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return { problem: 'has more than a host, a port and a path', fix: PLACE_FIX };
  const address = url.hostname.replace(/^\[|\]$/g, '');
  if (address === '') return { problem: 'names no host', fix: PLACE_FIX };
  if (url.protocol === 'http:' || url.protocol === 'https:')
    return { value: { kind: 'lapi', url: url.href.replace(/\/(?:v1\/?)?$/, '') } };
  const kind = /^(?:valkey|redis)(s?):$/.exec(url.protocol);
  const database = /^\/?(\d{0,4})\/?$/.exec(url.pathname);
  // One `s` more than redis: has always meant TLS; rediss: is how others write it.
  if (kind === null || database === null)
    return { problem: 'is the URL of no engine', fix: PLACE_FIX };
  return {
    value: {
      kind: 'valkey',
      address,
      port: url.port === '' ? 6379 : Number(url.port),
      isTls: kind[1] === 's',
      database: Number(database[1] ?? 0),
    },
  };
}

/** The host's name, as far as it may be one here. */
function ownName(): string {
  const name = hostname();
  return isHostName(name) ? name : 'localhost';
}

function parseName(text: string): Parsed<string> {
  if (isHostName(text.trim())) return { value: text.trim() };
  return {
    problem: 'is no name of a host',
    fix: 'write letters, digits, `.`, `-` and `_`, e.g. mx1',
  };
}

function parseStream(text: string): Parsed<string> {
  if (/^[\w.:-]{1,64}$/.test(text.trim())) return { value: text.trim() };
  return { problem: 'is no name of a key', fix: 'write stream = banjour' };
}
