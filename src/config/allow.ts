/** `ignoreip` words and `ignorecommand`. */
import { bitsOf, type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import { NAT64_LENGTHS, parseTranslator } from '../core/networks.js';
import type { AllowTerm } from '../core/specs.js';
import { shellWords } from '../core/text.js';
import type { Section } from './section.js';
import { type Parsed, splitWords } from './values.js';

const NAME = /^(?=.{1,253}$)(?!.*\.\.)(?=.*[a-z])[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/i;

/** One word: an address, a prefix (also with a netmask), `file:/path`, or a DNS name. */
export function parseAllowTerm(word: string): Parsed<AllowTerm> {
  if (word.startsWith('file:')) {
    const path = word.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
    if (path.startsWith('/')) return { value: { kind: 'file', path } };
    return {
      problem: `names a file without its folder: "${word}"`,
      fix: 'write file:/etc/banjour/friends',
    };
  }
  const prefix = parsePrefix(withLength(word));
  if (prefix !== undefined) return { value: { kind: 'prefix', prefix } };
  if (NAME.test(word) && !/^[\d.]+$/.test(word))
    return { value: { kind: 'name', name: word.replace(/\.$/, '') } };
  const placeholder = /^<.*>$/.test(word);
  return {
    problem: placeholder
      ? `still has the placeholder "${word}"`
      : `has "${word}", which is no address, prefix or name`,
    fix: placeholder
      ? 'write your address in its place'
      : 'write e.g. 192.0.2.1, 192.0.2.0/24, 2001:db8::/64, host.example.org',
  };
}

/** `10.0.0.0/255.0.0.0` as `10.0.0.0/8`, `2001:db8::/ffff:ffff::` as `2001:db8::/32`. */
function withLength(word: string): string {
  const long = /^([\da-f:.]+)\/([\da-f]*:[\da-f:]+)$/i.exec(word);
  const mask6 = long?.[2] === undefined ? undefined : parseAddress(long[2]);
  if (mask6?.family === 6) {
    const bits = bitsOf(mask6).toString(2).padStart(128, '0');
    return /^1*0*$/.test(bits) ? `${long?.[1]}/${bits.replace(/0+$/, '').length}` : word;
  }
  const mask = /^(.+)\/(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(word);
  if (mask === null) return word;
  const bits = mask
    .slice(2)
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) && bits.length === 32
    ? `${mask[1]}/${bits.replace(/0+$/, '').length}`
    : word;
}

/** The prefixes of `nat64`. */
export function parseTranslators(text: string): Parsed<readonly Prefix[]> {
  const prefixes: Prefix[] = [];
  for (const word of splitWords(text)) {
    const prefix = parseTranslator(word);
    if (prefix === undefined)
      return {
        problem: `has "${word}", which is no prefix of a NAT64`,
        fix: `write e.g. nat64 = 2001:db8:64::/96; its length is one of ${NAT64_LENGTHS.join(', ')}`,
      };
    prefixes.push(prefix);
  }
  return { value: prefixes };
}

/** The terms of `ignoreip`; wrong ones are reported. */
export function readAllow(reader: Section): AllowTerm[] {
  const terms: AllowTerm[] = [];
  for (const word of splitWords(reader.text('ignoreip'))) {
    const parsed = parseAllowTerm(word);
    if ('value' in parsed) terms.push(parsed.value);
    else reader.error('jail.ignoreip', 'ignoreip', parsed.problem, parsed.fix, word);
  }
  return terms;
}

/**
 * Addresses of one's own network: loopback, private (RFC 1918, RFC 4193), link-local. Behind
 * another address in a chain such a one is nearly always a proxy of the house, and to ban it would
 * shut out everybody whom it serves.
 */
export const OWN_NETWORKS: readonly Prefix[] = [
  ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
  ...['::1', 'fc00::/7', 'fe80::/10'],
].flatMap((text) => parsePrefix(text) ?? []);

/**
 * The prefixes of `trusted_proxies`; where it is not stated, one's own networks and the prefixes of
 * `ignoreip` (names and files of that cannot be told apart in a log line).
 */
export function readProxies(reader: Section): readonly Prefix[] {
  const stated = reader.text('trusted_proxies') !== '';
  const prefixes: Prefix[] = stated ? [] : [...OWN_NETWORKS];
  for (const word of splitWords(reader.text(stated ? 'trusted_proxies' : 'ignoreip'))) {
    const parsed = parseAllowTerm(word);
    if ('value' in parsed && parsed.value.kind === 'prefix') prefixes.push(parsed.value.prefix);
    else if (stated)
      reader.error(
        'jail.trusted_proxies',
        'trusted_proxies',
        `has "${word}", which is no address or prefix`,
        'write e.g. trusted_proxies = 172.22.0.0/16 2001:db8::1',
        word,
      );
  }
  return prefixes;
}

/** Tags of `ignorecommand` that each ban fills in with its own values. */
const COMMAND_TAGS = new Set([
  'ip',
  'ip-host',
  'family',
  'F-ID',
  'F-USER',
  'jail',
  'name',
  'time',
  'failures',
]);

/**
 * The command and its arguments; null when there is none. No shell runs it, so what needs one is
 * refused.
 */
export function readIgnorecommand(reader: Section): readonly string[] | null {
  const text = reader.text('ignorecommand');
  if (text === '') return null;
  const script = 'put it into a script and write ignorecommand = /path/to/script <ip>';
  const refuse = (message: string, fix = script): null => {
    reader.error('jail.ignorecommand', 'ignorecommand', message, fix, text);
    return null;
  };
  for (const [, tag = ''] of text.matchAll(/<([\w-]+)>/g))
    if (!COMMAND_TAGS.has(tag))
      return refuse(
        `the tag <${tag}> has no meaning here`,
        `remove it; ${[...COMMAND_TAGS].map((one) => `<${one}>`).join(', ')} have one`,
      );
  if (/[;&|`$(){}<>\n]/.test(text.replace(/<[\w-]+>/g, '')))
    return refuse('it needs a shell, and none is used: attackers choose parts of the arguments');
  const words = shellWords(text);
  if (words === undefined) return refuse('a quote is not closed', 'close it, or remove it');
  if (!words[0]?.startsWith('/'))
    return refuse('the command has no absolute path', 'write e.g. /usr/local/bin/check <ip>');
  return words;
}
