/** The page without script: what it says, and that texts of strangers stay texts in it. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Explanation } from '../../src/control/protocol.js';
import { WEB_SEARCH_CHARS_MAX } from '../../src/core/service-limits.js';
import type { PageOptions } from '../../src/web/web.js';
import { banOf, Rig } from './rig.js';

let rig: Rig;
let cookie: string;
async function start(more: Partial<PageOptions> = {}): Promise<void> {
  rig = await new Rig().start(more);
  cookie = await rig.signIn();
}
beforeEach(() => start());
afterEach(() => rig.stop());

const status = (text: string) => ({
  since: '2026-11-29T10:00:00.000Z',
  jails: [
    {
      ...{ jail: text, selects: false, entriesMatched: 0, currentlyFailed: 1 },
      ...{ currentlyBanned: 2, totalFailed: 1_234, totalBanned: 5 },
    },
  ],
  sources: [{ source: text, phase: 'live', problem: text, lagSeconds: 0, entriesRead: 9 }],
  warnings: [text],
  firewall: { inForce: 7, healed: 1, refused: 0 },
});

const explained = (text: string): Explanation => ({
  ...{ address: text, allowed: { [text]: text } },
  kernel: [{ jail: text, target: text, until: null }],
  windows: [
    {
      jail: text,
      target: text,
      failures: 2,
      maxretry: 3,
      needed: 5,
      points: 3.25,
      evidence: [],
      counts: [],
    },
  ],
  bans: [banOf('192.0.2.1', { user: text, jail: text, state: 'refused', refusal: text })],
  listed: [{ target: text, until: '2026-11-30T10:00:00.000Z', host: text, scenario: text }],
  offenders: [
    {
      ...{ jail: text, rule: 'subnet', network: text, spanSeconds: 60, needed: 6, found: 7 },
      decided: '2026-11-29T10:00:00.000Z',
      offenders: [
        {
          ...{
            target: '192.0.2.7',
            attempts: 3,
            names: 9,
            users: [text],
            banned: text,
            line: text,
          },
          ...{ first: '2026-11-29T10:00:00.000Z', last: '2026-11-29T10:00:00.000Z' },
        },
      ],
    },
  ],
  refusals: [
    { time: '2026-11-29T10:00:00.000Z', address: text, user: text, reason: text as never },
  ],
  evidence: [
    {
      jail: text,
      earlier: 4,
      rule: { findtimeSeconds: 60, maxretry: 3, needed: 9, isWeighing: false },
      entries: [
        {
          ...{ cursor: 'a', time: '2026-11-29T10:00:00.000Z', count: 2, points: 1.5 },
          ...{ line: text, regex: `${text}:3: ${text}` },
        },
        { cursor: text },
      ],
    },
  ],
});

const read = async (path: string) => {
  const { status: code, headers, text } = await rig.ask(path, { headers: { cookie } });
  const policy = headers['content-security-policy'];
  return { code, type: headers['content-type'], policy, text };
};

/** Elements and attributes of a page, without the texts between them. */
const markupOf = (html: string) => html.match(/<[^>]*>/g)?.join('') ?? '';

