/** Addresses that a client writes itself: request and mail headers that some proxies and webmailers log. */

const NAMES = [
  'x-forwarded-for',
  'x-real-ip',
  'x-client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'client-ip',
  'forwarded-for',
];
/** In a regex the hyphen may be escaped. */
const HEADER = new RegExp(`\\b(?:${NAMES.join('|').replaceAll('-', '\\\\?[-_]')})`, 'i');
const ADDRESS_TAG = /<(?:HOST|ADDR|IP4|IP6|DNS|SUBNET|F-(?:IP4|IP6|ADDR|DNS|SUBNET|ID)\/?)>/g;

/** Where a regex takes an address from such a header; undefined when it does not. */
export function clientHeader(source: string): { readonly name: string; readonly offset: number } | undefined {
  const found = HEADER.exec(source);
  if (found === null) return undefined;
  const after = [...source.matchAll(ADDRESS_TAG)].some((tag) => tag.index > found.index);
  return after ? { name: found[0].replaceAll('\\', ''), offset: found.index } : undefined;
}
