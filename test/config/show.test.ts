import { describe, expect, test } from '@jest/globals';
import { formatDiagnostics, showConfig } from '../../src/config/show.js';
import { load } from './support.js';

describe('config show', () => {
  const { config } = load({
    'jail.local':
      '[DEFAULT]\nignoreip = 192.0.2.1 friend.example.org\n[x]\nenabled = true\nport = 25,8000:8010\naction = %(action_)s\n  webhook[url="https://user:hunter2@x.example/T0KEN", secret-file=/etc/s]\n  abuseipdb[apikey="hunter2"]\n',
  });
  const text = config === undefined ? '' : showConfig(config);

  test('names the origin of every value', () => {
    expect(text).toMatch(/^port = 25,8000:8010 +# \/etc\/jail\.local:5$/m);
    expect(text).toMatch(/^maxretry = 5 +# \(built in\)$/m);
    expect(text).toMatch(/^loglevel = INFO +# \(built in\)$/m);
  });

  test('says what the jail does in the end', () => {
    expect(text).toContain('# closes: ports 25,8000-8010, protocols tcp, reject, in input');
    expect(text).toContain('# reads: journal (local), match _SYSTEMD_UNIT=x.service');
    expect(text).toContain('# failregex: ^bad <HOST>   (/usr/filter.d/x.conf:2)');
    expect(text).toContain('# Never banned: 192.0.2.1 friend.example.org');
  });

  test('shows no secret', () => {
    expect(text).not.toMatch(/hunter2|T0KEN/);
    expect(text).toContain('(hidden)');
  });
});

describe('config check', () => {
  test('prints every problem with file, line, section, key, value and what to write, errors last', () => {
    const { diagnostics } = load({
      'jail.local': '[x]\nenabled = true\nmaxrety = 1\nbantime = soon\n',
    });
    expect(formatDiagnostics(diagnostics).split('\n')).toEqual([
      '/etc/jail.local:3: warning: [x] maxrety: is not a known key and nothing uses it; did you mean maxretry?',
      '/etc/jail.local:4:11: error: [x] bantime: is not a length of time (got "soon"); write seconds or units: 600, 10m, 1d12h, 1w; -1 is for ever',
      '1 error, 1 warning, 0 notes',
    ]);
  });

  test('prints control characters of files escaped', () => {
    const { diagnostics } = load({ 'jail.local': '[x]\nenabled = true\nport = \u001b[31m\n' });
    expect(formatDiagnostics(diagnostics)).not.toContain('\u001b');
  });
});
