/** What packages compress: the same bytes with every Node. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';

const { gzipped } = (await import(resolve('scripts/lib/package/product.mjs'))) as {
  gzipped(text: Buffer | string): Buffer;
};

test('is compressed by gzip, with neither name nor time, and not by the zlib of this Node', () => {
  const text = Array.from({ length: 2_000 }, (_, line) => `line ${line * line}\n`).join('');
  const packed = gzipped(text);
  expect(gunzipSync(packed).toString()).toBe(text);
  expect(packed.subarray(0, 10).toString('hex')).toBe('1f8b0800000000000203');
  expect(createHash('sha256').update(packed).digest('hex')).toBe(
    'cde0fdd33225a055f866595963b33873a60998303bcc031ea40830f255d5e965',
  );
});
