/** What of fail2ban's action.d comes along. */
import { join } from 'node:path/posix';
import { isBanAction } from '../../config/actions.js';
import { isNotification } from '../../config/notify.js';
import { ActionFiles, Section } from '../../config/section.js';
import { parseVerdict } from '../../config/values.js';
import { parseCalls } from '../../ini/calls.js';
import type { Roots } from '../../ini/load.js';
import { Report } from '../../ini/report.js';
import type { Fail2banFolder, Written } from './folder.js';
import { comment, traced } from './text.js';

/**
 * Overlays of actions come along, since they say what a ban closes; changed commands are named.
 */
export function importedActions(there: Fail2banFolder): ReadonlyMap<string, Written> {
  const files = new Map<string, Written>();
  for (const name of there.tree.list(join(there.path, 'action.d')))
    if (name.endsWith('.local')) {
      const file = copyOf(there, `action.d/${name}`);
      if (file !== undefined) files.set(`action.d/${name}`, file);
    }
  const verdict = keptVerdict(there);
  if (verdict !== undefined) files.set('action.d/nftables-common.conf', verdict);
  warnChanged(there);
  return files;
}

function warnChanged(there: Fail2banFolder): void {
  const told = new Set<string>();
  for (const jail of there.enabled) {
    const reader = new Section(there.jails, jail, there.report);
    // What is broken is told where the result is judged, unless it is broken there alone.
    const value = new Section(there.jails, jail, new Report()).value('action') ?? [];
    const calls = parseCalls(value, new Report(), { section: jail, key: 'action' }) ?? [];
    for (const { name, place } of calls) {
      const file = `action.d/${name}.conf`;
      if (told.has(name) || !(isBanAction(name) || isNotification(name)) || !there.changed(file))
        continue;
      told.add(name);
      const fix =
        'nothing to do if its ports, protocol, blocktype and chain are all you changed in jail.local';
      const message = `${there.path}/${file} was changed; its commands are not run here`;
      reader.warnAt(place, 'import.changed-action', 'action', message, fix);
    }
  }
}

/**
 * What becomes of banned packets is said beside the actions: fail2ban answers them, Banjour's own
 * file says drop.
 */
function keptVerdict(there: Fail2banFolder): Written | undefined {
  const verdictOf = (roots: Roots) => {
    const stated = new ActionFiles(roots, new Report()).find(
      ['nftables-common', 'nftables'],
      'blocktype',
    );
    const parsed = stated === undefined ? undefined : parseVerdict(stated.text);
    return parsed !== undefined && 'value' in parsed
      ? { verdict: parsed.value, place: stated?.place }
      : undefined;
  };
  const theirs = verdictOf(there.roots);
  if (theirs === undefined || theirs.verdict === verdictOf(there.shippedRoots)?.verdict)
    return undefined;
  const { verdict, place } = theirs;
  const written = traced([
    [comment('As fail2ban has it. reject: banned hosts get an answer. drop: they get none.')],
    ['[Init]'],
    place === undefined ? [`blocktype = ${verdict}`] : [`blocktype = ${verdict}`, place],
  ]);
  return { ...written, sources: place === undefined ? [] : [place.file] };
}

function copyOf(there: Fail2banFolder, name: string): Written | undefined {
  const path = join(there.path, name);
  const content = there.roots.read(path);
  if (content === undefined || !('text' in content)) return undefined;
  const places = content.text.split('\n').map((_, index) => ({ file: path, line: index + 1 }));
  return { text: content.text, places, sources: [path] };
}
