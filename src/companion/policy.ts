/** The part that mail servers ask before they check a password (docs/policy.md). */
import { createHash } from 'node:crypto';
import { messageOf, OperatorError } from '../core/errors.js';
import { readSecret, secretRemedy } from '../notify/secret.js';
import type { CompanionConfig } from '../setup/companion-config.js';
import { policySocket } from '../setup/paths.js';
import { type CompanionPart, type PartHost, type PartPlan, placesOf } from './part.js';

export async function planPolicy(
  { policy }: CompanionConfig,
  host: PartHost,
): Promise<PartPlan | undefined> {
  if (!policy.enabled) return undefined;
  const { listen, socket, apiKeyFile, rules } = policy;
  const { places, problem } = placesOf('policy', policy, 9813);
  return {
    name: 'policy',
    // Another key in the same file is another configuration: the former one opens nothing any more.
    configuration: JSON.stringify([policy, digestOf(apiKeyFile, host.env)]),
    lines: [`policy on ${places}`],
    ...(problem === undefined ? {} : { problem }),
    start: async (): Promise<CompanionPart> => {
      if (problem !== undefined) throw problem;
      const key = keyOf(apiKeyFile, host.env);
      const { PolicyService } = await import('../policy/policy.js');
      const service = await PolicyService.start({
        places: { port: listen, socket },
        key,
        rules,
        agentSocket: policySocket(host.paths),
      });
      return {
        summary: `policy on ${service.addresses.join(' and ')}`,
        figures: (format) => service.figures(format),
        status: () => ({ addresses: service.addresses, agentAnswers: service.isAgentAnswering }),
        stop: () => service.stop(),
      };
    },
  };
}

/** Stands for the key, not to be turned back into it; undefined while it cannot be read. */
function digestOf(file: string, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return createHash('sha256').update(keyOf(file, env)).digest('hex');
  } catch {
    return undefined;
  }
}

/** The key of the mail server. Throws `OperatorError` with the remedy. */
function keyOf(file: string, env: NodeJS.ProcessEnv): string {
  try {
    return readSecret({ file }, env).reveal();
  } catch (cause) {
    const make = `install -m 0640 -g banjour-companion /dev/stdin ${file} <<< "$(openssl rand -hex 24)"`;
    throw new OperatorError(`[policy] has no key: ${messageOf(cause)}`, {
      hint: secretRemedy(file, cause, make),
      cause,
    });
  }
}
