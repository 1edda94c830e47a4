/** What other hosts decided, and what of it this host takes. */
import type { RequestFor } from '../control/endpoints.js';
import type { ShareAnswer, ShareView } from '../control/protocol.js';
import { OperatorError } from '../core/errors.js';
import type { Stages } from './stages.js';

export class ShareDesk {
  readonly #stages: Stages;

  constructor(stages: Stages) {
    this.#stages = stages;
  }

  /** What is taken and published, and what came. */
  status(): ShareView {
    const jails = this.#stages.setup.jails.filter(({ policy }) => policy.watch !== true);
    return {
      enabled: false,
      accept: [],
      bantimeMaxSeconds: 0,
      prefix: [32, 128],
      publish: { jails: jails.map(({ policy }) => policy.jail), operator: true },
      inForce: [],
      lists: { inForce: 0, max: 0, complete: false },
      taken: 0,
      refused: {},
    };
  }

  /** Takes decisions of others. */
  async decisions(_request: RequestFor<'shareDecisions'>): Promise<ShareAnswer> {
    throw new OperatorError('nothing of other hosts is taken: there is no jail `shared`', {
      hint: 'write enabled = true in [shared] of /etc/banjour/jail.local, then: banjour reload',
    });
  }

  /** Lifts all that came from others. */
  async flush(_request: RequestFor<'flushShared'>) {
    return { lifted: 0, listed: 0 };
  }
}
