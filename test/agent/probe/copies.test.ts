/**
 * A whole agent, a real journal directory and a file beside it that is believed to be a copy of it.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type CopyPlan, probeCopy } from '../../../src/agent/probe/copies.js';
import type { Entry, EntrySource, SourceSpec } from '../../../src/core/entry.js';
import { PROBE_ENTRIES_MAX } from '../../../src/core/limits.js';
import { cursor, mustJailName, sourceId } from '../../../src/core/names.js';
import { type EpochMicros, epochMicros, plus } from '../../../src/core/time.js';
import { FILES, Host } from '../../control/host.js';

const FILTER =
  '[Definition]\nfailregex = ^(?:.*: )?\\s*\\S+ bad (?:user=<F-USER>\\S+</F-USER> )?<HOST>$\n';
const hosts: Host[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.end();
});

/** An agent whose jail dovecot names a file beside its match. */
async function agent(): Promise<{ host: Host; file: string }> {
  const host = new Host({
    'filter.d/f.conf': FILTER,
    'banjour.local': FILES['banjour.local'] ?? '',
  });
  hosts.push(host);
  const file = join(host.folder, 'mail.log');
  host.write(
    'jail.local',
    `[dovecot]\nenabled = true\nfilter = f\nsource = directory JOURNAL\nmatch = _SYSTEMD_UNIT=dovecot.service\nlogpath = ${file}\nmaxretry = 3\nignoreself = false\n`,
  );
  writeFileSync(file, '');
  await host.start();
  return { host, file };
}

/** A line of 20 seconds ago. */
const dated = (text: string) => `${new Date(Date.now() - 20_000).toISOString()} ${text}\n`;
const source = (host: Host) => host.agent?.stages.setup.jails[0]?.source?.kind;
const banned = async (host: Host) => (await host.client().bans()).length;

describe('a file that is believed to be a copy of the journal', () => {
  test('is read when it holds failures that the journal does not have: they ban, and it is said', async () => {
    const { host, file } = await agent();
    expect(source(host)).toBe('directory');
    for (let i = 0; i < 3; i++) appendFileSync(file, dated(`imap-login: bad user=u${i} 192.0.2.9`));
    await host.agent?.stages.copies.look();
    expect(source(host)).toBe('text');
    await host.until('the ban', async () => (await banned(host)) === 1);
    const said = expect.stringContaining(
      `dovecot: ${file} holds failures that the journal does not have`,
    );
    expect(host.log).toContainEqual(said);
    expect((await host.client().status()).warnings).toContainEqual(said);
    // After a reload of the files it is found out anew.
    expect((await host.banjour('reload')).code).toBe(0);
    expect([source(host), (await host.client().status()).warnings]).toEqual(['directory', []]);
    await host.agent?.stages.copies.look();
    expect(source(host)).toBe('text');
  }, 60_000);

  test('is not read while the journal has its failures, with whatever header', async () => {
    const { host, file } = await agent();
    host.append(
      [
        {
          message: 'imap-login: bad user=u 192.0.2.9',
          fields: { _SYSTEMD_UNIT: 'dovecot.service' },
        },
      ],
      20,
    );
    appendFileSync(file, dated('mx dovecot[7]: imap-login: bad user=u 192.0.2.9'));
    appendFileSync(
      file,
      dated('mx dovecot[7]: message repeated 2 times: [ imap-login: bad user=u 192.0.2.9]'),
    );
    await host.agent?.stages.copies.look();
    expect(source(host)).toBe('directory');
    expect((await host.client().status()).warnings).toEqual([]);
  }, 60_000);

  test('is read when it holds lines of the service, no failure yet, and the journal none at all', async () => {
    const { host, file } = await agent();
    host.write(
      'filter.d/f.conf',
      `${FILTER}prefregex = ^.*imap-login: <F-CONTENT>.+</F-CONTENT>$\n`,
    );
    expect((await host.banjour('reload')).code).toBe(0);
    appendFileSync(file, dated('mx cron[7]: (root) CMD (true)'));
    appendFileSync(file, dated('mx dovecot[7]: imap-login: bad mood, nobody is meant'));
    await host.agent?.stages.copies.look();
    expect(source(host)).toBe('text');
    const said = expect.stringContaining(
      `dovecot: ${file} holds lines of the service that the journal does not have`,
    );
    expect((await host.client().status()).warnings).toContainEqual(said);
  }, 60_000);

  test('is not read for lines of others that are no failures of the jail', async () => {
    const { host, file } = await agent();
    appendFileSync(file, dated('mx cron[7]: (root) CMD (true)'));
    await host.agent?.stages.copies.look();
    expect(source(host)).toBe('directory');
  }, 60_000);
});

