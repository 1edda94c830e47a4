/**
 * The regexes of Debian's fail2ban package as its own loader expands them, and its sample lines,
 * for comparing at test time. Nothing of it is part of the project.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export interface StockRegex {
  readonly filter: string;
  /** As it stands before fail2ban's regex tags are expanded, and after. */
  readonly source: string;
  readonly expanded: string;
  readonly multiline: boolean;
  readonly texts: readonly string[];
}

const SCRIPT = `
import glob, json, logging, os, re, sys
root = sys.argv[1]
package = root + '/usr/lib/python3/dist-packages'
sys.path.insert(0, package)
logging.disable(logging.CRITICAL)
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.failregex import Regex
stamp = re.compile(r'^(?:\\w{3} +\\d+ [\\d:]{8}|\\d{4}-\\d\\d-\\d\\d[T ][\\d:.,]+(?:Z|[+-]\\d\\d:?\\d\\d)?)')
for path in sorted(glob.glob(root + '/etc/fail2ban/filter.d/*.conf')):
    name = os.path.basename(path)[:-5]
    log = package + '/fail2ban/tests/files/logs/' + name
    if not os.path.exists(log): continue
    with open(log, encoding='utf-8', errors='replace') as f:
        lines = [stamp.sub('', l.rstrip('\\n')) for l in f if l.strip() and not l.startswith('#')]
    with open(path, encoding='utf-8') as f:
        modes = [None] + sorted(set(re.findall(r'^mdre-(\\w+)', f.read(), re.M)))
    seen = set()
    for mode in modes:
        for logtype in ('file', 'journal'):
            options = {'logtype': logtype}
            if mode: options['mode'] = mode
            reader = FilterReader(name, 'jail', options, basedir=root + '/etc/fail2ban')
            reader.read()
            reader.getOptions(None)
            combined = reader.getCombined()
            multiline = int(combined.get('maxlines') or 1) > 1
            texts = list(lines)
            prefix = combined.get('prefregex')
            sources = [s for k in ('failregex', 'ignoreregex') for s in (combined.get(k) or '').split('\\n') if s]
            if prefix:
                pref = re.compile(Regex(prefix).getRegex())
                for line in lines:
                    m = pref.search(line)
                    if m and m.groupdict().get('content'): texts.append(m.group('content'))
                sources.insert(0, prefix)
            if multiline: texts += ['\\n'.join(lines[i:i + 5]) for i in range(len(lines))]
            for source in sources:
                if source in seen: continue
                seen.add(source)
                print(json.dumps({'filter': name, 'source': source, 'multiline': multiline,
                                  'expanded': Regex(source, multiline=multiline).getRegex(), 'texts': texts}))
`;

/**
 * All regexes of all filters that have samples, in every mode, for log files and for the journal.
 */
export function stockRegexes(root: string): StockRegex[] {
  const run = spawnSync('python3', ['-W', 'ignore', '-c', SCRIPT, root], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    timeout: 120_000,
    cwd: join(root),
  });
  if (run.status !== 0) throw new Error(`fail2ban's loader: ${run.error?.message ?? run.stderr}`);
  return run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StockRegex);
}
