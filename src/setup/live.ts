/**
 * The configuration in force, and changes to it that are not in a file: options set by hand
 * (`banjour set`) and the reload of a single jail. Every change goes through the parser of the
 * configuration, as if it stood in a file that is read last, and is gone at the next reload of its
 * jail, or a restart.
 *
 * Files are remembered as they were when they were read, so that `set` never takes over half-edited
 * files by the way.
 */
import type { Config } from '../config/types.js';
import { OperatorError } from '../core/errors.js';
import type { Seconds } from '../core/time.js';
import type { FileTree } from '../ini/tree.js';
import { diskTree } from '../ini/tree.js';
import {
  type ConfigurationRoots,
  changedOverrides,
  type LiveChange,
  type LiveJail,
  type Loaded,
  loadSetup,
  type SnapshotTree,
  snapshotTree,
  verifyFilters,
} from './load.js';
import type { AgentSetup } from './setup.js';

/** What makes a jail read its `logpath`, whatever is said of the journal. */
const BY_FILES = [
  ['backend', 'polling'],
  ['match', ''],
  ['journalmatch', ''],
] as const;

/** A setup that an agent may become; `accept` is called when it has. */
export interface Candidate {
  readonly setup: AgentSetup;
  readonly accept: () => void;
}

export class LiveConfiguration {
  readonly #roots: ConfigurationRoots;
  #files: SnapshotTree;
  /** Where what comes into force is kept. */
  #keep: ((files: ReadonlyMap<string, string>) => void) | undefined;
  #config: Config;
  #setup: AgentSetup;
  #jails: ReadonlyMap<string, LiveJail>;
  /** What is wrong with the files on the disk, while those are in force that were so last. */
  refused: string | undefined;

  private constructor(roots: ConfigurationRoots, loaded: Loaded, files: SnapshotTree) {
    this.#roots = roots;
    this.#files = files;
    this.#config = loaded.config;
    this.#setup = loaded.setup;
    this.#jails = jailsOf(loaded, files);
  }

  /** What the files say now, or those of `tree`. Throws `OperatorError` when they are not good. */
  static load(
    roots: ConfigurationRoots,
    tree: FileTree = diskTree,
  ): {
    readonly live: LiveConfiguration;
    readonly loaded: Loaded;
  } {
    const files = snapshotTree(tree);
    const loaded = loadSetup(roots, { tree: files });
    return { live: new LiveConfiguration(roots, loaded, files), loaded };
  }

  /** What the files of the agent as a whole said. */
  get config(): Config {
    return this.#config;
  }

  /** `keep` is given the administrator's files that are in force: now, and after each reload. */
  keptBy(keep: (files: ReadonlyMap<string, string>) => void): void {
    this.#keep = keep;
    keep(this.#files.below(this.#roots.adminRoot));
  }

  /** For status. */
  warnings(): readonly string[] {
    return this.refused === undefined
      ? []
      : [
          `the files below ${this.#roots.adminRoot} have errors, so the configuration that was in force last is in force: see banjour config check, mend them, then banjour reload`,
        ];
  }

  jail(name: string): LiveJail | undefined {
    return this.#jails.get(name);
  }

  /** Everything anew from the files; what was set by hand is gone. */
  async reloaded(): Promise<Candidate> {
    const files = snapshotTree(diskTree);
    const loaded = loadSetup(this.#roots, { tree: files });
    await verifyFilters(loaded.setup);
    return {
      setup: loaded.setup,
      accept: () => {
        this.#config = loaded.config;
        this.#setup = loaded.setup;
        this.#jails = jailsOf(loaded, files);
        this.#files = files;
        this.refused = undefined;
        this.#keep?.(files.below(this.#roots.adminRoot));
      },
    };
  }

  /**
   * One jail anew from the files: new, changed, or gone. The others stay, whatever the files say of
   * them.
   */
  async reloadedJail(name: string): Promise<Candidate> {
    const files = snapshotTree(diskTree);
    const loaded = loadSetup(this.#roots, { tree: files });
    const config = loaded.config.jails.find((jail) => jail.name === name);
    if (config === undefined && !this.#jails.has(name))
      throw new OperatorError(`there is no jail ${JSON.stringify(name)}`, {
        hint: `enabled in the files: ${loaded.config.jails.map((jail) => jail.name).join(', ') || 'none'}`,
      });
    return this.#with(name, loaded, config && { config, overrides: new Map(), files });
  }

  /** A jail that reads its text files instead of the journal that has been taken for them. */
  async byFiles(name: string): Promise<Candidate> {
    const jail = this.#jails.get(name);
    if (jail === undefined) throw new OperatorError(`there is no jail ${JSON.stringify(name)}`);
    return this.#overridden(name, jail, new Map([...jail.overrides, ...BY_FILES]));
  }

  /** Bans that ended are remembered so long, until a reload. */
  keeping(history: Seconds): Candidate {
    const setup = { ...this.#setup, keepHistory: history };
    return {
      setup,
      accept: () => {
        this.#setup = setup;
      },
    };
  }

  /** One option of one jail as said by hand, together with what was set before. */
  async changed(name: string, change: LiveChange): Promise<Candidate> {
    const jail = this.#jails.get(name);
    if (jail === undefined) throw new OperatorError(`there is no jail ${JSON.stringify(name)}`);
    return this.#overridden(name, jail, changedOverrides(name, jail, change));
  }

  async #overridden(
    name: string,
    jail: LiveJail,
    overrides: ReadonlyMap<string, string>,
  ): Promise<Candidate> {
    const loaded = loadSetup(this.#roots, { tree: jail.files, live: new Map([[name, overrides]]) });
    const config = loaded.config.jails.find((one) => one.name === name);
    if (config === undefined) throw new OperatorError(`the jail ${name} would be gone`);
    return this.#with(name, loaded, { config, overrides, files: jail.files });
  }

  async #with(name: string, loaded: Loaded, jail: LiveJail | undefined): Promise<Candidate> {
    const next = loaded.setup.jails.find(({ policy }) => policy.jail === name);
    const here = this.#setup.jails.some(({ policy }) => policy.jail === name);
    const kept = this.#setup.jails.flatMap((one) =>
      one.policy.jail !== name ? [one] : next === undefined ? [] : [next],
    );
    const perJail = new Map([...this.#setup.allow.perJail].filter(([jail]) => jail !== name));
    for (const [jail, terms] of loaded.setup.allow.perJail)
      if (jail === name) perJail.set(jail, terms);
    const setup: AgentSetup = {
      ...this.#setup,
      jails: here || next === undefined ? kept : [...kept, next],
      allow: { ...this.#setup.allow, perJail },
    };
    if (next !== undefined) await verifyFilters({ ...setup, jails: [next] });
    return {
      setup,
      accept: () => {
        this.#setup = setup;
        const jails = new Map(this.#jails);
        if (jail === undefined) jails.delete(name);
        else jails.set(name, jail);
        this.#jails = jails;
      },
    };
  }
}

function jailsOf({ config }: Loaded, files: FileTree): ReadonlyMap<string, LiveJail> {
  return new Map(
    config.jails.map((jail) => [jail.name, { config: jail, overrides: new Map(), files }]),
  );
}
