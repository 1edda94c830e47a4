import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bench as detection } from '../../bench/detection.js';
import { type CampaignOptions, play } from '../../bench/lib/campaign/campaign.js';
import { BanjourJudge, Fail2banModel, NobodyJudge } from '../../bench/lib/campaign/judges.js';
import { scoreSession, sessionsIn } from '../../bench/lib/campaign/sessions.js';
import type { LogLine } from '../../bench/lib/campaign/stage.js';
import { FAIL2BAN_VERSION } from '../../bench/lib/fail2ban.js';
import { TextLogs } from '../../bench/lib/fail2ban-text.js';
import { textOf } from '../../bench/lib/result.js';
import { Scratch } from '../../bench/lib/setup.js';
import type { MailEntry } from '../../bench/mailserver.js';
import { svg } from '../../src/charts/charts.js';
import { fail2banPackage } from '../support/fail2ban.js';
import { needs } from '../support/require.js';

const SMALL: CampaignOptions = { seed: 7, days: 30, share: 0.02, attackers: true, verbose: false };

/** Bans nobody and keeps what it hears. */
class Listener extends NobodyJudge {
  readonly lines: LogLine[] = [];
  override take(line: LogLine): undefined {
    this.lines.push(line);
  }
}

async function heard(changes: Partial<CampaignOptions> = {}) {
  const judge = new Listener();
  const { truth, score } = await play({ ...SMALL, ...changes }, judge);
  const digest = createHash('sha256').update(JSON.stringify([judge.lines, truth.guesses]));
  return { lines: judge.lines, truth, score, digest: digest.digest('hex') };
}

let played: ReturnType<typeof heard> | undefined;
/** The month as it is, played once for all tests that only read what was written. */
function month() {
  played ??= heard();
  return played;
}

