/** Who is answered what: names, origins, sessions, rights; and that texts of strangers stay texts. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OPERATOR_CHARS_MAX } from '../../src/core/limits.js';
import {
  WEB_BODY_BYTES_MAX,
  WEB_ROWS_MAX,
  WEB_SEARCH_CHARS_MAX,
  WEB_WHAT_IF_BYTES_MAX,
} from '../../src/core/service-limits.js';
import type { BanPage, WebSession } from '../../src/web/api.js';
import type { PageOptions } from '../../src/web/web.js';
import { banOf, Rig } from './rig.js';

let rig: Rig;
let cookie: string;
beforeEach(async () => {
  rig = await new Rig().start();
  cookie = await rig.signIn();
});
afterEach(() => rig.stop());

/** Starts anew with other options. */
async function anew(options: Partial<PageOptions>): Promise<void> {
  await rig.stop();
  rig = await new Rig().start(options);
  cookie = await rig.signIn();
}

describe('names', () => {
  test.each([
    'evil.example',
    'evil.example:9815',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example#127.0.0.1',
    '127.0.0.1@evil.example',
    'evil.example, 127.0.0.1',
    '192.0.2.1:9815',
    '[::2]:9815',
    '0.0.0.0:9815',
    'localhost.',
    'xlocalhost',
    '127.0.0.1:',
    '127.0.0.1:123456',
  ])('a page that calls this host %s gets nothing, with a session or without', async (host) => {
    for (const path of ['/', '/app.js', '/plain', '/plain/now', '/api/status', '/open?token=x'])
      for (const headers of [{ host }, { host, cookie }]) {
        const { status, text } = await rig.ask(path, { headers });
        expect([path, status]).toEqual([path, 403]);
        expect(text).not.toContain('evil');
      }
    expect(rig.web.view.denied.host).toBe(12);
  });

  test('a request without a name gets nothing', async () => {
    expect((await rig.ask('/', { headers: { host: undefined } })).status).toBe(400);
    expect((await rig.ask('/', { headers: { host: '' } })).status).toBe(403);
  });

  test.each([
    '127.0.0.1',
    '127.0.0.1:80',
    '127.1.2.3:9',
    'localhost:9815',
    'LOCALHOST',
    '[::1]:9815',
    'banjour.localhost:9815',
  ])('the names of the loopback are answered: %s', async (host) => {
    expect((await rig.ask('/', { headers: { host } })).status).toBe(200);
  });

  test('the origin of a proxy is answered, with a cookie for https alone', async () => {
    await anew({ origin: 'https://banjour.example.org' });
    const host = 'banjour.example.org';
    const url = rig.web.makeLink(null);
    expect(url).toMatch(/^https:\/\/banjour\.example\.org\/open\?token=[\w-]{43}$/);
    const { headers } = await rig.ask(`/open${new URL(url).search}`, { headers: { host } });
    const [set = ''] = headers['set-cookie'] ?? [];
    expect(set).toMatch(
      /^__Host-banjour-session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/,
    );
    const sent = { host, cookie: set.split(';')[0] };
    expect((await rig.ask('/api/session', { headers: sent })).status).toBe(200);
    // The same cookie under another name of this host is none.
    const plain = { cookie: sent.cookie };
    expect((await rig.ask('/api/session', { headers: plain })).status).toBe(401);
    expect((await rig.ask('/', { headers: { host: 'banjour.example.org:8443' } })).status).toBe(
      403,
    );
  });
});

