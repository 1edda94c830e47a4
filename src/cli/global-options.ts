import type { OptionDefinition } from './command.js';

/** Options that every command has. */
export const GLOBAL_OPTIONS: Readonly<Record<string, OptionDefinition>> = {
  json: { type: 'boolean', describe: 'Answer in JSON' },
  'config-dir': {
    type: 'string',
    describe: "The administrator's configuration (default: /etc/banjour)",
    complete: 'folders',
  },
  'shipped-dir': { type: 'string', describe: 'The shipped configuration', complete: 'folders' },
  'run-dir': {
    type: 'string',
    describe: 'Directory of the control sockets (default: /run/banjour)',
    complete: 'folders',
  },
  'state-dir': { type: 'string', describe: 'Directory of the ledger (default: /var/lib/banjour)', complete: 'folders' },
};
