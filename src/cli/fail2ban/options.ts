/** `get` and `set` of fail2ban-client; what lists bans stands in `commands.ts`. */
import { parseDuration } from '../../config/values.js';
import type { ControlClient } from '../../control/client.js';
import type { JailView, OptionsView } from '../../control/protocol.js';
import { formatPrefix, parsePrefix } from '../../core/address.js';
import { escapeUntrusted } from '../../core/text.js';
import { NotOk } from './session.js';
import { backendOf, listText, pythonRepr } from './shapes.js';

type Answer = (view: { readonly options: OptionsView; readonly jail: JailView }) => string;

const text =
  (key: string, fallback = ''): Answer =>
  ({ options }) =>
    options.options[key]?.value || fallback;

const flag =
  (key: string): Answer =>
  ({ options }) =>
    pythonRepr(/^(?:1|on|true|yes)$/i.test(options.options[key]?.value ?? ''));

/** As Python prints it: `None` where no file states the option, `True` and `False`. */
const extra =
  (key: string): Answer =>
  ({ options }) => {
    const option = options.options[key];
    if (option === undefined || (option.place === undefined && !option.live)) return 'None';
    return /^(?:true|false)$/i.test(option.value)
      ? pythonRepr(/^true$/i.test(option.value))
      : option.value;
  };

const regexes = (list: readonly string[]) =>
  list.length === 0
    ? 'No regular expression is defined'
    : listText(
        'The following regular expression are defined:',
        list.map((regex, index) => `[${index}]: ${regex}`),
      );

/** Options of a jail. Numbers are in seconds, as the real one answers. */
const OF_JAIL: Readonly<Record<string, Answer>> = {
  bantime: ({ jail }) => String(jail.bantimeSeconds ?? -1),
  findtime: ({ jail }) => String(jail.findtimeSeconds),
  maxretry: ({ jail }) => String(jail.maxretry),
  ignoreip: ({ options }) => ignoreipText(options),
  ignoreself: flag('ignoreself'),
  ignorecommand: text('ignorecommand', 'False'),
  ignorecache: text('ignorecache', 'None'),
  journalmatch: ({ jail }) =>
    jail.files === undefined
      ? `Current match filter:\n${jail.match}`
      : 'No journal match filter set',
  logpath: ({ jail }) =>
    jail.files === undefined
      ? 'No file is currently monitored'
      : listText('Current monitored log file(s):', jail.files),
  logencoding: ({ options }) => {
    const encoding = options.options['logencoding']?.value ?? 'auto';
    return `Current log encoding is set to:\n${encoding === 'auto' ? 'UTF-8' : encoding}`;
  },
  failregex: ({ options }) => regexes(options.failregex ?? []),
  ignoreregex: ({ options }) => regexes(options.ignoreregex ?? []),
  prefregex: text('prefregex'),
  usedns: text('usedns', 'no'),
  maxlines: text('maxlines', '1'),
  maxmatches: ({ options, jail }) => options.options['maxmatches']?.value ?? String(jail.maxretry),
  datepattern: ({ options }) =>
    `Current date pattern set to: ${options.options['datepattern']?.value || 'Not set/required'}`,
  actions: ({ jail }) => `The jail ${jail.jail} has the following actions:\nnftables`,
  backend: ({ jail }) => backendOf(jail),
  ...Object.fromEntries(
    ['increment', 'factor', 'formula', 'multipliers', 'maxtime', 'rndtime', 'overalljails'].map(
      (name) => [`bantime.${name}`, extra(`bantime.${name}`)],
    ),
  ),
};

const OF_AGENT: Readonly<Record<string, (options: OptionsView['options']) => string>> = {
  loglevel: (options) =>
    `Current logging level is ${pythonRepr(options['loglevel']?.value ?? 'INFO')}`,
  logtarget: (options) =>
    `Current logging target is:\n\`- ${options['logtarget']?.value ?? 'journal'}`,
  syslogsocket: () => 'Current syslog socket is:\n`- auto',
  dbfile: (options) => `Current database file is:\n\`- ${options['dbfile']?.value ?? ''}`,
  dbpurgeage: (options) => {
    const parsed = parseDuration(options['dbpurgeage']?.value ?? '');
    return `Current database purge age is:\n\`- ${'value' in parsed ? parsed.value : 0}seconds`;
  },
  dbmaxmatches: () => '10',
};

/** Networks stand before single addresses, as in the real one. */
function ignoreipText({ ignoreip = [] }: OptionsView): string {
  const ordered = [
    ...ignoreip.filter((term) => term.includes('/')),
    ...ignoreip.filter((term) => !term.includes('/')),
  ];
  return ordered.length === 0
    ? 'No IP address/network is ignored'
    : listText('These IP addresses/networks are ignored:', ordered);
}

