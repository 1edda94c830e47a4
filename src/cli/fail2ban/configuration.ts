/** `fail2ban-client -t` and `-d`. */
import { showConfig } from '../../config/show.js';
import { formatDiagnostic } from '../../core/finding.js';
import { escapeUntrusted } from '../../core/text.js';
import { examineConfiguration } from '../../daemon/configuration/examine-config.js';
import { loadSetup } from '../../daemon/configuration/load.js';
import type { Fail2banSession } from './session.js';
import { errorLine } from './shapes.js';

export function testConfiguration({ paths, terminal }: Fail2banSession): number {
  const diagnostics = examineConfiguration({ shippedRoot: paths.shipped, adminRoot: paths.config });
  const errors = diagnostics.filter(({ level }) => level === 'error');
  for (const error of errors) terminal.err(errorLine(escapeUntrusted(formatDiagnostic(error), 4096)));
  terminal.out(errors.length === 0 ? 'OK: configuration test is successful\n' : 'ERROR: test configuration failed\n');
  return errors.length === 0 ? 0 : 255;
}

/** Banjour's own form, with the origin of each value: the commands that fail2ban's server is fed have no meaning here. */
export function dumpConfiguration({ paths, terminal }: Fail2banSession): number {
  const { config } = loadSetup({ shippedRoot: paths.shipped, adminRoot: paths.config });
  terminal.out(`${showConfig(config).trimEnd()}\n`);
  return 0;
}
