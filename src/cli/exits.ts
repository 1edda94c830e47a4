import { EXIT, type ExitCode } from '../core/errors.js';

/** What every command's exit codes mean, unless it says otherwise (sysexits.h). For help, man pages and docs/cli.md. */
export const GENERAL_EXITS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.no, 'the answer is no: nobody is banned, nothing was found, something was not changed'],
  [EXIT.usage, 'the command line is not valid'],
  [
    EXIT.dataError,
    'the agent refused: an unknown jail, not an address, a value that is not valid; or a file is not what it should be',
  ],
  [EXIT.noInput, 'a file to read is not there'],
  [EXIT.unavailable, 'no agent is running'],
  [EXIT.software, 'a fault of Banjour; please report it'],
  [EXIT.osError, 'the system failed: journal, nft, disk'],
  [EXIT.cannotCreate, 'a file cannot be written'],
  [EXIT.temporary, 'not now: too many clients; try again'],
  [EXIT.noPermission, 'no permission; try as root'],
  [EXIT.config, 'the configuration has errors'],
];
