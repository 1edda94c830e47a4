import { describe, expect, test } from '@jest/globals';
import { showConfig } from '../../src/config/show.js';
import { ids, load } from './support.js';

const EMPTY = { 'filter.d/empty.conf': '[Definition]\n' };

describe('a jail for bans by hand', () => {
  test('is written with an empty filter, and nothing is said of it', () => {
    const { config, diagnostics } = load({
      'jail.local': '[manual]\nenabled = true\nfilter =\nbantime = 180d\nport = smtp\n',
    });
    expect(diagnostics).toEqual([]);
    expect(config?.jails[0]).toMatchObject({
      name: 'manual',
      source: { kind: 'hand' },
      policy: { counts: 'nothing', bantime: 180 * 86_400 },
      rule: { ports: [{ first: 25, last: 25 }] },
      intake: { match: { groups: [] }, filter: { failregex: [] } },
    });
    expect(config && showConfig(config)).toContain(
      '# reads: nothing: it holds what is banned by hand',
    );
  });

  test('an empty filter file is one too, and a note says so', () => {
    const { config, diagnostics } = load({ ...EMPTY, 'jail.local': '[empty]\nenabled = true\n' });
    expect(config?.jails[0]?.source).toEqual({ kind: 'hand' });
    expect(diagnostics.map(({ level, id }) => [level, id])).toEqual([['note', 'jail.by-hand']]);
  });

  test('a regex of the jail makes an ordinary one of it', () => {
    const jail = '[empty]\nenabled = true\nfailregex = ^bad <HOST>$\nmatch = -u x\n';
    expect(load({ ...EMPTY, 'jail.local': jail }).config?.jails[0]?.policy.counts).toBeUndefined();
    expect(
      ids(load({ ...EMPTY, 'jail.local': jail.replace(/^match.*\n/m, '') }).diagnostics),
    ).toContain('jail.no-match');
  });
});
