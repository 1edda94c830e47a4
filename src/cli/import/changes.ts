/** What another import changes: jails that come and go, and values of those that stay. */
import type { Config, Setting } from '../../config/types.js';
import { hideSecrets } from '../../core/secrets.js';

/** One line for each difference of what is in force, secrets hidden. */
export function changesOf(before: Config | undefined, after: Config | undefined): string[] {
  if (before === undefined || after === undefined) return [];
  const old = new Map(before.jails.map((jail) => [jail.name as string, jail]));
  const lines = differences('', before.origins, after.origins);
  for (const jail of after.jails) {
    const known = old.get(jail.name);
    if (known === undefined) lines.push(`[${jail.name}] is new`);
    else lines.push(...differences(`[${jail.name}] `, known.origins, jail.origins));
    if (known !== undefined && regexes(known) !== regexes(jail)) lines.push(`[${jail.name}] its filter has changed`);
    old.delete(jail.name);
  }
  return [...lines, ...[...old.keys()].map((name) => `[${name}] is no longer enabled`)];
}

function differences(
  prefix: string,
  before: ReadonlyMap<string, Setting>,
  after: ReadonlyMap<string, Setting>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [was, is] = [shown(key, before.get(key)), shown(key, after.get(key))];
    if (before.get(key)?.text === after.get(key)?.text) return [];
    return [was === is ? `${prefix}${key}: what is hidden of ${is} has changed` : `${prefix}${key}: ${was} -> ${is}`];
  });
}

function shown(key: string, setting: Setting | undefined): string {
  const text = hideSecrets(setting?.text ?? '', key)
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? '(none)' : text;
}

function regexes({ intake }: Config['jails'][number]): string {
  const { failregex, ignoreregex, successregex, prefregex } = intake.filter;
  return JSON.stringify(
    [failregex, ignoreregex, successregex]
      .map((list) => list.map(({ text }) => text))
      .concat([[prefregex?.text ?? '']]),
  );
}
