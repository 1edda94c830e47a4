/**
 * Which filter files an import takes along: overlays of the administrator, and filters that are not
 * shipped.
 */
import { normalize } from 'node:path/posix';
import { Section } from '../../config/section.js';
import { RECIDIVE } from '../../config/special.js';
import { parseCall } from '../../ini/calls.js';
import type { Roots } from '../../ini/load.js';
import { loadFiles } from '../../ini/load.js';
import type { IniDocument } from '../../ini/parse.js';
import type { Report } from '../../ini/report.js';

/**
 * Shipped filters that no version of fail2ban has: a file of that name is the administrator's own
 * work.
 */
const NOT_OF_FAIL2BAN: ReadonlySet<string> = new Set([
  'iredadmin',
  'maddy',
  'mailu',
  'modoboa',
  'nextcloud',
  'opensmtpd',
  'phpmyadmin',
  'postfixadmin',
  'proxmox',
  'qmail-smtp',
  'qmailadmin',
  'rspamd',
  'stalwart',
  'vpopmail',
  'wordpress',
  'zimbra',
]);

/**
 * True when a filter of that name can only be the administrator's, though Banjour ships one too.
 */
export function isForeignFilter(name: string): boolean {
  return NOT_OF_FAIL2BAN.has(name);
}

/**
 * `filter.d/NAME -> text` for the filters of the jails. A filter that is shipped brings its
 * `.local` files only, unless it is among the `own` ones, which are the administrator's work.
 */
export function filtersOf(
  document: IniDocument,
  jails: readonly string[],
  from: Roots,
  shipped: Roots,
  own: ReadonlySet<string>,
  report: Report,
): Map<string, string> {
  const root = from.folders[0] as string;
  const files = new Map<string, string>();
  for (const section of jails) {
    const value = new Section(document, section, report).value('filter') ?? [];
    const name = parseCall(value, report, { section, key: 'filter' })?.name;
    if (name === undefined || name === RECIDIVE || name.includes('/')) continue;
    const family = from.family(`filter.d/${name}`);
    const isShipped = !own.has(name) && shipped.find(`filter.d/${name}.conf`).length > 0;
    const paths = isShipped
      ? family.map((file) => file.path).filter((path) => path.endsWith('.local'))
      : loadFiles(from, family, report).files;
    for (const path of paths) {
      const relative = normalize(path).slice(root.length + 1);
      // Files that the package ships too, such as common.conf, are its own.
      const isOurs =
        !(own.has(name) && relative === `filter.d/${name}.conf`) &&
        shipped.find(relative).length > 0;
      if (!path.startsWith(`${root}/`) || isOurs) continue;
      const content = from.read(path);
      if (content !== undefined && 'text' in content) files.set(relative, content.text);
    }
  }
  return files;
}
