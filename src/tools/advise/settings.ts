/**
 * The settings that are tried. Each is a piece of jail.local, read after all other files, so that
 * what is judged is what the lines would do.
 */
import type { JailName } from '../../core/names.js';
import type { JailPolicy } from '../../core/specs.js';
import { type ConfigurationRoots, type Loaded, loadSetup } from '../../setup/load.js';

/** Sections, and of each the keys with their values. */
export type Lines = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What the jails count by; of a setting, or of the configuration as it is. */
export interface SettingValues {
  readonly maxretry: number;
  /** Seconds. */
  readonly findtime: number;
  /** Seconds; null is for good. */
  readonly bantime: number | null;
  readonly login: 'off' | 'watch' | 'on' | 'none';
  /** Keys of the jail that weighs that differ from the configuration. */
  readonly weighing: ReadonlyMap<string, string>;
}

export interface Base {
  readonly loaded: Loaded;
  readonly values: SettingValues;
  /** The jail that weighs, when there is one, enabled or not. */
  readonly login: string | undefined;
  /** Where a key is to be written so that it reaches the jails that count logins. */
  readonly sections: { readonly [key in CountingKey]: readonly string[] };
  /** Jails that state a key themselves and keep it. */
  readonly keeps: readonly { readonly jail: JailName; readonly key: CountingKey }[];
}

type CountingKey = 'maxretry' | 'findtime' | 'bantime';
const COUNTING: readonly CountingKey[] = ['maxretry', 'findtime', 'bantime'];
/** Values that nobody writes: a jail that takes one over follows `[DEFAULT]`. */
const PROBE = { maxretry: '9973', findtime: '99733', bantime: '99787' } as const;

const MAXRETRY: readonly number[] = [2, 3, 5];
const FINDTIME: readonly number[] = [600, 3_600, 86_400];
const BANTIME: readonly number[] = [600, 3_600, 86_400, 604_800];
/** The jail `login`: fewer and more points, and one rule off at a time. */
const WEIGHING: readonly (readonly [string, string])[] = [
  ['maxretry', '3'],
  ['maxretry', '8'],
  ['credit', '7d'],
  ['subnet', '0'],
  ['underattack', '0'],
  ['deadnames', '0'],
];

/** Loads the configuration with lines that are read after everything else. */
export class SettingsLoader {
  readonly #roots: ConfigurationRoots;
  readonly #extraFiles: readonly string[];

  constructor(roots: ConfigurationRoots, extraFiles: readonly string[]) {
    this.#roots = roots;
    this.#extraFiles = extraFiles;
  }

  /** @throws OperatorError when the configuration has errors */
  load(lines: Lines = new Map()): Loaded {
    return loadSetup(this.#roots, {
      extraFiles: this.#extraFiles,
      ...(lines.size === 0 ? {} : { live: lines }),
    });
  }

  /** The configuration as it is. `active`: jails that found something. */
  base(loaded: Loaded, active: ReadonlySet<JailName>): Base {
    const policies = loaded.setup.jails.map(({ policy }) => policy);
    const counting = policies.filter((policy) => isCounting(policy) && active.has(policy.jail));
    const probed = new Map(
      this.load(new Map([['DEFAULT', new Map(Object.entries(PROBE))]])).setup.jails.map(
        ({ policy }) => [policy.jail, policy],
      ),
    );
    const follows = (policy: JailPolicy, key: CountingKey) =>
      String(probed.get(policy.jail)?.[key]) === PROBE[key];
    const sectionsOf = (key: CountingKey) =>
      counting.some((policy) => follows(policy, key))
        ? ['DEFAULT']
        : counting.filter(({ group }) => group !== undefined).map(({ jail }) => jail);
    const sections = {
      maxretry: sectionsOf('maxretry'),
      findtime: sectionsOf('findtime'),
      bantime: sectionsOf('bantime'),
    };
    const first = (key: CountingKey) =>
      counting.find((policy) => follows(policy, key)) ??
      counting.find(({ group }) => group !== undefined) ??
      counting[0];
    const weighing = policies.find(({ counts }) => counts === 'evidence');
    const login = weighing?.jail ?? loaded.config.disabled.find((name) => name === 'login');
    return {
      loaded,
      login,
      sections,
      keeps: counting.flatMap((policy) =>
        COUNTING.filter((key) => sections[key].includes('DEFAULT') && !follows(policy, key)).map(
          (key) => ({ jail: policy.jail, key }),
        ),
      ),
      values: {
        maxretry: first('maxretry')?.maxretry ?? 0,
        findtime: first('findtime')?.findtime ?? 0,
        bantime: first('bantime')?.bantime ?? null,
        login:
          login === undefined
            ? 'none'
            : weighing === undefined
              ? 'off'
              : weighing.watch === true
                ? 'watch'
                : 'on',
        weighing: new Map(),
      },
    };
  }
}

/** How often to ban and after what: with and without the jail that weighs. */
export function firstGrid({ values, login }: Base): readonly SettingValues[] {
  const states = login === undefined ? (['none'] as const) : (['off', 'on'] as const);
  return MAXRETRY.flatMap((maxretry) =>
    FINDTIME.flatMap((findtime) =>
      states.map((state) => ({ ...values, maxretry, findtime, login: state })),
    ),
  );
}

/** Around the best of the first: how long to ban, and the rules of the jail that weighs. */
export function secondGrid(best: SettingValues): readonly SettingValues[] {
  const times = BANTIME.map((bantime) => ({ ...best, bantime }));
  if (best.login !== 'on') return times;
  return [...times, ...WEIGHING.map((one) => ({ ...best, weighing: new Map([one]) }))];
}

/** The lines that make the configuration have these values; none for what it has. */
export function linesOf(base: Base, wanted: SettingValues): Lines {
  const lines = new Map<string, Map<string, string>>();
  const put = (section: string, key: string, value: string) => {
    const keys = lines.get(section) ?? new Map<string, string>();
    lines.set(section, keys);
    keys.set(key, value);
  };
  for (const key of COUNTING)
    if (wanted[key] !== base.values[key])
      for (const section of base.sections[key]) put(section, key, textOf(key, wanted[key]));
  if (base.login === undefined) return lines;
  if (wanted.login !== base.values.login)
    put(
      base.login,
      'enabled',
      { off: 'false', on: 'true', watch: 'watch', none: '' }[wanted.login],
    );
  for (const [key, value] of wanted.weighing) put(base.login, key, value);
  return lines;
}

/** Lengths in fail2ban's manner: `10m`, `1h`, `90s`. */
export function textOf(key: CountingKey, value: number | null): string {
  if (value === null) return '-1';
  if (key === 'maxretry') return String(value);
  for (const [unit, size] of [
    ['w', 604_800],
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const)
    if (value >= size && value % size === 0) return `${value / size}${unit}`;
  return String(value);
}

function isCounting({ counts = 'failures' }: JailPolicy): boolean {
  return counts === 'failures';
}
