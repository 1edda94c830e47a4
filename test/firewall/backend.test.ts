/** The order in which a backend puts right what somebody else changed, over a kernel of memory. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { TableBackend } from '../../src/firewall/backend.js';
import type { BatchOutcome, NftCommand } from '../../src/firewall/json.js';
import type { KernelTables } from '../../src/firewall/kernel-tables.js';
import { RecordingTransport } from '../../src/firewall/recording.js';
import { ban, inForce, plan } from './support.js';

const BAN = ban('sshd', '192.0.2.1', null);
const GONE = [{ delete: { table: { family: 'inet', name: 'banjour' } } }] as const;

/** Notes the order of what is asked of it; refuses the next batch when it is told to. */
class Watched extends RecordingTransport {
  calls: string[] = [];
  refuses = false;

  override async send(commands: readonly NftCommand[]): Promise<BatchOutcome> {
    const what = JSON.stringify(commands);
    this.calls.push(
      [what.includes('"rule"') ? 'rules' : '', what.includes('192.0.2.1') ? 'bans' : '']
        .join(' ')
        .trim(),
    );
    if (!this.refuses) return super.send(commands);
    this.refuses = false;
    return { refusal: 'File exists', via: 'fresh' };
  }

  override list(): Promise<KernelTables> {
    this.calls.push('list');
    return super.list();
  }
}

let kernel: Watched;
let backend: TableBackend;

beforeEach(async () => {
  kernel = new Watched();
  backend = new TableBackend(kernel);
  backend.provideWanted(() => [BAN]);
  await backend.open(plan(['sshd']), [BAN]);
  kernel.calls = [];
});

describe('a repair', () => {
  test('states the rules before it reads what stands, when more than elements were touched', async () => {
    await backend.repair('rule added', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules']);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('brings rules and bans back when the table is gone', async () => {
    await kernel.send(GONE);
    kernel.calls = [];
    await backend.repair('table deleted', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules bans']);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('goes by the comparison when the kernel refuses those rules', async () => {
    await kernel.send(GONE);
    kernel.calls = [];
    kernel.refuses = true;
    await backend.repair('set changed', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules bans']);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('only reads where elements alone may differ', async () => {
    await backend.repair('element deleted', false);
    expect(kernel.calls[0]).toBe('list');
  });
});
