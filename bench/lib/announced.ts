/** What the kernel says of the elements of our sets, and when. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { TABLE } from '../../src/firewall/names.js';
import type { Place } from './place.js';
import { tool } from './tools.js';

/** What the kernel says of elements that come into our sets. */
export class Announced implements AsyncDisposable {
  readonly #watch: ReturnType<typeof spawn>;
  /** When each came, microseconds since 1970. */
  times: number[] = [];
  /** When our table was last deleted. */
  gone: number | undefined;
  #awaited = new Map<string, (time: number) => void>();

  private constructor(watch: ReturnType<typeof spawn>) {
    this.#watch = watch;
  }

  /** `before`: what the program that listens is started with, e.g. `chrt`. */
  static async open(place: Place, before: readonly string[] = []): Promise<Announced> {
    const [program, ...args] = place.inside([...before, tool('elements')]);
    const watch = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: watch.stdout });
    const ready = once(lines, 'line');
    const announced = new Announced(watch);
    lines.on('line', (line) => announced.#take(line));
    await ready;
    return announced;
  }

  /** When the address comes first. */
  first(address: string): Promise<number> {
    return new Promise((resolve) => this.#awaited.set(address, resolve));
  }

  forget(): void {
    this.times = [];
    this.gone = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#watch, 'exit');
    this.#watch.kill();
    await gone;
  }

  #take(line: string): void {
    const [set = '', address = '', time] = line.split(' ');
    if (set === 'gone' && address === TABLE) this.gone ??= Number(time);
    if (!set.startsWith('ban')) return;
    this.times.push(Number(time));
    this.#awaited.get(address)?.(Number(time));
  }
}
