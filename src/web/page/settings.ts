/** Among the settings that were tried: what sliders may say, and which one they mean. */
import type { WhatIfSetting, WhatIfView } from '../api.js';

export type Advice = NonNullable<WhatIfView['advice']>;

/** The key of the jail that weighs at which slow attackers are banned. */
export const SLOW_SCORE = 'slow-score';

/** What the sliders say; a slow score of null is the configuration's own. */
export interface Choice {
  readonly maxretry: number;
  readonly findtime: number;
  readonly slow: string | null;
}

export function choiceOf({ maxretry, findtime, weighing }: WhatIfSetting): Choice {
  return { maxretry, findtime, slow: weighing[SLOW_SCORE] ?? null };
}

/** The different values of each slider, lowest first. */
export function stepsOf(tried: readonly WhatIfSetting[]) {
  const choices = tried.map(choiceOf);
  const sorted = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);
  const slow = [...new Set(choices.map((one) => one.slow))];
  return {
    maxretry: sorted(choices.map((one) => one.maxretry)),
    findtime: sorted(choices.map((one) => one.findtime)),
    slow: slow.sort((a, b) => (a === null ? -1 : b === null ? 1 : Number(a) - Number(b))),
  };
}

/**
 * The setting that was tried and lies nearest to a choice: what was moved last is kept to before
 * all else.
 */
export function nearestSetting(
  tried: readonly WhatIfSetting[],
  choice: Choice,
  moved: keyof Choice,
): number {
  const far = (setting: WhatIfSetting) => {
    const own = choiceOf(setting);
    const ratio = (a: number, b: number) => Math.abs(Math.log((a + 1) / (b + 1)));
    const apart: Readonly<Record<keyof Choice, number>> = {
      maxretry: ratio(own.maxretry, choice.maxretry),
      findtime: ratio(own.findtime, choice.findtime),
      slow: own.slow === choice.slow ? 0 : 1,
    };
    const login = setting.login === tried[0]?.login ? 0 : 0.5;
    return apart.maxretry + apart.findtime + apart.slow + 1000 * apart[moved] + login;
  };
  return tried.reduce(
    (best, setting, i) => (far(setting) < far(tried[best] as WhatIfSetting) ? i : best),
    0,
  );
}
