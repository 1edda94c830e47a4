/** What a firewall backend needs of a kernel. `runner.ts` is the real one, `recording.ts` remembers instead. */
import type { NftCommand } from './json.js';
import type { KernelTables } from './kernel.js';

export interface Outcome {
  /** undefined: accepted. Otherwise nft's or the kernel's words, and nothing of the batch was applied. */
  readonly refusal: string | undefined;
  readonly via: 'resident' | 'fresh';
}

export interface Transport {
  /**
   * Applies one transaction or nothing of it. `changes` is the number of its elements and decides the way; with
   * `repeatable` false it goes by the way that never sends a batch twice.
   * Throws OperatingError when it could not be found out whether nft took it.
   */
  send(commands: readonly NftCommand[], changes: number, repeatable?: boolean): Promise<Outcome>;
  /** Reads our tables. Expensive with many elements. */
  list(): Promise<KernelTables>;
  /** Sees to it that a child process that no longer answers is replaced; absent where there is none. */
  ping?(): Promise<void>;
  close(): Promise<void>;
}
