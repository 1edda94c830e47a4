/**
 * Log lines as structured journal entries: the same text, and the facts as fields that can be
 * searched (`journalctl BANJOUR_ADDRESS=192.0.2.1`). The writer is injected;
 * `native/journal-send.ts` is the real one.
 */
import Transport from 'winston-transport';
import type { LogFacts, LogLevel } from '../core/log.js';
import { formatLine, MESSAGE_IDS, PRIORITIES } from './text.js';

/** Fields of one entry, as sd_journal_sendv(3) takes them. */
export type JournalFields = Readonly<Record<string, string>>;

/** The identifier that `journalctl -t` knows us by; the unit's SyslogIdentifier= is the same. */
const IDENTIFIER = 'banjour';

/** The fields of a line; no value can become another field, whatever it holds. */
export function fieldsOf(level: LogLevel, message: string, facts: LogFacts): JournalFields {
  const { action, jail, address, failures, rule, until, user, time, by } = facts;
  const id = action === undefined ? undefined : MESSAGE_IDS[action];
  const all: Readonly<Record<string, string | number | undefined>> = {
    MESSAGE: formatLine(level, message, facts, 'journal', 0),
    PRIORITY: PRIORITIES[level],
    SYSLOG_IDENTIFIER: IDENTIFIER,
    MESSAGE_ID: id,
    BANJOUR_ACTION: action,
    BANJOUR_JAIL: jail,
    BANJOUR_ADDRESS: address,
    BANJOUR_FAILURES: failures,
    BANJOUR_RULE: rule,
    BANJOUR_BY: by,
    BANJOUR_UNTIL: until,
    BANJOUR_USER: user,
    BANJOUR_TIME: time,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}

export interface JournalTransportOptions {
  /** Writes one entry; throws when the journal does not take it. */
  readonly send: (fields: JournalFields) => void;
  /** Takes the line, with its priority as `<N>` before it, when `send` throws. */
  readonly otherwise: { write(text: string): unknown };
}

/** The winston transport. What the journal does not take is not lost: it goes to standard error. */
export class JournalTransport extends Transport {
  readonly #options: JournalTransportOptions;

  constructor(options: JournalTransportOptions) {
    super();
    this.#options = options;
  }

  override log(
    info: LogFacts & { readonly level: LogLevel; readonly message: string },
    next: () => void,
  ): void {
    const { level, message, ...facts } = info;
    try {
      this.#options.send(fieldsOf(level, message, facts));
    } catch {
      this.#options.otherwise.write(`${formatLine(level, message, facts, 'systemd', 0)}\n`);
    }
    next();
  }
}
