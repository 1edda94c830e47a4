import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Host } from '../control/host.js';
import { canWrite } from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { linkAs, MAIN, runProgram } from './program.js';

describe('the program itself', () => {
  let host: Host;
  beforeAll(async () => {
    if (canWrite[0]) host = await new Host().start();
  });
  afterAll(() => host?.end());

  test('says what it can and leaves with 0', async () => {
    const { code, out } = await runProgram([process.execPath, MAIN, '--help']);
    expect([code, out]).toEqual([0, expect.stringContaining('banjour status [jail]')]);
  });

  test('leaves with 64 for what it does not know', async () => {
    const { code, out, err } = await runProgram([process.execPath, MAIN, 'stauts']);
    expect([code, out]).toEqual([64, '']);
    expect(err).toContain('did you mean banjour status?');
    const german = { ...process.env, LC_ALL: 'de_DE.UTF-8' };
    expect(await runProgram([process.execPath, MAIN, 'stauts'], { env: german })).toEqual({
      code,
      out,
      err,
    });
  });

  test('without an agent leaves with 69 and says what to type', async () => {
    const { code, err } = await runProgram([
      process.execPath,
      MAIN,
      'status',
      '--run-dir',
      '/nonexistent',
    ]);
    expect([code, err]).toEqual([
      69,
      'banjour: no agent is running (nobody answers on /nonexistent/status.sock)\n  systemctl start banjour\n',
    ]);
  });

  needs(...canWrite)('is silent when its reader goes away (| head)', async () => {
    const targets = Array.from({ length: 6000 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
    await host.client().ban({ jail: 'sshd', targets });
    const { err, out } = await runProgram([
      'bash',
      '-c',
      '"$0" "$1" banned --run-dir "$2" | head -n 1; echo ' + '$' + '{PIPESTATUS[0]}',
      process.execPath,
      MAIN,
      host.run,
    ]);
    expect([err, out]).toEqual(['', expect.stringMatching(/^Address +Jail .*\n0\n$/)]);
    await host.client().unban({ targets: 'all' });
  });

  needs(...canWrite)('events follow what happens until Ctrl-C', async () => {
    const child = spawn(process.execPath, [MAIN, 'events', '--json', '--run-dir', host.run]);
    let out = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    let n = 0;
    await host.until('an event is seen', async () => {
      await host.client().ban({ jail: 'sshd', targets: [`10.0.${++n >> 8}.${n & 255}`] });
      return out.includes('\n');
    });
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({ event: 'ban', jail: 'sshd' });
  });

  needs(...canWrite)('is fail2ban-client when it is called so', async () => {
    const link = linkAs(host, 'fail2ban-client');
    const at = ['-s', host.socket('control')];
    expect(await runProgram([link, ...at, 'ping'])).toEqual({
      code: 0,
      out: 'Server replied: pong\n',
      err: '',
    });
    expect((await runProgram([link, '-V'])).out).toBe('1.1.0\n');
    const wrong = await runProgram([link, ...at, 'status', 'nojail']);
    expect([wrong.code, wrong.out]).toEqual([255, "Sorry but the jail 'nojail' does not exist\n"]);
    expect(wrong.err).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} fail2ban {16}\[\d+\]: ERROR {3}NOK: \('nojail',\)\n$/,
    );
    const typed = await runProgram([link, ...at, '-i'], { input: 'ping\nnonsense\nexit\n' });
    expect(typed.out).toBe('fail2ban> Server replied: pong\nfail2ban> Invalid command\nfail2ban> ');
  });

  needs(...canWrite)('is fail2ban-regex when it is called so', async () => {
    const link = linkAs(host, 'fail2ban-regex');
    const line = '2026-11-21 10:00:00 mail x: bad 192.0.2.1';
    const { code, out } = await runProgram([link, line, 'bad <HOST>$']);
    expect(code).toBe(0);
    expect(out).toContain('Lines: 1 lines, 0 ignored, 1 matched, 0 missed');
    expect((await runProgram([link, '-o', 'ip', line, 'bad <HOST>$'])).out).toBe('192.0.2.1\n');
    const usage = await runProgram([link]);
    expect([usage.code, usage.out]).toEqual([255, '']);
    const wrong = await runProgram([link, line, 'bad (<HOST>$']);
    expect([wrong.code, wrong.err]).toEqual([255, expect.stringContaining('ERROR: ')]);
  });
});
