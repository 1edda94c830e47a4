import { describe, expect, test } from '@jest/globals';
import { formatPrefix } from '../../src/core/address.js';
import { EVIDENCE_CURSORS_MAX, MAXRETRY_MAX } from '../../src/core/limits.js';
import { formatMatch } from '../../src/core/match.js';
import { goodJail, ids, jail, load } from './support.js';

describe('a jail', () => {
  test("that states nothing has fail2ban's own defaults", () => {
    const { policy, rule, source, intake } = goodJail('');
    expect(policy).toEqual({
      jail: 'j',
      maxretry: 5,
      findtime: 600,
      bantime: 600,
      ipv6prefix: 64,
      forgetOnSuccess: false,
      maxmatches: 5,
    });
    expect(rule).toEqual({ jail: 'j', ports: 'all', protocols: ['tcp'], verdict: 'reject' });
    expect(source).toEqual({ kind: 'journal', spec: { kind: 'local' } });
    expect(formatMatch(intake.match)).toBe('_SYSTEMD_UNIT=x.service');
    expect(intake.filter.failregex[0]?.text).toBe('^bad <HOST>');
  });

  test('takes the proxies of a filter that reads chains from trusted_proxies, else one’s own networks and ignoreip', () => {
    const own = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'];
    own.push('::1', 'fc00::/7', 'fe80::/10');
    const proxies = (lines: string, regex: string) =>
      goodJail(`${lines}\nfailregex = ${regex}`).intake.filter.proxies?.map(formatPrefix);
    const chain = '^bad (?:<F-CHAIN>.*</F-CHAIN>, )?<ADDR>$';
    const both =
      'ignoreip = 10.0.0.0/8 friend.example.org\ntrusted_proxies = 172.22.0.1 2001:db8::/48';
    expect(proxies(both, chain)).toEqual(['172.22.0.1', '2001:db8::/48']);
    expect(proxies('ignoreip = 203.0.113.0/24 friend.example.org', chain)).toEqual([
      ...own,
      '203.0.113.0/24',
    ]);
    expect(proxies('', chain)).toEqual(own);
    expect(proxies('trusted_proxies = 127.0.0.1', chain)).toEqual(['127.0.0.1']);
    expect(proxies(both, '^bad <HOST>')).toBeUndefined();
  });

  test('is named like its filter unless it says otherwise', () => {
    expect(
      load({ 'jail.local': '[x]\nenabled = yes\n' }).config?.jails[0]?.intake.filter.name,
    ).toBe('x');
  });

  test('takes its numbers and times', () => {
    const { policy, maxmatches } = goodJail(
      'maxretry = 3\nfindtime = 1h\nbantime = 1d12h\nipv6prefix = 128\nforgetonsuccess = true',
    );
    expect(policy).toMatchObject({
      maxretry: 3,
      findtime: 3_600,
      bantime: 129_600,
      ipv6prefix: 128,
      forgetOnSuccess: true,
    });
    expect(maxmatches).toBe(3);
    expect(goodJail('maxmatches = 5000').maxmatches).toBe(EVIDENCE_CURSORS_MAX);
  });

  test('may have a maxretry up to the bound, not one more', () => {
    expect(goodJail(`maxretry = ${MAXRETRY_MAX}`).policy.maxretry).toBe(MAXRETRY_MAX);
    expect(jail(`maxretry = ${MAXRETRY_MAX + 1}`).diagnostics).toMatchObject([
      { level: 'error', id: 'config.value', key: 'maxretry', value: '100001' },
    ]);
  });

  test('judges packets where it says, and others where they say', () => {
    const { config } = load({
      'jail.local': '[j]\nenabled = 1\nfilter = x\nhook = forward\n[k]\nenabled = 1\nfilter = x\n',
    });
    expect(config?.firewall.hook).toBe('both');
    expect(config?.jails.map(({ rule }) => rule.hook)).toEqual(['forward', 'input']);
    expect(goodJail('hook = prerouting').rule.hook).toBeUndefined();
    expect(goodJail('hook = forward\nchain = INPUT').hook).toBe('forward');
    expect(jail('hook = sideways').ids).toEqual(['jail.action']);
  });

  test('with bantime = -1 bans for good', () => {
    expect(goodJail('bantime = -1').policy.bantime).toBeNull();
  });

  test('is read from the shipped root first, then from the administrator’s, .conf before .local in each', () => {
    const { config } = load({
      '/usr/jail.conf': '[DEFAULT]\nmaxretry = 3\n[j]\nfilter = x\nport = 1\nbantime = 1h\n',
      '/usr/jail.d/j.conf': '[j]\nport = 2\n',
      'jail.conf': '[j]\nport = 3\n',
      'jail.d/a.conf': '[j]\nport = 4\n',
      'jail.local': '[j]\nport = %(known/port)s,5\nenabled = true\n',
    });
    expect(config?.jails[0]?.rule.ports).toEqual([
      { first: 4, last: 4 },
      { first: 5, last: 5 },
    ]);
    expect(config?.jails[0]?.policy).toMatchObject({ maxretry: 3, bantime: 3_600 });
    expect(config?.jails[0]?.origins.get('port')).toEqual({
      text: '4,5',
      place: { file: '/etc/jail.local', line: 2 },
    });
  });

  test("brings its own regexes, and its filter's under %(known/..)s", () => {
    const { intake } = goodJail(
      'failregex = %(known/failregex)s\n   ^worse <HOST>\nignoreregex = ^never',
    );
    expect(
      intake.filter.failregex.map(({ text, place }) => [text, place.file, place.line]),
    ).toEqual([
      ['^bad <HOST>', '/usr/filter.d/x.conf', 2],
      ['^worse <HOST>', '/etc/jail.local', 5],
    ]);
    expect(intake.filter.ignoreregex.map((one) => one.text)).toEqual(['^never']);
  });

  test('grows its bans for repeat offenders by the stock formulas and by multipliers', () => {
    const on = 'bantime.increment = true\n';
    expect(goodJail(on).policy.increment).toEqual({
      formula: { kind: 'exponential' },
      factor: 1,
      maxtime: null,
      rndtime: 0,
      overalljails: false,
    });
    const stock =
      'bantime.formula = ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor';
    expect(goodJail(`${on}${stock}\nbantime.factor = 2.0/4`).policy.increment).toMatchObject({
      factor: 0.5,
    });
    const more =
      'bantime.multipliers = 1 5 30\nbantime.maxtime = 5w\nbantime.rndtime = 10m\nbantime.overalljails = true';
    expect(goodJail(on + more).policy.increment).toEqual({
      formula: { kind: 'multipliers', list: [1, 5, 30] },
      factor: 1,
      maxtime: 3_024_000,
      rndtime: 600,
      overalljails: true,
    });
    const exponent =
      'bantime.formula = ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)';
    const { formula } = goodJail(on + exponent).policy.increment ?? {};
    expect(
      formula?.kind === 'multipliers' && formula.list.slice(0, 3).map((one) => one.toFixed(3)),
    ).toEqual(['1.000', '2.718', '7.389']);
    expect(goodJail('bantime.factor = 3').policy.increment).toBeUndefined();
  });

  test('takes the NAT64 prefixes of the network', () => {
    const { nat64 } = goodJail('nat64 = 2001:db8:64::/96, 2001:db8:65::/48').policy;
    expect(nat64?.map(({ base, length }) => `${base}/${length}`)).toEqual([
      '2001:db8:64::/96',
      '2001:db8:65::/48',
    ]);
    expect(goodJail('').policy.nat64).toBeUndefined();
  });

  test.each([
    ['maxretry = 0', 'config.value'],
    ['maxretry = three', 'config.value'],
    ['findtime = soon', 'config.value'],
    ['findtime = 0', 'config.value'],
    ['bantime = 10 parsecs', 'config.value'],
    ['ipv6prefix = 129', 'config.value'],
    ['nat64 = 2001:db8:64::/95', 'config.value'],
    ['nat64 = 192.0.2.0/24', 'config.value'],
    ['port = smptp', 'jail.action'],
    ['protocol = icmp', 'jail.action'],
    ['blocktype = accept', 'jail.action'],
    ['chain = OUTPUT', 'jail.action'],
    ['filter = gone', 'filter.missing'],
    ['filter = x[a', 'ini.call'],
    ['filter = bare', 'jail.no-match'],
    ['match = postfix', 'jail.match'],
    ['source = container ../mail', 'config.value'],
    ['backend = magic', 'jail.backend'],
    ['backend = polling\nfilter = bare', 'jail.no-logpath'],
    ['logpath = mail.log', 'jail.logpath'],
    ['logpath = /own.log\nlogtimezone = Europe/Berlin', 'jail.logtimezone'],
    ['ignoreip = <my-external-ip>', 'jail.ignoreip'],
    ['ignoreip = 300.1.1.1', 'jail.ignoreip'],
    ['trusted_proxies = 10.0.0.1 proxy.example.org', 'jail.trusted_proxies'],
    ['ignoreip = file:friends', 'jail.ignoreip'],
    ['ignorecommand = check <ip>', 'jail.ignorecommand'],
    ['ignorecommand = /bin/check <ip> | grep x', 'jail.ignorecommand'],
    ['ignorecommand = /bin/check <matches>', 'jail.ignorecommand'],
    ['bantime.increment = true\nbantime.formula = 2 ** ban.Count', 'jail.formula'],
    ['bantime.increment = true\nbantime.multipliers = 1 x', 'config.value'],
    ['action = sendmail', 'jail.no-banaction'],
    ['action =', 'jail.no-banaction'],
    ['action = %(action_)s\n  webhook', 'jail.notify'],
    ['action = %(action_)s\n  exec[command="true; rm -rf /"]', 'jail.notify'],
    ['action = %(action_)s\n  sendmail[dest="-oQ/tmp x@y"]', 'jail.notify'],
    ['failregex = ^no address', 'filter.no-host'],
    ['port = %(nothing)s', 'ini.unknown-name'],
  ])('is refused with the reason: %s', (lines, id) => {
    const { config, diagnostics } = jail(lines);
    expect(config).toBeUndefined();
    const found = diagnostics.find((diagnostic) => diagnostic.id === id);
    expect(found).toMatchObject({ level: 'error' });
    expect(found?.fix).toBeTruthy();
  });

  test('whose name no log line could carry is refused', () => {
    expect(
      ids(load({ 'jail.local': '[my/jail]\nenabled = true\nfilter = x\n' }).diagnostics),
    ).toContain('jail.name');
  });

  test.each([
    ['true', undefined],
    ['watch', true],
    ['Watch', true],
  ])('with enabled = %s: only watches is %s', (word, watch) => {
    expect(load({ 'jail.local': `[x]\nenabled = ${word}\n` }).config?.jails[0]?.policy.watch).toBe(
      watch,
    );
  });

  test('that is not enabled is not read: its mistakes wait', () => {
    const { config, diagnostics } = load({
      'jail.local': '[off]\nport = nosuch\n[x]\nenabled = true\n',
    });
    expect(diagnostics).toEqual([]);
    expect(config?.disabled).toEqual(['off']);
  });

  test.each([
    ['maxrety = 3', 'maxretry'],
    ['ban_time = 3', 'bantime'],
  ])('with the unknown key %s is told the nearest known one', (line, near) => {
    const { config, diagnostics } = jail(line);
    expect(config).toBeDefined();
    expect(diagnostics[0]).toMatchObject({
      id: 'config.unknown-key',
      level: 'warning',
      fix: `did you mean ${near}?`,
    });
  });

  test('is told of misspelled keys in [DEFAULT], where other names are variables', () => {
    const { diagnostics } = load({
      'jail.local': '[DEFAULT]\nbantme = 1h\nmy_network = 192.0.2.0/24\n[x]\nenabled = true\n',
    });
    expect(diagnostics).toMatchObject([
      { id: 'config.unknown-key', key: 'bantme', fix: 'did you mean bantime?' },
    ]);
  });

  test('may have variables of its own', () => {
    expect(jail('my_ports = 25,465\nport = %(my_ports)s').ids).toEqual([]);
  });

  test('with a key that has no meaning here is told why', () => {
    const { diagnostics } = jail('ignorecache = key="<ip>"');
    expect(diagnostics[0]).toMatchObject({ id: 'config.no-meaning', level: 'note' });
  });

  test('hears all of its problems at once', () => {
    expect(jail('maxretry = x\nbantime = y\nport = z\nignoreip = !').ids).toHaveLength(4);
  });

  test('keeps its ignorecommand as arguments for which no shell is needed', () => {
    expect(goodJail('ignorecommand = /usr/bin/check "a b" <ip>').ignorecommand).toEqual([
      '/usr/bin/check',
      'a b',
      '<ip>',
    ]);
  });

  test('never resolves names, and says so when asked to', () => {
    expect(jail('usedns = warn').ids).toEqual(['jail.usedns']);
    expect(goodJail('usedns = raw').intake.filter.usedns).toBe('raw');
  });
});