describe('links and sessions', () => {
  test('a link opens once; the page goes on by itself, with a cookie that no script reads', async () => {
    const { search } = new URL(rig.web.makeLink(null));
    const first = await rig.ask(`/open${search}`);
    expect(first.status).toBe(200);
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^banjour-session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
      ),
    ]);
    expect(first.text).toContain('content="0;url=/"');
    expect(first.text).not.toContain(search.slice(7));
    const second = await rig.ask(`/open${search}`);
    expect(second.status).toBe(403);
    expect(second.headers['set-cookie']).toBeUndefined();
    expect(second.text).toContain('banjour web open');
  });

  test('what only looks at a link leaves it whole', async () => {
    const { search } = new URL(rig.web.makeLink(null));
    expect((await rig.ask(`/open${search}`, { method: 'HEAD' })).status).toBe(404);
    expect((await rig.ask(`/open${search}`)).status).toBe(200);
  });

  test.each(['', '?token=', '?token=x', `?token=${'A'.repeat(43)}`, '?token[]=x'])(
    'nobody comes in with %s',
    async (search) => {
      const { status, headers } = await rig.ask(`/open${search}`);
      expect([status, headers['set-cookie']]).toEqual([403, undefined]);
    },
  );

  test.each([
    undefined,
    'banjour-session=',
    `banjour-session=${'A'.repeat(43)}`,
    '__Host-banjour-session=x',
    'banjour-session',
    'a=b; c',
  ])('without a session there are files, and nothing else: %s', async (wrong) => {
    const headers = { cookie: wrong };
    for (const path of [
      ...['/api/session', '/api/bans', '/api/events', '/api/none'],
      ...['/plain', '/plain/now', '/plain/explain?address=192.0.2.1'],
    ])
      expect([path, (await rig.ask(path, { headers })).status]).toEqual([path, 401]);
    expect((await rig.ask('/', { headers })).status).toBe(200);
    expect((await rig.ask('/app.js', { headers })).status).toBe(200);
  });

  test('a session says who it is of, and ends when it is told to', async () => {
    cookie = await rig.signIn('anna');
    const session = await rig.call<WebSession>('session', cookie);
    expect(session).toMatchObject({ user: 'anna', host: 'here', timeZone: 'UTC', changes: false });
    const headers = {
      ...{ cookie, origin: `http://${rig.host}`, 'content-type': 'application/json' },
      'x-banjour-csrf': session.csrf,
    };
    const out = await rig.ask('/api/signout', { method: 'POST', headers });
    expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect((await rig.ask('/api/session', { headers: { cookie } })).status).toBe(401);
  });
});

describe('countries', () => {
  const countries = {
    of: (target: string) => (target.startsWith('192.0.2.') ? 'DE' : undefined),
    problem: undefined,
  };

  test('stand with bans, networks and what is explained, where they are known', async () => {
    await anew({ countries });
    rig.agent.bans = [banOf('192.0.2.1'), banOf('198.51.100.1')];
    const networks = [{ network: '192.0.2.0/24' }, { network: '198.51.100.0/24' }];
    rig.agent.answers = { figures: { networks } };
    const { rows } = await rig.call<BanPage>('bans?q=country:DE', cookie);
    expect(rows).toMatchObject([{ target: '192.0.2.1', country: 'DE' }]);
    expect(await rig.call('figures', cookie)).toEqual({
      networks: [{ ...networks[0], country: 'DE' }, networks[1]],
    });
    expect(await rig.call('explain?address=192.0.2.1', cookie)).toMatchObject({ country: 'DE' });
    expect(await rig.call('explain?address=198.51.100.1', cookie)).not.toHaveProperty('country');
    expect(await rig.call('session', cookie)).toMatchObject({ countries: true });
  });

  test('are absent without a file, and the session says why where one is wanted', async () => {
    rig.agent.bans = [banOf('192.0.2.1')];
    expect((await rig.call<BanPage>('bans', cookie)).rows[0]).not.toHaveProperty('country');
    const session = await rig.call<WebSession>('session', cookie);
    expect([session.countries, 'countriesLack' in session]).toEqual([false, false]);
    const problem = { message: 'does not exist', fix: 'name another' };
    await anew({ countries: { of: () => undefined, problem } });
    expect(await rig.call('session', cookie)).toMatchObject({
      ...{ countries: false, countriesLack: 'the file that country-file names does not exist' },
    });
  });
});

