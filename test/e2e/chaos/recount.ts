/**
 * What ought to be banned, reckoned from the journal without anything of the agent: journalctl
 * reads, three regexes and a window of one hour decide. It knows only the lines that this suite's
 * attackers cause.
 */
import type { Machine } from '../lib/machine.js';

const RETRIES_MAX = 3;
const FINDTIME_US = 3_600_000_000;

interface Entry {
  readonly __CURSOR: string;
  readonly __REALTIME_TIMESTAMP: string;
  readonly _SYSTEMD_UNIT?: string;
  readonly MESSAGE?: unknown;
}

/**
 * What one line counts; the address is the first group, the number of guesses the second, where
 * there is one.
 */
const LINES: readonly { readonly jail: string; readonly unit: RegExp; readonly line: RegExp }[] = [
  {
    jail: 'sshd',
    unit: /^ssh\.service$/,
    line: /^Failed password for (?:invalid user )?\w+ from (\S+) port \d+ ssh2$/,
  },
  {
    jail: 'postfix-sasl',
    unit: /^postfix/,
    line: /^warning: [\w.-]+\[([\da-f.:]+)\]: SASL \w+ authentication failed:/,
  },
  {
    jail: 'dovecot',
    unit: /^dovecot\.service$/,
    line: /^imap-login: Login aborted: Connection closed \(auth failed, 1 attempts in 2 secs\) .*user=<info>,.* rip=([\da-f.:]+), /,
  },
];
/** Postfix did not hear the answer: whether that was a guess is told by other lines. */
const UNSURE = /^warning: [\w.-]+\[([\da-f.:]+)\]: SASL \w+ authentication failed: Connection lost/;
const PAM = /^pam_unix\(dovecot:auth\): authentication failure; .* rhost=(\S+)/;

/**
 * The name of an address's set without the jail, and its element: IPv6 hosts are counted and banned
 * by their /64.
 */
export function elementOf(address: string): { set: string; element: string } {
  if (!address.includes(':')) return { set: 'ban4', element: address };
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const all =
    tail === undefined
      ? groups
      : [...groups, ...Array(8 - groups.length - rest.length).fill('0'), ...rest];
  const four = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  while (four.at(-1) === '0') four.pop();
  return { set: 'net6.64', element: `${four.join(':')}::` };
}

export class Recount {
  readonly #seen = new Set<string>();
  readonly #windows = new Map<string, number[]>();
  /** Set name to elements. */
  readonly banned = new Map<string, Set<string>>();
  /** Elements of which the known lines do not tell enough. */
  readonly unsure = new Set<string>();
  /**
   * Addresses of real IMAP clients, of which PAM tells: a login that the ban cut ends in the log
   * minutes later.
   */
  readonly imapClients = new Set<string>();
  failures = 0;

  get decisions(): number {
    return [...this.banned.values()].reduce((sum, elements) => sum + elements.size, 0);
  }

  /**
   * Takes what the journal holds now; entries that it knows count once, and those that vanish stay
   * counted.
   */
  async read(machine: Machine): Promise<void> {
    const units = ['ssh.service', 'postfix.service', 'postfix@-.service', 'dovecot.service'];
    const command = [
      'journalctl',
      '-q',
      '--no-pager',
      '-o',
      'json',
      ...units.map((unit) => `_SYSTEMD_UNIT=${unit}`),
    ];
    const fields = '--output-fields=MESSAGE,_SYSTEMD_UNIT';
    const { stdout } = await machine.try([...command, fields]);
    for (const line of stdout.split('\n')) if (line !== '') this.#take(JSON.parse(line) as Entry);
  }

  #take(entry: Entry): void {
    if (this.#seen.has(entry.__CURSOR)) return;
    this.#seen.add(entry.__CURSOR);
    if (typeof entry.MESSAGE !== 'string') return;
    const at = Number(entry.__REALTIME_TIMESTAMP);
    const unit = entry._SYSTEMD_UNIT ?? '';
    const lost = UNSURE.exec(entry.MESSAGE)?.[1];
    if (lost !== undefined) this.unsure.add(elementOf(lost).element);
    for (const { jail, unit: wanted, line } of LINES) {
      const address = wanted.test(unit) ? line.exec(entry.MESSAGE)?.[1] : undefined;
      if (address !== undefined) this.#fail(jail, address, at);
    }
    const client = PAM.exec(entry.MESSAGE)?.[1];
    if (client !== undefined && this.imapClients.has(client)) this.#fail('dovecot', client, at);
  }

  #fail(jail: string, address: string, at: number): void {
    this.failures++;
    const { set, element } = elementOf(address);
    const name = `${set}.${jail}`;
    const banned = this.banned.get(name) ?? new Set();
    this.banned.set(name, banned);
    if (banned.has(element)) return;
    const key = `${name} ${element}`;
    const window = (this.#windows.get(key) ?? []).filter((time) => time > at - FINDTIME_US);
    window.push(at);
    this.#windows.set(key, window);
    if (window.length >= RETRIES_MAX) banned.add(element);
  }

  /** Where the kernel's sets differ: `SET ELEMENT` each. */
  compare(kernel: ReadonlyMap<string, readonly string[]>): { missing: string[]; extra: string[] } {
    const missing: string[] = [];
    const extra: string[] = [];
    for (const [name, elements] of this.banned) {
      const there = new Set(kernel.get(name));
      for (const element of elements) if (!there.has(element)) missing.push(`${name} ${element}`);
    }
    for (const [name, elements] of kernel) {
      if (!/^(?:ban|net)\d/.test(name)) continue;
      for (const element of elements)
        if (!this.banned.get(name)?.has(element) && !this.unsure.has(element))
          extra.push(`${name} ${element}`);
    }
    return { missing, extra };
  }
}
