/**
 * Loaded into the agent before its own code (NODE_OPTIONS=--require). SIGUSR2 makes the running agent do what the file
 * /var/lib/banjour/deed names: `spin` (loop for ever on the main thread) or `probe` (try what the sandbox must refuse,
 * and tell it in /var/lib/banjour/probe.json).
 */
const { isMainThread } = require('node:worker_threads');

if (isMainThread && process.argv[2] === 'run') {
  const { execFileSync, spawnSync } = require('node:child_process');
  const fs = require('node:fs');
  const net = require('node:net');

  const capabilities = (status) =>
    [...status.matchAll(/^Cap\w+:\s*(\w+)$/gm)].map((match) => match[1]).join(' ');
  const internet = (host) =>
    new Promise((resolve) => {
      const socket = net.connect({ host, port: 25 });
      socket.once('connect', () => resolve('ok'));
      socket.once('error', ({ code }) =>
        resolve(code === 'EAFNOSUPPORT' ? `refused ${code}` : `ok ${code}`),
      );
    });

  const probe = async () => {
    const seen = {};
    const attempt = (name, deed) => {
      try {
        seen[name] = `ok ${String(deed() ?? '').slice(0, 60)}`;
      } catch (error) {
        seen[name] = `refused ${error.code ?? String(error.message).slice(0, 200)}`;
      }
    };
    const program = (file, ...args) => {
      const { status, stderr, stdout } = spawnSync(file, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      return stdout;
    };
    const own = fs.readFileSync('/proc/self/status', 'utf8');
    seen.capabilities = capabilities(own);
    seen['no new privileges'] = /^NoNewPrivs:\s*(\d)/m.exec(own)[1];
    seen.seccomp = /^Seccomp:\s*(\d)/m.exec(own)[1];
    seen['capabilities of a child'] = capabilities(
      execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }),
    );
    attempt('read /etc/shadow', () => fs.readFileSync('/etc/shadow').length);
    for (const path of [
      '/etc/x',
      '/usr/x',
      '/var/x',
      '/var/log/x',
      '/var/tmp/../x',
      '/run/x',
      '/boot/x',
      '/dev/shm/x',
    ])
      attempt(`write ${path}`, () => fs.writeFileSync(path, 'x'));
    for (const path of ['/home', '/root'])
      attempt(`read ${path}`, () => fs.readdirSync(path).length);
    seen['Internet socket'] = await internet('127.0.0.1');
    seen['Internet socket, IPv6'] = await internet('::1');
    attempt('become root by a set-user-ID program', () =>
      program('su', '-s', '/bin/sh', '-c', 'id -u', 'root'),
    );
    attempt('give a file capabilities', () => {
      fs.copyFileSync('/bin/true', '/var/lib/banjour/true');
      program('setcap', 'cap_net_admin+ep', '/var/lib/banjour/true');
    });
    attempt('make a set-user-ID file', () =>
      fs.chmodSync('/var/lib/banjour/ledger.sqlite3', 0o4755),
    );
    attempt('change user', () => process.setuid(0));
    attempt('new namespace', () => program('unshare', '-n', 'true'));
    attempt('mount', () => program('mount', '-t', 'tmpfs', 'none', '/tmp'));
    attempt('trace another process', () => program('cat', '/proc/1/environ'));
    attempt('load a kernel module', () => program('modprobe', 'dummy'));
    attempt('nft', () => program('/usr/sbin/nft', 'list', 'table', 'inet', 'banjour').length);
    fs.writeFileSync('/var/lib/banjour/probe.json', JSON.stringify(seen));
  };

  process.on('SIGUSR2', () => {
    const deed = fs.readFileSync('/var/lib/banjour/deed', 'utf8').trim();
    if (deed === 'probe') void probe();
    else for (;;);
  });
}
