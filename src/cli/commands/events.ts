/** `banjour events`: follows failures, bans and unbans of the running agent. */

import { ControlClient } from '../../control/client.js';
import type { StreamEvent } from '../../control/protocol.js';
import { BANJOUR_EVENTS } from '../../core/decision.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { counted, escapeUntrusted } from '../../core/text.js';
import { localTime } from '../../core/time.js';
import { statusSocket } from '../../setup/paths.js';
import { formatLength, wantsColour } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const events: CommandDefinition = {
  name: 'events',
  summary: 'Follow what happens: failures found, bans, unbans, as they happen',
  details: [
    'Runs until Ctrl-C or until the agent goes. Each event has an id that rises, over restarts too; --since ID gives what came after it as far as the agent keeps it (10,000 events).',
  ],
  options: {
    since: { type: 'string', describe: 'Begin after this id' },
    jail: { type: 'strings', describe: 'Only of these jails', complete: 'jails' },
    only: { type: 'strings', describe: 'Only these events', choices: BANJOUR_EVENTS },
    count: { type: 'number', alias: 'n', describe: 'End after so many' },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour events', 'Watch'],
    ['banjour events --only ban --only unban --json', 'One JSON object per line, for programs'],
    ['banjour events --jail sshd -n 1', 'Wait for the next event of a jail'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running, or it has gone']],
  run,
};

const COLOURS: Readonly<Record<StreamEvent['event'], string>> = {
  found: '\x1b[0m',
  ban: '\x1b[31m',
  unban: '\x1b[32m',
  ignored: '\x1b[2m',
  refused: '\x1b[1;31m',
  'would-ban': '\x1b[35m',
  takeover: '\x1b[1;33m',
  'under-attack': '\x1b[33m',
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const since = args.text('since');
  if (since !== undefined && !/^\d{1,16}$/.test(since))
    throw new OperatorError(`not an id of an event: ${JSON.stringify(since)}`, {
      exitCode: EXIT.usage,
      hint: 'write the id of an event, e.g. the last one of banjour events --json, or 0',
    });
  const jails = args.list('jail');
  const only = args.list('only');
  const most = args.number('count') ?? Number.POSITIVE_INFINITY;
  const colour = wantsColour(terminal.stdout, terminal.env);
  const end = new AbortController();
  const stop = () => end.abort();
  process.once('SIGINT', stop);
  let shown = 0;
  try {
    await new ControlClient(statusSocket(paths)).events(
      (event) => {
        if (shown >= most || (jails.length > 0 && !jails.includes(event.jail))) return;
        if (only.length > 0 && !only.includes(event.event)) return;
        const line = args.flag('json') ? JSON.stringify(event) : eventLine(event);
        terminal.out(
          `${colour && !args.flag('json') ? `${COLOURS[event.event]}${line}\x1b[0m` : line}\n`,
        );
        if (++shown >= most) stop();
      },
      end.signal,
      {
        ...(since === undefined ? {} : { since: Number(since) }),
        gap: () => terminal.err('older events are no longer kept: some are missing here\n'),
      },
    );
  } catch (error) {
    if (!end.signal.aborted) throw error;
    return EXIT.ok;
  } finally {
    process.off('SIGINT', stop);
  }
  terminal.err('the agent has gone\n');
  return EXIT.unavailable;
}

/** One line for people; the user was escaped by the agent, and is again here, where it is shown. */
function eventLine({
  event,
  time,
  jail,
  address,
  user,
  count,
  until,
  reason,
  by,
}: StreamEvent): string {
  const facts = [
    ...(user === undefined ? [] : [`user ${escapeUntrusted(user, 256)}`]),
    ...(event === 'found' && count !== undefined && count > 1 ? [`${count} attempts`] : []),
    ...(event === 'ban' || event === 'would-ban' ? [untilText(time, until)] : []),
    ...((event === 'ban' || event === 'would-ban') && count !== undefined && count > 0
      ? [counted(count, 'failure')]
      : []),
    ...(reason === undefined ? [] : [escapeUntrusted(reason, 1024)]),
    ...(by === undefined ? [] : [`by ${escapeUntrusted(by, 256)}`]),
  ];
  const name = `${event.charAt(0).toUpperCase()}${event.slice(1)}`;
  return `${localTime(time)} [${escapeUntrusted(jail)}] ${name} ${escapeUntrusted(address)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

function untilText(time: string, until: string | null | undefined): string {
  if (until === null || until === undefined) return 'for good';
  return `for ${formatLength((Date.parse(until) - Date.parse(time)) / 1000)}`;
}
