/**
 * `npm run chaos [-- --seed N --minutes M --hosts H]`: a booted Debian 13 under attack while the
 * agent and its host are killed, filled, damaged and set back, in an order that the seed gives;
 * after each step the kernel is compared with an independent recount of the journal. An hour with
 * 3,000 banned hosts unless it is told otherwise. Needs root.
 */
import { parseArgs } from 'node:util';
import { fail, isRoot, openly, say } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const DEFAULTS = { seed: '1', minutes: '60', hosts: '3000' };

/** The three numbers; a word that is none ends the script. */
function numbers() {
  let values;
  try {
    /** @type {Record<string, { type: 'string' }>} */
    const options = Object.fromEntries(
      Object.keys(DEFAULTS).map((name) => [name, { type: 'string' }]),
    );
    ({ values } = parseArgs({ options }));
  } catch (error) {
    fail(`${error.message}\nusage: npm run chaos [-- --seed N --minutes M --hosts H]`);
  }
  return Object.entries({ ...DEFAULTS, ...values }).map(([name, text]) => {
    const number = Number(text);
    if (!(text.trim() !== '' && Number.isFinite(number) && number > 0))
      fail(`--${name} ${text}: not a number above 0`);
    if (name !== 'minutes' && !Number.isInteger(number))
      fail(`--${name} ${text}: not a whole number`);
    // Each host has an IPv4 address and an IPv6 prefix of its own; there are not more prefixes.
    if (name === 'hosts' && number > 50_000) fail(`--hosts ${text}: at most 50000`);
    return text;
  });
}

const words = numbers();
if (!isRoot) fail('containers and network namespaces need root: sudo npm run chaos');
setUp('e2e');
say('root file system');
if (openly(process.execPath, ['dist/test/e2e/lib/prepare.js', 'trixie']) !== 0)
  fail('the root file system could not be built');
say(`seed ${words[0]}, ${words[1]} minutes, ${words[2]} banned hosts`);
process.exitCode = openly(process.execPath, ['dist/test/e2e/chaos/main.js', ...words]);
