/**
 * Secrets are planted in a configuration, whole or broken; nothing that is printed of it may hold
 * one.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { configJson, formatDiagnostics, showConfig } from '../../src/config/show.js';
import { formatDiagnostic } from '../../src/core/finding.js';
import { load } from './support.js';

/** Nothing else in a configuration looks like one. */
const secret = fc.stringMatching(/^[a-z0-9]{12}$/).map((text) => `S3KRET${text}`);

/** Ways to write a secret into a jail, whole and broken ones. */
const WAYS: readonly ((secret: string) => string)[] = [
  (s) => `action = %(action_)s\n  webhook[url="https://hooks.example/${s}"]`,
  (s) => `action = %(action_)s\n  webhook[url=https://user:${s}@hooks.example/]`,
  (s) => `action = %(action_)s\n  slack[url='https://hooks.example/?a=1,b=${s}']`,
  (s) => `action = %(action_)s\n  slack[url="ftp://hooks.example/${s}"]`,
  (s) => `action = %(action_)s\n  slack[url="${s}"]`,
  (s) => `action = %(action_)s\n  exec[command="/usr/bin/tell --password ${s} <ip>"]`,
  (s) => `action = %(action_)s\n  exec[command=/usr/bin/tell --password=${s}]`,
  (s) => `action = %(action_)s\n  exec[command="tell -p${s}"]`,
  (s) => `action = %(action_)s\n  exec[command="/usr/bin/tell '${s}"]`,
  (s) => `action = %(action_)s\n  exec[command="/usr/bin/tell ${s}`,
  (s) => `action = %(action_)s\n  exec[command="/usr/bin/tell "${s}"]`,
  (s) => `action = %(action_)s\n  exec[command=/usr/bin/tell, ${s}]`,
  (s) => `action = %(action_)s\n  exec[command=/usr/bin/tell]${s}`,
  (s) => `action = webhook[url="https://hooks.example/${s}"]`,
  (s) => `action = %(action_)s\n  abuseipdb[apikey="${s}", category=18]`,
  (s) =>
    `action_hook = webhook[url="https://hooks.example/${s}"]\naction = %(action_)s\n  %(action_hook)s`,
  (s) =>
    `hook_url = https://hooks.example/${s}\naction = %(action_)s\n  webhook[url="%(hook_url)s"]`,
  (s) => `ignorecommand = /usr/bin/ask --token ${s} <ip>`,
  (s) => `ignorecommand = ask --token ${s} <ip>`,
  (s) => `ignorecommand = /usr/bin/ask "${s} <ip>`,
  (s) => `ignorecommand = /usr/bin/ask ${s} | grep x`,
  (s) => `api_token = ${s}`,
  (s) => `logtimezone = token=${s}`,
  (s) => `maxretry = https://hooks.example/${s}`,
];

describe('what is printed of a configuration', () => {
  test('holds no secret of it, however it is written', () => {
    fc.assert(
      fc.property(
        secret,
        fc.subarray([...WAYS], { minLength: 1, maxLength: 1 }),
        (planted, ways) => {
          const lines = ways.map((way) => way(planted)).join('\n');
          const { config, diagnostics } = load({ 'jail.local': `[x]\nenabled = true\n${lines}\n` });
          const said = [
            formatDiagnostics(diagnostics),
            JSON.stringify(diagnostics),
            ...diagnostics.map(formatDiagnostic),
            ...(config === undefined ? [] : [showConfig(config), configJson(config)]),
          ].join('\n');
          // Not to stand there at all would prove nothing of what is shown.
          expect(said).toContain('x');
          expect(said).not.toContain(planted.slice(0, 6));
        },
      ),
      { numRuns: 400 },
    );
  });

  test.each(WAYS.map((way) => [way('S3KRET0')]))('nor does one written as %j', (lines) => {
    const { config, diagnostics } = load({ 'jail.local': `[x]\nenabled = true\n${lines}\n` });
    const shown = config === undefined ? '' : showConfig(config) + configJson(config);
    expect(shown + JSON.stringify(diagnostics)).not.toContain('S3KRET');
  });

  test.each([
    ['webhook[url="https://hooks.example/x"]', ['jail.inline-secret']],
    ['webhook[url-file=/etc/banjour/secrets/hook]', []],
  ])('%s is noted where the address itself stands in the file', (action, ids) => {
    const { diagnostics } = load({
      'jail.local': `[x]\nenabled = true\naction = %(action_)s\n  ${action}\n`,
    });
    expect(diagnostics.map(({ id }) => id)).toEqual(ids);
  });

  test('still says what a person must see: program, files, ports, mail addresses', () => {
    const actions =
      'exec[command="/usr/bin/tell S3KRET"]\n  webhook[url-file=/etc/hook, secret-file=/etc/key]';
    const { config } = load({
      'jail.local': `[x]\nenabled = true\nport = smtp,465\naction = %(action_mw)s\n  ${actions}\n`,
    });
    for (const text of config === undefined ? [] : [showConfig(config), configJson(config)])
      for (const word of ['/usr/bin/tell', '/etc/hook', '/etc/key', 'smtp,465', 'root'])
        expect(text).toContain(word);
  });
});