/** The same without the values that may hold a text; a quote in one would end it too early. */
const withoutValues = (html: string) =>
  markupOf(html.replaceAll(/ (?:value|aria-label)="[^"]*"/g, ''));

describe('the page without script', () => {
  test('says how it is, who is banned, which jail sees what', async () => {
    rig.agent.answers = { status: status('sshd') };
    rig.agent.bans = [banOf('192.0.2.1', { user: 'anna' }), banOf('2001:db8::/64')];
    const { code, type, policy, text } = await read('/plain/now');
    expect(policy).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect([code, type]).toEqual([200, 'text/html; charset=utf-8']);
    for (const words of [
      ...['1 source cannot be read.', '7 banned in the kernel', '2 bans.', '>anna<', '1,234'],
      ...['sshd selects nothing that is in the journal', '<td>selects nothing</td>'],
      'href="/plain/explain?address=2001%3Adb8%3A%3A%2F64"',
    ])
      expect(text).toContain(words);
    expect(text).not.toMatch(/<script|javascript:/);
  });

  test('searches, and leads from page to page of what was found', async () => {
    rig.agent.answers = { status: status('sshd') };
    rig.agent.bans = Array.from({ length: 120 }, (_, i) => banOf(`192.0.2.${i}`, { user: 'a&b' }));
    const first = (await read('/plain/now?q=a%26b')).text;
    expect(first).toContain('name="q" value="a&amp;b"');
    expect(first).toContain('href="/plain/now?q=a%26b&amp;offset=50">Older');
    expect(first).not.toContain('Newer');
    const last = (await read('/plain/now?q=a%26b&offset=100')).text;
    expect(last).toContain('offset=50">Newer');
    expect(last).not.toContain('Older');
    expect((await read('/plain/now?q=nobody')).text).toContain('no ban has these words');
  });

  test('keeps what was asked for from page to page, and in the next search', async () => {
    rig.agent.answers = { status: status('sshd') };
    rig.agent.bans = Array.from({ length: 30 }, (_, i) => banOf(`192.0.2.${i}`));
    const { text } = await read('/plain/now?jail=sshd&order=failures&limit=10');
    const asked = 'jail=sshd&amp;order=failures&amp;limit=10&amp;offset=10';
    expect(text).toContain(`href="/plain/now?${asked}">Older`);
    for (const [name, value] of [
      ['jail', 'sshd'],
      ['order', 'failures'],
      ['limit', '10'],
    ])
      expect(text).toContain(`<input type="hidden" name="${name}" value="${value}">`);
  });

  test('says the country of an address, where one is known', async () => {
    await rig.stop();
    const countries = { of: () => 'DE', problem: undefined };
    await start({ countries, explain: async () => explained('192.0.2.1') });
    rig.agent.answers = { status: status('sshd') };
    rig.agent.bans = [banOf('192.0.2.1')];
    expect((await read('/plain/now?q=germany')).text).toContain(
      '192.0.2.1</a> <span class="dim">Germany</span>',
    );
    expect((await read('/plain/explain?address=192.0.2.1')).text).toContain('It is in Germany.');
  });

  test('explains an address: entries with attempts and points, bans, the kernel', async () => {
    await rig.stop();
    await start({ explain: async () => explained('192.0.2.1') });
    const { text } = await read('/plain/explain?address=192.0.2.1');
    for (const words of [
      ...['In the kernel: 192.0.2.1 in 192.0.2.1, for good', '3.3 of 5 points now'],
      ...['<code>192.0.2.1</code>', '>2</td><td class="number">1.5</td>'],
      ...['The journal has it no more: 192.0.2.1', '<td>192.0.2.1:3: 192.0.2.1</td>'],
      ...['It bans at 9 failures. 4 failures before, not kept.', 'On a list as 192.0.2.1'],
      'Logins refused before the password was looked at',
    ])
      expect(text).toContain(words);
  });

  test.each([
    ['/plain/now?offset=x', 400],
    ['/plain/now?limit=0', 400],
    [`/plain/now?q=${'x'.repeat(WEB_SEARCH_CHARS_MAX)}`, 200],
    [`/plain/now?q=${'x'.repeat(WEB_SEARCH_CHARS_MAX + 1)}`, 400],
    ['/plain/explain', 400],
    ['/plain/explain?address=', 400],
    ['/plain/none', 404],
  ])('%.40s is answered %i', async (path, code) => {
    rig.agent.answers = { status: status('sshd') };
    expect((await read(path)).code).toBe(code);
  });

  test.each(['/plain', '/plain/now', '/plain/explain?address=192.0.2.1', '/open?token=old'])(
    '%s says to people why it does not answer, and nothing of the host',
    async (path) => {
      await rig.stop();
      await start({ about: { version: '1', host: 'secret.example', timeZone: 'Asia/Tokyo' } });
      const { status: code, headers, text } = await rig.ask(path);
      expect([code, headers['content-type']]).toEqual([
        path.startsWith('/open') ? 403 : 401,
        'text/html; charset=utf-8',
      ]);
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-frame-options': 'DENY' });
      expect(text).toContain('run banjour web open');
      expect(text).not.toMatch(/secret\.example|Tokyo|<script/);
    },
  );

  test('to another name it is no page', async () => {
    for (const path of ['/plain', '/plain/now', '/open?token=x']) {
      const { status: code, headers } = await rig.ask(path, {
        headers: { cookie, host: 'evil.example' },
      });
      expect([code, headers['content-type']]).toEqual([403, 'application/json; charset=utf-8']);
    }
  });

  test.each([
    ['an image of another port', 'same-site', 'no-cors', 'image', 403],
    ['a request of another port', 'same-site', 'cors', 'empty', 403],
    ['a frame of another site', 'cross-site', 'navigate', 'iframe', 403],
    ['a link of another port', 'same-site', 'navigate', 'document', 200],
    ['the page itself', 'same-origin', 'navigate', 'document', 200],
    ['an address that was typed', 'none', 'navigate', 'document', 200],
  ])('%s is answered as it may be', async (_, site, mode, dest, code) => {
    rig.agent.answers = { status: status('sshd') };
    const headers = { cookie, 'sec-fetch-site': site, 'sec-fetch-mode': mode };
    for (const path of ['/plain', '/plain/now'])
      expect(
        (await rig.ask(path, { headers: { ...headers, 'sec-fetch-dest': dest } })).status,
      ).toBe(code);
  });

  test.each(['/plain', '/plain/now', '/plain/explain?address=192.0.2.1'])(
    '%s changes nothing, and is not kept by a browser',
    async (path) => {
      rig.agent.answers = { status: status('sshd') };
      for (const method of ['POST', 'PUT', 'DELETE'])
        expect((await rig.ask(path, { method, headers: { cookie } })).status).toBeGreaterThan(399);
      const { headers } = await rig.ask(path, { headers: { cookie } });
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['set-cookie']).toBeUndefined();
    },
  );

  test('an agent that is silent is said to be', async () => {
    rig.agent.isThere = false;
    expect((await read('/plain/now')).code).toBeGreaterThanOrEqual(500);
  });

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</style></title><svg/onload=alert(1)>',
    '</td></tr></table><form action=//evil.example>',
    'javascript:alert(1)',
    '\u0000\u001b[31m\u202ered',
    '&lt;b&gt;&#60;script&#62;',
  ])('%j stays a text, wherever it stands', async (evil) => {
    const asked = encodeURIComponent(evil);
    const markup = async (text: string) => {
      await rig.stop();
      await start({ explain: async () => explained(text) });
      rig.agent.answers = { status: status(text) };
      const more = { user: text, host: text, jail: text };
      rig.agent.bans = [banOf('192.0.2.1', { ...more, by: text }), banOf('192.0.2.2', more)];
      const pages = await Promise.all(
        ['/plain/now', `/plain/now?q=${asked}`, `/plain/explain?address=${asked}`].map(read),
      );
      expect(pages.map(({ code }) => code)).toEqual([200, 200, 200]);
      return pages.map(({ text: html }) => withoutValues(html));
    };
    // The same elements with the same attributes as of a harmless text; nothing is left to escape.
    const [now, , explain] = await markup(evil);
    const [calm, , story] = await markup('harmless');
    expect(now).toBe(calm);
    expect(explain).toBe(story);
    const { text } = await read(`/plain/now?q=${asked}`);
    expect(withoutValues(text)).not.toMatch(
      /<(?:script|img|svg|iframe|style)|\son\w+=|javascript:/i,
    );
    expect(text).not.toMatch(/[\u0000\u001b\u202e]/);
  });
});
