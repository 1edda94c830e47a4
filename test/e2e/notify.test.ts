/**
 * People are told: banjour-companion under its own unit, Postfix' SMTP server and its sendmail, a
 * mailbox at the end.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import { Machine } from './lib/machine.js';
import type { Suite } from './lib/rootfs.js';
import { until } from './lib/shell.js';
import { cutOff, judged, Station } from './lib/station.js';

const PACE = { intervalMs: 1_000, readMs: 20_000 };
const MAILBOX = '/home/anna/Maildir/new';

const JAILS = `[DEFAULT]
bantime = 10m

[postfix-sasl]
enabled = true

[sshd]
enabled = true
action = %(action_)s
         sendmail-whois-lines[name=SSH, dest="anna", sender="banjour", sendername="Wache"]

[login]
enabled = false
`;

const SETTINGS = '[Definition]\nwhois = tcp:127.0.0.1:4343\ndigest = 1\n';

/** Answers every question as a registry would. */
const WHOIS = `import socketserver
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"% asked: " + self.rfile.readline() + b"inetnum: 203.0.113.0/24\\r\\nnetname: E2E-NET\\r\\n")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 4343), Answer).serve_forever()
`;

describe.each<[Suite]>([['trixie'], ['bookworm']])('a mail server on %s', (suite) => {
  let machine: Machine;
  let station: Station;

  const mails = async () => {
    const { stdout } = await machine.try(['sh', '-c', `cat ${MAILBOX}/* 2>/dev/null`]);
    return stdout.replace(/=\n/g, '');
  };
  const notifyLog = () =>
    machine.exec(['journalctl', '-u', 'banjour-companion', '-o', 'cat', '--no-pager']);
  /** An attack on SSH that is cut off after three failures, as without anybody to tell. */
  async function attack(from: string): Promise<void> {
    const attempts = await station.attack('ssh', from, 6, PACE);
    expect([judged(attempts), cutOff(attempts)]).toEqual([3, true]);
  }
  async function mailAbout(address: string): Promise<string> {
    return until(
      `a mail about ${address} arrives`,
      async () => {
        const text = await mails();
        return text.includes(`banned ${address} `) ? text : undefined;
      },
      { timeoutMs: 30_000 },
    ).catch(async (error: unknown) => {
      throw new Error(`${error}\n${await notifyLog()}`);
    });
  }

  beforeAll(async () => {
    machine = await Machine.boot(suite);
    station = new Station(machine);
    const agent = await Agent.install(machine);
    await agent.installCompanion();
    await machine.write('/etc/banjour/jail.local', JAILS);
    await machine.write('/etc/banjour/notify.conf', SETTINGS);
    await machine.write('/etc/banjour/companion.conf', '[metrics]\nenabled = true\n');
    await machine.write('/opt/whois.py', WHOIS);
    await machine.exec(['systemd-run', '--unit=whois-server', 'python3', '/opt/whois.py']);
    await agent.start();
    await machine
      .exec(['systemctl', 'enable', '--now', 'banjour-companion'])
      .catch(async (error) => {
        throw new Error(`${error}\n${await notifyLog()}`);
      });
    await until('banjour-companion has met the agent', async () =>
      (await machine.try(['test', '-s', '/var/lib/banjour-companion/positions.json'])).status === 0
        ? true
        : undefined,
    );
  });
  afterAll(async () => {
    await station?.close();
    await machine?.destroy();
  });

  test('a ban is mailed through the SMTP server, with whois data and log lines', async () => {
    await attack('203.0.113.7');
    const text = await mailAbout('203.0.113.7');
    for (const words of [
      'From: Wache <banjour@localhost>',
      'To: anna@localhost',
      'Subject: [Banjour] SSH: banned 203.0.113.7 from mail',
      'after 3 failed attempts',
      'netname: E2E-NET',
      'Failed password',
      'from 203.0.113.7 port',
    ])
      expect(text).toContain(words);
  });

  test('it has no capability, cannot gain any, and its metrics are on the loopback', async () => {
    const pid = await machine.exec(['systemctl', 'show', '-P', 'MainPID', 'banjour-companion']);
    const status = await machine.exec(['cat', `/proc/${pid.trim()}/status`]);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const read =
      'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9811/metrics").read().decode())';
    const text = await machine.exec(['python3', '-c', read]);
    expect(text).toMatch(/^banjour_bans_total\{jail="sshd",family="ipv4"\} [1-9]/m);
    expect(text).toMatch(/^banjour_notify_sent_total\{channel="mail"\} [1-9]/m);
  });

  test("a ban is mailed through Postfix' sendmail, with the group that it asks for", async () => {
    await machine.write('/etc/banjour/notify.conf', `${SETTINGS}mailer = /usr/sbin/sendmail\n`);
    await machine.write(
      '/etc/systemd/system/banjour-companion.service.d/sendmail.conf',
      '[Service]\nSupplementaryGroups=postdrop\n',
    );
    await machine.exec(['systemctl', 'daemon-reload']);
    await machine.exec(['systemctl', 'restart', 'banjour-companion']);
    await attack('203.0.113.8');
    const text = await mailAbout('203.0.113.8');
    expect(text).toContain('from 203.0.113.8 port');
    expect(text).toContain('To: anna');
  });

  test('what was banned while banjour-companion was dead is told when it comes back', async () => {
    await machine.exec(['systemctl', 'stop', 'banjour-companion']);
    await attack('203.0.113.9');
    expect(await mails()).not.toContain('banned 203.0.113.9 ');
    await machine.exec(['systemctl', 'start', 'banjour-companion']);
    await mailAbout('203.0.113.9');
    expect((await mails()).match(/^Subject: .*banned 203\.0\.113\.9 /gm)).toHaveLength(1);
  });
});
