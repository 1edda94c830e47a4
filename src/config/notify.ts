/** Actions that tell somebody, as specs for the companion. */
import { hideArguments, type SecretSource } from '../core/secrets.js';
import { shellWords } from '../core/text.js';
import type { Call } from '../ini/calls.js';
import { textOf } from '../ini/value.js';
import type { MAIL_ACTION_KEYS } from './schema.js';
import type { ActionFiles, Section } from './section.js';
import type { NotifySpec } from './types.js';

/** fail2ban's mail actions; what follows the program's name says how much the mail holds. */
const MAIL =
  /^(?:sendmail|mail|mailx)(?:-(buffered|whois|whois-lines|whois-matches|whois-ipmatches|whois-ipjailmatches|geoip-lines))?$/;

/** True when the name is an action that tells somebody. */
export function isNotification(name: string): boolean {
  return MAIL.test(name) || ['webhook', 'slack', 'exec'].includes(name);
}

/** The spec of a notification; undefined when it is broken, which is reported. */
export function readNotification(
  call: Call,
  reader: Section,
  overlays: ActionFiles,
): NotifySpec | undefined {
  const param = (key: string) => textOf(call.options.get(key) ?? []).trim();
  const mail = MAIL.exec(call.name);
  if (mail !== null) {
    const files = ['sendmail-common', 'sendmail', call.name];
    const overlay = (key: (typeof MAIL_ACTION_KEYS)[number]) => overlays.find(files, key)?.text;
    const kind = mail[1] ?? '';
    const style =
      kind === '' || kind === 'buffered' ? 'plain' : kind === 'whois' ? 'whois' : 'whois-lines';
    const sender = param('sender') || overlay('sender') || reader.text('sender');
    return {
      kind: 'mail',
      style,
      name: param('name') || reader.section,
      dest: mailbox('dest', param('dest') || overlay('dest') || reader.text('destemail'), reader),
      sender: mailbox('sender', sender, reader),
      sendername: param('sendername') || overlay('sendername') || 'Banjour',
    };
  }
  if (call.name === 'exec') return readExec(param('command'), reader);
  const url: SecretSource | undefined =
    param('url-file') !== ''
      ? { file: param('url-file') }
      : param('url') !== ''
        ? { text: param('url') }
        : undefined;
  if (url === undefined || ('text' in url && !/^https?:\/\/\S+$/.test(url.text))) {
    const fix = `write ${call.name}[url-file=/etc/banjour/secrets/${call.name}] with a file that only root reads, or url="https://..."`;
    reader.error('jail.notify', 'action', `${call.name} needs an http(s) address to send to`, fix);
    return undefined;
  }
  if ('text' in url)
    reader.note(
      'jail.inline-secret',
      'action',
      `the address that ${call.name} sends to is a secret for whoever can read this file`,
      `write ${call.name}[url-file=/etc/banjour/secrets/${call.name}], and the address into that file`,
    );
  return {
    kind: call.name === 'slack' ? 'slack' : 'webhook',
    url,
    secretFile: param('secret-file') || null,
  };
}

function readExec(command: string, reader: Section): NotifySpec | undefined {
  const argv = shellWords(command);
  if (argv?.[0]?.startsWith('/')) return { kind: 'exec', argv };
  const fix = 'write exec[command="/path/to/program <jail> <ip>"]';
  reader.error(
    'jail.notify',
    'action',
    'exec needs a command with an absolute path; no shell runs it',
    fix,
    hideArguments(command),
  );
  return undefined;
}

/** An address that can stand in a header and an argument without being more than an address. */
function mailbox(key: string, text: string, reader: Section): string {
  // fail2ban writes root@<fq-hostname>: the local mailer adds the host itself.
  const bare = text.replace(/@<fq-hostname>$/, '');
  if (!/^[\w.+=][\w.+=-]*(?:@[\w.-]+)?(?:\s*,\s*[\w.+=][\w.+=-]*(?:@[\w.-]+)?)*$/.test(bare))
    reader.error(
      'jail.notify',
      'action',
      `${key} is not a mail address`,
      `write ${key}=postmaster@example.org`,
      text,
    );
  return bare;
}
