/**
 * What a start needs beyond a configuration without errors: one list, for the agent before it
 * starts, for `config check` (which the unit runs, and people do) and for `doctor`. An error here
 * keeps the agent from starting, or systemd from trying; a warning is what it goes on without, or
 * waits for.
 */
import { dirname } from 'node:path';
import { Allowlist } from '../allow/allowlist.js';
import { Lists } from '../allow/lists.js';
import type { Config, JailConfig } from '../config/types.js';
import { EXIT, type ExitCode, messageOf, OperatorError } from '../core/errors.js';
import { type Diagnostic, formatDiagnostic } from '../core/finding.js';
import { hideSecrets } from '../core/secrets.js';
import type { AllowTerm } from '../core/specs.js';
import { findProgram } from '../firewall/spawn.js';
import { requireSource } from '../journal/source.js';
import { expandPath } from '../journal/text/paths.js';
import type { StartSurroundings } from './file-access.js';
import { IN_MEMORY, ledgerPathOf } from './setup.js';

/** A diagnostic, and the exit status of the agent that it leads to. */
export interface Need extends Diagnostic {
  readonly exitCode?: ExitCode;
}

/** Settles whether a start can succeed before anything is touched. Never throws. */
export function startNeeds(config: Config, surroundings: StartSurroundings): Need[] {
  return [
    ...logTarget(config, surroundings),
    ...ledger(config, surroundings),
    ...programs(),
    ...ignoreCommands(config, surroundings),
  ];
}

/**
 * The same, and what the agent does not wait for: its sources, lists of exempted hosts, and whom it
 * tells.
 */
export function allNeeds(config: Config, surroundings: StartSurroundings): Need[] {
  const found = [
    ...startNeeds(config, surroundings),
    ...sources(config, surroundings),
    ...lists(config, surroundings),
    ...receivers(config, surroundings),
  ];
  const { agent } = surroundings;
  const sure = found.filter(({ id }) => id !== UNKNOWN);
  const unsure = [
    ...new Set(found.filter(({ id }) => id === UNKNOWN).map(({ message }) => message)),
  ];
  if (!agent.isStranger) return sure;
  return [
    ...sure,
    {
      level: 'note',
      id: 'start.stranger',
      message: `whether the service may use the files named here is known to root only${unsure.length === 0 ? '' : `; not looked at: ${unsure.join(', ')}`}`,
      fix: 'sudo banjour config check',
    },
  ];
}

/** Names of `ignoreip` that do not resolve now; waits for name servers, so no start asks. */
export async function nameNeeds(config: Config): Promise<Need[]> {
  const isName = (term: AllowTerm) => term.kind === 'name';
  const allowlist = new Allowlist({
    ...config.allow,
    terms: config.allow.terms.filter(isName),
    perJail: new Map(
      [...config.allow.perJail].map(([jail, terms]) => [jail, terms.filter(isName)]),
    ),
  });
  await allowlist.refresh();
  return allowlist
    .check()
    .filter(({ id }) => id === 'allow.name')
    .map(({ id, message, fix }) => {
      const own = [...config.allow.perJail].find(([, terms]) =>
        terms.some((term) => term.kind === 'name' && message.startsWith(`ignoreip ${term.name} `)),
      );
      const jail = config.jails.find(({ name, origins }) =>
        own === undefined ? origins.has('ignoreip') : name === own[0],
      );
      return {
        level: 'warning',
        id,
        message: message.replace(/^ignoreip /, ''),
        ...placeOf(jail, 'ignoreip', own !== undefined),
        ...(fix === undefined ? {} : { fix }),
      };
    });
}

/** The errors as the agent ends with them; undefined when there are none. */
export function needsError(needs: readonly Need[]): OperatorError | undefined {
  const errors = needs.filter(({ level }) => level === 'error');
  const [first] = errors;
  if (first === undefined) return undefined;
  return new OperatorError(
    errors.length === 1
      ? formatDiagnostic(first)
      : `a start cannot succeed\n${errors.map(formatDiagnostic).join('\n')}`,
    { hint: 'banjour config check says the same', exitCode: first.exitCode ?? EXIT.config },
  );
}

/** Something that the user of this command cannot tell; `message` names it. */
const UNKNOWN = 'start.unknown';
const unknown = (what: string): Need => ({ level: 'note', id: UNKNOWN, message: what });

