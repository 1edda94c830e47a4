/**
 * A peer inside a network namespace, run as a program: `serve PORT` answers every TCP connection
 * with a banner and echoes; says `ready`. `probe HOST PORT SOURCE MS` connects once and says what
 * became of it: ok, timeout, or the error's code. `udp HOST PORT SOURCE MS` sends datagrams and
 * says silence or the error's code. `flood HOST PORT SOURCE...` sends 100 datagrams per second from
 * each source until it is killed. `count PORT` says `ready`, then for every line of stdin how many
 * datagrams came from each source, as JSON. `hold HOST PORT SOURCE` connects, says `ok`, then for
 * every line of stdin, a time in ms, sends a word and says echo, silence or closed.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [mode, ...args] = process.argv.slice(2);
const say = (text: string) => process.stdout.write(`${text}\n`);

function target(): { host: string; port: number; localAddress: string } {
  const [host = '', port = '', localAddress = ''] = args;
  return { host, port: Number(port), localAddress };
}

function serve(): void {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('hello\n');
    socket.pipe(socket);
  });
  server.listen(Number(args[0]), '::', () => say('ready'));
}

function probe(): void {
  const socket = connect(target());
  const end = (text: string) => {
    say(text);
    process.exit(0);
  };
  socket.once('data', () => end('ok'));
  socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'));
  setTimeout(() => end('timeout'), Number(args[3]));
}

function udp(): void {
  const { host, port, localAddress } = target();
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (text: string) => {
    say(text);
    process.exit(0);
  };
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'));
  socket.bind(0, localAddress, () => {
    socket.connect(port, host, () => {
      // The ICMP answer comes back as the error of a later call.
      setInterval(
        () =>
          socket.send(
            'x',
            (error) => error && end((error as NodeJS.ErrnoException).code ?? 'error'),
          ),
        50,
      );
    });
  });
  setTimeout(() => end('silence'), Number(args[3]));
}

function flood(): void {
  const [host = '', port = '', ...sources] = args;
  for (const source of sources) {
    const socket = createSocket('udp4');
    // An answer to what is shut out is an error here, and the flood goes on.
    socket.on('error', () => undefined);
    socket.bind(0, source, () =>
      setInterval(() => socket.send('x', Number(port), host, () => undefined), 10),
    );
  }
  say('ready');
}

function count(): void {
  const counts: Record<string, number> = {};
  const socket = createSocket('udp4');
  socket.on('message', (_, { address }) => {
    counts[address] = (counts[address] ?? 0) + 1;
  });
  socket.bind(Number(args[0]), '0.0.0.0', () => say('ready'));
  createInterface({ input: process.stdin }).on('line', () => say(JSON.stringify(counts)));
}

function hold(): void {
  const socket = connect(target());
  let answer: (text: string) => void = () => undefined;
  let closed = false;
  const over = () => {
    closed = true;
    answer('closed');
  };
  socket.once('data', () => {
    say('ok');
    socket.on('data', () => answer('echo'));
  });
  socket.on('error', over);
  socket.on('close', over);
  createInterface({ input: process.stdin }).on('line', (line) => {
    if (closed) return void say('closed');
    const timer = setTimeout(() => answer('silence'), Number(line));
    answer = (text) => {
      clearTimeout(timer);
      answer = () => undefined;
      say(text);
    };
    socket.write('word\n');
  });
}

const modes: Record<string, () => void> = { serve, probe, udp, hold, flood, count };
modes[mode ?? '']?.();