describe('the made-up month', () => {
  test('is the same for the same seed, and another one for another', async () => {
    const [first, again, other] = [await month(), await heard(), await heard({ seed: 8 })];
    expect(again.digest).toBe(first.digest);
    expect(other.digest).not.toBe(first.digest);
    expect(first.score.classes.size).toBe(16);
    const times = first.lines.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test.each([false, true])(
    'writes each password that was looked at so that it is counted once (verbose: %s)',
    async (verbose) => {
      const { lines, truth, score } = await (verbose ? heard({ verbose }) : month());
      expect(score.guesses.some).toBe(score.guesses.all);
      expect([score.logins.some, score.addresses.some]).toEqual([0, 0]);
      const judge = new BanjourJudge('[DEFAULT]\nmaxretry = 100000\n[login]\nenabled = false\n');
      for (const line of lines) await judge.take(line);
      judge.close();
      expect(judge.bans).toBe(0);
      expect(judge.found).toBe(truth.guesses.length + truth.goodFailures);
    },
  );

  test('attackers and honest people share no address, but for infected machines in offices', async () => {
    const { truth } = await month();
    const shared = truth.guesses.filter(({ through }) =>
      truth.goodAddresses.has(through?.address ?? ''),
    );
    expect(new Set(shared.map((guess) => guess.of))).toEqual(new Set(['infected']));
  });

  test('is planned before anybody bans: whoever judges, the same guesses and logins', async () => {
    const free = await month();
    const strict = await play(SMALL, new BanjourJudge(''));
    const plan = ({ of, user, password }: { of: string; user: string; password: string }) =>
      `${of} ${user} ${password}`;
    expect(strict.truth.guesses.map(plan)).toEqual(free.truth.guesses.map(plan));
    expect(strict.truth.logins).toHaveLength(free.truth.logins.length);
    expect(strict.score.guesses.some).toBeLessThan(free.score.guesses.some);
    expect(strict.score.lines).toBeLessThan(free.score.lines);
  });

  test('who is shut out writes nothing, but for what was under way', async () => {
    let late = 0;
    class Watchful extends Fail2banModel {
      override take(line: LogLine): undefined {
        const { hint, time } = line;
        const service = hint?.what.startsWith('ssh') === true ? 'ssh' : 'imap';
        if (hint !== undefined && line.writer !== 'postfix/smtpd' && hint.what !== 'pam')
          if (
            this.holds(hint.address, service, time) &&
            this.holds(hint.address, service, time - 40)
          )
            late++;
        super.take(line);
      }
    }
    const judge = new Watchful(3, 3_600, 86_400);
    const { score } = await play(SMALL, judge);
    expect(score.bans).toBeGreaterThan(5);
    expect(late).toBe(0);
  });
});

describe('the model of fail2ban', () => {
  const failing = (model: Fail2banModel, times: readonly number[]) =>
    times.filter((time) => {
      const before = model.bans;
      const hint = { address: '192.0.2.1', what: 'sasl' } as const;
      model.take({ time, writer: 'postfix/smtpd', pid: 1, message: '', hint });
      return model.bans > before;
    });

  test('bans at the failure that fills the window, for bantime', () => {
    const model = new Fail2banModel(3, 600, 300);
    expect(failing(model, [0, 300, 600])).toEqual([600]);
    expect(model.holds('192.0.2.1', 'imap', 899)).toBe(true);
    expect(model.holds('192.0.2.1', 'imap', 900)).toBe(false);
    expect(model.holds('192.0.2.1', 'ssh', 700)).toBe(false);
  });

  test('begins anew after a pause longer than findtime', () => {
    expect(failing(new Fail2banModel(3, 600, 300), [0, 300, 901, 1_200])).toEqual([]);
  });

  const beside = needs(
    'root' in fail2banPackage(FAIL2BAN_VERSION),
    "needs Debian's package fail2ban",
  );

  beside('takes the lines that the stock filters take', async () => {
    const found = fail2banPackage(FAIL2BAN_VERSION);
    if ('reason' in found) throw new Error(found.reason);
    const { lines } = await heard({ days: 8 });
    const entries = lines.map(
      ({ writer, pid, message }): MailEntry => ({
        service: writer.startsWith('postfix/')
          ? 'postfix'
          : writer === 'sshd-session'
            ? 'sshd'
            : 'dovecot',
        ident: writer,
        pid,
        message,
      }),
    );
    using scratch = new Scratch();
    const logs = new TextLogs(found.root, scratch.path, entries, 'mx1', 1_788_739_200);
    const hinted = (service: string) =>
      lines.filter(({ hint }, i) => hint !== undefined && entries[i]?.service === service).length;
    const options = ['--no-check-all'];
    expect([
      logs.run('postfix', 'postfix[mode=auth]', options).hits,
      logs.run('dovecot', 'dovecot', options).hits,
      logs.run('sshd', 'sshd', options).hits,
    ]).toEqual([hinted('postfix'), hinted('dovecot'), hinted('sshd')]);
  });
});

describe('recorded sessions', () => {
  test('are banned as their clients know themselves', async () => {
    const [session] = sessionsIn([join(process.cwd(), 'examples/journal')]);
    if (session === undefined) throw new Error('examples/journal has no session');
    const score = await scoreSession(session, '[DEFAULT]\nipv6prefix = 128\n');
    expect(score).toMatchObject({ missed: [], missedSpread: [], wrong: [] });
    expect(score.guilty).toBeGreaterThan(50);
    const strict = await scoreSession(session, '[DEFAULT]\nmaxretry = 1\nipv6prefix = 128\n');
    expect(strict.wrong.length).toBeGreaterThan(0);
  });

  test('a folder that is not there and a truth of another form are told', async () => {
    expect(() => sessionsIn(['/no/such/folder'])).toThrow(/\/no\/such\/folder.*BANJOUR_SESSIONS/);
    using scratch = new Scratch();
    writeFileSync(scratch.file('a.export'), '');
    writeFileSync(scratch.file('a.json'), '{}');
    const [session] = sessionsIn([scratch.path]);
    await expect(scoreSession(session ?? { name: '', folder: '' }, '')).rejects.toThrow(
      /a\.json is no truth of a recorded session/,
    );
  });
});

describe('the benchmark', () => {
  test('says for each way what gets through, and draws it', async () => {
    const result = await detection({ runs: 1, scale: 0.01, say: () => undefined });
    const { figures } = result;
    expect(figures['Banjour: guesses through %']).toBeLessThan(
      figures['fail2ban, 3 in 1 h: guesses through %'] ?? 0,
    );
    expect(textOf(result)).toContain('| service rotation');
    expect(svg(result.chart).match(/<rect/g)).toHaveLength(3 * 16);
  });
});
