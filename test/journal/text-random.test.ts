/**
 * Random lives of a log file: rotations, truncations and restarts, against what a careful reader
 * could have read.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAtOrBefore } from '../../src/agent/source-clocks.js';
import type { Entry, ReadPosition } from '../../src/core/entry.js';
import type { EpochMicros } from '../../src/core/time.js';
import { log, TextReader } from './text-support.js';

type Step =
  | { readonly kind: 'append'; readonly lines: number; readonly torn: boolean }
  | { readonly kind: 'read'; readonly size: number }
  | { readonly kind: 'rename' | 'copytruncate' | 'truncate' | 'restart' | 'restart far' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      lines: fc.integer({ min: 0, max: 8 }),
      torn: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('read' as const), size: fc.constantFrom(1, 3, 500) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'rename' as const,
        'copytruncate',
        'truncate',
        'restart',
        'restart far',
      ),
    }),
  },
);

/** A log file and its rotated ones, and which lines nobody can read any more. */
class Life {
  readonly folder = mkdtempSync(join(tmpdir(), 'banjour-life-'));
  readonly path = join(this.folder, 'mail.log');
  readonly written: string[] = [];
  /** In the file when it was emptied without a copy. */
  readonly perishable = new Set<string>();
  reader = new TextReader([log(this.path)], { at: 'time', time: 0 as EpochMicros });
  /** Delivered as new, over all restarts. */
  readonly delivered: string[] = [];
  #mark: ReadPosition | undefined;
  #taken = 0;
  #torn = '';
  #stamp = 0;
  /** Nothing of the file was seen yet: what is emptied now nobody could have read. */
  #unseen = true;
  /** Nor a whole line of it, which is all that is known after a restart. */
  #noWhole = true;
  rotations = 0;

  append(lines: number, torn: boolean): void {
    let text = '';
    for (let i = 0; i < lines; i++) text += this.#line();
    if (this.#torn !== '') {
      // The rest of the line that was begun comes first.
      text = `${this.#torn}${text}`;
      this.#torn = '';
    }
    if (torn) {
      const next = this.#line();
      text += next.slice(0, 20);
      this.#torn = next.slice(20);
    }
    appendFileSync(this.path, text);
  }

  #line(): string {
    const name = `line ${this.written.length}`;
    this.written.push(name);
    this.#stamp = Math.max(this.#stamp + 1, Date.now() * 1000);
    return `${this.#stamp} ${name}\n`;
  }

  /** As a writer that reopens its log does: lines are whole when the file is changed. */
  #whole(): void {
    if (this.#torn !== '') this.append(0, false);
  }

  apply(step: Step): void {
    switch (step.kind) {
      case 'append':
        this.append(step.lines, step.torn);
        return;
      case 'read':
        if (existsSync(this.path)) {
          const text = readFileSync(this.path, 'utf8');
          this.#unseen &&= text === '';
          this.#noWhole &&= !text.includes('\n');
        }
        this.#take(this.reader.read(step.size));
        return;
      case 'rename':
        this.#whole();
        if (!existsSync(this.path)) return;
        this.#shift();
        renameSync(this.path, `${this.path}.1`);
        this.#noWhole = true;
        this.#unseen = true;
        return;
      case 'copytruncate':
        this.#whole();
        if (!existsSync(this.path)) return;
        this.#shift();
        if (this.#unseen) this.#perish();
        copyFileSync(this.path, `${this.path}.1`);
        truncateSync(this.path);
        this.#noWhole = true;
        this.#unseen = true;
        return;
      case 'truncate':
        this.#whole();
        if (!existsSync(this.path)) return;
        this.#perish();
        truncateSync(this.path);
        this.#noWhole = true;
        this.#unseen = true;
        return;
      default:
        this.#mark = this.reader.position ?? this.#mark;
        this.#unseen = this.#noWhole;
        this.reader.restart(step.kind === 'restart' ? 0 : 3_600_000_000);
    }
  }

  /** Removes the oldest rotated files, as logrotate's `rotate` does. */
  keep(count: number): void {
    for (let n = count + 1; existsSync(`${this.path}.${n}`); n++) {
      this.#perish(`${this.path}.${n}`);
      rmSync(`${this.path}.${n}`);
    }
  }

  #perish(path = this.path): void {
    const read = new Set(this.delivered);
    for (const line of readFileSync(path, 'utf8').split('\n'))
      if (!read.has(line.slice(17))) this.perishable.add(line.slice(17));
  }

  #shift(): void {
    this.rotations++;
    for (let n = 200; n > 0; n--)
      if (existsSync(`${this.path}.${n}`)) renameSync(`${this.path}.${n}`, `${this.path}.${n + 1}`);
  }

  #take(_: readonly string[]): void {
    const fresh = this.reader.entries.slice(this.#taken);
    this.#taken = this.reader.entries.length;
    this.delivered.push(
      ...fresh.filter((entry) => this.#isNew(entry)).map(({ message }) => message),
    );
  }

  #isNew({ cursor, realtime }: Entry): boolean {
    return this.#mark === undefined || !isAtOrBefore({ cursor, time: realtime }, this.#mark);
  }

  check(): void {
    this.#whole();
    this.#take(this.reader.read());
    expect(this.delivered.filter((line, i) => this.delivered.indexOf(line) !== i)).toEqual([]);
    const read = new Set(this.delivered);
    expect(this.written.filter((line) => !read.has(line) && !this.perishable.has(line))).toEqual(
      [],
    );
    expect(this.delivered.every((line) => this.written.includes(line))).toBe(true);
  }

  [Symbol.dispose](): void {
    this.reader.source.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('a log file in its life', () => {
  test('no line is lost or read twice across rotations, truncations and restarts', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        using life = new Life();
        writeFileSync(life.path, '');
        for (const one of steps) life.apply(one);
        life.check();
      }),
      { numRuns: 100 },
    );
  });

  test('nor across a thousand of them in a row', () => {
    using life = new Life();
    writeFileSync(life.path, '');
    const [steps = []] = fc.sample(fc.array(step, { minLength: 1_800, maxLength: 1_800 }), {
      numRuns: 1,
      seed: 9,
    });
    let changes = 0;
    for (const one of steps) {
      life.apply(one);
      if (one.kind !== 'append' && one.kind !== 'read') changes++;
      life.keep(12);
    }
    expect(changes).toBeGreaterThan(600);
    expect(life.perishable.size).toBeLessThan(life.written.length / 2);
    life.check();
  });
});
