import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { NOTIFY_SECRET_BYTES_MAX } from '../../src/core/service-limits.js';
import { NOTIFY_DEADLINE_MS, NOTIFY_RETRY_AFTER_SECONDS_MAX } from '../../src/core/timeouts.js';
import { FACT_NAMES, factsOf } from '../../src/notify/news.js';
import { readSecret, Secret, secretPath } from '../../src/notify/secret.js';
import type { WebTarget } from '../../src/notify/targets.js';
import { bodyOf, post } from '../../src/notify/web.js';
import { Timeouts } from '../support/timeouts.js';
import { until } from '../support/until.js';
import { ban, webSink } from './support.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
}

const news = {
  ban: ban(7, { user: 'root' }),
  lines: ['Failed password\x1b[2J'],
  whois: 'netname: TEST',
};
const facts = factsOf(news, 'mx', 'SSH');
const hook = (port: number, more: Partial<WebTarget> = {}): WebTarget => ({
  kind: 'webhook',
  url: { text: `http://127.0.0.1:${port}/hook/TOKEN` },
  secretFile: null,
  ...more,
});
const options = { env: {}, version: '1.2.3' };

describe('a webhook', () => {
  test('has as long to answer as the bound says', async () => {
    using timeouts = new Timeouts();
    let asked = 0;
    const silent = createServer(() => asked++);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    const settled = jest.fn();
    const sent = post(hook((silent.address() as AddressInfo).port), news, facts, options).finally(
      settled,
    );
    const refused = expect(sent).rejects.toThrow('the webhook is not reached');
    timeouts.pass(NOTIFY_DEADLINE_MS - 1);
    await until('it is asked', () => asked > 0);
    expect(settled).not.toHaveBeenCalled();
    timeouts.pass(1);
    await refused;
    silent.closeAllConnections();
    silent.close();
  });

  test('gets the ban as JSON, signed so that the receiver can verify it', async () => {
    const sink = await webSink();
    const secretFile = file('key', 'a shared key\n');
    await post(hook(sink.port, { secretFile }), news, facts, {
      ...options,
      now: () => 1_795_287_036_500,
    });
    await sink.close();
    const [{ headers, body } = { headers: {}, body: '' }] = sink.posts;
    expect(JSON.parse(body)).toMatchObject({
      event: 'ban',
      id: 7,
      jail: 'sshd',
      address: news.ban.target,
      failures: 5,
      user: 'root',
      lines: ['Failed password\\x1b[2J'],
      whois: 'netname: TEST',
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'banjour/1.2.3',
      'x-banjour-event': 'ban',
      'x-banjour-delivery': 'mx-7',
      'x-banjour-timestamp': '1795287036',
    });
    const mine = createHmac('sha256', 'a shared key').update(`1795287036.${body}`).digest('hex');
    expect(headers['x-banjour-signature']).toBe(`sha256=${mine}`);
  });

  test('without a key is not signed', async () => {
    const sink = await webSink();
    await post(hook(sink.port), news, facts, options);
    await sink.close();
    expect(sink.posts[0]?.headers).not.toHaveProperty('x-banjour-signature');
  });

  test.each([
    [500, false],
    [503, false],
    [429, false],
    [408, false],
    [301, true],
    [404, true],
    [400, true],
  ])('that answers %i is given up: %s', async (status, permanent) => {
    const sink = await webSink(() => status, {
      'retry-after': '7',
      location: 'http://127.0.0.1:1/',
    });
    await expect(post(hook(sink.port), news, facts, options)).rejects.toMatchObject({
      permanent,
      retryAfterMs: 7_000,
    });
    await sink.close();
    expect(sink.posts).toHaveLength(1);
  });

  test.each([0, 1])(
    'may ask for a wait of its bound and %i s, and gets the bound',
    async (more) => {
      const asked = String(NOTIFY_RETRY_AFTER_SECONDS_MAX + more);
      const sink = await webSink(() => 503, { 'retry-after': asked });
      await expect(post(hook(sink.port), news, facts, options)).rejects.toMatchObject({
        retryAfterMs: NOTIFY_RETRY_AFTER_SECONDS_MAX * 1_000,
      });
      await sink.close();
    },
  );

  test('that stalls, or is gone, is given up in time; nobody says its address', async () => {
    const sink = await webSink(() => 'stall');
    const late = post(hook(sink.port), news, facts, { ...options, deadlineMs: 50 });
    await expect(late).rejects.toThrow(/^the webhook is not reached: no answer in time$/);
    await sink.close();
    const gone = await post(hook(sink.port), news, facts, options).catch((error: unknown) => error);
    expect(inspect(gone, { depth: 10 })).toContain('ECONNREFUSED');
    expect(inspect(gone, { depth: 10, showHidden: true })).not.toContain('TOKEN');
  });

  test('may have a body of its own, which stays JSON whatever an attacker writes', () => {
    const template = `{"who":"{{ip}} ({{user}})","fields":[${FACT_NAMES.map((name) => `"{{${name}}}"`).join(',')}],"x":"{{unknown}}"}`;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (user) => {
        const one = { ...news, ban: { ...news.ban, user } };
        const made = JSON.parse(
          bodyOf('webhook', one, factsOf(one, 'mx', 'SSH'), template),
        ) as Record<string, unknown>;
        expect(Object.keys(made)).toEqual(['who', 'fields', 'x']);
        expect(made['fields']).toHaveLength(FACT_NAMES.length);
        expect(made['x']).toBe('{{unknown}}');
      }),
    );
  });
});

