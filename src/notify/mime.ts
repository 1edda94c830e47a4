/**
 * A mail as bytes (RFC 5322, 2045, 2047). Every header is one line whatever stands in its value: control characters go,
 * what is not ASCII is encoded, long ones are folded. The body is quoted-printable, so no line is long or bare.
 */
export interface Mail {
  readonly from: { readonly name: string; readonly address: string };
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
  /** Without brackets; the same mail sent again has the same. */
  readonly messageId: string;
  readonly date: Date;
  /** Further headers; their names are ours. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Characters of a header's line (RFC 5322, 2.1.1, recommends 78) and of an encoded line (RFC 2045, 6.7). */
const LINE_CHARS = 76;
/** Bytes of text in one encoded word: 75 characters with `=?UTF-8?B?` and `?=` (RFC 2047, 2). */
const WORD_BYTES = 45;

/** The message with CRLF line ends. */
export function mimeOf(mail: Mail): Buffer {
  const headers = {
    From: `${phrase(mail.from.name)} <${addressOf(mail.from.address)}>`,
    To: mail.to.map(addressOf).join(', '),
    Subject: unstructured(mail.subject),
    Date: dateOf(mail.date),
    'Message-ID': `<${mail.messageId.replace(/[^\w.@-]/g, '').slice(-128)}>`,
    // No vacation answers to a machine (RFC 3834), and no loops.
    'Auto-Submitted': 'auto-generated',
    'MIME-Version': '1.0',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Transfer-Encoding': 'quoted-printable',
    ...Object.fromEntries(Object.entries(mail.headers ?? {}).map(([name, value]) => [name, unstructured(value)])),
  };
  const lines = Object.entries(headers).map(([name, value]) => folded(`${name}: ${value}`));
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${quotedPrintable(mail.body)}\r\n`, 'latin1');
}

/** An address that is nothing else: checked by the configuration, and once more here. */
export function addressOf(text: string): string {
  if (!/^[\w.+=][\w.+=-]*(?:@[\w.-]+)?$/.test(text)) throw new Error(`not a mail address: ${JSON.stringify(text)}`);
  return text;
}

function phrase(text: string): string {
  const safe = plain(text);
  if (!isShort(safe)) return encodedWords(safe);
  return /^[\w !#$%&'*+/=?^`{|}~-]+$/.test(safe) ? safe : `"${safe.replace(/["\\]/g, '\\$&')}"`;
}

function unstructured(text: string): string {
  const safe = plain(text);
  // What looks like an encoded word would be decoded.
  return isShort(safe) && !safe.includes('=?') ? safe : encodedWords(safe);
}

/** ASCII in words that lines can be folded between. */
function isShort(text: string): boolean {
  return /^[ -~]*$/.test(text) && !/[!-~]{61}/.test(text);
}

/** Without line breaks and other controls. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}

function encodedWords(text: string): string {
  const words: string[] = [];
  let bytes = Buffer.alloc(0);
  for (const char of text) {
    const next = Buffer.from(char, 'utf8');
    if (bytes.length + next.length > WORD_BYTES) {
      words.push(bytes.toString('base64'));
      bytes = Buffer.alloc(0);
    }
    bytes = Buffer.concat([bytes, next]);
  }
  words.push(bytes.toString('base64'));
  return words.map((word) => `=?UTF-8?B?${word}?=`).join(' ');
}

/** Broken at blanks, each further line beginning with one. */
function folded(line: string): string {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > LINE_CHARS) {
    const at = rest.lastIndexOf(' ', LINE_CHARS);
    // Never between the name and its value: a first line of white space is obsolete syntax.
    const cut = at > rest.indexOf(': ') + 1 || lines.length > 0 ? at : rest.indexOf(' ', rest.indexOf(': ') + 2);
    if (cut <= 1) break;
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut);
  }
  return [...lines, rest].join('\r\n');
}

function quotedPrintable(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(quotedLine)
    .join('\r\n');
}

function quotedLine(line: string): string {
  const bytes = Buffer.from(line, 'utf8');
  const lines: string[] = [];
  let out = '';
  for (const [index, byte] of bytes.entries()) {
    const isLast = index === bytes.length - 1;
    const literal = (byte > 32 && byte < 127 && byte !== 61) || (byte === 32 && !isLast);
    // A dot that begins a line and `From ` are left to no mailer's care.
    const risky =
      out === '' && (byte === 46 || (byte === 70 && bytes.toString('latin1', index, index + 5) === 'From '));
    const piece =
      literal && !risky ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    if (out.length + piece.length > LINE_CHARS - 1) {
      lines.push(`${out}=`);
      out = '';
    }
    out += piece;
  }
  return [...lines, out].join('\r\n');
}

/** RFC 5322, 3.3, in UTC. */
function dateOf(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}