describe('other pages', () => {
  test.each(['cross-site', 'same-site', 'other', ''])(
    'may not ask, although the browser sends the cookie: %s',
    async (site) => {
      const headers = { cookie, 'sec-fetch-site': site };
      for (const path of ['/api/session', '/api/bans', '/api/events'])
        expect((await rig.ask(path, { headers })).status).toBe(403);
      expect(rig.web.view.denied.origin).toBe(3);
    },
  );

  test.each([
    [
      '/',
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ],
    [
      '/plain',
      "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ],
    [
      '/api/session',
      "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ],
    [
      '/none',
      "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ],
  ])('cannot frame, read or keep %s, and nothing is loaded into it', async (path, policy) => {
    const { headers } = await rig.ask(path, { headers: { cookie } });
    expect(headers).toMatchObject({
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('paths', () => {
  test.each([
    '/../rig.ts',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '//etc/passwd',
    '/./app.js',
    '/app.js/',
    '/app.js%00.html',
    '/notes.md',
    '/index.html/..',
    '/__proto__',
    '/api',
    '/API/session',
    'http://127.0.0.1/app.js',
    '*',
    '/api/constructor',
    '/api/../app.js',
    '/api/status/',
    '/api/ban',
  ])('%s is nothing', async (path) => {
    expect((await rig.ask(path, { headers: { cookie } })).status).toBe(404);
  });

  test.each(['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('%s is not spoken', async (method) => {
    expect((await rig.ask('/', { method })).status).toBe(405);
  });

  test.each([
    'bans?limit=0',
    `bans?limit=${WEB_ROWS_MAX + 1}`,
    'bans?limit=1e9',
    'bans?offset=-1',
    'bans?order=sideways',
    `bans?q=${'x'.repeat(WEB_SEARCH_CHARS_MAX + 1)}`,
    `history?limit=${WEB_ROWS_MAX + 1}`,
    'history?before=x',
    'figures?since=yesterday',
    'explain',
    'explain?address=',
  ])('a field that is wrong is said: %s', async (call) => {
    const { status, text } = await rig.ask(`/api/${call}`, { headers: { cookie } });
    expect([status, Object.keys(JSON.parse(text))]).toEqual([400, ['error']]);
  });

  test.each([`bans?limit=${WEB_ROWS_MAX}`, `bans?q=${'x'.repeat(WEB_SEARCH_CHARS_MAX)}`])(
    'a field at its bound is taken: %s',
    async (call) => {
      rig.agent.bans = [banOf('192.0.2.1')];
      expect((await rig.ask(`/api/${call}`, { headers: { cookie } })).status).toBe(200);
    },
  );

  test.each(['0', '63', '1.5', 'x', '1e1', '-1'])('plain?days=%s is refused', async (days) => {
    const { status } = await rig.ask(`/plain?days=${days}`, { headers: { cookie } });
    expect(status).toBe(days === '1e1' ? 200 : 400);
  });
});

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  '</script><svg/onload=alert(1)>',
  '\u2028alert(1)\u2029',
  '&lt;b&gt;',
  '\u0000\u001b[31m\u202ered',
  'data: x\n\nevent: tick\ndata: {}',
  '{{constructor.constructor("alert(1)")()}}',
  'javascript:alert(1)',
];

describe('texts of strangers', () => {
  test.each(HOSTILE)('%j stays a text in every answer', async (evil) => {
    const everywhere = { user: evil, host: evil, by: evil, line: evil, reason: evil, jail: evil };
    rig.agent.bans = [banOf('192.0.2.1', { user: evil, host: evil, by: evil })];
    rig.agent.answers = Object.fromEntries(
      'history alarms refusals counters jailOptions options'
        .split(' ')
        .map((name) => [name, [everywhere]]),
    );
    rig.agent.answers = {
      ...rig.agent.answers,
      figures: { users: [everywhere], networks: [{ network: evil }], missing: [evil] },
    };
    await anewWith(evil);
    for (const call of [
      ...['bans', 'history', 'figures', 'alarms', 'refusals', 'counters', 'options', 'status'],
      ...['explain?address=192.0.2.1', 'options?jail=x', `bans?q=${encodeURIComponent(evil)}`],
    ]) {
      const { status, headers, text } = await rig.ask(`/api/${call}`, { headers: { cookie } });
      expect([call, status]).toEqual([call, 200]);
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
      expect(text).not.toMatch(/[<>&\u2028\u2029]/);
      if (call === 'bans') expect((JSON.parse(text) as BanPage).rows[0]?.user).toBe(evil);
    }
  });

  /** The same agent, with the text in what explain says as well. */
  async function anewWith(evil: string): Promise<void> {
    const { bans, answers } = rig.agent;
    await anew({ explain: async () => ({ address: evil, bans: [{ user: evil }] }) as never });
    rig.agent.bans = bans;
    rig.agent.answers = answers;
  }

  test.each(HOSTILE)('%j in a request is never said back as markup', async (evil) => {
    const asked = encodeURIComponent(evil);
    for (const path of [
      `/${asked}`,
      `/api/${asked}`,
      `/api/bans?order=${asked}`,
      `/open?token=${asked}`,
    ]) {
      const { headers, text } = await rig.ask(path, { headers: { cookie } });
      if (path.startsWith('/open')) {
        // What a person reads: the same page, whatever was asked.
        expect(text).toBe((await rig.ask('/open?token=none')).text);
        continue;
      }
      expect(headers['content-type']).toMatch(/^application\/json/);
      expect(text).not.toMatch(/[<>&]/);
    }
  });
});

describe('changes', () => {
  const body = JSON.stringify({ jail: 'sshd', target: '192.0.2.1' });
  let done: unknown[];
  const changes = () => {
    const take = (name: string) => async (asked: object) => {
      done.push([name, asked]);
      return { changed: 1 } as never;
    };
    return { ban: take('ban'), unban: take('unban'), attempt: take('attempt') };
  };
  let good: Record<string, string>;
  beforeEach(async () => {
    done = [];
    await anew({ changes: changes() });
    cookie = await rig.signIn('anna');
    const { csrf, changes: may } = await rig.call<WebSession>('session', cookie);
    expect(may).toBe(true);
    good = {
      ...{ cookie, origin: `http://${rig.host}`, 'content-type': 'application/json' },
      'x-banjour-csrf': csrf,
    };
  });
  const post = (path: string, headers: Record<string, string | undefined>, text = body) =>
    rig.ask(path, { method: 'POST', headers, body: text });

  test('are made in the name of who asked for the link, and logged', async () => {
    for (const name of ['ban', 'unban', 'attempt'])
      expect((await post(`/api/${name}`, good)).status).toBe(200);
    const asked = { jail: 'sshd', targets: ['192.0.2.1'], by: 'anna (web)' };
    expect(done).toEqual([
      ['ban', asked],
      ['unban', asked],
      ['attempt', { jail: 'sshd', target: '192.0.2.1' }],
    ]);
    expect(rig.logged).toEqual([
      'anna (web) bans 192.0.2.1 in sshd',
      'anna (web) unbans 192.0.2.1 in sshd',
      'anna (web) counts an attempt of 192.0.2.1 in sshd',
    ]);
  });

  test('name a person in no more characters than the agent takes', async () => {
    cookie = await rig.signIn('x'.repeat(OPERATOR_CHARS_MAX));
    const { csrf } = await rig.call<WebSession>('session', cookie);
    await post('/api/ban', { ...good, cookie, 'x-banjour-csrf': csrf });
    const [[, { by }]] = done as [[string, { by: string }]];
    expect([by.length, by.slice(-6)]).toEqual([OPERATOR_CHARS_MAX, '(web)'.padStart(6)]);
  });

  test.each([
    ['without a session', { cookie: undefined }, 401],
    ['without an origin', { origin: undefined }, 403],
    ['of no origin', { origin: 'null' }, 403],
    ['of another site', { origin: 'https://evil.example' }, 403],
    ['of another port', { origin: 'http://127.0.0.1:1' }, 403],
    ['of another scheme', { origin: 'https://127.0.0.1' }, 403],
    ['of another name of this host', { origin: 'http://localhost' }, 403],
    ['as a form', { 'content-type': 'application/x-www-form-urlencoded' }, 403],
    ['as a text', { 'content-type': 'text/plain' }, 403],
    ['without a type', { 'content-type': undefined }, 403],
    ['without the word of the session', { 'x-banjour-csrf': undefined }, 403],
    ['with an empty word', { 'x-banjour-csrf': '' }, 403],
    ['with another word', { 'x-banjour-csrf': 'A'.repeat(43) }, 403],
    ['from a page of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['from another port of this host', { 'sec-fetch-site': 'same-site' }, 403],
    ['under another name', { host: 'evil.example' }, 403],
  ])('%s change nothing', async (_, wrong, status) => {
    expect((await post('/api/ban', { ...good, ...wrong })).status).toBe(status);
    expect((await post('/api/signout', { ...good, ...wrong })).status).toBe(status);
    expect(done).toEqual([]);
    expect((await post('/api/ban', good)).status).toBe(200);
  });

  test('take the word of their own session alone', async () => {
    const other = await rig.call<WebSession>('session', await rig.signIn());
    const { status } = await post('/api/ban', { ...good, 'x-banjour-csrf': other.csrf });
    expect([status, done]).toEqual([403, []]);
  });

  test.each(['set', 'reload', 'flush', 'import', 'status', '../ban', 'ban/', ''])(
    'there is no /api/%s',
    async (name) => {
      expect((await post(`/api/${name}`, good)).status).toBe(404);
      expect(done).toEqual([]);
    },
  );

  test.each([
    ['', 400],
    ['[]', 400],
    ['{', 400],
    ['{"jail":"sshd"}', 400],
    ['{"jail":"sshd","target":["192.0.2.1"]}', 400],
    ['{"jail":"sshd","target":"192.0.2.1","bantimeSeconds":-1}', 400],
    [JSON.stringify({ jail: 'x', target: 'x', pad: 'x'.repeat(WEB_BODY_BYTES_MAX) }), 413],
  ])('a body that is none changes nothing: %.60s', async (text, status) => {
    expect((await post('/api/ban', good, text)).status).toBe(status);
    expect(done).toEqual([]);
  });

  test('a body at its bound is taken', async () => {
    const room = WEB_BODY_BYTES_MAX - JSON.stringify({ jail: 'x', target: 'x', pad: '' }).length;
    const text = JSON.stringify({ jail: 'x', target: 'x', pad: 'x'.repeat(room) });
    expect((await post('/api/ban', good, text)).status).toBe(200);
  });

  test('are refused while the agent opens its socket to nobody, and said to be', async () => {
    let lack: string | undefined = 'control.sock is not open';
    await anew({ changes: changes(), changesLack: () => lack });
    const session = await rig.call<WebSession>('session', cookie);
    expect(session).toMatchObject({ changes: false, lack });
    const { origin } = { origin: `http://${rig.host}` };
    const headers = { ...good, cookie, origin, 'x-banjour-csrf': session.csrf };
    const { status, text } = await post('/api/ban', headers);
    expect([status, text]).toEqual([403, expect.stringContaining('control.sock is not open')]);
    expect([done, rig.web.view.changes]).toEqual([[], false]);
    lack = undefined;
    expect((await post('/api/ban', headers)).status).toBe(200);
    expect((await rig.call<WebSession>('session', cookie)).changes).toBe(true);
    expect(rig.web.view.changes).toBe(true);
  });

  test('are refused where the page only reads', async () => {
    await anew({});
    const { csrf, changes: may } = await rig.call<WebSession>('session', cookie);
    expect(may).toBe(false);
    const headers = { ...good, cookie, origin: `http://${rig.host}`, 'x-banjour-csrf': csrf };
    const { status, text } = await post('/api/ban', headers);
    expect([status, text]).toEqual([403, expect.stringContaining('the page only reads')]);
    expect(rig.web.view.denied['read-only']).toBe(1);
  });
});

describe('the what-if', () => {
  test('is what was handed over last, or none', async () => {
    expect(await rig.call('whatif', cookie)).toEqual({ made: null, advice: null });
    rig.web.keepWhatIf({ tried: [], entries: 7 });
    expect(await rig.call('whatif', cookie)).toEqual({
      made: expect.stringMatching(/^\d{4}-/),
      advice: { tried: [], entries: 7 },
    });
    for (const wrong of [null, {}, [], 'x', { tried: 1 }])
      expect(() => rig.web.keepWhatIf(wrong)).toThrow('no table of banjour advise');
    const tried = ['x'.repeat(WEB_WHAT_IF_BYTES_MAX)];
    expect(() => rig.web.keepWhatIf({ tried })).toThrow('no table of banjour advise');
  });
});