describe('a look at the lines of a file', () => {
  const now = epochMicros(1_795_000_000_000_000);
  const f = { text: '^\\S+ bad <HOST>$', place: { file: 'f', line: 1 } };
  const plan: CopyPlan = {
    intake: {
      jail: mustJailName('x'),
      match: { groups: [new Map([['_LOGPATH', ['f']]])] },
      filter: {
        name: 'f',
        failregex: [f],
        ignoreregex: [],
        successregex: [],
        maxlines: 1,
        usedns: 'no',
      } as never,
    },
    files: { kind: 'text', logs: [] },
    journal: { kind: 'local' },
    since: plus(now, -60),
    now,
  };
  const entry = (message: string, ageSeconds: number, i: number): Entry => ({
    cursor: cursor(`c${i}`),
    realtime: plus(now, -ageSeconds) as EpochMicros,
    message,
    fields: new Map([['_LOGPATH', 'f']]),
    whole: true,
  });
  const sourceOf = (entries: readonly Entry[]): EntrySource => {
    let left = entries;
    return {
      id: sourceId('x'),
      open: () => ({ gap: false }),
      next: () => {
        const batch = {
          entries: left,
          read: left.length,
          cut: 0,
          unreadable: 0,
          ended: false,
          notices: [],
        };
        left = [];
        return batch;
      },
      poll: () => undefined,
      close: () => undefined,
    };
  };
  const look = (lines: readonly Entry[], stored: readonly Entry[]) =>
    probeCopy(
      plan,
      (spec) => sourceOf(spec.kind === 'text' ? lines : stored),
      (work) => {
        work();
        return true;
      },
    );

  test.each([
    [5, 1, false],
    [4.999999, 0, true],
  ])('waits for the journal: one of %d seconds ago', (age, missing, undecided) => {
    expect(look([entry('a bad 192.0.2.1', age, 0)], [])).toMatchObject({ missing, undecided });
  });

  test.each([
    ['lines of the service in the file only', ['a: x', 'b bad mood'], [], true],
    ['some of them in the journal', ['a: x', 'b bad mood', 'c bad day'], ['c bad day'], false],
    ['all of them in the journal', ['b bad mood'], ['b bad mood'], false],
    ['only lines of others in the file', ['a: x', 'b: y'], ['b: y'], false],
  ])('by the prefregex of the filter: %s', (_, lines, stored, isElsewhere) => {
    const { filter } = plan.intake;
    const prefregex = {
      text: '^\\S+ <F-CONTENT>bad .+</F-CONTENT>$',
      place: { file: 'f', line: 2 },
    };
    const withPrefix: CopyPlan = {
      ...plan,
      intake: { ...plan.intake, filter: { ...filter, prefregex } as never },
    };
    const entries = (texts: readonly string[]) => texts.map((text, i) => entry(text, 9, i));
    const report = (of: CopyPlan) =>
      probeCopy(
        of,
        (spec) => sourceOf(entries(spec.kind === 'text' ? lines : stored)),
        (work) => {
          work();
          return true;
        },
      );
    expect(report(withPrefix)).toMatchObject({ found: 0, missing: 0, isElsewhere });
    // Without one, nothing tells whose a line is.
    expect(report(plan).isElsewhere).toBe(false);
  });

  test('where there is no journal to read, it has nothing', () => {
    const broken = (spec: SourceSpec): EntrySource => {
      if (spec.kind !== 'text') throw new Error('no journal files');
      return sourceOf([entry('a bad 192.0.2.1', 9, 0)]);
    };
    const report = probeCopy(plan, broken, (work) => {
      work();
      return true;
    });
    expect(report).toMatchObject({ found: 0, missing: 1 });
  });

  test('says nothing of what is missing in a journal that was not read to its end', () => {
    const many = Array.from({ length: PROBE_ENTRIES_MAX }, (_, i) => entry('x', 9, i));
    expect(look([entry('a bad 192.0.2.1', 9, 0)], many)).toMatchObject({ missing: 0 });
    expect(look([entry('a bad 192.0.2.1', 9, 0)], many.slice(1))).toMatchObject({ missing: 1 });
  });

  test('finds control characters as syslog daemons write them', () => {
    const lines = [entry('mx a: b#011bad  192.0.2.1', 9, 0), entry('a bad 192.0.2.2', 9, 1)];
    expect(look(lines, [entry('b\tbad 192.0.2.1', 9, 2)])).toMatchObject({ found: 0, missing: 1 });
  });
});
