/** The part that shares bans with other hosts through an engine (docs/share.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControlClient } from '../control/client.js';
import { Positions } from '../control/positions.js';
import { inBackground } from '../core/background.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { readSecret, secretRemedy } from '../notify/secret.js';
import type { CompanionConfig } from '../setup/companion-config.js';
import { companionState, packageVersion, shareSocket, statusSocket } from '../setup/paths.js';
import type { ShareConfig } from '../setup/share-config.js';
import type { EngineOptions, ShareEngine } from '../share/engine.js';
import type { CompanionPart, PartHost, PartPlan } from './part.js';

export async function planShare(
  { share }: CompanionConfig,
  host: PartHost,
): Promise<PartPlan | undefined> {
  if (!share.enabled) return undefined;
  const { place, name } = share;
  const where = place === null ? '' : place.kind === 'lapi' ? place.url : place.address;
  return {
    name: 'share',
    configuration: JSON.stringify(share),
    lines: [`bans are shared as ${name} through ${where}`],
    start: (failed) => startShare(share, host, failed),
  };
}

async function startShare(
  config: ShareConfig,
  { paths, env, log }: PartHost,
  failed: (error: unknown) => void,
): Promise<CompanionPart> {
  const { ShareService } = await import('../share/share.js');
  const agent = new ControlClient(statusSocket(paths));
  const service = new ShareService({
    engine: await engineMaker(config, env),
    host: config.name,
    agent,
    decisions: new ControlClient(shareSocket(paths)),
    machineId: machineId(),
    positions: Positions.open(join(companionState(paths), 'share.json')),
    log,
  });
  const running = service.run();
  inBackground(running, failed);
  return {
    get summary() {
      return service.summary;
    },
    figures: (format) => service.metrics.text(format),
    status: () => service.status(),
    stop: async () => {
      service.stop();
      await running.catch(() => undefined);
    },
  };
}

/** Of this system; containers may have none. */
function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Secrets are read for each connection, so that a new one is found. */
async function engineMaker(
  config: ShareConfig,
  env: NodeJS.ProcessEnv,
): Promise<(options: EngineOptions) => ShareEngine> {
  const { place, stream, user, passwordFile, caFile } = config;
  const ca = () => (caFile === null ? {} : { ca: certificates(caFile) });
  if (place === null) throw new OperatorError('[share] names no engine', { exitCode: 78 });
  if (place.kind === 'valkey') {
    const { ValkeyEngine } = await import('../share/valkey.js');
    return (options) =>
      new ValkeyEngine({
        ...{ ...options, ...place, stream },
        ...(user === null ? {} : { user }),
        ...(passwordFile === null ? {} : { password: secret('password-file', passwordFile, env) }),
        ...ca(),
      });
  }
  const { LapiEngine } = await import('../share/lapi.js');
  return (options) =>
    new LapiEngine({
      ...options,
      url: new URL(place.url),
      machine: config.machine ?? '',
      machinePassword: secret('machine-password-file', config.machinePasswordFile ?? '', env),
      bouncerKey: secret('bouncer-key-file', config.bouncerKeyFile ?? '', env),
      version: packageVersion(),
      ...ca(),
    });
}

/** Throws `OperatorError` with the remedy. */
function secret(key: string, file: string, env: NodeJS.ProcessEnv): string {
  try {
    return readSecret({ file }, env).reveal();
  } catch (cause) {
    const make = `write the secret into ${file}, which the group banjour-companion may read (0640)`;
    throw new OperatorError(`[share] ${key}: ${messageOf(cause)}`, {
      hint: secretRemedy(file, cause, make),
      cause,
    });
  }
}

function certificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new OperatorError(`[share] ca-file: ${messageOf(cause)}`, {
      hint: `put the certificate of the authority into ${file}, readable for everybody`,
      cause,
    });
  }
}
