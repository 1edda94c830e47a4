import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { journalSend } from '../../native/journal-send.js';
import { JOURNAL_SEND_BYTES_MAX } from '../../src/core/limits.js';
import { type ExportItem, ExportParser } from '../../src/journal/export/parser.js';
import { hasCommand, isRoot, needs } from '../support/require.js';

const child = fileURLToPath(new URL('./journal-send.child.js', import.meta.url));

/** journald's native protocol is the export format without an end of entry. */
function fieldsOf(
  datagram: string | undefined,
  names: readonly string[],
): Record<string, string | undefined> {
  const parser = new ExportParser(new Set(names));
  parser.feed(Buffer.from(datagram ?? '', 'base64'));
  parser.end();
  const item: ExportItem | undefined = parser.next();
  if (item?.kind !== 'entry') return {};
  return Object.fromEntries(
    names.map((name) => [
      name,
      item.entry
        .get(name)
        ?.map((piece) => piece.head)
        .join('|'),
    ]),
  );
}

describe('entries written to the journal', () => {
  needs(isRoot && hasCommand('unshare'), 'needs root and unshare(1) for a stand-in of journald')(
    'arrive field by field, and no value can smuggle in another field',
    () => {
      const script =
        'mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/journal && exec "$@"';
      const result = spawnSync(
        'unshare',
        ['--mount', 'sh', '-c', script, 'sh', process.execPath, child],
        {
          encoding: 'utf8',
        },
      );
      expect(result.stderr).toBe('');
      const [first, second] = result.stdout.split('\n');
      expect(fieldsOf(first, ['MESSAGE', 'PRIORITY'])).toEqual({ MESSAGE: 'plain', PRIORITY: '5' });
      expect(fieldsOf(second, ['MESSAGE', 'PRIORITY', 'BINARY', 'EMPTY'])).toEqual({
        MESSAGE: 'two\nPRIORITY=0',
        PRIORITY: undefined,
        BINARY: '\0\ufffd\n',
        EMPTY: '',
      });
    },
  );

  test('have names that journald does not drop', () => {
    for (const name of ['', 'lower', '_TRUSTED', '1ST', 'A=B', 'A\nB', 'N'.repeat(65)])
      expect(() => journalSend({ [name]: 'x' })).toThrow(RangeError);
    expect(() => journalSend({})).toThrow(RangeError);
  });

  test('are bounded', () => {
    const room = JOURNAL_SEND_BYTES_MAX - 'MESSAGE='.length;
    expect(() => journalSend({ MESSAGE: 'x'.repeat(room + 1) })).toThrow(RangeError);
  });
});
