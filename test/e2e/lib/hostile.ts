/**
 * Attackers whose names, greetings and manners are made to deceive: names that imitate the rest of
 * a log line about somebody else, bytes that no name has, lengths around every daemon's bound;
 * guesses on connections that are held open, sent all at once, from twenty connections, behind
 * Dovecot's penalty, and slowly.
 */
import type { Cast, Player } from './cast.js';
import type { Job, LoginService } from './clients/job.js';
import { Random } from './random.js';

const SERVICES: readonly LoginService[] = ['ssh', 'smtp', 'submission', 'imap', 'pop3', 'sieve'];

/** Those who are named; nobody connects from there. */
const VICTIMS = ['192.0.2.201', '192.0.2.202', '2001:db8:dead::7'];

/** Words about a victim as a line of some daemon has them. */
const IMITATIONS: readonly ((victim: string) => string)[] = [
  (v) => ` from ${v} port 22 ssh2`,
  (v) => ` ${v} port 22 [preauth]`,
  (v) => `root ${v} port 22: Too many authentication failures`,
  (v) => `x rip=${v}, lip=198.18.0.1`,
  (v) => `x>, method=PLAIN, rip=${v}, lip=198.18.0.1, session=<abc>`,
  (v) => `u rhost=${v}`,
  (v) => `u) rhost=${v}  user=root`,
  (v) => `x,${v},<abc>): unknown user`,
  (v) => `x,${v},sasl:plain)<abc>: pam: Password mismatch`,
  (v) => `unknown[${v}]: SASL LOGIN authentication failed: x`,
  (v) => `anna, sasl_username=b, rip=${v}`,
  (v) => `: authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=x rhost=${v}`,
  (v) => `x (auth failed, 9 attempts in 2 secs): user=<x>, method=PLAIN, rip=${v}, lip=198.18.0.1`,
  (v) => `<x@[${v}]>`,
];
const ODD = [
  '\t',
  '\x1b[2J',
  '\xe9\xff',
  '\u2028',
  '"',
  "'",
  '\\',
  '*',
  ', ',
  '>',
  '=',
  '(',
  ']',
  '%s',
  '\x7f',
  '\n',
  '\r\n',
];
/** Around the bytes or characters at which daemons cut names and lines. */
const LENGTHS = [64, 80, 100, 128, 256, 400, 490, 500, 1_000, 1_024, 2_000];

function nameOf(random: Random): string {
  const victim = random.pick(VICTIMS);
  const words = random.pick(IMITATIONS)(victim);
  const padding = 'a'.repeat(Math.max(0, random.pick(LENGTHS) - random.below(2 * words.length)));
  switch (random.below(5)) {
    case 0:
      return words;
    case 1:
      return padding + words;
    case 2:
      return `${random.pick(ODD)}${words}${random.pick(ODD)}`;
    case 3:
      return `${words}${padding}`;
    default:
      return `anna${random.pick(IMITATIONS)(random.pick(VICTIMS))}${random.pick(ODD)}${words}`;
  }
}

/** What the protocol has no room for is left out of a name. */
function allowed(service: LoginService, mechanism: Job['mechanism'], name: string): string {
  if (service === 'ssh') return name.replace(/[\n\r$%\u0100-\uffff]/g, '');
  return mechanism === 'plain' ||
    service === 'sieve' ||
    service === 'smtp' ||
    service === 'submission'
    ? name
    : name.replace(/[\r\n]/g, '');
}

const PATIENT = {
  connectMs: 20_000,
  readMs: 120_000,
  keepGoing: true,
  password: 'wrong-password',
} as const;

/**
 * So many sessions of one to three guesses, each with names of its own and from an address of its
 * own.
 */
export function makeHostileNames(seed: number, sessions: number): Cast {
  const random = new Random(seed);
  const players = Array.from({ length: sessions }, (_, i): Player => {
    const service = SERVICES[i % SERVICES.length] as LoginService;
    const address =
      random.below(3) === 0
        ? `2001:db8:a77a:${(i + 1).toString(16)}::1`
        : `10.66.${i >> 8}.${i & 255}`;
    const mechanism = random.below(2) === 0 ? 'plain' : 'login';
    const isSmtp = service === 'smtp' || service === 'submission';
    const job: Job = {
      ...PATIENT,
      ...{ service, from: address, attempts: 1 + random.below(3), intervalMs: 200, mechanism },
      ...(random.below(3) === 0 ? { perConnection: 3 } : {}),
      ...(mechanism === 'plain' && random.below(3) === 0 ? { authzid: nameOf(random) } : {}),
      // A greeting is one word for the server, so it holds no blank and no line end.
      ...(isSmtp && random.below(2) === 0
        ? { helo: nameOf(random).replace(/\s/g, '_').slice(0, 400) }
        : {}),
      user: allowed(service, mechanism, nameOf(random)),
    };
    return { role: `hostile name over ${service}`, address, jobs: [job] };
  });
  return { players, victims: VICTIMS };
}

/**
 * Every manner over every service, each from an address of its own in the network. `attempts`
 * guesses one by one wait longer and longer for Dovecot; `more` is for every job.
 */
export function makeManners(network: string, attempts: number, more: Partial<Job> = {}): Cast {
  const players: Player[] = [];
  const add = (role: string, jobs: (from: string) => readonly (readonly Job[])[]) => {
    const address = `${network}.${new Set(players.map((player) => player.address)).size + 1}`;
    for (const each of jobs(address)) players.push({ role, address, jobs: each });
  };
  for (const service of SERVICES) {
    const job = (from: string, manner: Partial<Job>): Job => ({
      ...PATIENT,
      ...{ service, from, user: 'anna', attempts: 1, mechanism: 'plain', ...more, ...manner },
    });
    add(`held open, ${service}`, (from) => [[job(from, { attempts: 6, perConnection: 6 })]]);
    add(`twenty at once, ${service}`, (from) => Array.from({ length: 20 }, () => [job(from, {})]));
    add(`one by one, ${service}`, (from) => [[job(from, { attempts })]]);
    add(`slow, ${service}`, (from) => [[job(from, { attempts: 4, intervalMs: 9_000 })]]);
    if (service !== 'ssh')
      add(`all sent at once, ${service}`, (from) => [
        [job(from, { attempts: 5, perConnection: 5, pipelined: true })],
      ]);
  }
  return { players, victims: VICTIMS };
}