describe('a message for Slack', () => {
  test('says it in one sentence', () => {
    expect(JSON.parse(bodyOf('slack', news, facts))).toEqual({
      text: expect.stringMatching(
        /^\*SSH\* on mx: banned `198\.51\.100\.7` after 5 failed attempts, last user `root`, until 2/,
      ),
    });
  });

  test('has no link, mention or markup of an attacker in it', () => {
    const words = fc.array(
      fc.constantFrom('<!channel>', '<https://evil|x>', '`', '*', '&', '<@U1>', '_x_', '~', 'a'),
      {
        maxLength: 10,
      },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const one = { ...news, ban: { ...news.ban, user: parts.join('') } };
        const { text } = JSON.parse(bodyOf('slack', one, factsOf(one, 'mx', 'SSH'))) as {
          text: string;
        };
        expect(text).not.toMatch(/[<>]/);
        expect(text.match(/`/g)).toHaveLength(4);
        expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
      }),
    );
  });
});

describe('a secret', () => {
  test('comes from a file, or from the credentials of the unit', () => {
    expect(readSecret({ file: file('plain', '  s3cret \nmore') }, {}).reveal()).toBe('s3cret');
    expect(readSecret({ file: 'plain' }, { CREDENTIALS_DIRECTORY: folder }).reveal()).toBe(
      's3cret',
    );
    expect(() => secretPath('plain', {})).toThrow('LoadCredential=');
  });

  test('is never shown: not by a log, JSON, an inspection or in what others say', () => {
    const secret = new Secret('s3cret-token');
    const shown = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true }),
      secret.redact('535 bad s3cret-token'),
    ];
    for (const text of shown) expect(text).not.toContain('s3cret');
  });

  test.each([
    ['none', undefined, 'ENOENT'],
    ['empty', '\nsecond line', 'its first line is empty'],
    ['long', 's3cret'.repeat(NOTIFY_SECRET_BYTES_MAX), 'larger than'],
  ])('that is %s is an error which names the file only', (name, text, words) => {
    const path = text === undefined ? join(folder, name) : file(name, text);
    const error = (() => {
      try {
        readSecret({ file: path }, {});
        return undefined;
      } catch (caught) {
        return caught as Error;
      }
    })();
    expect(error?.message).toContain(words);
    expect(error?.message).toContain(path);
    expect(inspect(error)).not.toContain('s3cret');
  });

  test.each([
    [NOTIFY_SECRET_BYTES_MAX, true],
    [NOTIFY_SECRET_BYTES_MAX + 1, false],
  ])('of %i bytes is taken: %s', (bytes, taken) => {
    const path = file('bound', 'x'.repeat(bytes));
    expect(
      (() => {
        try {
          return readSecret({ file: path }, {}).reveal().length === bytes;
        } catch {
          return false;
        }
      })(),
    ).toBe(taken);
  });
});
