/** From the files of the administrator to what an agent is made of. */
import { EXIT, OperatorError } from '../core/errors.js';
import { formatDiagnostic } from '../core/finding.js';
import type { LogLevel } from '../core/log.js';
import { parseMatch, WHOLE_JOURNAL } from '../core/match.js';
import { mustJailName } from '../core/names.js';
import { seconds } from '../core/time.js';
import { loadFilter } from '../ini/filterfile.js';
import type { AgentSetup, JailSetup } from './setup.js';

export interface ConfigurationRoots {
  readonly shippedRoot: string;
  readonly adminRoot: string;
}

export interface LoadOptions {
  readonly overrides?: Readonly<Record<string, string>>;
  readonly jails?: readonly string[];
}

export interface Loaded {
  readonly setup: AgentSetup;
  readonly logLevel: LogLevel;
  readonly warnings: readonly string[];
}

const JAILS: readonly (readonly [string, string, readonly number[]])[] = [
  [
    'postfix-sasl',
    '_SYSTEMD_UNIT=postfix.service _SYSTEMD_UNIT=postfix@-.service',
    [25, 465, 587, 110, 995, 143, 993, 4190],
  ],
  ['dovecot', '_SYSTEMD_UNIT=dovecot.service', [25, 465, 587, 110, 995, 143, 993, 4190]],
  [
    'sshd',
    '_SYSTEMD_UNIT=ssh.service _SYSTEMD_UNIT=sshd.service + SYSLOG_IDENTIFIER=sshd SYSLOG_IDENTIFIER=sshd-session _UID=0',
    [22],
  ],
];

export function loadSetup(roots: ConfigurationRoots, options: LoadOptions = {}): Loaded {
  const { overrides = {} } = options;
  const jails = JAILS.map(([name, match, ports]): JailSetup => {
    const { definition, diagnostics } = loadFilter({ name, dirs: [roots.shippedRoot, roots.adminRoot] });
    if (definition === undefined)
      throw new OperatorError(diagnostics.map(formatDiagnostic).join('\n'), { exitCode: EXIT.config });
    const jail = mustJailName(name);
    return {
      intake: { jail, match: parseMatch(match).expression ?? WHOLE_JOURNAL, filter: definition },
      policy: {
        jail,
        maxretry: Number(overrides['maxretry'] ?? 3),
        findtime: seconds(Number(overrides['findtime'] ?? 3600)),
        bantime: seconds(Number(overrides['bantime'] ?? 3600)),
        ipv6prefix: Number(overrides['ipv6prefix'] ?? 64),
        forgetOnSuccess: false,
      },
      rule: { jail, ports: ports.map((port) => ({ first: port, last: port })), protocols: ['tcp'], verdict: 'drop' },
      source: { kind: 'local' },
    };
  });
  return {
    setup: {
      jails,
      allow: { terms: [], perJail: new Map(), self: true, lockoutGuard: true },
      firewall: { hook: 'input', bridge: false, countersPerElement: false },
      keepHistory: seconds(86_400 * 30),
    },
    logLevel: 'info',
    warnings: [],
  };
}
