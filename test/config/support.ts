import { type ConfigRequest, loadConfig } from '../../src/config/load.js';
import type { JailConfig } from '../../src/config/types.js';
import type { Diagnostic } from '../../src/core/finding.js';
import { memoryTree } from '../../src/ini/tree.js';

const FILTERS = {
  '/usr/filter.d/x.conf':
    '[Definition]\nfailregex = ^bad <HOST>\njournalmatch = _SYSTEMD_UNIT=x.service\n',
  '/usr/filter.d/bare.conf': '[Definition]\nfailregex = ^bad <HOST>\n',
};

/** A configuration in memory: names are relative to /etc (the administrator's root) or absolute. */
export function load(files: Readonly<Record<string, string>>, more: Partial<ConfigRequest> = {}) {
  const placed = Object.entries(files).map(([name, text]) => [
    name.startsWith('/') ? name : `/etc/${name}`,
    text,
  ]);
  const tree = memoryTree({ ...FILTERS, ...Object.fromEntries(placed) });
  return loadConfig({ shippedRoot: '/usr', adminRoot: '/etc', tree, ...more });
}

/** One jail `[j]` with the filter x and these lines more. */
export function jail(
  lines: string,
  files: Readonly<Record<string, string>> = {},
  more: Partial<ConfigRequest> = {},
) {
  const text = `[j]\nenabled = true\n${/^filter/m.test(lines) ? '' : 'filter = x\n'}${lines}\n`;
  const { config, diagnostics } = load({ 'jail.local': text, ...files }, more);
  return { jail: config?.jails[0], config, diagnostics, ids: ids(diagnostics) };
}

/** The jail, which must have loaded without errors. */
export function goodJail(lines: string, files: Readonly<Record<string, string>> = {}): JailConfig {
  const loaded = jail(lines, files);
  if (loaded.jail === undefined) throw new Error(JSON.stringify(loaded.diagnostics, null, 1));
  return loaded.jail;
}

export function ids(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map((diagnostic) => diagnostic.id);
}
