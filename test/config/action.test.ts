import { describe, expect, test } from '@jest/globals';
import { goodJail, jail } from './support.js';

const P25 = [{ first: 25, last: 25 }];

describe('what a ban closes', () => {
  test.each([
    ['port = smtp', { ports: P25, protocols: ['tcp'], verdict: 'reject' }, 'input'],
    ['port = smtp\nbanaction = %(banaction_allports)s', { ports: 'all' }, 'input'],
    ['port = smtp\nbanaction = iptables-allports', { ports: 'all', protocols: ['tcp'] }, 'input'],
    [
      'action = iptables-multiport[name=a, port="25", protocol=udp]',
      { ports: P25, protocols: ['udp'] },
      'input',
    ],
    ['action = iptables[type=multiport, port=25, chain=FORWARD]', { ports: P25 }, 'forward'],
    ['action = iptables[type=allports, protocol=all]', { ports: 'all', protocols: 'all' }, 'input'],
    [
      'action = nftables[type=multiport, port="25", chain_hook=prerouting]',
      { ports: P25 },
      'prerouting',
    ],
    ['action = nftables-allports[blocktype=drop]', { ports: 'all', verdict: 'drop' }, 'input'],
    [
      'action = iptables-multiport[blocktype="REJECT --reject-with tcp-reset", port=25]',
      { verdict: 'reject' },
      'input',
    ],
    ['port = 25\naction = iptables-multiport[name=x]', { ports: P25 }, 'input'],
    ['blocktype = drop\nchain = DOCKER-USER', { verdict: 'drop' }, 'forward'],
    [
      'port = 25\nprotocol = all',
      { ports: P25, protocols: ['tcp', 'udp', 'udplite', 'sctp', 'dccp'] },
      'input',
    ],
    [
      'action = nftables[port=25]\n  nftables[port=26, protocol=udp]',
      {
        ports: [{ first: 25, last: 26 }],
        protocols: ['tcp', 'udp'],
      },
      'input',
    ],
  ])('is what fail2ban would close: %s', (lines, rule, hook) => {
    const found = goodJail(lines);
    expect(found.rule).toMatchObject(rule);
    expect(found.hook).toBe(hook);
  });

  test("follows action.d/nftables-common.local where the jail's call says nothing", () => {
    const files = {
      'action.d/nftables-common.local':
        '[Init]\nprotocol = tcp,udp\nchain_hook = forward\nblocktype = drop\n',
    };
    const found = goodJail('action = nftables[type=multiport, port=25]', files);
    expect(found.rule).toMatchObject({ protocols: ['tcp', 'udp'], verdict: 'drop' });
    expect(found.hook).toBe('forward');
    expect(
      goodJail('action = nftables[type=multiport, port=25, protocol=tcp]', files).rule.protocols,
    ).toEqual(['tcp']);
  });

  test('follows the chain of action.d/iptables-common.local', () => {
    const files = { 'action.d/iptables-common.local': '[Init]\nchain = FORWARD\n' };
    expect(goodJail('action = iptables-multiport[port=25]', files).hook).toBe('forward');
    expect(goodJail('action = iptables-multiport[port=25, chain=INPUT]', files).hook).toBe('input');
  });

  test('of two actions with different ports is all of it, and that is said', () => {
    expect(jail('action = nftables[port=25]\n  nftables[port=26, protocol=udp]').ids).toEqual([
      'jail.action-joined',
    ]);
    expect(jail('action = nftables[port=25]\n  nftables[port=25, protocol=udp]').ids).toEqual([]);
  });

  test('is judged in one place for all jails that covers each', () => {
    const two = (a: string, b: string) =>
      jail(`action = nftables[chain=${a}]\n[x]\nenabled = true\naction = nftables[chain=${b}]`)
        .config?.firewall.hook;
    expect([
      two('INPUT', 'INPUT'),
      two('INPUT', 'FORWARD'),
      two('FORWARD', 'FORWARD'),
      two('INPUT', 'prerouting'),
    ]).toEqual(['input', 'both', 'forward', 'prerouting']);
  });

  test('loses nothing silently: actions and parameters without counterpart are named', () => {
    const { config, diagnostics } = jail(
      'action = %(action_)s\n  abuseipdb[key=1]\n  nftabels\n  iptables-multiport[speed=fast]',
    );
    expect(config).toBeDefined();
    expect(diagnostics.map(({ id, level }) => [id, level])).toEqual([
      ['jail.action-unmapped', 'warning'],
      ['jail.action-unmapped', 'warning'],
      ['jail.action-parameter', 'warning'],
    ]);
    expect(diagnostics[1]?.fix).toContain('did you mean nftables?');
  });

  test("of the administrator's own action file is never run, and that is said", () => {
    const files = { 'action.d/mine.conf': '[Definition]\nactionban = touch /tmp/x\n' };
    const { diagnostics } = jail('action = %(action_)s\n  mine', files);
    expect(diagnostics[0]?.message).toContain('are not run');
  });
});

describe('who is told', () => {
  test('%(action_)s tells nobody, %(action_mw)s and %(action_mwl)s send mail', () => {
    expect(goodJail('').notify).toEqual([]);
    const mail = {
      kind: 'mail',
      name: 'j',
      dest: 'root',
      sender: 'banjour',
      sendername: 'Banjour',
    };
    expect(goodJail('action = %(action_mw)s').notify).toEqual([{ ...mail, style: 'whois' }]);
    expect(goodJail('action = %(action_mwl)s\ndestemail = ops@example.org').notify).toEqual([
      { ...mail, style: 'whois-lines', dest: 'ops@example.org' },
    ]);
  });

  test('sendmail-whois-lines[..] takes its addresses from action.d/sendmail-common.local', () => {
    const files = {
      'action.d/sendmail-common.local': '[Init]\ndest = a@example.org\nsender = b@example.org\n',
    };
    const lines =
      'logpath = /var/log/own.log\naction = nftables\n   sendmail-whois-lines[name=SMTP, logpath="%(logpath)s"]';
    expect(goodJail(lines, files).notify).toEqual([
      {
        kind: 'mail',
        style: 'whois-lines',
        name: 'SMTP',
        dest: 'a@example.org',
        sender: 'b@example.org',
        sendername: 'Banjour',
      },
    ]);
  });

  test('webhooks, Slack and programs', () => {
    const lines =
      'action = nftables\n  webhook[url="https://x.example/h", secret-file=/etc/s]\n  slack[url-file=/etc/slack]\n  exec[command="/bin/tell <jail> <ip>"]';
    expect(goodJail(lines).notify).toEqual([
      { kind: 'webhook', url: { text: 'https://x.example/h' }, secretFile: '/etc/s' },
      { kind: 'slack', url: { file: '/etc/slack' }, secretFile: null },
      { kind: 'exec', argv: ['/bin/tell', '<jail>', '<ip>'] },
    ]);
  });
});
