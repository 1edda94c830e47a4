/**
 * Entry file of a server that serves every login without a thought: what the machine, Node's HTTP
 * and the asker cost by themselves. Argument: its port.
 */
import { createServer } from 'node:http';

const ANSWER = '{"status":0,"msg":""}';
const HEAD = { 'content-type': 'application/json', 'content-length': ANSWER.length };

createServer((request, response) => {
  request.resume();
  request.once('end', () => response.writeHead(200, HEAD).end(ANSWER));
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.stderr.write('policy on\n'));
