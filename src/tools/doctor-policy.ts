/** Whether a login of Dovecot's would be answered: asked on the way that Dovecot goes. */
import { request } from 'node:http';
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import type { CompanionConfig } from '../setup/companion-config.js';
import { askDovecotPolicy, type DovecotPolicy, examinePolicy } from '../setup/dovecot-policy.js';

/** Dovecot's own time limit, as the example has it. */
const PROBE_MS = 500;
const ID = 'policy.probe';
const LOG = 'journalctl -u banjour-companion -n 20 says more';

/** Nothing where Dovecot is not there, or nobody asks and nobody answers. */
export async function checkPolicy(
  policy: CompanionConfig['policy'],
  program = 'doveconf',
): Promise<Finding[]> {
  const findings: Finding[] = examinePolicy(policy, program);
  const dovecot = policy.enabled ? askDovecotPolicy(program) : undefined;
  if (dovecot === undefined || (dovecot.get('server_url') ?? '') === '') return findings;
  return [...findings, await probe(dovecot)];
}

/** Asks about a login from this host, which is always served, with Dovecot's address and key. */
async function probe(dovecot: DovecotPolicy): Promise<Finding> {
  const url = dovecot.get('server_url') ?? '';
  const started = performance.now();
  try {
    const header = dovecot.get('server_api_header') ?? '';
    const { status, text } = await ask(url, header, 'allow');
    const took = Math.round(performance.now() - started);
    const answer = status === 200 ? (JSON.parse(text) as { status?: unknown }) : undefined;
    const ping = await ask(url, header, 'ping');
    if (answer?.status === 0 && ping.status === 200 && !ping.text.includes('"agent":true'))
      return {
        level: 'error',
        id: ID,
        message: 'Dovecot is answered, but the agent does not tell the companion: all are served',
        fix: 'systemctl restart banjour banjour-companion; ls -l /run/banjour/policy.sock must show the group banjour-companion',
      };
    if (answer?.status === 0)
      return { level: 'ok', id: ID, message: `Dovecot's question is answered within ${took} ms` };
    const what = status === 401 ? 'the key is another one' : `${status} ${text.slice(0, 200)}`;
    return { level: 'error', id: ID, message: `${url} does not answer Dovecot: ${what}`, fix: LOG };
  } catch (error) {
    const message = `${url} does not answer Dovecot: ${messageOf(error)}`;
    return { level: 'error', id: ID, message, fix: LOG };
  }
}

function ask(
  url: string,
  header: string,
  command: string,
): Promise<{ status: number; text: string }> {
  const [name = '', value = ''] = header.split(/:\s*(.*)/s);
  const body = JSON.stringify({ login: 'banjour-doctor', remote: '127.0.0.1', protocol: 'doctor' });
  const target = new URL(url);
  target.searchParams.set('command', command);
  return new Promise((resolve, reject) => {
    const call = request(
      target,
      {
        method: 'POST',
        signal: AbortSignal.timeout(PROBE_MS),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(name === '' ? {} : { [name]: value }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, 4096);
        });
        response.once('error', reject);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    call.once('error', reject);
    call.end(body);
  });
}
