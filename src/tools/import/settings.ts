/**
 * `fail2ban.local` and its kin as `banjour.local`: what has a meaning here stays, all else is
 * commented out. A `bantime.formula` becomes the multipliers that it stands for.
 */

import { SETTING_KEYS } from '../../config/schema.js';
import { Section } from '../../config/section.js';
import { parseAllowipv6, parseLoglevel, parseLogtarget } from '../../config/settings.js';
import { type Parsed, parseDuration } from '../../config/values.js';
import type { Diagnostic } from '../../core/finding.js';
import { FORMULA_CHARS_MAX } from '../../core/service-limits.js';
import { DEFAULT_SECTION, type IniDocument } from '../../ini/parse.js';
import type { Report } from '../../ini/report.js';
import { textOf } from '../../ini/value.js';
import { comment, type EditedFile, type TracedText, traced } from './text.js';

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
function obstacle(
  key: string,
  text: string,
): { readonly why: string; readonly fix: string } | undefined {
  const reason = SETTING_KEYS.find((spec) => spec.key === key)?.noMeaning;
  if (reason !== undefined) return { why: `has no meaning here: ${reason}`, fix: 'nothing to do' };
  if (key === 'dbfile')
    return { why: "is fail2ban's database; Banjour keeps its own", fix: 'nothing to do' };
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
      const text =
        document.own(section, option.key) === undefined ? '' : textOf(option.value).trim();
      const told = obstacle(option.key, text);
      if (told === undefined) continue;
      file.setAside(section, option.key, `${option.key}: ${told.why}; ${told.fix}`);
      if (told.fix === 'nothing to do') continue;
      const about: Diagnostic = {
        level: 'note',
        id: 'import.setting',
        message: told.why,
        fix: told.fix,
      };
      report.add({ ...about, place: option.place, section, key: option.key, value: text });
    }
}

/**
 * Settings that the administrator has changed in fail2ban's own file, which an update would have
 * asked about.
 */
export function changedSettings(
  document: IniDocument,
  stockFile: string,
  report: Report,
): TracedText | undefined {
  const reader = new Section(document, 'Definition', report);
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
    if (told !== undefined)
      return [comment(`${key}: ${told.why}; ${told.fix}`), `#- ${key} = ${text}`];
    return [origin, `${key} = ${text.replaceAll('%', '%%')}`];
  });
  return traced([
    [comment(`What was changed in ${stockFile}.`)],
    ['[Definition]'],
    ...lines.map((line) => [line] as const),
  ]);
}

// A `bantime.formula` of the administrator's own as the list of multipliers that it stands for.
// Formulas are Python; here is as much of it as arithmetic needs, and nothing is run.

/** Steps that are kept: as many as fail2ban's own formula has. */
const STEPS = 21;
/** Longer than every ban that can be told apart from one for good. */
const MULTIPLIER_MOST = 1e9;

type Evaluate = (names: ReadonlyMap<string, number>) => number;

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  'math.exp': Math.exp,
  'math.log': (value, base) =>
    base === undefined ? Math.log(value as number) : Math.log(value as number) / Math.log(base),
  'math.sqrt': Math.sqrt,
  'math.pow': Math.pow,
  'math.ceil': Math.ceil,
  'math.floor': Math.floor,
  pow: Math.pow,
  min: Math.min,
  max: Math.max,
  abs: Math.abs,
  int: Math.trunc,
  float: (value) => value as number,
};

/** From loose to tight; `**` binds to the right and before a sign, which no formula needs. */
const LEVELS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  {
    '<': (a, b) => Number(a < b),
    '<=': (a, b) => Number(a <= b),
    '>': (a, b) => Number(a > b),
    '>=': (a, b) => Number(a >= b),
    '==': (a, b) => Number(a === b),
    '!=': (a, b) => Number(a !== b),
  },
  { '<<': (a, b) => a * 2 ** b, '>>': (a, b) => Math.floor(a / 2 ** b) },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  {
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '//': (a, b) => Math.floor(a / b),
    '%': (a, b) => a - b * Math.floor(a / b),
  },
  { '**': (a, b) => a ** b },
];

/**
 * The multipliers for the first, second, ... ban of an address: what the formula makes of
 * `bantime`, divided by `factor`, which is multiplied in again. Undefined when the formula is more
 * than arithmetic, or does not grow with the time.
 */
export function multipliersOf(formula: string, factor: number): readonly number[] | undefined {
  const evaluate = formula.length > FORMULA_CHARS_MAX ? undefined : parse(formula);
  if (evaluate === undefined) return undefined;
  const list: number[] = [];
  for (let count = 0; count < STEPS; count++) {
    const [short, long] = [600, 86_400].map((time) => {
      const names = { 'ban.time': time, 'ban.count': count, banfactor: factor };
      return evaluate(new Map(Object.entries(names))) / time;
    }) as [number, number];
    // What is added, and not multiplied, is no multiplier.
    if (!(short > 0) || Math.abs(short - long) > short * 1e-6) return undefined;
    list.push(Number((Math.min(short, MULTIPLIER_MOST) / factor).toPrecision(6)));
  }
  while (list.length > 1 && list.at(-1) === list.at(-2)) list.pop();
  return list;
}

function parse(text: string): Evaluate | undefined {
  const tokens =
    text.match(
      /\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|[a-z_][\w.]*|\*\*|\/\/|<<|>>|[<>=!]=|[-+*/%<>(),]|\S/gi,
    ) ?? [];
  let at = 0;
  const take = (token: string) => tokens[at]?.toLowerCase() === token && ++at > 0;
  const expect = <T>(value: T | undefined): T => {
    if (value === undefined) throw new SyntaxError('not arithmetic');
    return value;
  };
  const binary = (level: number): Evaluate => {
    const operators = LEVELS[level];
    if (operators === undefined) return unary();
    let left = binary(level + 1);
    for (
      let operator = operators[tokens[at] ?? ''];
      operator !== undefined;
      operator = operators[tokens[at] ?? '']
    ) {
      at++;
      const [first, run, second] = [left, operator, binary(level + 1)];
      left = (names) => run(first(names), second(names));
    }
    return left;
  };
  const choice = (): Evaluate => {
    const yes = binary(0);
    if (!take('if')) return yes;
    const condition = binary(0);
    if (!take('else')) throw new SyntaxError('not arithmetic');
    const no = choice();
    return (names) => (condition(names) !== 0 ? yes(names) : no(names));
  };
  const unary = (): Evaluate => {
    if (take('-')) {
      const value = unary();
      return (names) => -value(names);
    }
    if (take('+')) return unary();
    if (take('(')) {
      const value = choice();
      if (!take(')')) throw new SyntaxError('not arithmetic');
      return value;
    }
    const token = expect(tokens[at++]);
    if (/^[\d.]/.test(token)) return () => Number(token);
    const name = token.toLowerCase();
    if (!take('(')) {
      if (!['ban.time', 'ban.count', 'banfactor'].includes(name))
        throw new SyntaxError('not arithmetic');
      return (names) => names.get(name) as number;
    }
    const run = expect(Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined);
    const values: Evaluate[] = [];
    do values.push(choice());
    while (take(','));
    if (!take(')')) throw new SyntaxError('not arithmetic');
    return (names) => run(...values.map((value) => value(names)));
  };
  try {
    const value = choice();
    return at === tokens.length ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
