/** Which options can be set by hand, and how a change becomes a line of configuration. */
import { JAIL_KEYS } from '../../config/schema.js';
import type { JailConfig } from '../../config/types.js';
import { OperatorError } from '../../core/errors.js';
import { shellWords } from '../../core/text.js';
import type { FileTree } from '../../ini/tree.js';

/** One jail as it is in force. */
export interface LiveJail {
  readonly config: JailConfig;
  /** Set by hand. */
  readonly overrides: ReadonlyMap<string, string>;
  /** The files that it came from, as they were. */
  readonly files: FileTree;
}

export interface LiveChange {
  readonly key: string;
  readonly action: 'set' | 'add' | 'del';
  readonly value: string;
}

/** What a reload is for: these decide whether there is a jail at all, or are read once by other programs. */
const NOT_LIVE: ReadonlySet<string> = new Set([
  'enabled',
  'filter',
  'backend',
  'source',
  'action',
  'destemail',
  'sender',
  'mta',
]);
/** Options that are lists, with what separates their members. */
const LISTS: Readonly<Record<string, ' ' | '\n'>> = {
  ignoreip: ' ',
  logpath: '\n',
  journalmatch: '\n',
  match: '\n',
  failregex: '\n',
  ignoreregex: '\n',
  successregex: '\n',
};

/** Options that can be set by hand. */
export const LIVE_KEYS: readonly string[] = JAIL_KEYS.filter(
  ({ key, noMeaning }) => noMeaning === undefined && !NOT_LIVE.has(key),
).map(({ key }) => key);

/** What is set by hand in the jail after the change. */
export function changedOverrides(name: string, jail: LiveJail, change: LiveChange): Map<string, string> {
  const key = change.key.toLowerCase();
  if (!LIVE_KEYS.includes(key))
    throw new OperatorError(`${JSON.stringify(change.key)} cannot be set in a running agent`, {
      hint: `write it into /etc/banjour/jail.local and reload. Can be set: ${LIVE_KEYS.join(', ')}`,
    });
  // One line per value: a second one could bring its own section.
  if (/[\u0000-\u001f\u007f]/.test(change.value)) throw new OperatorError('the value must be one line of text');
  const overrides = new Map(jail.overrides);
  overrides.set(key, change.action === 'set' ? change.value : edited(name, jail, { ...change, key }));
  return overrides;
}

function edited(name: string, jail: LiveJail, { key, action, value }: LiveChange): string {
  const separator = LISTS[key];
  if (separator === undefined)
    throw new OperatorError(`${key} is one value, not a list`, { hint: `banjour set ${name} ${key} VALUE` });
  const members = membersOf(jail, key, separator);
  if (action === 'add') return (members.includes(value) ? members : [...members, value]).join(separator);
  const index = /^\d+$/.test(value) && separator === '\n' ? Number(value) : members.indexOf(value);
  if (index < 0 || index >= members.length)
    throw new OperatorError(`${JSON.stringify(value)} is not in ${key} of ${name}`, {
      hint:
        key === 'ignoreip'
          ? 'what [DEFAULT] or the host itself exempts holds for all jails: change it in the files'
          : `it has: ${members.join(', ') || 'nothing'}`,
    });
  return members.filter((_, at) => at !== index).join(separator);
}

/** The members of a list as they are in force in this jail alone. */
function membersOf({ config, overrides }: LiveJail, key: string, separator: ' ' | '\n'): string[] {
  const filter = config.intake.filter;
  if (key === 'failregex') return filter.failregex.map(({ text }) => text);
  if (key === 'ignoreregex') return filter.ignoreregex.map(({ text }) => text);
  if (key === 'successregex') return filter.successregex.map(({ text }) => text);
  // A list of [DEFAULT] holds for every jail and is no part of this one's.
  const text =
    overrides.get(key) ?? (key === 'ignoreip' && config.allow.length === 0 ? '' : config.origins.get(key)?.text);
  if (text === undefined) return [];
  const words = separator === ' ' ? (shellWords(text) ?? text.split(/\s+/)) : text.split('\n');
  return words.flatMap((word) => word.split(separator === ' ' ? ',' : '\n')).filter((word) => word.trim() !== '');
}

/** A file of configuration that says what was set by hand. */
export function overlayText(jails: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const lines: string[] = [];
  for (const [name, options] of jails) {
    lines.push(`[${name}]`);
    for (const [key, value] of options)
      lines.push(`${key} = ${value.replaceAll('%', '%%').split('\n').join('\n    ')}`);
  }
  return `${lines.join('\n')}\n`;
}
