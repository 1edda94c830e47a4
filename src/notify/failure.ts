/** Why a message was not delivered, and whether another try can help. */
import { OperatingError } from '../core/errors.js';

export class DeliveryError extends OperatingError {
  /** True: the same again would fail again; the message is given up. */
  readonly permanent: boolean;
  /** The receiver asks to wait for so long, ms. */
  readonly retryAfterMs: number | undefined;
  constructor(
    code: string,
    message: string,
    options: { permanent?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(code, message, { cause: options.cause });
    this.permanent = options.permanent ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
