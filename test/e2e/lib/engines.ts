/**
 * Engines of shared bans as Debian has them, set up by the lines of docs/share.md, with a
 * certificate of the tests' own.
 */
import type { Sharer } from './sharer.js';
import { until } from './shell.js';

const TLS = '/etc/share-tls';
const CA_FILE = '/etc/banjour/share-ca.pem';
/** An authority, and a certificate of it for the address $1; a host's clock may be an hour behind. */
const CERTIFICATES = `install -d -m 0755 ${TLS} && cd ${TLS}
[ ! -e cert.pem ] || exit 0
day() { date -u -d "$1 day" +%Y%m%d%H%M%SZ; }
openssl req -x509 -newkey rsa:2048 -nodes -not_before $(day -1) -not_after $(day 2) -subj /CN=e2e-authority -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=engine -addext subjectAltName=IP:$1 -keyout key.pem -out request.pem
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -not_before $(day -1) -not_after $(day 2) -copy_extensions copy -out cert.pem
chgrp valkey key.pem && chmod 0640 key.pem`;

/** A decision that somebody with a stolen key writes. */
export interface Slipped {
  readonly target: string;
  readonly hours: number;
}

export abstract class Engine {
  abstract readonly name: string;
  /** The unit that Debian's package has for it. */
  abstract readonly unit: string;

  /** It runs on this host. */
  constructor(protected readonly host: Sharer) {}

  /** Sets it up and starts it. */
  async start(): Promise<void> {
    await this.sh(CERTIFICATES, this.host.address);
    await this.setUp();
    await this.revive();
  }

  /** Starts it again, with what it remembers. */
  async revive(): Promise<void> {
    await this.host.machine.exec(['systemctl', 'start', this.unit]);
  }

  /** kill -9, and nobody starts it again. */
  async kill(): Promise<void> {
    await this.host.kill(this.unit);
    await this.stop();
  }

  async stop(): Promise<void> {
    await this.host.machine.exec(['systemctl', 'stop', this.unit]);
  }

  /** Lets a host in and makes it share; resolves when it does. */
  async admit(sharer: Sharer): Promise<void> {
    await sharer.machine.write(CA_FILE, await this.sh(`cat ${TLS}/ca.pem`));
    await sharer.share([...(await this.accountOf(sharer)), `ca-file = ${CA_FILE}`]);
  }

  /** How often a ban of the target was told. */
  abstract tellings(target: string): Promise<number>;
  /** Writes these, with a stolen key. */
  abstract slip(decisions: readonly Slipped[]): Promise<void>;
  protected abstract setUp(): Promise<void>;
  /** The lines of `[share]` for a host. */
  protected abstract accountOf(sharer: Sharer): Promise<readonly string[]>;

  /** Runs a script on the engine's host. */
  protected sh(script: string, ...words: readonly string[]): Promise<string> {
    return this.host.machine.exec(['sh', '-euc', script, 'sh', ...words]);
  }
}

const PASSWORD = 'e2e-share-password';
const SERVER_PASSWORD = 'e2e-server-password';
const RULES =
  '~banjour ~banjour:* resetchannels -@all +auth +select +time +xadd +xread +xrange +xrevrange +zadd +zrem +zscan +zremrangebyscore +multi +exec';
/** Words that are no decision: of a host, a jail, a target, and how long. */
const NONSENSE = [
  ['evil', 'sshd', '192.0.2.77 } ; flush ruleset', '600000'],
  ['evil', 'sshd', '192.0.2.77 timeout 1s', '600000'],
  ['evil', 'sshd', '192.0.2.77/33', '600000'],
  ['evil', 'sshd', '', '600000'],
  ['evil } ; flush ruleset', 'sshd', '192.0.2.77', '600000'],
  ['evil', 'x\\n} ; flush ruleset', '192.0.2.77', '600000'],
] as const;
/** Lengths that are none. */
const LENGTHS = ['-600000', 'NaN', '1e5', '', '99999999999999999999'];

export class Valkey extends Engine {
  readonly name = 'Valkey';
  readonly unit = 'valkey-server';

  protected async setUp(): Promise<void> {
    const { address } = this.host;
    await this.sh(`cat >> /etc/valkey/valkey.conf <<EOF
bind 127.0.0.1 ${address}
appendonly yes
requirepass ${SERVER_PASSWORD}
user banjour on >${PASSWORD} ${RULES}
port 0
tls-port 6379
tls-cert-file ${TLS}/cert.pem
tls-key-file ${TLS}/key.pem
tls-auth-clients no
EOF`);
  }

  protected async accountOf(sharer: Sharer): Promise<readonly string[]> {
    await sharer.secret('/etc/banjour/secrets/share', `${PASSWORD}\n`);
    const url = `url = valkeys://${this.host.address}:6379`;
    return [url, 'user = banjour', 'password-file = /etc/banjour/secrets/share'];
  }

