import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { IntakePhase, IntakeStats } from '../../../src/agent/intake/protocol.js';
import { guard } from '../../../src/agent/intake/v8-time-limit.js';
import { CoverageCheck } from '../../../src/agent/probe/coverage.js';
import { probe } from '../../../src/agent/probe/probe.js';
import type { Entry, EntrySource, ReadPosition } from '../../../src/core/entry.js';
import {
  PROBE_ENTRIES_MAX,
  PROBE_LAG_ENTRIES_MAX,
  PROBE_ORIGINS_MAX,
  PROBE_RENEWAL_LOOKS_MAX,
} from '../../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../../src/core/match.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { type EpochMicros, epochMicros, plus } from '../../../src/core/time.js';
import { PROBE_FIRST_MS_MAX } from '../../../src/core/timeouts.js';
import { createSource } from '../../../src/journal/source.js';
import { LiveConfiguration } from '../../../src/setup/live.js';
import { bySource } from '../../../src/setup/setup.js';
import { Host } from '../../control/host.js';
import { canWrite, type FakeEntry, T0, writeJournal } from '../../support/journal-files.js';
import { needs } from '../../support/require.js';
import { fakeTimers } from '../../support/timeouts.js';

/** A folder with a configuration; the journal is written by each test. */
let host: Host;
beforeAll(() => {
  host = new Host();
});
afterAll(() => host.end());

const NOW = epochMicros(T0 + 60_000_000);
const unit = (name: string, identifier = 'x') => ({
  _SYSTEMD_UNIT: name,
  SYSLOG_IDENTIFIER: identifier,
});

interface LookOptions {
  readonly since?: EpochMicros;
  readonly position?: ReadPosition;
  readonly make?: typeof createSource;
  /** Of every jail's filter. */
  readonly loggedby?: 'system';
  /** A journal that is there already. */
  readonly path?: string;
}

function look(entries: readonly FakeEntry[], options: LookOptions = {}) {
  const path = options.path ?? `${host.folder}/probe-${Math.random()}.journal`;
  if (options.path === undefined) writeJournal(path, entries);
  const { loaded } = LiveConfiguration.load({ shippedRoot: host.shipped, adminRoot: host.config });
  const [group] = bySource(loaded.setup.jails).values();
  const plan = {
    since: options.since ?? epochMicros(T0),
    now: NOW,
    sources: [
      {
        id: sourceId('test'),
        source: { kind: 'files' as const, paths: [path] },
        jails: (group?.jails ?? []).map((jail) => ({
          ...jail,
          filter: {
            ...jail.filter,
            ...(options.loggedby !== undefined && { loggedby: options.loggedby }),
          },
        })),
        ...(options.position === undefined ? {} : { position: options.position }),
      },
    ],
  };
  const [report] = probe(plan, options.make ?? createSource, guard);
  if (report === undefined) throw new Error('no report');
  return report;
}
const jailOf = (report: ReturnType<typeof look>, name: string) =>
  report.jails.find(({ jail }) => jail === name);

/** Entries that some jail reads, and one behind them that none does. */
function manyEntries(before: number, last: string): EntrySource {
  const entry = (i: number, message: string, name: string): Entry => ({
    cursor: cursor(`c${i}`),
    realtime: epochMicros(T0 + i),
    message,
    fields: new Map([
      ['_SYSTEMD_UNIT', name],
      ['SYSLOG_IDENTIFIER', 'x'],
    ]),
  });
  let at = 0;
  return {
    id: sourceId('test'),
    open: () => ({ gap: false }),
    next: (max) => {
      const from = at;
      at = Math.min(before + 1, at + max);
      const entries = Array.from({ length: at - from }, (_, i) =>
        from + i < before
          ? entry(from + i, 'x', 'postfix.service')
          : entry(from + i, last, 'saslauthd.service'),
      );
      return { entries, read: at - from, cut: 0, unreadable: 0, ended: false, notices: [] };
    },
    poll: () => undefined,
    close: () => undefined,
  };
}

