import { describe, expect, test } from '@jest/globals';
import { hideArguments, hideSecrets, redactArguments } from '../../src/core/secrets.js';

describe('a value that is shown', () => {
  test.each([
    ['action', 'nftables[port="smtp,465", protocol="tcp", chain="<known/chain>"]'],
    [
      'action',
      'nftables[type=allports]\n sendmail-whois[name="SSH",dest="root", sender=a@example.org]',
    ],
    ['action', 'webhook[url-file=/etc/banjour/secrets/hook, secret-file=/etc/banjour/secrets/key]'],
    ['action', 'exec[command="/usr/bin/tell"]'],
    ['ignorecommand', '/usr/local/bin/friend <ip> <F-USER>'],
    ['failregex', '^token=<F-USER>\\S+</F-USER> from <HOST>$'],
    ['filter', 'x[mode=aggressive, key=a]'],
    ['logtarget', 'STDOUT'],
    ['mailer', 'smtp://mail.example.org:587'],
    ['smtp-password-file', '/etc/banjour/secrets/smtp'],
    ['password', ''],
  ])('%s = %s is shown as it is', (key, text) => {
    expect(hideSecrets(text, key)).toBe(text);
  });

  test.each([
    ['action', 'webhook[url="https://x.example/T0KEN"]', 'webhook[url=(hidden)]'],
    ['action', 'webhook[url=https://u:T0KEN@x.example]', 'webhook[url=(hidden)]'],
    [
      'action',
      "slack[url='https://x.example/a,T0KEN', url-file=/f]",
      'slack[url=(hidden), url-file=/f]',
    ],
    [
      'action',
      'exec[command="/bin/tell --password T0KEN <ip>"]',
      'exec[command="/bin/tell (hidden) (hidden) <ip>"]',
    ],
    ['action', 'exec[command=/bin/tell T0KEN <jail>]', 'exec[command="/bin/tell (hidden) <jail>"]'],
    ['action', 'abuseipdb[apikey="T0KEN"][port=1]', 'abuseipdb[apikey=(hidden)][port=1]'],
    ['action', 'exec[command="/bin/tell T0KEN', 'exec[command="/bin/tell (hidden)"]'],
    ['action', 'exec[command=/bin/tell, T0KEN]', 'exec[command="/bin/tell", (hidden)]'],
    ['action', 'exec[command="/bin/tell "T0KEN"]', 'exec[command="/bin/tell (hidden)"]'],
    ['action', 'exec[command=/bin/tell]T0KEN x', 'exec[command="/bin/tell"](hidden) x'],
    ['action_mine', 'webhook[header="Authorization: T0KEN"]', 'webhook[header=(hidden)]'],
    ['ignorecommand', '/bin/ask -pT0KEN <ip>', '/bin/ask (hidden) <ip>'],
    ['ignorecommand', '/bin/ask "T0KEN x', '/bin/ask (hidden) (hidden)'],
    ['mailer', 'smtp://u:T0KEN@mail.example.org:587', '(hidden)'],
    ['api_key', 'T0KEN', '(hidden)'],
    ['other', 'a token = T0KEN', 'a token = (hidden)'],
    ['other', 'see https://x.example/T0KEN', 'see (hidden)'],
  ])('%s = %s is shown as %s', (key, text, shown) => {
    expect(hideSecrets(text, key)).toBe(shown);
  });
});

describe('what a program says', () => {
  test('is told without its arguments', () => {
    const argv = ['/bin/tell', '--password=T0KEN', '-v', 'https://x.example/a', '<ip>'];
    expect(redactArguments('tell: T0KEN is wrong at https://x.example/a -v <ip>', argv)).toBe(
      'tell: (hidden) is wrong at (hidden) -v <ip>',
    );
    expect(hideArguments('')).toBe('');
  });
});
