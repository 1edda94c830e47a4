/**
 * A running agent whose configuration is full of secrets: whatever it or its commands say holds
 * none.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { FILES, Host } from './host.js';

const SECRETS = `
[postfix-sasl]
action = %(action_)s
         webhook[url="https://hooks.example/S3KRET-1"]
         slack[url="https://user:S3KRET-2@hooks.example/"]
         exec[command="/usr/bin/tell --password S3KRET-3 <ip>"]
         abuseipdb[apikey="S3KRET-4"]
ignorecommand = /usr/bin/false --token S3KRET-5 <ip>
`;

let host: Host;
beforeAll(async () => {
  host = await new Host({ ...FILES, 'jail.d/hooks.local': SECRETS }).start();
}, 60_000);
afterAll(() => host.end());

describe('an agent that knows secrets', () => {
  test.each([
    [['config', 'show']],
    [['config', 'show', '--json']],
    [['config', 'check']],
    [['config', 'check', '--json']],
    [['get', 'postfix-sasl']],
    [['get', 'postfix-sasl', '--json']],
    [['get', 'postfix-sasl', 'action']],
    [['get', 'postfix-sasl', 'ignorecommand']],
    [['get', 'postfix-sasl', 'action', '--json']],
    [['set', 'postfix-sasl', 'ignorecommand', '/usr/bin/false S3KRET-6']],
    [['reload', '--dry-run']],
    [['status']],
    [['status', 'postfix-sasl', '--json']],
    [['explain', '192.0.2.1', '--json']],
    [['doctor']],
    [['doctor', '--json']],
    [['notify', '--dry-run']],
  ])('tells none in %j', async (words) => {
    const { out, err } = await host.banjour(...words);
    expect(`${out}${err}`).not.toBe('');
    expect(`${out}${err}`).not.toContain('S3KRET');
  });

  test('tells none on the socket that every member of its group may ask, nor in its log', async () => {
    const client = new ControlClient(host.socket('status'));
    const views = [
      await client.jailOptions({ jail: 'postfix-sasl' }),
      await client.options(),
      await client.status(),
    ];
    expect(JSON.stringify(views)).toContain('/usr/bin/tell');
    expect(JSON.stringify(views)).not.toContain('S3KRET');
    expect(host.log.join('\n')).not.toContain('S3KRET');
  });

  test('tells none of a configuration that is wrong', async () => {
    host.write('jail.d/hooks.local', '[sshd]\naction = exec[command="tell --password S3KRET-7"]\n');
    const { code, out, err } = await host.banjour('reload');
    expect(code).not.toBe(0);
    expect(`${out}${err}${host.log.join('\n')}`).not.toContain('S3KRET');
    expect(readFileSync(`${host.config}/jail.d/hooks.local`, 'utf8')).toContain('S3KRET');
  });
});
