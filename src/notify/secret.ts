/**
 * Secrets: read at the moment of use, held in an object that nothing prints, taken out of whatever
 * others say. A name without a slash is a credential of the unit (`LoadCredential=`,
 * systemd.exec(5)).
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { messageOf, OperatingError } from '../core/errors.js';
import { HIDDEN, type SecretSource } from '../core/secrets.js';
import { NOTIFY_SECRET_BYTES_MAX } from '../core/service-limits.js';

export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The secret itself: only for the one call that needs it. */
  reveal(): string {
    return this.#text;
  }
  /** `text` without the secret, for what a library or a server says. */
  redact(text: string): string {
    return this.#text.length < 4 ? text : text.replaceAll(this.#text, HIDDEN);
  }
  toString(): string {
    return HIDDEN;
  }
  toJSON(): string {
    return HIDDEN;
  }
  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** Where a secret's file is: a bare name lies in `$CREDENTIALS_DIRECTORY`. */
export function secretPath(name: string, env: NodeJS.ProcessEnv): string {
  if (name.includes('/')) return name;
  const directory = env['CREDENTIALS_DIRECTORY'];
  if (directory === undefined)
    throw new OperatingError(
      'ERR_NOTIFY_SECRET',
      `there is no credential ${name}: the unit has no LoadCredential=`,
    );
  return join(directory, name);
}

/**
 * What to do where the companion could not read a secret. `make`: how its file is written anew. A
 * credential is systemd's to hand over, and what cannot be read may be a key that others know.
 */
export function secretRemedy(file: string, cause: unknown, make: string): string {
  if (!file.includes('/'))
    return `systemctl edit banjour-companion, write LoadCredential=${file}:/etc/banjour/secrets/${file} below [Service], and the secret into that file; then systemctl restart banjour-companion`;
  const code = (cause as { cause?: NodeJS.ErrnoException }).cause?.code;
  return code === 'EACCES' ? `chgrp banjour-companion ${file} && chmod 0640 ${file}` : make;
}

/** Reads a secret: the first line of its file. The error names the file and never what is in it. */
export function readSecret(source: SecretSource, env: NodeJS.ProcessEnv): Secret {
  if ('text' in source) return new Secret(source.text);
  const path = secretPath(source.file, env);
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!fstatSync(file).isFile()) throw new Error('it is not a file');
      const bytes = Buffer.alloc(NOTIFY_SECRET_BYTES_MAX + 1);
      const size = readSync(file, bytes, 0, bytes.length, 0);
      if (size > NOTIFY_SECRET_BYTES_MAX)
        throw new Error(`it is larger than ${NOTIFY_SECRET_BYTES_MAX} bytes`);
      const text = bytes.toString('utf8', 0, size).split(/\r?\n/)[0]?.trim() ?? '';
      if (text === '') throw new Error('its first line is empty');
      return new Secret(text);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new OperatingError(
      'ERR_NOTIFY_SECRET',
      `the secret in ${path} cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
