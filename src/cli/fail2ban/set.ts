/** `set ...` of fail2ban-client. */
import type { ControlClient } from '../../control/client.js';
import { formatPrefix, parsePrefix } from '../../core/address.js';
import { escapeUntrusted } from '../../core/text.js';
import { getOption } from './get.js';
import { NotOk } from './session.js';
import { pythonRepr } from './shapes.js';

/** Verbs that add to or take from an option that is a list. */
const EDITS: Readonly<Record<string, readonly ['add' | 'del', string]>> = {
  addignoreip: ['add', 'ignoreip'],
  delignoreip: ['del', 'ignoreip'],
  addlogpath: ['add', 'logpath'],
  dellogpath: ['del', 'logpath'],
  addjournalmatch: ['add', 'journalmatch'],
  deljournalmatch: ['del', 'journalmatch'],
  addfailregex: ['add', 'failregex'],
  delfailregex: ['del', 'failregex'],
  addignoreregex: ['add', 'ignoreregex'],
  delignoreregex: ['del', 'ignoreregex'],
};

/** `by`: who types, for the record of a ban that is lifted. */
export async function setOption(words: readonly string[], client: ControlClient, by: string): Promise<string> {
  const [jail, verb, ...values] = words;
  if (jail === undefined || verb === undefined)
    throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  if (jail === 'loglevel' || jail === 'dbpurgeage') {
    await client.set({ key: jail, action: 'set', value: verb });
    return getOption([jail], client);
  }
  if (values.length === 0 && verb === 'banip') return '0';
  if (values.length === 0) throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  switch (verb) {
    case 'banip':
      return ban(jail, values, client);
    case 'unbanip':
      return unban(jail, values, client, by);
    case 'attempt':
      // Whatever follows the address are texts of log lines, which Banjour does not keep.
      await client.attempt({ jail, target: values[0] as string, count: Math.max(1, values.length - 1) });
      return '1';
  }
  const edit = EDITS[verb];
  if (edit === undefined) {
    const { value } = await client.set({ jail, key: verb, action: 'set', value: values.join(' ') });
    return known(verb) ? getOption([jail, verb], client) : value;
  }
  const [action, named] = edit;
  // A jail with a "match" of its own does not look at its journalmatch.
  const isMatch = named === 'journalmatch' && ((await client.options(jail)).options['match']?.value ?? '') !== '';
  const key = isMatch ? 'match' : named;
  const members = key === 'ignoreip' ? values : [values.join(' ')];
  for (const value of members) await client.set({ jail, key, action, value });
  return getOption([jail, named], client);
}

function known(verb: string): boolean {
  return !['port', 'protocol', 'blocktype', 'ipv6prefix', 'forgetonsuccess', 'match'].includes(verb);
}

/** Counts who was not banned before, as the real one does. */
async function ban(jail: string, targets: readonly string[], client: ControlClient): Promise<string> {
  const prefixes = new Set(targets.flatMap((text) => parsePrefix(text) ?? []).map(formatPrefix));
  const before = new Set<string>();
  for (const address of prefixes)
    if ((await client.bans({ jail, address })).some(({ target }) => target === address)) before.add(address);
  const { results } = await client.ban({ jail, targets });
  const refused = results.filter(({ done }) => !done);
  const refusedTargets = new Set(refused.flatMap(({ target }) => parsePrefix(target) ?? []).map(formatPrefix));
  const count = [...prefixes].filter((target) => !before.has(target) && !refusedTargets.has(target)).length;
  if (refused.length === 0) return String(count);
  const reasons = refused.map(({ target, message }) => `${escapeUntrusted(target)}: ${escapeUntrusted(message)}`);
  throw new NotOk(`NOK: (${pythonRepr(reasons.join('; '))},)`, String(count));
}

async function unban(jail: string, words: readonly string[], client: ControlClient, by: string): Promise<string> {
  const strict = words[0] === '--report-absent';
  const targets = strict ? words.slice(1) : words;
  const { changed, results } = await client.unban({ jail, targets, by });
  const absent = results.filter(({ done }) => !done).map(({ target }) => target);
  if (!strict || absent.length === 0) return String(changed);
  const message = `not banned: ${pythonRepr(absent)}`;
  throw new NotOk(`NOK: (${pythonRepr(message)},)`, message);
}
