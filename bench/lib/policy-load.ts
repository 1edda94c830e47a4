/**
 * Entry file of a mail server that asks before each login and reports after it, as Dovecot does:
 * connections that are kept, and one more where none is free. Arguments: port, key, seconds, logins
 * per second. Prints how long each answer took, ms, as JSON.
 */
import { connect, type Socket } from 'node:net';
import { random } from '../mailserver.js';

/** Of so many logins the password is wrong. */
const WRONG = 0.5;
/** Names that log in, and addresses that they come from. */
const USERS = 500;
const ADDRESSES = 5_000;

export interface PolicyLoad {
  /** From the last byte of a question to the last byte of its answer, ms. */
  readonly milliseconds: readonly number[];
  /** Answers by their status; "none" where there was none. */
  readonly answers: Readonly<Record<string, number>>;
  readonly connections: number;
  /** How late questions were asked, at worst, ms: what the asker itself was held up. */
  readonly latestMs: number;
}

const [port = 0, key = '', seconds = 0, perSecond = 0] = process.argv
  .slice(2)
  .map((word, n) => (n === 1 ? word : Number(word))) as [number, string, number, number];
const authorization = `Basic ${Buffer.from(`dovecot:${key}`).toString('base64')}`;
const chance = random(1);
const upTo = (n: number) => Math.floor(chance() * n);
const milliseconds: number[] = [];
const answers: Record<string, number> = {};
const free: Socket[] = [];
let connections = 0;
let underWay = 0;
let latestMs = 0;

function ask(command: string, login: object, answered: (status: string) => void): void {
  const body = JSON.stringify(login);
  const socket = free.pop() ?? open();
  underWay++;
  let text = '';
  const started = performance.now();
  const end = (status: string) => {
    socket.removeAllListeners('data');
    socket.off('close', gone);
    underWay--;
    answers[status] = (answers[status] ?? 0) + 1;
    answered(status);
  };
  const gone = () => end('none');
  socket.on('data', (chunk) => {
    text += chunk;
    const [head = '', rest] = text.split('\r\n\r\n', 2);
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (rest === undefined || rest.length < Number(length)) return;
    if (command === 'allow') milliseconds.push(performance.now() - started);
    free.push(socket);
    end(head.slice(9, 12));
  });
  socket.once('close', gone);
  socket.write(
    `POST /?command=${command} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function open(): Socket {
  connections++;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.on('end', () => {
    const at = free.indexOf(socket);
    if (at >= 0) free.splice(at, 1);
  });
  return socket;
}

/** A login: asked about, tried, and reported with how it ended. */
function login(n: number): void {
  const about = {
    device_id: '',
    login: `user${upTo(USERS)}@mail.example`,
    protocol: 'imap',
    pwhash: upTo(4_096).toString(16),
    remote: `100.${64 + upTo(64)}.${upTo(ADDRESSES / 250)}.${1 + upTo(250)}`,
    session_id: `load${n.toString(36)}`,
    tls: 'TLSv1.3',
  };
  const success = chance() >= WRONG;
  ask('allow', about, () =>
    setTimeout(
      () => ask('report', { ...about, success, policy_reject: false }, () => undefined),
      success ? 5 : 20,
    ),
  );
}

/** Logins come by chance, as those of strangers do: their pauses are exponential. */
function play(): void {
  const began = performance.now();
  let due = 0;
  let n = 0;
  const turn = () => {
    const now = performance.now() - began;
    for (; due <= now; due += (-Math.log(1 - chance()) * 1_000) / perSecond) {
      if (n > 0) latestMs = Math.max(latestMs, now - due);
      login(n++);
    }
    if (due < seconds * 1_000) setTimeout(turn, Math.max(0, due - now));
    else setTimeout(finish, 1_000);
  };
  turn();
}

function finish(): void {
  answers['none'] = (answers['none'] ?? 0) + underWay;
  const load: PolicyLoad = { milliseconds, answers, connections, latestMs };
  process.stdout.write(JSON.stringify(load), () => process.exit(0));
}

play();
