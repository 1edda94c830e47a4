/** The part that serves the page: its configuration, its thread, and the link by companion.sock. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Companion } from '../../src/companion/companion.js';
import type { PartHost } from '../../src/companion/part.js';
import { serveCompanion } from '../../src/companion/socket.js';
import { planWeb } from '../../src/companion/web.js';
import { OPERATOR_CHARS_MAX } from '../../src/core/limits.js';
import { type Log, silentLog } from '../../src/core/log.js';
import { WEB_WHAT_IF_BYTES_MAX } from '../../src/core/service-limits.js';
import { cli } from '../support/cli.js';
import { countriesOf } from '../support/mmdb.js';
import { Scratch } from './scratch.js';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

const configured = (...lines: readonly string[]) => scratch.configured('web', ...lines);
const planned = (...lines: readonly string[]) =>
  planWeb(configured(...lines), {
    paths: scratch.paths,
    log: silentLog,
    webThread: pathToFileURL('dist/src/tools/web-thread.js'),
  } as Partial<PartHost> as PartHost);

test('is off unless it is switched on, and then on a port of the loopback that only reads', async () => {
  expect(configured().web).toEqual({
    ...{ enabled: false, listen: { host: '127.0.0.1', port: 9815 }, socket: null },
    ...{ origin: null, changes: false, countries: null },
  });
  expect(await planned()).toBeUndefined();
  expect((await planned('enabled = true'))?.lines).toEqual(['web page on 127.0.0.1:9815']);
});

test.each([
  [['listen = 0.0.0.0:9815'], /companion\.local:2.*listen/],
  [['listen = 192.0.2.1:80'], /is not a port of the loopback/],
  [['socket = web.sock'], /is no place for a socket/],
  [['origin = http://banjour.example.org'], /is no address of a site of its own with https/],
  [['origin = https://banjour.example.org/here'], /without a path/],
  [['origin = banjour.example.org'], /is no address/],
  [['changes = perhaps'], /changes/],
  [['country-file = GeoLite2-Country.mmdb'], /companion\.local:2.*is no absolute path/],
  [['orgin = https://banjour.example.org'], /origin/],
  [['enabled = true', 'socket = /run/banjour-companion/web.sock'], /origin is empty/],
  [['enabled = true', '[metrics]', 'enabled = true', 'listen = 9815'], /listens there as well/],
])('says what is wrong: %j', (lines, words) => {
  expect(() => configured(...lines)).toThrow(words);
});

test('takes an origin as browsers write it', () => {
  const { web } = configured('origin = HTTPS://Banjour.example.org:443/', 'listen =');
  expect(web).toMatchObject({ origin: 'https://banjour.example.org', listen: null });
});

test('a line that moves begins no page anew, another file of countries does', async () => {
  const plan = async (...lines: readonly string[]) =>
    (await planned('enabled = true', ...lines))?.configuration;
  const first = await plan('country-file = /srv/a.mmdb');
  expect(await plan('', 'country-file = /srv/a.mmdb')).toBe(first);
  expect(await plan('country-file = /srv/b.mmdb')).not.toBe(first);
});

describe('the file of countries', () => {
  const start = async (file: string) => {
    const lines: string[] = [];
    const log: Log = (_level, line) => lines.push(line);
    const config = configured('enabled = true', 'listen = 0', `country-file = ${file}`);
    const plan = await planWeb(config, {
      ...{ paths: scratch.paths, log },
      webThread: pathToFileURL('dist/src/tools/web-thread.js'),
    } as Partial<PartHost> as PartHost);
    const part = await plan?.start(() => undefined);
    return { part, lines };
  };

  test('that is not there is told with file, line and key, and the page is served', async () => {
    const { part, lines } = await start('/srv/none.mmdb');
    await part?.stop();
    expect(part?.summary).toMatch(/^web page on 127\.0\.0\.1:/);
    expect(lines.join('\n')).toMatch(
      /companion\.local:4:16: warning: \[web\] country-file: does not exist.*take the line out/,
    );
  });

  test('that is sound is used without a word', async () => {
    const file = join(scratch.folder, 'country.mmdb');
    writeFileSync(file, countriesOf({ '192.0.2.0/24': 'DE' }));
    const { part, lines } = await start(file);
    await part?.stop();
    expect(lines).toEqual([]);
  });
});

test('without a place it says what to write', async () => {
  const plan = await planned('enabled = true', 'listen =');
  expect(plan?.problem).toMatchObject({ message: expect.stringContaining('listens nowhere') });
});

describe('as a thread of the companion', () => {
  let companion: Companion;
  let close: () => Promise<void>;
  beforeEach(async () => {
    companion = new Companion({ version: '1', log: silentLog });
    close = await serveCompanion(join(scratch.folder, 'run-companion/companion.sock'), companion);
    const plan = await planned(
      'enabled = true',
      'listen = 0',
      `socket = ${scratch.folder}/w.sock`,
      'origin = https://b.example',
    );
    if (plan !== undefined) await companion.adopt([plan]);
  });
  afterEach(async () => {
    await companion.stop();
    await close();
  });

  test('gives a link to who may ask companion.sock, and keeps a what-if', async () => {
    const { code, out, err } = await cli(['web', 'open', '--run-dir', scratch.paths.run, '--json']);
    expect([code, err]).toEqual([0, '']);
    const { url } = JSON.parse(out) as { url: string };
    expect(url).toMatch(/^https:\/\/b\.example\/open\?token=[\w-]{43}$/);
    expect(companion.view().parts).toMatchObject([
      { name: 'web', running: true, status: { origin: 'https://b.example', changes: false } },
    ]);
    await companion.order('web', 'what-if', { tried: [], entries: 1 });
    const kept = readFileSync(join(scratch.folder, 'state-companion/what-if.json'), 'utf8');
    expect(JSON.parse(kept)).toMatchObject({ advice: { tried: [], entries: 1 } });
    await expect(companion.order('web', 'what-if', {})).rejects.toThrow('no table');
    await expect(
      companion.order('web', 'link', { by: 'x'.repeat(OPERATOR_CHARS_MAX + 1) }),
    ).rejects.toThrow('by must have at most');
    expect(await companion.order('web', 'toString', {})).toBeUndefined();
    expect(await companion.order('metrics', 'link', {})).toBeUndefined();
  });

  test('companion.sock takes a body of so many bytes and says what is wrong with others', async () => {
    const post = (path: string, body: string) =>
      postTo(join(scratch.folder, 'run-companion/companion.sock'), path, body);
    expect(await post('/v1/web/link', '{}')).toMatch(/^200 .*"url"/);
    expect(await post('/v1/web/none', '{}')).toMatch(/^404/);
    expect(await post('/v1/web/link', '{')).toMatch(/^400 .*not JSON/);
    expect(await post('/v1/web/link', `"${'x'.repeat(WEB_WHAT_IF_BYTES_MAX)}"`)).toMatch(
      /^400 .*larger/,
    );
  });
});

test('without the companion, or the page, the command says what to write', async () => {
  const run = ['--run-dir', join(scratch.folder, 'run')];
  expect(await cli(['web', 'open', ...run])).toMatchObject({
    code: 69,
    err: expect.stringMatching(/banjour-companion does not run[\s\S]*\[web\]/),
  });
  const companion = new Companion({ version: '1', log: silentLog });
  const close = await serveCompanion(
    join(scratch.folder, 'run-companion/companion.sock'),
    companion,
  );
  expect(await cli(['web', 'open', ...run])).toMatchObject({
    code: 69,
    err: expect.stringContaining('[web] is not switched on'),
  });
  expect((await cli(['web', 'shut', ...run])).code).toBe(64);
  await close();
});

async function postTo(socketPath: string, path: string, body: string): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method: 'POST', agent: false }, (response) => {
      let text = `${response.statusCode} `;
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('end', () => resolve(text));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
