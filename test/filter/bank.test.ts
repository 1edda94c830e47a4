import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { EVENT_COUNT_MAX, USER_CHARS_MAX } from '../../src/core/limits.js';
import { JUDGE_PART_MS, REGEX_LINEAR_GUARD_MS } from '../../src/core/timeouts.js';
import { FilterBank } from '../../src/filter/bank.js';
import { entry, type FilterText, jail } from '../support/filters.js';
import { noGuard, vmGuard } from '../support/guard.js';

const SSH = '_SYSTEMD_UNIT=ssh.service';
const MAIL = '_SYSTEMD_UNIT=postfix@-.service';
const PREFIX = String.raw`^<F-MLFID>\S+ sshd\[\d+\]: </F-MLFID><F-CONTENT>.+</F-CONTENT>$`;

function bank(text: FilterText, match = SSH) {
  return new FilterBank([jail('sshd', match, text)], noGuard);
}

describe('routing', () => {
  const both = () =>
    new FilterBank(
      [
        jail('sshd', SSH, { failregex: ['Failed password from <HOST>'] }),
        jail('postfix', MAIL, { failregex: ['SASL login failed from <HOST>'] }),
        jail('everything', '', {
          failregex: ['failed from <HOST>', 'Failed password from <HOST>'],
        }),
      ],
      noGuard,
    );

  test('an entry reaches only the jails whose match it satisfies', () => {
    const events = both().judge([
      entry('SASL login failed from 192.0.2.1'),
      entry('SASL login failed from 192.0.2.2', { _SYSTEMD_UNIT: 'postfix@-.service' }),
      entry('Failed password from 192.0.2.3'),
    ]).events;
    expect(events.map(({ jail: name, address, regex }) => [name, address.text, regex])).toEqual([
      ['everything', '192.0.2.1', 0],
      ['postfix', '192.0.2.2', 0],
      ['everything', '192.0.2.2', 0],
      ['sshd', '192.0.2.3', 0],
      ['everything', '192.0.2.3', 1],
    ]);
  });

  test("ordinary users' entries reach no filter of a system's daemon, unless the match names their _UID", () => {
    const text: FilterText = { failregex: ['Failed password from <HOST>'], loggedby: 'system' };
    const jails = [
      jail('shipped', SSH, text),
      jail('rootless', `${SSH} + SYSLOG_IDENTIFIER=sshd _UID=1000`, text),
      jail('own', SSH, { failregex: ['Failed password from <HOST>'] }),
    ];
    const heard = (fields: Record<string, string>) =>
      new FilterBank(jails, noGuard)
        .judge([entry('Failed password from 192.0.2.1', fields)])
        .events.map((event) => event.jail);
    expect(heard({ _UID: '0' })).toEqual(['shipped', 'rootless', 'own']);
    expect(heard({ _UID: '104' })).toEqual(['shipped', 'rootless', 'own']);
    expect(heard({})).toEqual(['shipped', 'rootless', 'own']);
    expect(heard({ _UID: '1000', SYSLOG_IDENTIFIER: 'sshd' })).toEqual(['rootless', 'own']);
    expect(heard({ _UID: '1001', SYSLOG_IDENTIFIER: 'sshd' })).toEqual(['own']);
  });

  test('the gate has the literals of all filters, and the fields that matches and lines need', () => {
    const { gate } = both();
    expect(gate.literals).toEqual([
      'Failed password from ',
      'SASL login failed from ',
      'failed from ',
    ]);
    for (const field of ['_SYSTEMD_UNIT', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_PID', '_BOOT_ID'])
      expect(gate.fields).toContain(field);
  });

  test('the routes of the gate tell whose entries a literal matters in; jails of one match share theirs', () => {
    const other = jail('sshd-ddos', SSH, { failregex: ['Connection closed by <HOST>'] });
    const [own, all] = [
      jail('sshd', SSH, { failregex: ['Failed password from <HOST>'] }),
      jail('all', '', { failregex: ['<HOST>'] }),
    ];
    const { routes } = new FilterBank([own, other, all], noGuard).gate;
    expect(routes).toEqual([
      { match: own.match, literals: ['Failed password from ', 'Connection closed by '] },
      { match: all.match, literals: undefined },
    ]);
  });

  test('one filter without literals opens the gate for every entry', () => {
    expect(bank({ failregex: ['^\\S+ \\S+: <HOST>'] }).gate.literals).toBeUndefined();
  });

  test('a message without a literal is counted as routed, not as judged', () => {
    const sshd = bank({ failregex: ['Failed password from <HOST>'] });
    const one = entry('session opened');
    sshd.judge([one]);
    expect(sshd.stats()[0]).toMatchObject({
      routed: { count: 1, last: one.realtime },
      gated: { count: 0, last: 0 },
    });
  });
});

describe('events', () => {
  test('carry address, user, count, time and cursor of their entry', () => {
    const sshd = bank({
      failregex: [
        'auth failed, <F-COUNT>\\d+</F-COUNT> attempts by <F-USER>\\S+</F-USER> at <HOST>',
      ],
    });
    const one = entry('auth failed, 3 attempts by anna at [2001:DB8::0:1]');
    expect(sshd.judge([one]).events).toEqual([
      {
        kind: 'failure',
        jail: 'sshd',
        address: { family: 6, text: '2001:db8::1' },
        user: 'anna',
        count: 3,
        time: one.realtime,
        cursor: one.cursor,
        regex: 0,
      },
    ]);
  });

  test('a count stands between 1 and EVENT_COUNT_MAX', () => {
    const sshd = bank({ failregex: ['failed, <F-COUNT>\\S+</F-COUNT> attempts at <HOST>'] });
    const counts = [
      '0',
      '1',
      String(EVENT_COUNT_MAX),
      String(EVENT_COUNT_MAX + 1),
      '9'.repeat(400),
      'x',
    ].map(
      (count) => sshd.judge([entry(`failed, ${count} attempts at 192.0.2.1`)]).events[0]?.count,
    );
    expect(counts).toEqual([1, 1, EVENT_COUNT_MAX, EVENT_COUNT_MAX, EVENT_COUNT_MAX, 1]);
  });

  test('a user is cut at USER_CHARS_MAX', () => {
    const sshd = bank({ failregex: ['failed user <F-USER>\\S+</F-USER> at <HOST>'] });
    const users = [USER_CHARS_MAX, USER_CHARS_MAX + 1].map(
      (length) =>
        sshd.judge([entry(`failed user ${'u'.repeat(length)} at 192.0.2.1`)]).events[0]?.user
          ?.length,
    );
    expect(users).toEqual([USER_CHARS_MAX, USER_CHARS_MAX]);
  });

  test('what only looks like an address is counted and never becomes an event', () => {
    const sshd = bank({ failregex: ['failed login from <HOST>'], usedns: 'raw' });
    const { events } = sshd.judge([
      entry('failed login from 192.030.0.6'),
      entry('failed login from host.example.com'),
      entry('failed login from 12:34:56'),
    ]);
    expect(events).toEqual([]);
    expect(sshd.stats()[0]).toMatchObject({
      notAnAddress: { count: 2 },
      names: { count: 1 },
      failures: { count: 0 },
    });
  });

  test('with usedns = no a name does not match at all', () => {
    const sshd = bank({ failregex: ['failed login from <HOST>'] });
    expect(sshd.judge([entry('failed login from host.example.com')]).events).toEqual([]);
    expect(sshd.stats()[0]?.names.count).toBe(0);
  });

  test('an id that is no address gives way to the address beside it', () => {
    const sshd = bank({ failregex: ['failed login by <F-ID>\\S+@<ADDR></F-ID>'] });
    expect(sshd.judge([entry('failed login by anna@192.0.2.9')]).events[0]?.address.text).toBe(
      '192.0.2.9',
    );
  });

  test('a success is an event of its own', () => {
    const sshd = bank({
      failregex: ['failed login from <HOST>'],
      successregex: ['good login from <HOST>'],
    });
    expect(sshd.judge([entry('good login from 192.0.2.1')]).events[0]).toMatchObject({
      kind: 'success',
      regex: 0,
    });
    expect(sshd.stats()[0]).toMatchObject({ successes: { count: 1 }, failures: { count: 0 } });
  });

  test('connections join lines of one batch and of several, and end with the boot', () => {
    const sshd = bank({
      prefregex: PREFIX,
      failregex: ['^<F-NOFAIL>Connection</F-NOFAIL> from <HOST>', '^Bad <F-USER>\\S+</F-USER>'],
    });
    expect(sshd.judge([entry('Connection from 192.0.2.1'), entry('Bad root')]).events).toHaveLength(
      1,
    );
    expect(sshd.judge([entry('Bad root')]).events).toHaveLength(1);
    expect(sshd.judge([entry('Bad root', { _BOOT_ID: 'next' })]).events).toEqual([]);
    expect(sshd.stats()[0]?.sessions).toBe(2);
  });

  test('a filter of several lines keeps its window between the entries of a batch', () => {
    const multi = bank({ maxlines: 3, failregex: ['attempt from <HOST><SKIPLINES>.*refused$'] });
    const { events } = multi.judge([
      entry('attempt from 192.0.2.1'),
      entry('noise'),
      entry('refused'),
      entry('refused'),
    ]);
    expect(events.map(({ address }) => address.text)).toEqual(['192.0.2.1']);
  });

  test('an over-long message that comes to nothing is counted', () => {
    const sshd = bank({ failregex: ['failed login[^!]*from <HOST>'] });
    sshd.judge([entry('failed login xx\nyy from 192.0.2.1', {}, 15)]);
    expect(sshd.stats()[0]).toMatchObject({ cut: { count: 1 }, failures: { count: 0 } });
  });
});

test('a filter that cannot be compiled stops the bank with everything that is wrong with it', () => {
  expect(() => bank({ failregex: ['(unclosed <HOST>'] })).toThrow(/filter\.d\/sshd\.conf:10:/);
});

describe('hostile text', () => {
  test('never throws and never hangs the bank', () => {
    const texts: FilterText[] = [
      { failregex: ['^(?:\\S+ ?)*: <HOST>$', 'count <F-COUNT>.*</F-COUNT> <HOST>'] },
      {
        prefregex: PREFIX,
        failregex: ['^User <F-USER>.*</F-USER> from <HOST>'],
        ignoreregex: ['^x'],
      },
      { maxlines: 4, failregex: ['^.*a<SKIPLINES>.*<HOST>'], usedns: 'raw' },
    ];
    const filters = new FilterBank(
      texts.map((text, i) => jail(`jail${i}`, '', text)),
      vmGuard,
    );
    const message = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(
          fc.constantFrom('a', ' ', 'User ', 'from ', '::', '192.0.2.1', 'count ', '\n', '\ud800'),
          {
            maxLength: 60,
          },
        )
        .map((parts) => parts.join('')),
    );
    const field = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(message, field, fc.option(fc.nat(300))), { maxLength: 5 }),
        (entries) => {
          filters.judge(
            entries.map(([text, value, cutAt]) =>
              entry(
                text,
                { _HOSTNAME: value, SYSLOG_IDENTIFIER: value, _BOOT_ID: value },
                cutAt ?? undefined,
              ),
            ),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('a twin has the same regexes and a memory of its own', () => {
  const text: FilterText = {
    prefregex: PREFIX,
    failregex: ['^login failed$', '^<F-NOFAIL>connect from <HOST></F-NOFAIL>$'],
  };
  const first = bank(text);
  const twin = first.twin();
  const connect = entry('connect from 192.0.2.1');
  const failed = entry('login failed');
  first.judge([connect]);
  expect(twin.judge([failed]).events).toEqual([]);
  expect(first.judge([failed]).events.map(({ address }) => address.text)).toEqual(['192.0.2.1']);
  // Its own failure has waited for the address.
  expect(twin.judge([connect]).events).toHaveLength(1);
  expect([first, twin].map((one) => one.stats()[0]?.failures.count)).toEqual([1, 1]);
});

describe('judging in parts', () => {
  afterEach(() => void jest.restoreAllMocks());

  const JAILS = () => [
    jail('single', '', { failregex: ['failed from <HOST>'] }),
    jail('lines', '', { failregex: [String.raw`first <HOST>\n.*failed`], maxlines: 3 }),
  ];
  const ENTRIES = [1, 2, 3, 4].flatMap((i) => [
    entry(`first 192.0.2.${i}`),
    entry(`failed from 198.51.100.${i}`),
  ]);

  test('comes to the same, wherever a part ends', () => {
    const whole = new FilterBank(JAILS(), noGuard).judge(ENTRIES).events;
    expect(whole.length).toBeGreaterThan(4);
    const parts = [...new FilterBank(JAILS(), noGuard).judgeInParts(ENTRIES, 0)];
    expect(parts.length).toBeGreaterThan(ENTRIES.length);
    expect(parts.flatMap(({ events }) => events)).toEqual(whole);
  });

  test.each([
    [JUDGE_PART_MS - 1, 2],
    [JUDGE_PART_MS, 4],
  ])('ends a part when the time is over: lines of %d ms make %d', (lineMs, count) => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    // Nothing is done in time; the linear matcher is the last that is tried.
    const slow = (_: () => void, milliseconds: number) => {
      if (milliseconds === REGEX_LINEAR_GUARD_MS) now += lineMs;
      return false;
    };
    const bank = new FilterBank(JAILS().slice(0, 1), slow);
    const lines = ENTRIES.filter(({ message }) => message.startsWith('failed')).slice(0, 3);
    expect([...bank.judgeInParts(lines, JUDGE_PART_MS)]).toHaveLength(count);
  });
});
