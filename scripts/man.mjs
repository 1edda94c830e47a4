#!/usr/bin/env node
/**
 * Man pages and completion scripts from the table of commands: build/man/*.1, build/completions.
 * Run after a build: node scripts/man.mjs [DIRECTORY]. Nothing but Node is needed;
 * SOURCE_DATE_EPOCH sets the date.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..');
const target = process.argv[2] ?? join(project, 'build');
const { COMMANDS } = await import(join(project, 'dist/src/cli/table.js'));
const { GLOBAL_OPTIONS, optionsOf } = await import(join(project, 'dist/src/cli/command.js'));
const { GENERAL_EXITS } = await import(join(project, 'dist/src/cli/cli.js'));
const { completionScript } = await import(join(project, 'dist/src/cli/completion/scripts.js'));
const { packageVersion } = await import(join(project, 'dist/src/setup/paths.js'));

const date = new Date(
  process.env.SOURCE_DATE_EPOCH ? Number(process.env.SOURCE_DATE_EPOCH) * 1000 : Date.now(),
)
  .toISOString()
  .slice(0, 10);

/**
 * Text for roff: backslashes, dashes that must be typed, and dots and quotes at the beginning of a
 * line.
 */
function text(value) {
  return value
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

const bold = (value) => `\\fB${text(value)}\\fR`;
const italic = (value) => `\\fI${text(value)}\\fR`;

function head(name, summary) {
  return [
    `.TH ${name.toUpperCase().replaceAll('-', '\\-')} 1 "${date}" "Banjour ${packageVersion()}" "Banjour"`,
    '.ad l',
    '.SH NAME',
    `${text(name)} \\- ${text(summary.charAt(0).toLowerCase() + summary.slice(1))}`,
  ];
}

function words({ name, positionals = [] }) {
  const parts = positionals.map((one) => {
    const word = `${italic(one.name.toUpperCase())}${one.many ? ' ...' : ''}`;
    return one.required ? word : `[${word}]`;
  });
  return [bold('banjour'), bold(name), '[options]', ...parts].join(' ');
}

function optionLines(options) {
  return Object.entries(options).flatMap(([name, option]) => {
    const value =
      option.type === 'boolean'
        ? ''
        : ` ${italic(option.choices ? option.choices.join('|') : option.type === 'number' ? 'NUMBER' : 'VALUE')}`;
    const spelled = [
      ...(option.alias === undefined ? [] : [`-${option.alias}`]),
      `--${option.type === 'boolean' && option.default === true ? 'no-' : ''}${name}`,
    ];
    const preset =
      option.default === undefined || option.type === 'boolean'
        ? ''
        : ` (default: ${option.default})`;
    return ['.TP', `${spelled.map(bold).join(', ')}${value}`, text(`${option.describe}${preset}`)];
  });
}

function exitLines(exits) {
  return exits.flatMap(([code, meaning]) => ['.TP', bold(String(code)), text(meaning)]);
}

function page(command) {
  const lines = [
    ...head(`banjour-${command.name}`, command.summary),
    '.SH SYNOPSIS',
    words(command),
    '.SH DESCRIPTION',
  ];
  lines.push(text(`${command.summary}.`));
  for (const paragraph of command.details ?? []) lines.push('.PP', text(paragraph));
  if ((command.positionals ?? []).length > 0) {
    lines.push('.SH ARGUMENTS');
    for (const { name, describe } of command.positionals)
      lines.push('.TP', italic(name.toUpperCase()), text(describe));
  }
  lines.push('.SH OPTIONS', ...optionLines(optionsOf(command)));
  lines.push('.SH EXIT STATUS', ...exitLines([[0, 'done'], ...(command.exits ?? [])]));
  lines.push('.PP', `General exit codes: ${bold('banjour')}(1).`);
  lines.push('.SH EXAMPLES');
  for (const [line, explanation] of command.examples)
    lines.push('.TP', bold(line), text(explanation));
  lines.push('.SH SEE ALSO', `${bold('banjour')}(1)`);
  return `${lines.join('\n')}\n`;
}

function mainPage() {
  const lines = [
    ...head('banjour', 'Bans hosts that attack a mail server, as the systemd journal tells'),
    '.SH SYNOPSIS',
    `${bold('banjour')} ${italic('COMMAND')} [${italic('ARGUMENTS')}] [options]`,
    '.SH DESCRIPTION',
    text(
      'Reads the systemd journal, recognises hosts that attack a mail server, and bans them in nftables.',
    ),
    '.SH COMMANDS',
    ...COMMANDS.flatMap((command) => [
      '.TP',
      `${bold(`banjour-${command.name}`)}(1)`,
      text(command.summary),
    ]),
    '.SH OPTIONS',
    text('Each command takes those that mean something to it.'),
    ...optionLines(GLOBAL_OPTIONS),
    '.SH EXIT STATUS',
    ...exitLines(GENERAL_EXITS),
    '.SH ENVIRONMENT',
    '.TP',
    bold('NO_COLOR'),
    text('Set to anything: no colour, also on a terminal.'),
    '.TP',
    `${bold('BANJOUR_PAGER')}, ${bold('PAGER')}`,
    text('What shows long answers on a terminal (default: less); empty or cat: nothing does.'),
    '.SH FILES',
    ...[
      [
        '/etc/banjour/',
        "the administrator's configuration: jail.local, jail.d/, filter.d/, banjour.local",
      ],
      ['/usr/lib/banjour/', 'the shipped configuration'],
      ['/run/banjour/control.sock', 'changes things; for root'],
      ['/run/banjour/status.sock', 'reads; for a group'],
      ['/var/lib/banjour/ledger.sqlite3', 'bans, history and positions in the journal'],
    ].flatMap(([path, what]) => ['.TP', italic(path), text(what)]),
    '.SH FAIL2BAN',
    text(
      'Called as fail2ban-client or fail2ban-regex (a symbolic link that the administrator makes), Banjour takes the arguments of those programs and answers as they do: banjour-fail2ban(1).',
    ),
    '.SH SEE ALSO',
    `${bold('journalctl')}(1), ${bold('nft')}(8), ${bold('systemd.journal\\-fields')}(7)`,
  ];
  return `${lines.join('\n')}\n`;
}

function fail2banPage(usage, version) {
  const lines = [
    ...head('banjour-fail2ban', 'Banjour under the names of fail2ban-client and fail2ban-regex'),
    '.SH SYNOPSIS',
    `${bold('ln -s /usr/bin/banjour /usr/local/bin/fail2ban-client')}`,
    '.br',
    `${bold('ln -s /usr/bin/banjour /usr/local/bin/fail2ban-regex')}`,
    '.SH DESCRIPTION',
    text(
      `Scripts, monitoring plugins and habits made for fail2ban go on working: the grammar and the answers are those of fail2ban ${version}, to the byte where scripts read them. Exit codes are 0, or 255 for everything that went wrong.`,
    ),
    '.PP',
    text(
      'Start, stop and restart are done by systemd. Options set with "set" hold until reload or restart. Actions cannot be added: Banjour bans in nftables. The pickle socket of the real server is not spoken; programs that open it themselves need the API (docs/api.md).',
    ),
    '.PP',
    '.nf',
    text(usage.trimEnd()),
    '.fi',
    '.SH SEE ALSO',
    `${bold('banjour')}(1), ${bold('banjour\\-test')}(1)`,
  ];
  return `${lines.join('\n')}\n`;
}

const { USAGE } = await import(join(project, 'dist/src/cli/fail2ban/commands.js'));
const { SPOKEN_VERSION } = await import(join(project, 'dist/src/cli/fail2ban/client.js'));
const man = join(target, 'man');
const completions = join(target, 'completions');
for (const folder of [man, completions]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
writeFileSync(join(man, 'banjour.1'), mainPage());
writeFileSync(join(man, 'banjour-fail2ban.1'), fail2banPage(USAGE, SPOKEN_VERSION));
for (const command of COMMANDS)
  writeFileSync(join(man, `banjour-${command.name}.1`), page(command));
for (const [shell, name] of [
  ['bash', 'banjour'],
  ['zsh', '_banjour'],
  ['fish', 'banjour.fish'],
])
  writeFileSync(join(completions, name), completionScript(shell, COMMANDS));
