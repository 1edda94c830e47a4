/** The part that serves the web page (docs/web.md), in a thread of its own. */
import { join } from 'node:path';
import { optional, readFields, wordUpTo } from '../control/fields.js';
import { OPERATOR_CHARS_MAX } from '../core/limits.js';
import { escapeUntrusted } from '../core/text.js';
import type { CompanionConfig } from '../setup/companion-config.js';
import { companionState } from '../setup/paths.js';
import { type CompanionPart, type PartHost, type PartPlan, placesOf } from './part.js';

/** Who asks for a link: a user of the system, as the client says. */
const LINK = { by: optional(wordUpTo(OPERATOR_CHARS_MAX)) };

export async function planWeb(
  { web }: CompanionConfig,
  host: PartHost,
): Promise<PartPlan | undefined> {
  if (!web.enabled) return undefined;
  const { listen, socket, origin, changes, countries } = web;
  const { paths, log } = host;
  const { places, problem } = placesOf('web', web, 9815);
  return {
    name: 'web',
    // The line in which the file of countries is named may move: that begins no page anew.
    configuration: JSON.stringify({ ...web, countries: countries?.file }),
    lines: [`web page on ${places}${changes ? ', which may change bans' : ''}`],
    ...(problem === undefined ? {} : { problem }),
    start: async (failed): Promise<CompanionPart> => {
      if (problem !== undefined) throw problem;
      const { WebThread } = await import('../web/thread.js');
      const thread = await WebThread.start(
        host.webThread,
        {
          ...{ origin, changes, countries, paths },
          places: { port: listen, socket },
          whatIfPath: join(companionState(paths), 'what-if.json'),
        },
        { log: (line) => log('notice', `web: ${escapeUntrusted(line)}`), ended: failed },
      );
      const addresses = thread.view?.addresses.join(' and ');
      return {
        summary: `web page on ${addresses}`,
        status: () => thread.view ?? null,
        orders: {
          link: async (body) => {
            const { by } = readFields(LINK, body);
            return { url: await thread.ask({ what: 'link', user: by ?? null }) };
          },
          'what-if': async (advice) => {
            await thread.ask({ what: 'what-if', advice });
            return {};
          },
        },
        stop: () => thread.stop(),
      };
    },
  };
}
