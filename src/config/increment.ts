/** `bantime.*`: longer bans for repeat offenders. */
import type { BantimeIncrement } from '../core/specs.js';
import { type Seconds, seconds } from '../core/time.js';
import type { Section } from './section.js';
import { type Parsed, parseBoolean, parseDuration, splitWords } from './values.js';

/** fail2ban's default formula (jail.conf of 1.0 and 1.1): doubles, up to 2^20. */
const DOUBLING = 'ban.Time*(1<<(ban.Countifban.Count<20else20))*banFactor';
/** Its second one: grows by e^factor each time. */
const EXPONENT = 'ban.Time*math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)';
/** Steps of the second one that are kept: with factor 1 the last is 15,000 years. */
const EXPONENT_STEPS = 25;

/** The increment of a jail; undefined when it is off or broken (reported). */
export function readIncrement(reader: Section): BantimeIncrement | undefined {
  if (!reader.parse('bantime.increment', parseBoolean, false)) return undefined;
  const factor = reader.parse('bantime.factor', parseFactor, 1);
  const maxtime = reader.parse<number | null>('bantime.maxtime', parseDuration, null);
  const list = reader.parse('bantime.multipliers', parseMultipliers, undefined);
  return {
    ...(list === undefined
      ? formulaOf(reader, factor)
      : { formula: { kind: 'multipliers', list }, factor }),
    maxtime: maxtime === null || maxtime <= 0 ? null : seconds(maxtime),
    rndtime: seconds(Math.max(0, reader.parse('bantime.rndtime', parseDuration, 0))) as Seconds,
    overalljails: reader.parse('bantime.overalljails', parseBoolean, false),
  };
}

function formulaOf(reader: Section, factor: number): Pick<BantimeIncrement, 'formula' | 'factor'> {
  const text = reader.text('bantime.formula');
  const bare = text.replace(/\s+/g, '');
  if (bare === '' || bare === DOUBLING) return { formula: { kind: 'exponential' }, factor };
  if (bare === EXPONENT) {
    const list = Array.from({ length: EXPONENT_STEPS }, (_, count) =>
      Math.exp(Math.min(count * factor, 40)),
    );
    return { formula: { kind: 'multipliers', list }, factor: 1 };
  }
  reader.error(
    'jail.formula',
    'bantime.formula',
    'only the two formulas of the stock jail.conf are known; Python is not run',
    'write the growth as bantime.multipliers = 1 2 4 8 16, or remove the line for doubling',
    text,
  );
  return { formula: { kind: 'exponential' }, factor };
}

/** A number, or a product or quotient of numbers such as `2.0/2.885385`. */
export function parseFactor(text: string): Parsed<number> {
  const parts = text.replace(/\s+/g, '').split(/(?<=[\d.])([*/])/);
  let value = Number(parts[0]);
  for (let i = 1; i < parts.length; i += 2)
    value = parts[i] === '*' ? value * Number(parts[i + 1]) : value / Number(parts[i + 1]);
  if (Number.isFinite(value) && value > 0) return { value };
  return { problem: 'is not a positive number', fix: 'write e.g. bantime.factor = 1' };
}

/** Positive numbers separated by blanks or commas, at most 100. */
function parseMultipliers(text: string): Parsed<readonly number[] | undefined> {
  const list = splitWords(text).map(Number);
  if (list.length === 0) return { value: undefined };
  if (list.length <= 100 && list.every((one) => Number.isFinite(one) && one > 0))
    return { value: list };
  return {
    problem: 'is not a list of at most 100 positive numbers',
    fix: 'write e.g. bantime.multipliers = 1 2 4 8 16',
  };
}