describe('the probe', () => {
  needs(...canWrite)('sees which matches select anything at all', () => {
    const report = look([{ at: 0, message: 'x', fields: unit('postfix@-.service') }]);
    expect(report.jails.map(({ jail, selects }) => [jail, selects])).toEqual([
      ['postfix-sasl', true],
      ['dovecot', false],
      ['sshd', true],
    ]);
  });

  needs(...canWrite)("finds Debian's other unit of a service that the match does not name", () => {
    const report = look([
      { at: 0, message: 'ready', fields: unit('dovecot@instance.service', 'dovecot') },
    ]);
    expect(jailOf(report, 'dovecot')).toEqual({
      jail: 'dovecot',
      selects: false,
      elsewhere: [{ unit: 'dovecot@instance.service', identifier: 'dovecot', failures: 0 }],
    });
    expect(jailOf(report, 'postfix-sasl')?.elsewhere).toEqual([]);
  });

  needs(...canWrite)('finds failures that no jail reads, whoever logs them', () => {
    const report = look([
      { at: 0, message: 'x', fields: unit('postfix.service') },
      { at: 1, message: 'bad 192.0.2.1', fields: unit('saslauthd.service', 'saslauthd') },
      { at: 2, message: 'bad 192.0.2.2', fields: unit('saslauthd.service', 'saslauthd') },
      { at: 3, message: 'bad 192.0.2.3', fields: unit('postfix.service', 'postfix') },
      { at: 4, message: 'bad 192.0.2.4', fields: unit('banjour.service', 'banjour') },
    ]);
    expect(jailOf(report, 'postfix-sasl')?.elsewhere).toEqual([
      { unit: 'saslauthd.service', identifier: 'saslauthd', failures: 2 },
    ]);
  });

  needs(...canWrite)("finds the user who imitates a service, in the service's own unit too", () => {
    const report = look(
      [
        {
          at: 0,
          message: 'bad 192.0.2.1',
          fields: { ...unit('postfix.service', 'postfix/smtpd'), _UID: '1000' },
        },
        {
          at: 1,
          message: 'bad 192.0.2.2',
          fields: { ...unit('postfix.service', 'postfix/smtpd'), _UID: '104' },
        },
        { at: 2, message: 'bad 192.0.2.3', fields: { SYSLOG_IDENTIFIER: 'dovecot', _UID: '0' } },
        {
          at: 3,
          message: 'quiet',
          fields: { ...unit('session-3.scope', 'dovecot'), _UID: '1000' },
        },
      ],
      { loggedby: 'system' },
    );
    expect(jailOf(report, 'dovecot')?.elsewhere).toEqual([
      { unit: 'postfix.service', identifier: 'postfix/smtpd', uid: '1000', failures: 1 },
      { unit: '', identifier: 'dovecot', uid: '0', failures: 1 },
    ]);
  });

  needs(...canWrite)('compiles the filters only where there is an entry that no jail reads', () => {
    const opened = (...units: readonly string[]) => {
      let fields = 0;
      const make: typeof createSource = (...parts) => {
        const source = createSource(...parts);
        const { open } = source;
        source.open = (match, gate, position) => {
          // The boot of an entry matters to filters alone.
          if (gate.fields.includes('_BOOT_ID')) fields++;
          return open.call(source, match, gate, position);
        };
        return source;
      };
      look(
        units.map((name, at) => ({ at, message: 'x', fields: unit(name) })),
        { make },
      );
      return fields;
    };
    expect(opened('postfix.service', 'banjour.service')).toBe(0);
    expect(opened('postfix.service', 'nginx.service')).toBe(1);
  });

  test.each([
    [PROBE_ENTRIES_MAX - 1, 1],
    [PROBE_ENTRIES_MAX, 0],
  ])(
    'looks through so many entries and no more: behind %i others a failure is found %i times',
    (before, found) => {
      const make = () => manyEntries(before, 'bad 192.0.2.1');
      const { loaded } = LiveConfiguration.load({
        shippedRoot: host.shipped,
        adminRoot: host.config,
      });
      const [group] = bySource(loaded.setup.jails).values();
      const source = {
        id: sourceId('test'),
        source: { kind: 'local' as const },
        jails: group?.jails ?? [],
      };
      const [report] = probe({ since: epochMicros(T0), now: NOW, sources: [source] }, make, guard);
      expect(report?.jails.find(({ jail }) => jail === 'sshd')?.elsewhere.length).toBe(found);
    },
  );

  test.each([
    [PROBE_LAG_ENTRIES_MAX - 1, PROBE_LAG_ENTRIES_MAX],
    [PROBE_LAG_ENTRIES_MAX + 1, PROBE_LAG_ENTRIES_MAX],
  ])('counts %i entries and one more behind the reader as %i', (before, counted) => {
    const { loaded } = LiveConfiguration.load({
      shippedRoot: host.shipped,
      adminRoot: host.config,
    });
    const [group] = bySource(loaded.setup.jails).values();
    const position = { cursor: cursor('none'), time: epochMicros(T0 - 1) };
    const source = {
      id: sourceId('test'),
      source: { kind: 'local' as const },
      jails: group?.jails ?? [],
      position,
    };
    const make = () => manyEntries(before, 'x');
    const [report] = probe({ since: epochMicros(T0), now: NOW, sources: [source] }, make, guard);
    expect(report?.lagEntries).toBe(counted);
  });

  needs(...canWrite)('tells so many origins of one jail and no more', () => {
    const origins = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        at: i,
        message: 'bad 192.0.2.1',
        fields: unit(`other${i}.service`),
      }));
    for (const more of [0, 1])
      expect(jailOf(look(origins(PROBE_ORIGINS_MAX + more)), 'dovecot')?.elsewhere).toHaveLength(
        PROBE_ORIGINS_MAX,
      );
  });

  needs(...canWrite)('looks only at what came since the last look', () => {
    const entries = [
      { at: 1_000_000, message: 'bad 192.0.2.1', fields: unit('saslauthd.service') },
    ];
    expect(
      jailOf(look(entries, { since: epochMicros(T0 + 2_000_000) }), 'dovecot')?.elsewhere,
    ).toEqual([]);
    expect(jailOf(look(entries), 'dovecot')?.elsewhere).toHaveLength(1);
  });

  needs(...canWrite)("reads journald's own word of suppressed messages, and nobody else's", () => {
    const id = 'a596d6fe7bfa4994828e72309e95d61e';
    const report = look([
      {
        at: 0,
        message: 'Suppressed 1234 messages from postfix@-.service',
        fields: { _TRANSPORT: 'driver', MESSAGE_ID: id },
      },
      {
        at: 1,
        message: 'Suppressed 5 messages from forged.service',
        fields: { _TRANSPORT: 'syslog', MESSAGE_ID: id },
      },
      {
        at: 2,
        message: 'Suppressed 6 messages from postfix@-.service',
        fields: { _TRANSPORT: 'driver', MESSAGE_ID: id },
      },
    ]);
    expect(report.suppressed).toEqual([{ unit: 'postfix@-.service', messages: 1240 }]);
  });

  needs(...canWrite)('counts what waits behind a reader, but not what may be on its way', () => {
    const entries = Array.from({ length: 5 }, (_, n) => ({
      at: n * 1_000_000,
      message: 'x',
      fields: unit('postfix.service'),
    }));
    const fresh = { at: 59_000_000, message: 'x', fields: unit('postfix.service') };
    const other = { at: 5_000_000, message: 'x', fields: unit('other.service') };
    // The entry of the position is gone: it goes by time then.
    const lag = (read: number) =>
      look([...entries, other, fresh], {
        position: { cursor: cursor('none'), time: epochMicros(read + 1) },
      }).lagEntries;
    expect([lag(T0), lag(T0 + 2_000_000), lag(T0 + 4_000_000), look(entries).lagEntries]).toEqual([
      4,
      2,
      0,
      null,
    ]);
  });

  needs(...canWrite)('sees what waits behind a reader after the clock was put back', () => {
    const HOUR = 3_600_000_000;
    const entries = [HOUR, HOUR + 1, 10_000_000, 20_000_000].map((at) => ({
      at,
      message: 'x',
      fields: unit('postfix.service'),
    }));
    const path = `${host.folder}/put-back.journal`;
    writeJournal(path, entries);
    const source = createSource({ kind: 'files', paths: [path] }, sourceId('read'));
    source.open(WHOLE_JOURNAL, { literals: undefined, fields: [] }, { at: 'head' });
    const { position } = source.next(2);
    source.close();
    if (position === undefined) throw new Error('nothing read');
    expect(look([], { path, position }).lagEntries).toBe(2);
  });

  test('of a journal that cannot be read says why, and never throws', () => {
    const { loaded } = LiveConfiguration.load({
      shippedRoot: host.shipped,
      adminRoot: host.config,
    });
    const [group] = bySource(loaded.setup.jails).values();
    const source = { kind: 'files' as const, paths: ['/nonexistent.journal'] };
    const plan = {
      since: epochMicros(0),
      now: NOW,
      sources: [{ id: sourceId('x'), source, jails: group?.jails ?? [] }],
    };
    expect(probe(plan, createSource, guard)[0]?.problem).toContain('/nonexistent.journal');
  });
});