export async function getOption(
  [first, key]: readonly string[],
  client: ControlClient,
): Promise<string> {
  if (first === undefined)
    throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  const ofAgent = OF_AGENT[first];
  if (ofAgent !== undefined) return ofAgent((await client.options()).options);
  if (key === undefined)
    throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  const answer = OF_JAIL[key];
  const { jails } = await client.status();
  const jail = jails.find((one) => one.jail === first);
  if (jail === undefined)
    throw new NotOk(`NOK: (${pythonRepr(first)},)`, `Sorry but the jail '${first}' does not exist`);
  if (answer === undefined)
    throw new NotOk(
      "NOK: ('Invalid command (no get action or not yet implemented)',)",
      'Invalid command (no get action or not yet implemented)',
    );
  return answer({ options: await client.jailOptions({ jail: first }), jail });
}

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

/** `by`: who types, for the record of a ban and of its end. */
export async function setOption(
  words: readonly string[],
  client: ControlClient,
  by: string,
): Promise<string> {
  const [jail, verb, ...values] = words;
  if (jail === undefined || verb === undefined)
    throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  if (jail === 'loglevel' || jail === 'dbpurgeage') {
    await client.set({ key: jail, action: 'set', value: verb });
    return getOption([jail], client);
  }
  if (values.length === 0 && verb === 'banip') return '0';
  if (values.length === 0)
    throw new NotOk("NOK: ('list index out of range',)", 'Sorry but the command is invalid');
  switch (verb) {
    case 'banip':
      return ban(jail, values, client, by);
    case 'unbanip':
      return unban(jail, values, client, by);
    case 'attempt':
      // Whatever follows the address are texts of log lines, which Banjour does not keep.
      await client.attempt({
        jail,
        target: values[0] as string,
        count: Math.max(1, values.length - 1),
      });
      return '1';
  }
  const edit = EDITS[verb];
  if (edit === undefined) {
    const { value } = await client.set({ jail, key: verb, action: 'set', value: values.join(' ') });
    return known(verb) ? getOption([jail, verb], client) : value;
  }
  const [action, named] = edit;
  // A jail with a "match" of its own does not look at its journalmatch.
  const isMatch =
    named === 'journalmatch' &&
    ((await client.jailOptions({ jail })).options['match']?.value ?? '') !== '';
  const key = isMatch ? 'match' : named;
  const members = key === 'ignoreip' ? values : [values.join(' ')];
  for (const value of members) await client.set({ jail, key, action, value });
  return getOption([jail, named], client);
}

function known(verb: string): boolean {
  return !['port', 'protocol', 'blocktype', 'ipv6prefix', 'forgetonsuccess', 'match'].includes(
    verb,
  );
}

/** Counts who was not banned before, as the real one does. */
async function ban(
  jail: string,
  targets: readonly string[],
  client: ControlClient,
  by: string,
): Promise<string> {
  const prefixes = new Set(targets.flatMap((text) => parsePrefix(text) ?? []).map(formatPrefix));
  const before = new Set<string>();
  for (const address of prefixes)
    if ((await client.bans({ jail, address })).some(({ target }) => target === address))
      before.add(address);
  const { results } = await client.ban({ jail, targets, by });
  const refused = results.filter(({ done }) => !done);
  const refusedTargets = new Set(
    refused.flatMap(({ target }) => parsePrefix(target) ?? []).map(formatPrefix),
  );
  const count = [...prefixes].filter(
    (target) => !before.has(target) && !refusedTargets.has(target),
  ).length;
  if (refused.length === 0) return String(count);
  const reasons = refused.map(
    ({ target, message }) => `${escapeUntrusted(target)}: ${escapeUntrusted(message)}`,
  );
  throw new NotOk(`NOK: (${pythonRepr(reasons.join('; '))},)`, String(count));
}

async function unban(
  jail: string,
  words: readonly string[],
  client: ControlClient,
  by: string,
): Promise<string> {
  const strict = words[0] === '--report-absent';
  const targets = strict ? words.slice(1) : words;
  const { changed, results } = await client.unban({ jail, targets, by });
  const absent = results.filter(({ done }) => !done).map(({ target }) => target);
  if (!strict || absent.length === 0) return String(changed);
  const message = `not banned: ${pythonRepr(absent)}`;
  throw new NotOk(`NOK: (${pythonRepr(message)},)`, message);
}
