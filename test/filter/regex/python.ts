/**
 * Python's own `re`, asked once for many regexes and texts: the reference of every differential
 * test.
 */
import { spawnSync } from 'node:child_process';

export interface Question {
  readonly pattern: string;
  readonly multiline?: boolean;
  /** `\w \d \b` and case in ASCII, as with us; then `\s` is ASCII too. */
  readonly ascii?: boolean;
  readonly texts: readonly string[];
}

export interface Found {
  readonly start: number;
  readonly end: number;
  readonly groups: Readonly<Record<string, string>>;
}

/**
 * The matches of each text (`slow`: Python did not come back in time), or what Python has against
 * the regex.
 */
export type Answer =
  | { readonly error: string }
  | { readonly found: readonly (Found | null | 'slow')[] };

const SCRIPT = `
import json, re, signal, sys, warnings
warnings.simplefilter('ignore')
def late(*_): raise TimeoutError
signal.signal(signal.SIGALRM, late)
for line in sys.stdin:
    q = json.loads(line)
    try:
        r = re.compile(q['pattern'], (re.M if q.get('multiline') else 0) | (re.A if q.get('ascii') else 0))
    except Exception as e:
        print(json.dumps({'error': str(e)}))
        continue
    out = []
    for t in q['texts']:
        signal.setitimer(signal.ITIMER_REAL, 0.25)
        try:
            m = r.search(t)
        except TimeoutError:
            out.append('slow')
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        out.append(m and {'start': m.start(), 'end': m.end(),
                          'groups': {k: v for k, v in m.groupdict().items() if v is not None}})
    print(json.dumps({'found': out}))
`;

export function hasPython(): boolean {
  return (
    spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
  );
}

export function askPython(questions: readonly Question[]): Answer[] {
  const input = questions.map((question) => JSON.stringify(question)).join('\n');
  const run = spawnSync('python3', ['-c', SCRIPT], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 120_000,
  });
  if (run.status !== 0) throw new Error(`python3: ${run.error?.message ?? run.stderr}`);
  return run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Answer);
}
