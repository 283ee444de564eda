/**
 * The one error that this package throws or rejects with.
 *
 * `code` is stable and never translated: the codes of docs/errors.md from the database (`conversation_closed`,
 * `rate_limited`, ...), and these of our own: `network` (no answer; safe to repeat), `timeout`, `unauthorized`
 * (the session has ended), `forbidden` (row level security or a missing grant), `invalid` (a value a column does not take),
 * `not_installed` (the migrations are missing or old), `file_too_large`, `file_type_refused`, `file_refused` (by Storage: the conversation takes
 * none from this sender now), `server` (a fault of the server), `stopped` (the client was stopped), `unknown`.
 */
export class HandoffError extends Error {
  override readonly name = 'HandoffError';
  /** Stable code: see the class. */
  readonly code: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** What to do about it, in English, where the database says so. */
  readonly hint: string | undefined;
  /** Seconds to wait before the next try; set for 429. */
  readonly retryAfter: number | undefined;

  constructor(message: string, fields: HandoffErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status ?? 0;
    this.hint = fields.hint;
    this.retryAfter = fields.retryAfter;
  }

  /** Whether the same call may succeed later without anybody changing anything: no answer, 429, or a fault of the server. */
  get retryable(): boolean {
    return this.code === 'network' || this.code === 'timeout' || this.status === 429 || this.status >= 500;
  }
}

/** What a {@link HandoffError} is made of. */
export interface HandoffErrorFields {
  code: string;
  status?: number | undefined;
  hint?: string | undefined;
  retryAfter?: number | undefined;
  cause?: unknown;
}
