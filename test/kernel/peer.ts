/**
 * A peer inside a network namespace, run as a program: `serve PORT` answers every TCP connection
 * with a banner and echoes; says `ready`. `flood HOST PORT SOURCE...` sends 100 datagrams per
 * second from each source until it is killed. `count PORT` says `ready`, then for every line of
 * stdin how many datagrams came from each source, as JSON.
 *
 * `clients HOST4 HOST6 PORT` says `ready`, then carries out the lines of stdin, many at once, and
 * answers each with its first word, a name, and what came of it. `NAME probe SOURCE MS` connects
 * once: ok, timeout, or the error's code. `NAME udp SOURCE MS` sends datagrams: silence or the
 * error's code. `NAME hold SOURCE` opens a connection and keeps it by its name: ok or the error's
 * code. `NAME word HELD MS` sends a word over that one: echo, silence or closed.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const [mode, ...args] = process.argv.slice(2);
const say = (text: string) => process.stdout.write(`${text}\n`);
/** Says what came of one order. */
type Answer = (text: string) => void;

function serve(): void {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('hello\n');
    socket.pipe(socket);
  });
  server.listen(Number(args[0]), '::', () => say('ready'));
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

function clients(): void {
  const [host4 = '', host6 = '', port = ''] = args;
  const to = (source: string) => ({
    host: source.includes(':') ? host6 : host4,
    port: Number(port),
    localAddress: source,
  });
  const held = new Map<string, Held>();
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [name = '', order, subject = '', ms] = line.split(' ');
    const answer: Answer = (text) => say(`${name} ${text}`);
    if (order === 'probe') probe(to(subject), Number(ms), answer);
    else if (order === 'udp') udp(to(subject), Number(ms), answer);
    else if (order === 'hold') held.set(name, new Held(connect(to(subject)), answer));
    else held.get(subject)?.word(Number(ms), answer);
  });
  say('ready');
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
}

/** The first of several answers. */
function once(answer: Answer, after: () => void): Answer {
  let isOver = false;
  return (text) => {
    if (isOver) return;
    isOver = true;
    after();
    answer(text);
  };
}

function probe(target: Target, ms: number, answer: Answer): void {
  const socket = connect(target);
  const end = once(answer, () => {
    clearTimeout(timer);
    socket.destroy();
  });
  socket.once('data', () => end('ok'));
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'));
  const timer = setTimeout(() => end('timeout'), ms);
}

function udp({ host, port, localAddress }: Target, ms: number, answer: Answer): void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let sending: NodeJS.Timeout | undefined;
  const end = once(answer, () => {
    clearTimeout(timer);
    clearInterval(sending);
    socket.close();
  });
  const failed = (error: Error | null) => {
    if (error !== null) end((error as NodeJS.ErrnoException).code ?? 'error');
  };
  socket.on('error', failed);
  socket.bind(0, localAddress, () => {
    socket.connect(port, host, () => {
      // The ICMP answer comes back as the error of a later call.
      sending = setInterval(() => socket.send('x', failed), 50);
    });
  });
  const timer = setTimeout(() => end('silence'), ms);
}

/** A connection that is kept. */
class Held {
  #answer: Answer;
  #isClosed = false;

  constructor(
    private readonly socket: Socket,
    answer: Answer,
  ) {
    this.#answer = answer;
    socket.once('data', () => {
      this.#say('ok');
      socket.on('data', () => this.#say('echo'));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#over(error.code));
    socket.on('close', () => this.#over());
  }

  word(ms: number, answer: Answer): void {
    if (this.#isClosed) {
      answer('closed');
      return;
    }
    const timer = setTimeout(() => this.#say('silence'), ms);
    this.#answer = once(answer, () => clearTimeout(timer));
    this.socket.write('word\n');
  }

  #say(text: string): void {
    const answer = this.#answer;
    this.#answer = () => undefined;
    answer(text);
  }

  #over(code?: string): void {
    const wasOpen = this.socket.bytesRead > 0;
    this.#isClosed = true;
    this.#say(wasOpen ? 'closed' : (code ?? 'closed'));
  }
}

const modes: Record<string, () => void> = { serve, flood, count, clients };
modes[mode ?? '']?.();