describe('the prober', () => {
  const HOUR = 3_600;
  function prober() {
    const { loaded } = LiveConfiguration.load({
      shippedRoot: host.shipped,
      adminRoot: host.config,
    });
    const said: string[] = [];
    const state = {
      now: NOW as EpochMicros,
      isVolatile: false,
      lagEntries: 0,
      elsewhere: [] as { unit: string; identifier: string; uid?: string; failures: number }[],
      suppressed: [] as { unit: string; messages: number }[],
      selects: false,
      stamp: undefined as string | undefined,
      lastEntry: NOW as EpochMicros,
      renewed: 0,
      phase: 'live' as IntakePhase,
    };
    let looks = 0;
    const since: EpochMicros[] = [];
    const made = new CoverageCheck({
      failed: () => undefined,
      setup: () => loaded.setup,
      readers: () =>
        [...bySource(loaded.setup.jails).keys()].map((id) => ({
          id,
          phase: state.phase,
          stats: {
            position: { cursor: cursor(`c${state.lastEntry}`), time: state.lastEntry },
          } as IntakeStats,
          renew: async () => {
            state.renewed++;
          },
        })),
      log: (level, message) => said.push(`${level} ${message}`),
      now: () => state.now,
      stamp: () => state.stamp,
      run: async (plan) => {
        looks++;
        since.push(plan.since);
        return {
          isVolatile: state.isVolatile,
          report: plan.sources.map(({ id, jails }) => ({
            id,
            lagEntries: state.lagEntries,
            suppressed: state.suppressed,
            jails: jails.map(({ jail }) => ({
              jail,
              selects: jail !== 'dovecot' || state.selects,
              elsewhere: jail === 'dovecot' ? state.elsewhere : [],
            })),
          })),
        };
      },
    });
    return { made, said, state, since, looks: () => looks };
  }

  test('first looks once no reader is busy with the past, and not later than the bound', async () => {
    using _ = fakeTimers();
    const looksAfter = async (busy: IntakePhase, milliseconds: number, idle?: IntakePhase) => {
      const { made, state, looks } = prober();
      state.phase = busy;
      made.start();
      await jest.advanceTimersByTimeAsync(milliseconds);
      const before = looks();
      state.phase = idle ?? busy;
      // The next try.
      if (idle !== undefined) await jest.advanceTimersByTimeAsync(3_000);
      made.stop();
      return [before, looks()];
    };
    expect(await looksAfter('live', 3_000)).toEqual([1, 1]);
    expect(await looksAfter('catch-up', 9_000, 'live')).toEqual([0, 1]);
    expect(await looksAfter('waiting', 3_000)).toEqual([1, 1]);
    for (const busy of ['opening', 'warm-up', 'catch-up'] as const) {
      expect(await looksAfter(busy, PROBE_FIRST_MS_MAX - 1)).toEqual([0, 0]);
      expect(await looksAfter(busy, PROBE_FIRST_MS_MAX)).toEqual([1, 1]);
    }
  });

  test('says what is wrong once, and again when it changes', async () => {
    const { made, said, state } = prober();
    state.elsewhere = [{ unit: 'dovecot@-.service', identifier: 'dovecot', failures: 0 }];
    await made.look();
    await made.look();
    expect(said).toEqual([
      'warning dovecot: dovecot@-.service (dovecot) logs, and no jail reads it, while the match (_SYSTEMD_UNIT=dovecot.service) selects nothing at all; if it belongs to this jail, add "_SYSTEMD_UNIT=dovecot@-.service" to its match',
    ]);
    state.elsewhere = [{ unit: 'dovecot@-.service', identifier: 'dovecot', failures: 3 }];
    await made.look();
    expect(said.slice(1)).toEqual([
      expect.stringContaining(
        'warning dovecot: dovecot@-.service (dovecot) logs failures that no jail reads',
      ),
      expect.stringContaining(
        'info no longer: dovecot: dovecot@-.service (dovecot) logs, and no jail reads it',
      ),
    ]);
    expect(made.warnings()).toHaveLength(1);
  });

  test('says who imitates a service, and never offers what users can write to', async () => {
    const { made, state } = prober();
    state.selects = true;
    const said = async (origin: { unit: string; identifier: string; uid?: string }) => {
      state.now = plus(state.now, HOUR + 1);
      state.elsewhere = [{ ...origin, failures: 3 }];
      await made.look();
      return made.warnings()[0] ?? '';
    };
    expect(await said({ unit: 'postfix.service', identifier: 'postfix/smtpd', uid: '1000' })).toBe(
      'dovecot: user 1000 imitates smtpd, in postfix.service: lines of failures, which do not count',
    );
    for (const origin of [
      { unit: 'session-c1.scope', identifier: 'sshd', uid: '1000' },
      { unit: 'session-c1.scope', identifier: 'sshd' },
      { unit: 'user@1000.service', identifier: 'sshd' },
      { unit: 'cron.service', identifier: 'sshd' },
      { unit: '', identifier: 'sshd' },
      { unit: '', identifier: '', uid: '0' },
      { unit: '', identifier: 'sshd', uid: '1000' },
    ])
      expect(await said(origin)).not.toContain('add ');
    expect(await said({ unit: '', identifier: 'sshd', uid: '0' })).toContain(
      'add "+ SYSLOG_IDENTIFIER=sshd _UID=0"',
    );
  });

  test('has a reader that is behind and does not move open the journal anew, less and less often', async () => {
    const { made, said, state } = prober();
    state.selects = true;
    const looks = async (count: number) => {
      for (let i = 0; i < count; i++) await made.look();
      return state.renewed;
    };
    state.lagEntries = 3;
    // Behind, but it moves.
    for (let i = 0; i < 5; i++) {
      state.lastEntry = plus(state.lastEntry, 1);
      expect(await looks(1)).toBe(0);
    }
    expect(await looks(1)).toBe(1);
    expect(said.filter((line) => line.includes('opens the journal anew'))).toHaveLength(1);
    expect(await looks(1)).toBe(1);
    expect(await looks(1)).toBe(2);
    expect(await looks(3)).toBe(2);
    expect(await looks(1)).toBe(3);
    // The pauses have doubled up to the bound, and grow no further.
    await looks(4 * PROBE_RENEWAL_LOOKS_MAX);
    const long = await looks(1);
    expect(await looks(PROBE_RENEWAL_LOOKS_MAX)).toBe(long + 1);
    expect(await looks(PROBE_RENEWAL_LOOKS_MAX)).toBe(long + 2);
    state.lagEntries = 0;
    await looks(1);
    state.lagEntries = 1;
    expect(await looks(1)).toBe(long + 2);
    expect(await looks(1)).toBe(long + 3);
  });

  test('does not look again while nothing is written and all is well, and does when something is', async () => {
    const { made, state, looks } = prober();
    state.selects = true;
    for (const [stamp, times] of [
      ['a', 1],
      ['a', 1],
      ['b', 2],
      [undefined, 3],
      [undefined, 4],
    ] as const) {
      state.stamp = stamp;
      await made.lookIfNew();
      expect(looks()).toBe(times);
    }
    state.stamp = 'c';
    state.lagEntries = 7;
    await made.lookIfNew();
    await made.lookIfNew();
    // Something is wrong: it is looked at until it is right.
    expect(looks()).toBe(6);
  });

  test('forgets what was not seen again for an hour', async () => {
    const { made, state } = prober();
    state.elsewhere = [{ unit: 'dovecot@-.service', identifier: '', failures: 1 }];
    await made.look();
    state.elsewhere = [];
    state.now = plus(NOW, HOUR - 1);
    await made.look();
    expect(made.warnings()).toHaveLength(1);
    state.now = plus(NOW, HOUR + 1);
    expect(made.warnings()).toEqual([]);
  });

  test('looks through what came since the last look, also when the clock was put back', async () => {
    const { made, state, since } = prober();
    await made.look();
    state.now = plus(NOW, 60);
    await made.look();
    state.now = plus(NOW, -HOUR);
    await made.look();
    expect(since[1]).toBeLessThan(NOW);
    expect(since[2]).toBeLessThan(state.now);
  });

  test('forgets after an hour also when the clock was put back', async () => {
    const { made, state } = prober();
    state.elsewhere = [{ unit: 'dovecot@-.service', identifier: '', failures: 1 }];
    await made.look();
    state.elsewhere = [];
    state.now = plus(NOW, -10 * HOUR);
    await made.look();
    expect(made.warnings()).toHaveLength(1);
    state.now = plus(state.now, HOUR + 1);
    expect(made.warnings()).toEqual([]);
  });

  test('a service that only bears the name is no warning while the match selects something', async () => {
    const { made, state } = prober();
    state.selects = true;
    state.elsewhere = [{ unit: 'dovecot-exporter.service', identifier: '', failures: 0 }];
    await made.look();
    expect(made.warnings()).toEqual([]);
  });

  test('warns of suppressed messages of watched units only, of a volatile journal, and of readers that are behind', async () => {
    const { made, state } = prober();
    state.suppressed = [
      { unit: 'postfix@-.service', messages: 12 },
      { unit: 'chatty.service', messages: 99 },
    ];
    state.isVolatile = true;
    state.lagEntries = 7;
    await made.look();
    expect(made.warnings()).toEqual([
      expect.stringContaining('entries wait to be read'),
      expect.stringContaining(
        'journald suppressed messages of postfix@-.service within the last hour',
      ),
      expect.stringContaining('the journal is volatile'),
    ]);
    expect(made.lagOf(sourceId(`directory:${host.journalFolder}`))).toBe(7);
  });

  test('shows names that strangers chose escaped and cut', async () => {
    const { made, state } = prober();
    state.elsewhere = [
      { unit: '', identifier: `\x1b[31mevil\u202e${'x'.repeat(200)}`, failures: 1 },
    ];
    await made.look();
    const [warning = ''] = made.warnings();
    expect(warning).not.toMatch(/[\x1b\u202e]/);
    expect(warning).toContain('\\x1b[31mevil\\u{202e}xxx');
    expect(warning.length).toBeLessThan(500);
  });

  needs(...canWrite)('looks through a journal in a thread of its own', async () => {
    const alive = await new Host().start();
    try {
      alive.append([{ message: 'bad 192.0.2.1', fields: unit('elsewhere.service', 'else') }]);
      await alive.until('it is found', async () => {
        await alive.agent?.stages.coverage.look();
        return (await alive.client().status()).warnings.some((text) =>
          text.includes('elsewhere.service (else)'),
        );
      });
      const doctor = await alive.banjour('status');
      expect(doctor.err).toContain(
        'warning: dovecot: elsewhere.service (else) logs failures that no jail reads',
      );
      expect(doctor.out).toBe(
        'Status\n|- Number of jail:\t3\n`- Jail list:\tdovecot, postfix-sasl, sshd\n',
      );
    } finally {
      await alive.end();
    }
  });
});
