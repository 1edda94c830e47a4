import { afterEach, describe, expect, test } from '@jest/globals';
import { type Address, parseAddress } from '../../src/core/address.js';
import {
  WHOIS_ANSWER_BYTES_MAX,
  WHOIS_CACHE_MAX,
  WHOIS_HOPS_MAX,
  WHOIS_LINE_CHARS_MAX,
  WHOIS_LINES_MAX,
} from '../../src/core/service-limits.js';
import { WHOIS_CACHE_MS, WHOIS_DEADLINE_MS } from '../../src/core/timeouts.js';
import { Whois, type WhoisOptions } from '../../src/notify/whois.js';
import { Timeouts } from '../support/timeouts.js';
import { until } from '../support/until.js';
import { whoisServer } from './support.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function server(answer: (query: string) => string | undefined) {
  const made = await whoisServer(answer);
  closing.push(made.close);
  return made;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

const at = (port: number) => ({ host: '127.0.0.1', port });

describe('whois', () => {
  test('is one line to the root and one to the registry that it refers to', async () => {
    const registry = await server(
      () => '% a comment\r\n\r\ninetnum: 198.51.100.0 - 198.51.100.255\r\nabuse: a@b.test\r\n',
    );
    const root = await server(() => 'refer:        whois.ripe.net\n\nsource: IANA\n');
    const asked: string[] = [];
    const whois = new Whois({
      server: at(root.port),
      referral: (host) => {
        asked.push(host);
        return host === 'whois.ripe.net' ? at(registry.port) : undefined;
      },
    });
    expect(await whois.ask(address('198.51.100.7'))).toBe(
      'inetnum: 198.51.100.0 - 198.51.100.255\nabuse: a@b.test',
    );
    expect([root.queries, registry.queries, asked]).toEqual([
      ['198.51.100.7\r\n'],
      ['198.51.100.7\r\n'],
      ['whois.ripe.net'],
    ]);
  });

  test('keeps what the root said when the registry is gone', async () => {
    const root = await server(() => 'refer: whois.ripe.net\nnetname: TEST\n');
    const whois = new Whois({ server: at(root.port), referral: () => at(1) });
    expect(await whois.ask(address('198.51.100.7'))).toContain('netname: TEST');
  });

  test('asks so many servers and no more, however far it is sent on', async () => {
    const chain = await Promise.all(
      Array.from({ length: WHOIS_HOPS_MAX + 1 }, (_, i) =>
        server(() => `refer: whois${i + 1}.test\nnetname: N${i}\n`),
      ),
    );
    const referral = (host: string) => at(chain[Number(/\d+/.exec(host)?.[0])]?.port ?? 1);
    const whois = new Whois({ server: at(chain[0]?.port ?? 1), referral });
    expect(await whois.ask(address('198.51.100.7'))).toContain(`netname: N${WHOIS_HOPS_MAX - 1}`);
    expect(chain.map(({ queries }) => queries.length)).toEqual([
      ...Array<number>(WHOIS_HOPS_MAX).fill(1),
      0,
    ]);
  });

  test('is asked again when the answer is as old as the bound says', async () => {
    const root = await server(() => 'netname: TEST\n');
    let now = 0;
    const whois = new Whois({ server: at(root.port), now: () => now });
    const ask = () => whois.ask(address('198.51.100.7'));
    await ask();
    now = WHOIS_CACHE_MS - 1;
    await ask();
    expect(root.queries).toHaveLength(1);
    now = WHOIS_CACHE_MS;
    await ask();
    expect(root.queries).toHaveLength(2);
  });

  test('has as long to answer, all servers together, as the bound says', async () => {
    using timeouts = new Timeouts();
    const root = await server(() => undefined);
    const failed: string[] = [];
    const answer = new Whois({
      server: at(root.port),
      failed: (reason) => failed.push(reason),
    }).ask(address('198.51.100.7'));
    timeouts.pass(WHOIS_DEADLINE_MS - 1);
    await until('the server is asked', () => root.queries.length > 0);
    expect(failed).toEqual([]);
    timeouts.pass(1);
    expect(await answer).toBeUndefined();
    expect(failed).toEqual(['127.0.0.1 did not answer in time']);
  });

  test('never follows a circle', async () => {
    const root = await server(() => 'refer: whois.ripe.net\n');
    const whois = new Whois({ server: at(root.port), referral: () => at(root.port) });
    await whois.ask(address('198.51.100.7'));
    expect(root.queries).toHaveLength(1);
  });

  test.each(['localhost', '127.0.0.1', 'evil.test', '10.0.0.1', 'whois', 'whois.a.b.c.d.e'])(
    'does not ask %s because a server says so',
    async (host) => {
      const root = await server(() => `refer: ${host}\nnetname: TEST\n`);
      const failures: string[] = [];
      const whois = new Whois({ server: at(root.port), failed: (reason) => failures.push(reason) });
      expect(await whois.ask(address('198.51.100.7'))).toContain('TEST');
      expect([root.queries.length, failures]).toEqual([1, []]);
    },
  );

  test('gives up at its deadline', async () => {
    const root = await server(() => undefined);
    const failures: string[] = [];
    const whois = new Whois({
      server: at(root.port),
      deadlineMs: 50,
      failed: (reason) => failures.push(reason),
    });
    expect(await whois.ask(address('198.51.100.7'))).toBeUndefined();
    expect(failures).toEqual(['127.0.0.1 did not answer in time']);
  });

  test('asks once for a network, also for several questions at the same time, and again after no answer', async () => {
    let silent = true;
    const root = await server(() => (silent ? '' : 'netname: TEST\n'));
    const whois = new Whois({ server: at(root.port) });
    expect(await whois.ask(address('198.51.100.7'))).toBeUndefined();
    silent = false;
    const answers = await Promise.all(
      ['198.51.100.7', '198.51.100.8'].map((text) => whois.ask(address(text))),
    );
    expect(answers).toEqual(['netname: TEST', 'netname: TEST']);
    expect(root.queries).toHaveLength(2);
    await whois.ask(address('198.51.101.1'));
    expect(root.queries).toHaveLength(3);
  });

  test('never asks about private addresses', async () => {
    const root = await server(() => 'netname: TEST\n');
    const whois = new Whois({ server: at(root.port) });
    for (const text of [
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '172.31.9.9',
      '127.0.0.1',
      '100.64.0.1',
      'fd00::1',
      'fe80::1',
      '::1',
    ])
      expect([text, await whois.ask(address(text))]).toEqual([text, undefined]);
    expect(await whois.ask(address('172.32.0.1'))).toBe('netname: TEST');
  });

  test.each([
    [WHOIS_LINES_MAX, WHOIS_LINES_MAX],
    [WHOIS_LINES_MAX + 1, WHOIS_LINES_MAX + 1],
    [5 * WHOIS_LINES_MAX, WHOIS_LINES_MAX + 1],
  ])('of %i lines %i are kept', async (lines, kept) => {
    const root = await server(() =>
      Array.from({ length: lines }, (_, i) => `line: ${i}`).join('\r\n'),
    );
    const text = await new Whois({ server: at(root.port) }).ask(address('198.51.100.7'));
    expect(text?.split('\n')).toHaveLength(kept);
  });

  test('a line of an answer is whole up to its bound and cut beyond it', async () => {
    const shown = async (chars: number) => {
      const root = await server(() => `${'y'.repeat(chars - 1)}E\n`);
      return (
        /y+E?/.exec(
          (await new Whois({ server: at(root.port) }).ask(address('198.51.100.7'))) ?? '',
        )?.[0] ?? ''
      );
    };
    expect(await shown(WHOIS_LINE_CHARS_MAX)).toHaveLength(WHOIS_LINE_CHARS_MAX);
    expect((await shown(WHOIS_LINE_CHARS_MAX + 1)).endsWith('E')).toBe(false);
  });

  test('reads no more of an endless answer than its bound', async () => {
    const root = await server(() =>
      `${'x'.repeat(150)}\n`.repeat((4 * WHOIS_ANSWER_BYTES_MAX) / 151),
    );
    const text = await new Whois({ server: at(root.port) }).ask(address('198.51.100.7'));
    expect(text?.length).toBeLessThanOrEqual(WHOIS_ANSWER_BYTES_MAX);
  });

  test('makes what a server says harmless', async () => {
    const root = await server(() => 'owner: \x1b]0;owned\x07\u202e <b>\r\n');
    expect(await new Whois({ server: at(root.port) }).ask(address('198.51.100.7'))).toBe(
      'owner: \\x1b]0;owned\\x07\\u{202e} <b>',
    );
  });

  test('can be a program instead, which is given the address and nothing else', async () => {
    const options: WhoisOptions = { program: '/bin/echo' };
    expect(await new Whois(options).ask(address('198.51.100.7'))).toBe('-- 198.51.100.7');
    const failures: string[] = [];
    const gone = new Whois({
      program: '/nonexistent/whois',
      failed: (reason) => failures.push(reason),
    });
    expect(await gone.ask(address('198.51.100.7'))).toBeUndefined();
    expect(failures).toEqual(['ENOENT']);
  });

  test('remembers a bounded number of networks, the newest', async () => {
    const root = await server(() => 'netname: TEST\n');
    const whois = new Whois({ server: at(root.port) });
    for (let i = 0; i <= WHOIS_CACHE_MAX; i++)
      await whois.ask(address(`20.${i >> 8}.${i & 255}.1`));
    const before = root.queries.length;
    await whois.ask(address('20.0.1.1'));
    expect(root.queries.length).toBe(before);
    await whois.ask(address('20.0.0.1'));
    expect(root.queries.length).toBe(before + 1);
  });
});
