/** Where a container of this host keeps its journal. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { EXIT, OperatorError } from '../core/errors.js';
import { namesIn } from './path-glob.js';

/** Files and folders of the host; another in tests. */
export interface ContainerHost {
  /** State of running machines (systemd-machined.service(8)). */
  readonly run: string;
  readonly machines: string;
  /** Journals that containers share with the host (systemd-nspawn(1), `--link-journal`). */
  readonly journals: string;
}

const HOST: ContainerHost = {
  run: '/run/systemd/machines',
  machines: '/var/lib/machines',
  journals: '/var/log/journal',
};

/**
 * The directory with the journal of a container: the one that the host shares, else that of the container's own root.
 * Throws OperatorError with the places that were looked at.
 */
export function containerJournal(name: string, host: ContainerHost = HOST): string {
  const root = rootOf(name, host);
  const machine = textOf(`${root}/etc/machine-id`)?.trim() ?? '';
  const own = [`${root}/var/log/journal`, `${root}/run/log/journal`].flatMap((path) =>
    /^[0-9a-f]{32}$/.test(machine) ? [`${path}/${machine}`, path] : [path],
  );
  const shared =
    /^[0-9a-f]{32}$/.test(machine) && machine !== textOf('/etc/machine-id')?.trim()
      ? [`${host.journals}/${machine}`]
      : [];
  // A link out of the container's root would show it the host's own journal.
  const inside = own.filter((path) => existsSync(path) && realpathSync(path).startsWith(`${realpathSync(root)}/`));
  const found = [...shared, ...inside].find(holdsJournal);
  if (found !== undefined) return found;
  throw new OperatorError(`the container ${JSON.stringify(name)} has no journal that can be read`, {
    hint: `looked at ${[...shared, ...own].join(', ')}; let it keep one: mkdir -p ${root}/var/log/journal, or systemd-nspawn --link-journal=try-host`,
    exitCode: EXIT.noInput,
  });
}

function rootOf(name: string, host: ContainerHost): string {
  const root = /^ROOT=(.+)$/m.exec(textOf(`${host.run}/${name}`) ?? '')?.[1];
  return root ?? `${host.machines}/${name}`;
}

function holdsJournal(path: string): boolean {
  return namesIn(path).some((name) => /\.journal~?$/.test(name));
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
