import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { GENERAL_EXITS } from '../../src/cli/cli.js';
import { COMMANDS } from '../../src/cli/table.js';
import { ENDPOINTS } from '../../src/control/endpoints.js';
import { API_VERSION } from '../../src/control/protocol.js';
import { EXIT } from '../../src/core/errors.js';
import * as counts from '../../src/core/limits.js';
import * as serviceLimits from '../../src/core/service-limits.js';
import * as timeouts from '../../src/core/timeouts.js';

const limits = { ...counts, ...serviceLimits, ...timeouts };

const read = (name: string) => readFileSync(`docs/${name}`, 'utf8');

test('docs/api.md has a heading for every path, and for no other', () => {
  const headings = [...read('api.md').matchAll(/^### (GET|POST) (\S+)$/gm)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  const paths = Object.values(ENDPOINTS).map(
    ({ method, path }) =>
      `${method} /v${API_VERSION}${path.replace(/:(\w+)/g, (_, name: string) => name.toUpperCase())}`,
  );
  expect(headings.sort()).toEqual(paths.sort());
});

test('docs/api.md states the bounds that are in force', () => {
  const text = read('api.md');
  const row = (name: string) => new RegExp(`^\\| ${name} \\| (.*) \\|$`, 'm').exec(text)?.[1];
  const count = (value: number) => value.toLocaleString('en-US');
  expect(row('clients of a socket at once')).toContain(count(limits.CONTROL_CLIENTS_MAX));
  expect(row('requests per second and socket')).toContain(
    count(limits.CONTROL_REQUESTS_PER_SECOND_MAX),
  );
  expect(row('size of a request')).toContain(
    `${limits.CONTROL_REQUEST_BYTES_MAX / 1024 / 1024} MiB`,
  );
  expect(row('time to send a request')).toContain(`${limits.CONTROL_REQUEST_MS_MAX / 1000} s`);
  expect(row('time without taking any of an answer')).toContain(
    `${limits.CONTROL_STALL_MS_MAX / 1000} s`,
  );
  expect(row('event streams of a socket')).toContain(count(limits.CONTROL_STREAMS_MAX));
  expect(row('events that wait for a slow reader')).toContain(
    `${limits.CONTROL_STREAM_BACKLOG_BYTES_MAX / 1024 / 1024} MiB`,
  );
  expect(row('events kept for `since`')).toContain(count(limits.EVENTS_KEPT_MAX));
  expect(row('addresses in one `ban` or `unban`')).toContain(count(limits.CONTROL_TARGETS_MAX));
  expect(row('bans in one `import`')).toContain(count(limits.CONTROL_IMPORT_BANS_MAX));
  expect(row('rows of one `history`')).toContain(count(limits.HISTORY_ANSWER_ROWS_MAX));
});

test('docs/cli.md names every command and every exit code', () => {
  const text = read('cli.md');
  const cells = [...text.matchAll(/^\| (`.*?) \|/gm)].map(([, cell]) => cell ?? '').join(' ');
  for (const { name } of COMMANDS) expect(cells).toContain(`\`${name}\``);
  for (const [code, meaning] of GENERAL_EXITS) expect(text).toContain(`| ${code} | ${meaning} |`);
  expect(new Set(GENERAL_EXITS.map(([code]) => code))).toEqual(
    new Set(Object.values(EXIT).filter((code) => code !== EXIT.ioError)),
  );
});