  async tellings(target: string): Promise<number> {
    const said = await this.#cli(
      'default',
      SERVER_PASSWORD,
      '--json',
      'XRANGE',
      'banjour',
      '-',
      '+',
    );
    const entries = JSON.parse(said) as readonly (readonly [string, readonly string[]])[];
    const about = entries.filter(([, words]) => words.includes(target));
    return about.filter(([, words]) => !words.includes('lift')).length;
  }

  async slip(decisions: readonly Slipped[]): Promise<void> {
    const sound = decisions.map(
      ({ target, hours }) => ['evil', 'sshd', target, `${hours * 3_600_000}`] as const,
    );
    const add = ([host, jail, target, ttl]: readonly [string, string, string, string]) =>
      `XADD banjour * host "${host}" by 0000beef jail "${jail}" target "${target}" ttl "${ttl}"`;
    const commands = [...NONSENSE, ...sound].flatMap(([host, jail, target, ttl]) => [
      add([host, jail, target, ttl]),
      `ZADD banjour:held 9999999999999 "${host}|0000beef|${jail}|${target}"`,
    ]);
    commands.unshift(...LENGTHS.map((ttl) => add(['evil', 'sshd', '192.0.2.77', ttl])));
    const said = await this.#cli('banjour', PASSWORD, '--no-raw', `\n${commands.join('\n')}\n`);
    if (/error/i.test(said)) throw new Error(said);
  }

  /** Runs a command as a user; a last word with lines of its own is commands, one a line. */
  #cli(user: string, password: string, ...words: readonly string[]): Promise<string> {
    const last = words.at(-1) ?? '';
    const isScript = last.startsWith('\n');
    const login = ['--user', user, '--pass', password, '--no-auth-warning'];
    const server = ['--tls', '--cacert', `${TLS}/ca.pem`, '-h', this.host.address];
    return this.host.machine.exec(
      ['valkey-cli', ...login, ...server, ...(isScript ? words.slice(0, -1) : words)],
      isScript ? { input: last } : {},
    );
  }
}

export class Lapi extends Engine {
  readonly name = "CrowdSec's LAPI";
  readonly unit = 'crowdsec';

  protected async setUp(): Promise<void> {
    const url = `https://${this.host.address}:8080`;
    // It is here for its LAPI only: there is no log that it should read.
    await this.sh(`cd /etc/crowdsec
sed -i 's/listen_uri: .*/listen_uri: ${this.host.address}:8080/; s/^#\\( *tls:\\)/\\1/; s|^# *cert_file: .*|      cert_file: ${TLS}/cert.pem|; s|^# *key_file: .*|      key_file: ${TLS}/key.pem|' config.yaml
sed -i 's|^url: .*|url: ${url}|' local_api_credentials.yaml
echo 'ca_cert_path: ${TLS}/ca.pem' >> local_api_credentials.yaml
install -d /etc/systemd/system/crowdsec.service.d
cat > /etc/systemd/system/crowdsec.service.d/lapi.conf <<EOF
[Service]
ExecStartPre=
ExecStart=
ExecStart=/usr/bin/crowdsec -no-cs -c /etc/crowdsec/config.yaml
EOF
systemctl daemon-reload`);
  }

  override async revive(): Promise<void> {
    await super.revive();
    await until('the LAPI answers', async () => {
      await this.#cscli('lapi', 'status');
      return true;
    });
  }

  protected async accountOf(sharer: Sharer): Promise<readonly string[]> {
    const { name } = sharer;
    const password = `machine-${name}`;
    const machine = ['machines', 'add', name, '--password', password, '-f', '/dev/null'];
    await this.#cscli(...machine, '--force');
    const key = await this.#cscli('bouncers', 'add', name, '-o', 'raw');
    await sharer.secret('/etc/banjour/secrets/lapi-machine', `${password}\n`);
    await sharer.secret('/etc/banjour/secrets/lapi-bouncer', `${key.trim()}\n`);
    return [`url = https://${this.host.address}:8080`, `machine-id = ${name}`];
  }

  async tellings(target: string): Promise<number> {
    const query = `SELECT count(*) FROM decisions WHERE value = '${target}'`;
    const file = '/var/lib/crowdsec/data/crowdsec.db';
    return Number(await this.host.machine.exec(['sqlite3', '-readonly', file, query]));
  }

  async slip(decisions: readonly Slipped[]): Promise<void> {
    const rows = decisions.map(({ target, hours }) => ({
      ...{ duration: `${hours}h`, type: 'ban', reason: 'x } ; flush ruleset', value: target },
      scope: target.includes('/') ? 'Range' : 'Ip',
    }));
    await this.host.machine.write('/srv/slipped.json', JSON.stringify(rows));
    await this.#cscli('decisions', 'import', '-i', '/srv/slipped.json');
  }

  #cscli(...words: readonly string[]): Promise<string> {
    return this.host.machine.exec(['cscli', ...words]);
  }
}
