/**
 * Lines that journald broke, from the stream to the verdict: the rest of one is no line of the
 * daemon.
 */
import { writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { LINE_FIELDS, lineOf } from '../../src/filter/line.js';
import { identityOf } from '../../src/filter/match-groups.js';
import { ExportSource } from '../../src/journal/export/source.js';
import { exportStream, Scratch } from '../support/journal-files.js';
import { shipped } from './samples.js';

/** Bytes at which journald breaks what a service prints (journald.conf(5), `LineMax=`). */
const LINE_MAX = 48 * 1024;
const CLIENT = '203.0.113.9';
const VICTIM = '198.51.100.77';
const OTHER = '203.0.113.10';

test.each(['line-max', 'nul', 'pid-change'])(
  'a rest behind %s counts nobody, and the beginning its client',
  (lineBreak) => {
    using scratch = new Scratch();
    const { filter } = shipped('qmail-smtp');
    const output = {
      _HOSTNAME: 'mx1',
      _SYSTEMD_UNIT: 'qmail-smtpd.service',
      SYSLOG_IDENTIFIER: 'qmail-smtpd',
      SYSLOG_PID: '1',
    };
    const stream = { ...output, _STREAM_ID: 'a'.repeat(32), _PID: '1', _TRANSPORT: 'stdout' };
    const begin = `qmail-smtpd: pid 100 Reject::AUTH::plain P:ESMTPSA S:${CLIENT}:host H:`;
    const long = begin + 'A'.repeat(lineBreak === 'line-max' ? LINE_MAX - begin.length : 20);
    const forged = `qmail-smtpd: pid 1 Reject::AUTH::login P:ESMTP S:${VICTIM}:x H:y F: T:`;
    const path = scratch.file('stream.export');
    writeFileSync(
      path,
      exportStream([
        { at: 0, message: long, fields: { ...stream, _LINE_BREAK: lineBreak } },
        { at: 1000, message: forged, fields: stream },
        // By itself it is a line like any other.
        { at: 2000, message: forged.replace(VICTIM, OTHER), fields: stream },
      ]),
    );
    const source = new ExportSource(sourceId('t'), path);
    source.open(WHOLE_JOURNAL, { literals: undefined, fields: LINE_FIELDS }, { at: 'head' });
    const counted = source.next(10).entries.flatMap((entry) => {
      const { result, facts } = filter.judge(lineOf(entry), { time: entry.realtime, boot: '' });
      const identity = identityOf(facts);
      return result === 'failure' && identity.kind === 'address' ? [identity.address.text] : [];
    });
    source.close();
    expect(counted).toEqual([CLIENT, OTHER]);
  },
);
