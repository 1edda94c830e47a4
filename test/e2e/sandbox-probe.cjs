/** Run in place of the agent under its unit: tries what the agent must and must not be able to do, tells one JSON line. */
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const { Worker } = require('node:worker_threads');

const seen = {};
const attempt = (name, deed) => {
  try {
    seen[name] = `ok ${String(deed() ?? '').slice(0, 60)}`;
  } catch (error) {
    seen[name] = `refused ${error.code ?? String(error.message).slice(0, 200)}`;
  }
};
const program = (file, ...args) => {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};
const capabilities = (status) =>
  [...status.matchAll(/^Cap\w+:\s*(\w+)$/gm)].map((match) => match[1]).join(' ');
const own = fs.readFileSync('/proc/self/status', 'utf8');

seen.user = execFileSync('id', { encoding: 'utf8' }).trim();
seen.capabilities = capabilities(own);
seen['no new privileges'] = /^NoNewPrivs:\s*(\d)/m.exec(own)[1];
const drop = ['--ambient-caps=-all', '--inh-caps=-all', 'cat', '/proc/self/status'];
seen['capabilities of a child without'] = capabilities(
  spawnSync('setpriv', drop, { encoding: 'utf8' }).stdout,
);
seen['processes it sees'] = String(
  fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length,
);
for (const path of [
  '/var/lib/banjour/x',
  '/run/banjour/x',
  '/etc/x',
  '/usr/x',
  '/var/log/x',
  '/proc/sys/kernel/hostname',
])
  attempt(`write ${path}`, () => fs.writeFileSync(path, 'x'));
attempt('read /etc/shadow', () => fs.readFileSync('/etc/shadow').length);
for (const path of ['/home', '/root']) attempt(`read ${path}`, () => fs.readdirSync(path).length);
attempt('read the journal', () =>
  execFileSync('journalctl', ['-n', '1', '-o', 'cat', '-u', 'ssh'], { encoding: 'utf8' }).trim(),
);
attempt('network interfaces', () => Object.keys(os.networkInterfaces()).length);
attempt('nft', () =>
  program('/usr/sbin/nft', 'add table inet sandbox_probe; delete table inet sandbox_probe'),
);
attempt('SQLite', () => {
  const Database = require('better-sqlite3');
  const ledger = new Database('/var/lib/banjour/probe.sqlite3');
  ledger.pragma('journal_mode = WAL');
  ledger.exec('create table t(x)');
  ledger.close();
});
attempt('libsystemd', () => require('koffi').load('libsystemd.so.0').func('int sd_booted(void)')());
attempt('unshare', () => program('unshare', '-n', 'true'));
attempt('mount', () => program('mount', '-t', 'tmpfs', 'none', '/tmp'));
attempt('set-user-ID', () => {
  fs.writeFileSync('/var/lib/banjour/suid', 'x');
  fs.chmodSync('/var/lib/banjour/suid', 0o4755);
});

/** The connection that nothing answers still shows whether the socket itself may be made. */
function internet(name, host) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: 25 });
    const tell = (word) => {
      seen[name] = word;
      resolve();
    };
    socket.once('connect', () => tell('ok'));
    socket.once('error', ({ code }) =>
      tell(code === 'EAFNOSUPPORT' ? `refused ${code}` : `ok ${code}`),
    );
  });
}

/** Tells of the first event: `good` is what should happen. */
function happens(name, emitter, good) {
  return new Promise((resolve) => {
    const tell = (word) => {
      seen[name] = word;
      resolve();
    };
    emitter.once(good, () => tell('ok'));
    emitter.once('error', (error) => tell(`refused ${error.message}`));
  });
}

const server = net.createServer().listen('/run/banjour/probe.sock');
const worker = new Worker('require("node:worker_threads").parentPort.postMessage(1)', {
  eval: true,
});
void Promise.all([
  internet('Internet socket', '127.0.0.1'),
  internet('Internet socket, IPv6', '::1'),
  happens('listen on a unix socket', server, 'listening'),
  happens('worker thread', worker, 'message'),
]).then(() => {
  server.close();
  process.stdout.write(`${JSON.stringify(seen)}\n`);
});
