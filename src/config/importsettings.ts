/** `fail2ban.local` and its kin as `banjour.local`: what has a meaning here stays, all else is commented out. */
import type { Diagnostic } from '../core/finding.js';
import type { IniDocument } from '../ini/document.js';
import { DEFAULT_SECTION } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { textOf } from '../ini/value.js';
import { comment, type EditedFile, type TracedText, traced } from './importtext.js';
import { Reader } from './reader.js';
import { SETTING_KEYS } from './schema.js';
import { parseAllowipv6, parseLoglevel, parseLogtarget } from './settings.js';
import { type Parsed, parseDuration } from './values.js';

const PARSERS: Readonly<Record<string, (text: string) => Parsed<unknown>>> = {
  allowipv6: parseAllowipv6,
  loglevel: parseLoglevel,
  logtarget: parseLogtarget,
  dbpurgeage: parseDuration,
};
/** What fail2ban's own file says in every version. */
const STOCK: Readonly<Record<string, string>> = {
  loglevel: 'info',
  logtarget: '/var/log/fail2ban.log',
  allowipv6: 'auto',
  dbpurgeage: '1d',
};
/** ProtectSystem=strict and LogsDirectory= of the unit leave it one folder for logs. */
const LOGS = '/var/log/banjour/';
const SECTIONS = [DEFAULT_SECTION, 'Definition', 'Thread'] as const;

/** Why a setting does not come along, and what to do; undefined when it does. */
function obstacle(key: string, text: string): { readonly why: string; readonly fix: string } | undefined {
  const reason = SETTING_KEYS.find((spec) => spec.key === key)?.noMeaning;
  if (reason !== undefined) return { why: `has no meaning here: ${reason}`, fix: 'nothing to do' };
  if (key === 'dbfile') return { why: "is fail2ban's database; Banjour keeps its own", fix: 'nothing to do' };
  const parsed = PARSERS[key]?.(text);
  if (parsed !== undefined && 'problem' in parsed)
    return { why: `${parsed.problem} and was not taken over`, fix: parsed.fix };
  if (key === 'logtarget' && text.startsWith('/') && !text.startsWith(LOGS))
    return {
      why: 'the service may not write this log file, so the log goes to the journal',
      fix: `nothing to do; logtarget = ${LOGS}banjour.log writes a file`,
    };
  return undefined;
}

/** Comments out what does not come along; it is noted. */
export function editSettings(file: EditedFile, document: IniDocument, report: Report): void {
  for (const section of SECTIONS)
    for (const option of file.options(section)) {
      const text = document.own(section, option.key) === undefined ? '' : textOf(option.value).trim();
      const told = obstacle(option.key, text);
      if (told === undefined) continue;
      file.setAside(section, option.key, `${option.key}: ${told.why}; ${told.fix}`);
      if (told.fix === 'nothing to do') continue;
      const about: Diagnostic = { level: 'note', id: 'import.setting', message: told.why, fix: told.fix };
      report.add({ ...about, place: option.place, section, key: option.key, value: text });
    }
}

/** Settings that the administrator has changed in fail2ban's own file, which an update would have asked about. */
export function changedSettings(document: IniDocument, stockFile: string, report: Report): TracedText | undefined {
  const reader = new Reader(document, 'Definition', report);
  const changed = Object.keys(STOCK).filter((key) => {
    const file = document.option('Definition', key)?.place.file;
    return file === stockFile && reader.text(key).toLowerCase() !== STOCK[key];
  });
  if (changed.length === 0) return undefined;
  const lines = changed.flatMap((key) => {
    const text = reader.text(key);
    const place = document.option('Definition', key)?.place;
    const told = obstacle(key, text);
    if (told !== undefined) reader.note('import.setting', key, told.why, told.fix, text);
    const origin = `# ${place?.file}:${place?.line}`;
    if (told !== undefined) return [comment(`${key}: ${told.why}; ${told.fix}`), `#- ${key} = ${text}`];
    return [origin, `${key} = ${text.replaceAll('%', '%%')}`];
  });
  return traced([
    [comment(`What was changed in ${stockFile}.`)],
    ['[Definition]'],
    ...lines.map((line) => [line] as const),
  ]);
}