function logTarget({ settings, origins }: Config, { agent }: StartSurroundings): Need[] {
  if (typeof settings.logtarget === 'string') return [];
  const { file } = settings.logtarget;
  const trouble = agent.writable(file);
  if (trouble === undefined) return [];
  if (trouble.kind === 'unknown') return [unknown(`logtarget ${file}`)];
  const origin = origins.get('logtarget');
  const why = trouble.kind === 'absent' ? `there is no folder ${dirname(file)}` : trouble.why;
  return [
    {
      level: 'error',
      id: 'start.logtarget',
      message: `the log file cannot be opened: ${why}`,
      ...(origin === undefined ? {} : { place: origin.place, section: 'Definition' }),
      key: 'logtarget',
      value: file,
      fix: 'write logtarget = /var/log/banjour/banjour.log (the service may write there), or logtarget = journal',
      exitCode: EXIT.config,
    },
  ];
}

function ledger({ settings, origins }: Config, { agent, ledgerPath }: StartSurroundings): Need[] {
  const path = ledgerPathOf(settings, ledgerPath);
  if (path === IN_MEMORY) return [];
  const folder = dirname(path);
  const trouble = agent.writable(path);
  if (trouble === undefined) return [];
  if (trouble.kind === 'unknown') return [unknown(`the ledger ${path}`)];
  const origin = path === ledgerPath ? undefined : origins.get('dbfile');
  // The agent protects on a disk that is read-only, and only remembers less.
  const isDisk = trouble.why.includes('read-only');
  return [
    {
      level: isDisk ? 'warning' : 'error',
      id: 'start.ledger',
      message: isDisk
        ? `the ledger ${path} cannot be written: ${trouble.why}; decisions are kept in memory only`
        : `the ledger ${path} cannot be used: ${trouble.kind === 'absent' ? `there is no folder ${folder}` : trouble.why}`,
      ...(origin === undefined
        ? {}
        : { place: origin.place, section: 'Definition', key: 'dbfile', value: path }),
      fix:
        origin === undefined
          ? `the folder must exist and belong to the agent: install -d -o banjour -g banjour -m 0750 ${folder}`
          : `write dbfile = /var/lib/banjour/ledger.sqlite3, or let the service write there: systemctl edit banjour, ReadWritePaths=${folder}`,
      ...(isDisk ? {} : { exitCode: EXIT.cannotCreate }),
    },
  ];
}

function programs(): Need[] {
  if (findProgram('nft') !== undefined) return [];
  return [
    {
      level: 'error',
      id: 'start.nft',
      message: 'nft is not installed, and nobody can be banned without it',
      fix: 'apt install nftables',
      exitCode: EXIT.unavailable,
    },
  ];
}

/** A ban goes on when its command cannot be run; whoever it would have spared is banned. */
function ignoreCommands({ jails }: Config, { agent }: StartSurroundings): Need[] {
  return unique(
    jails.flatMap((jail) => {
      const [program] = jail.ignorecommand ?? [];
      if (program === undefined) return [];
      const trouble = agent.executable(program);
      if (trouble === undefined) return [];
      if (trouble.kind === 'unknown') return [unknown(`ignorecommand ${program}`)];
      return [
        {
          level: 'warning' as const,
          id: 'start.ignorecommand',
          message: `the service cannot run ${program}: ${trouble.why}; bans go on without asking it`,
          ...placeOf(jail, 'ignorecommand'),
          fix:
            trouble.fix ??
            `install the program, or let the user banjour run it: chmod o+rx ${program}`,
        },
      ];
    }),
  );
}

function unreadableJournal(path: string, why: string): OperatorError {
  return new OperatorError(`${path}: ${why}`, {
    hint: 'usermod -aG systemd-journal banjour, then start again',
  });
}

/** Sources that are not there: the agent waits for them, and the others go on. */
function sources({ jails }: Config, { agent }: StartSurroundings): Need[] {
  return unique(
    jails.flatMap((jail): Need[] => {
      const { source } = jail;
      if (source.kind !== 'journal' && source.kind !== 'text') return [];
      if (source.kind === 'journal') {
        const { spec } = source;
        try {
          for (const path of requireSource(spec)) {
            const trouble = agent.readable(path);
            if (trouble !== undefined && trouble.kind !== 'unknown')
              throw unreadableJournal(path, trouble.why);
          }
          return [];
        } catch (error) {
          if (agent.isStranger) return [unknown('the journal')];
          const fix = error instanceof OperatorError ? error.hint : undefined;
          return [
            {
              level: 'warning',
              id: 'start.source',
              message: `it cannot be read now: ${messageOf(error)}; it is tried again, and other sources go on`,
              ...placeOf(jail, 'source'),
              ...(fix === undefined ? {} : { fix }),
            },
          ];
        }
      }
      return source.paths.flatMap(({ path }): Need[] => {
        const [first] = expandPath(path);
        const trouble =
          first === undefined
            ? { kind: 'absent' as const, why: 'it is not there' }
            : agent.readable(first);
        if (trouble === undefined) return [];
        if (trouble.kind === 'unknown') return [unknown(`logpath ${path}`)];
        return [
          {
            level: 'warning',
            id: 'start.logpath',
            message: `${first ?? path} cannot be read: ${trouble.why}${trouble.kind === 'absent' ? ' yet; it is waited for' : ''}`,
            ...placeOf(jail, 'logpath'),
            fix:
              trouble.fix !== undefined
                ? trouble.fix
                : trouble.kind === 'absent'
                  ? 'correct the name, unless the program that writes it has not been started yet'
                  : `let the group systemd-journal or the user banjour read it, e.g. setfacl -m u:banjour:r ${first ?? path}`,
          },
        ];
      });
    }),
  );
}

