/** Journal files that come while there is no descriptor left to open them. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { epochMicros } from '../../src/core/time.js';
import { canWrite, type LiveJournal, numbered, T0 } from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { stays, until } from '../support/until.js';
import { Follow, stored, texts } from './follow.js';

const test = needs(...canWrite);

/** Takes all descriptors of this process until it is disposed of. */
class NoDescriptors implements Disposable {
  readonly #taken: number[] = [];
  readonly #before = /^Max open files\s+(\d+)/m.exec(
    readFileSync('/proc/self/limits', 'utf8'),
  )?.[1];

  constructor() {
    this.#limit(String(readdirSync('/proc/self/fd').length + 64));
    expect(() => {
      for (;;) this.#taken.push(openSync('/dev/null', 'r'));
    }).toThrow('EMFILE');
  }

  /** Gives so many back. */
  free(count: number): void {
    for (const descriptor of this.#taken.splice(0, count)) closeSync(descriptor);
  }

  [Symbol.dispose](): void {
    this.free(this.#taken.length);
    this.#limit(this.#before ?? '');
  }

  #limit(soft: string): void {
    spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]);
  }
}

/** A reader that has read three entries, the file that they are in, and one that is to come. */
async function following(): Promise<{ follow: Follow; live: LiveJournal; other: LiveJournal }> {
  const follow = new Follow();
  const live = follow.write('system.journal');
  live.append(numbered(3));
  await stored(follow, 3);
  follow.open();
  await follow.see(3);
  return { follow, live, other: follow.write('user-1000.journal') };
}

/** The other file comes, with three entries from this on, and the reader cannot open it. */
async function comesUnseen(follow: Follow, other: LiveJournal, from: number): Promise<void> {
  other.append(numbered(3, from));
  await until('the file is there', () => existsSync(follow.scratch.file('user-1000.journal')));
  await stays('nothing of it is seen', () => follow.turn().length === 0, 1_500);
}

test('takes in a file that came while there was no descriptor left, and that nobody writes any more', async () => {
  const { follow, other } = await following();
  await using _ = follow;
  {
    using _none = new NoDescriptors();
    await comesUnseen(follow, other, 3);
  }
  expect(await follow.see(6)).toEqual(texts(6));
});

test('takes in what is older than the last entry in a file that came while there was no descriptor left, and repeats nothing', async () => {
  const { follow, live, other } = await following();
  await using _ = follow;
  {
    using _none = new NoDescriptors();
    await comesUnseen(follow, other, 3);
    live.append(numbered(3, 6));
    expect(await follow.see(6)).toEqual([...texts(3), ...texts(3, 6)]);
  }
  await until('all is seen', () => {
    follow.turn(1);
    return follow.seen.length >= 9;
  });
  expect(await follow.see(9)).toEqual([...texts(3), ...texts(3, 6), ...texts(3, 3)]);
  expect(follow.positions).toEqual([...follow.positions].sort());
  live.append(numbered(3, 9));
  expect((await follow.see(12)).slice(9)).toEqual(texts(3, 9));
  expect(follow.notices).toEqual([]);
});

test.each([
  ['to watch', 1],
  ['to list the directory', 2],
  ['for one of the files', 3],
])(
  'keeps the files that it has while descriptors come back, but only enough %s',
  async (_, count) => {
    const { follow, live, other } = await following();
    await using _follow = follow;
    {
      using none = new NoDescriptors();
      await comesUnseen(follow, other, 6);
      none.free(count);
      await stays('nothing of it is seen', () => follow.turn().length === 0, 1_500);
      live.append(numbered(3, 3));
      expect(await follow.see(6)).toEqual(texts(6));
    }
    expect(await follow.see(9)).toEqual(texts(9));
    expect(follow.notices).toEqual([]);
  },
);

test('reads nothing older than asked for when all files are opened anew before any entry came', async () => {
  await using follow = new Follow();
  const live = follow.write('system.journal');
  live.append(numbered(3));
  await stored(follow, 3);
  follow.open({ at: 'time', time: epochMicros(T0 + 1_000_000) });
  {
    using _ = new NoDescriptors();
    await stays('there is nothing', () => follow.turn().length === 0, 1_500);
  }
  await stays('there is nothing', () => follow.turn().length === 0, 2_500);
  live.append(numbered(2, 2_000_000));
  expect(await follow.see(2)).toEqual(texts(2, 2_000_000));
});

test('tells no position behind which an entry of a missing file lies, and repeats nothing at a second want', async () => {
  const { follow, live, other } = await following();
  await using _ = follow;
  {
    using _none = new NoDescriptors();
    await comesUnseen(follow, other, 3);
    live.append(numbered(3, 6));
    await follow.see(6);
    expect(follow.positions.at(-1)).toBe(T0 + 2_000);
  }
  await until('it is read again', () => {
    follow.turn(1);
    return follow.seen.length > 6;
  });
  expect(follow.positions.at(-1)).toBe(T0 + 2_000);
  {
    using _none = new NoDescriptors();
    await stays('it looks at files', () => follow.poll() === undefined, 1_500);
    live.append(numbered(3, 9));
    await until('it reads on', () => {
      follow.turn();
      return follow.seen.length >= 12;
    });
    await stays('there is nothing more', () => follow.turn().length === 0, 1_500);
    expect(follow.positions.at(-1)).toBe(T0 + 2_000);
  }
  live.append(numbered(3, 12));
  // In small batches, or one would reach over the end of all that was delivered before.
  const reads = () => follow.turn(2).length >= 0 && follow.seen.length <= 15;
  await stays('all is read again', reads, 3_000);
  expect((await follow.see(15)).sort()).toEqual(texts(15).sort());
  await until('the position is told', () => {
    follow.turn();
    return follow.positions.at(-1) === T0 + 14_000;
  });
  await stays('nothing comes again', () => follow.turn().length === 0, 2_500);
  expect(follow.positions).toEqual([...follow.positions].sort());
  expect(follow.notices).toEqual([]);
});

test('takes in a file that came during a want between two looks', async () => {
  const { follow, live } = await following();
  await using _ = follow;
  const comes = follow.prepare('user-1001.journal', numbered(3, 3));
  {
    using _none = new NoDescriptors();
    comes();
    // The reader hears of the file, and cannot open it.
    follow.turn();
  }
  live.append(numbered(3, 6));
  expect((await follow.see(9)).sort()).toEqual(texts(9));
  expect(follow.notices).toEqual([]);
});
