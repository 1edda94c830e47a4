/** The sliders of the view what-if: their values, and which tried setting they mean. */
import type { WhatIfSetting, WhatIfView } from '../api.js';

export type TriedSettings = NonNullable<WhatIfView['advice']>;

/** The key of the jail that weighs that says at how many points slow attackers are banned. */
const SLOW_SCORE = 'maxretry';

/** What the sliders say; a slow score of null is the configuration's own. */
export interface SliderChoice {
  readonly maxretry: number;
  readonly findtime: number;
  readonly slow: string | null;
}

export function choiceOf({ maxretry, findtime, weighing }: WhatIfSetting): SliderChoice {
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

/** Index of the setting that is configured now. */
export function presentSetting(tried: readonly WhatIfSetting[]): number {
  return Math.max(
    0,
    tried.findIndex(({ lines }) => lines === ''),
  );
}

/**
 * The setting that was tried and lies nearest to a choice: what was moved last is kept to before
 * all else.
 */
export function nearestSetting(
  tried: readonly WhatIfSetting[],
  choice: SliderChoice,
  moved: keyof SliderChoice,
): number {
  const far = (setting: WhatIfSetting) => {
    const own = choiceOf(setting);
    const ratio = (a: number, b: number) => Math.abs(Math.log((a + 1) / (b + 1)));
    const apart: Readonly<Record<keyof SliderChoice, number>> = {
      maxretry: ratio(own.maxretry, choice.maxretry),
      findtime: ratio(own.findtime, choice.findtime),
      slow: own.slow === choice.slow ? 0 : 1,
    };
    const login = setting.login === tried[presentSetting(tried)]?.login ? 0 : 0.5;
    const others = Object.keys(setting.weighing).filter((key) => key !== SLOW_SCORE).length;
    return apart.maxretry + apart.findtime + apart.slow + 1000 * apart[moved] + login + others / 4;
  };
  return tried.reduce(
    (best, setting, i) => (far(setting) < far(tried[best] as WhatIfSetting) ? i : best),
    0,
  );
}