function lists(config: Config, { agent }: StartSurroundings): Need[] {
  const found: Need[] = [];
  const look = (terms: readonly AllowTerm[], jail: JailConfig | undefined, own: boolean) => {
    for (const term of terms) {
      if (term.kind !== 'file') continue;
      const { path } = term;
      const at = placeOf(jail, 'ignoreip', own);
      const trouble = agent.readable(path);
      if (trouble?.kind === 'unknown') found.push(unknown(`ignoreip file:${path}`));
      else if (trouble !== undefined)
        found.push({
          level: 'warning',
          id: 'start.ignoreip',
          message: `file:${path} cannot be read: ${trouble.why}; nobody is exempted by it`,
          ...at,
          fix: trouble.fix ?? `make it readable for the user banjour: ls -l ${path}`,
        });
      else {
        const list = new Lists();
        list.refresh(new Set([path]));
        const problem = list.problem(path);
        if (problem !== undefined)
          found.push({
            level: 'warning',
            id: 'start.ignoreip',
            message: `file:${path} cannot be read: ${problem}`,
            ...at,
          });
        for (const { line, text } of list.list(path).wrong)
          found.push({
            level: 'warning',
            id: 'start.ignoreip-line',
            message: 'is no address or prefix, and exempts nobody',
            place: { file: path, line },
            value: text,
            fix: 'write one address or prefix per line',
          });
      }
    }
  };
  look(
    config.allow.terms,
    config.jails.find(({ origins }) => origins.has('ignoreip')),
    false,
  );
  for (const [name, terms] of config.allow.perJail)
    look(
      terms,
      config.jails.find((jail) => jail.name === name),
      true,
    );
  return unique(found);
}

/** Programs and files of whoever is told; the companion meets the trouble, the bans do not. */
function receivers({ jails }: Config, { notify }: StartSurroundings): Need[] {
  return unique(
    jails.flatMap((jail) =>
      jail.notify.flatMap((spec): Need[] => {
        const at = placeOf(jail, 'action');
        if (spec.kind === 'exec') {
          const [program = ''] = spec.argv;
          const trouble = notify.executable(program);
          if (trouble === undefined) return [];
          if (trouble.kind === 'unknown') return [unknown(`exec ${program}`)];
          const message = `banjour-companion cannot run ${program}: ${trouble.why}; nobody is told by it`;
          return [
            {
              level: 'warning',
              id: 'start.notify',
              message,
              ...at,
              fix: trouble.fix ?? 'install it, or correct its path',
            },
          ];
        }
        if (spec.kind === 'mail') return [];
        const secrets = [
          ...('file' in spec.url ? [spec.url.file] : []),
          ...(spec.secretFile === null ? [] : [spec.secretFile]),
        ];
        return secrets
          .filter((path) => path.includes('/'))
          .flatMap((path): Need[] => {
            const trouble = notify.readable(path);
            if (trouble === undefined) return [];
            if (trouble.kind === 'unknown') return [unknown(`the secret in ${path}`)];
            return [
              {
                level: 'warning',
                id: 'start.notify',
                message: `banjour-companion cannot read the secret in ${path}: ${trouble.why}; nobody is told by ${spec.kind}`,
                ...at,
                fix:
                  trouble.fix ??
                  `chgrp banjour-companion ${path} && chmod 640 ${path}, or LoadCredential= in the unit (docs/notify.md)`,
              },
            ];
          });
      }),
    ),
  );
}

/** Where a key of a jail stands. A value of `[DEFAULT]` is every jail's, and named once. */
function placeOf(
  jail: JailConfig | undefined,
  key: string,
  own = true,
): Pick<Need, 'place' | 'section' | 'key' | 'value'> {
  const origin = jail?.origins.get(key);
  if (jail === undefined || origin === undefined) return { key };
  const place = { place: origin.place, ...(own ? { section: jail.name } : {}), key };
  // An action is long by the time that its parts are in.
  return key === 'action'
    ? place
    : { ...place, value: hideSecrets(origin.text.split('\n').join(' ').trim(), key) };
}

/** Each finding once per place: jails share values. */
function unique(needs: readonly Need[]): Need[] {
  const keys = needs.map(({ message, place }) => JSON.stringify([message, place]));
  return needs.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
}
