import type { CommandDefinition, OptionDefinition } from './command.js';

/** Options that mean the same to every command that honours them. */
export type GlobalOption = 'json' | 'pager' | 'config-dir' | 'shipped-dir' | 'run-dir' | 'state-dir';

export const GLOBAL_OPTIONS: Readonly<Record<GlobalOption, OptionDefinition>> = {
  json: { type: 'boolean', describe: 'Answer in JSON' },
  pager: {
    type: 'boolean',
    default: true,
    describe: 'Long output on a terminal goes to a pager; --no-pager prints it as it is',
  },
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

/** True when a global option means something to a command. */
export function honours(command: CommandDefinition, name: string): boolean {
  return command.honours.some((one) => one === name);
}

/** Every option that a command takes: its own, then the global ones that it honours. */
export function optionsOf(command: CommandDefinition): Readonly<Record<string, OptionDefinition>> {
  const global = Object.entries(GLOBAL_OPTIONS).filter(([name]) => honours(command, name));
  return { ...command.options, ...Object.fromEntries(global) };
}
