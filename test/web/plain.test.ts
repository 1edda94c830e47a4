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
  windows: [{ jail: text, target: text, failures: 2, maxretry: 5, points: 3.25, evidence: [] }],
  bans: [banOf('192.0.2.1', { user: text, jail: text, state: 'refused', refusal: text })],
  refusals: [],
  evidence: [
    {
      jail: text,
      entries: [
        { cursor: 'a', time: '2026-11-29T10:00:00.000Z', line: text, count: 2, points: 1.5 },
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
      "default-src 'none'; style-src 'self'; form-action 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
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

  test('explains an address: entries with attempts and points, bans, the kernel', async () => {
    await rig.stop();
    await start({ explain: async () => explained('192.0.2.1') });
    const { text } = await read('/plain/explain?address=192.0.2.1');
    for (const words of [
      ...['In the kernel: 192.0.2.1 in 192.0.2.1, for good', '3.3 of 5 points now'],
      ...['<code>192.0.2.1</code>', '>2</td><td class="number">1.5</td>'],
      'The journal has it no more: 192.0.2.1',
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
