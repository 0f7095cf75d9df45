import type { Readable } from "node:stream";

/** Where a download that broke off goes on, and the version of the file that it belongs to. */
export interface Resume {
  /** Bytes that are there already. */
  offset: number;
  /** Strong entity tag (RFC 9110, 8.8.3), in its quotes. */
  etag: string;
}

/** What a place sends. */
export interface Answer {
  /** Position in the file at which `body` begins: the one that was asked for, or 0 when the file has to be sent anew. */
  offset: number;
  /** Strong entity tag of the file; without one a download cannot be resumed. */
  etag?: string | undefined;
  /** Size of the whole file in bytes, where it is known. */
  total?: number | undefined;
  body: Readable;
}

/** A place that files are downloaded from. */
export interface Remote {
  /**
   * Asks for the file, or for the rest of it. The signal ends the request, not the body that it returned.
   * @throws SourceProblem, or an error of the network
   */
  open(resume: Resume | undefined, signal: AbortSignal): Promise<Answer>;
}

/** Why a file did not come. The message goes on after "but"; it and the advice go to the operator and hold no secret. */
export class SourceProblem extends Error {
  override readonly name = "SourceProblem";
  /** What the operator can do: one sentence, or nothing. */
  readonly advice: string;
  /** Whether trying again may help. */
  readonly passing: boolean;
  /** Milliseconds that the server asks to be left alone. */
  readonly retryAfterMs: number;

  constructor(reason: string, { advice = "", passing = false, retryAfterMs = 0 } = {}) {
    super(reason);
    this.advice = advice;
    this.passing = passing;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An entity tag that names the bytes of a file: weak ones (`W/"…"`) do not. */
export function strongTag(etag: string | undefined): string | undefined {
  return etag?.startsWith('"') === true ? etag : undefined;
}

/** An answer that is no success: asked again where RFC 9110 or its kin call it passing. */
export function statusProblem(status: number, retryAfter: string | undefined, advice: string): SourceProblem {
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  return new SourceProblem(`received HTTP status ${status}`, {
    advice,
    passing,
    retryAfterMs: passing ? readRetryAfter(retryAfter) : 0,
  });
}

/** Milliseconds in the header Retry-After (RFC 9110, 10.2.3): seconds or a date; 0 without one. */
export function readRetryAfter(value: string | undefined, now = Date.now()): number {
  if (value === undefined) return 0;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/** Codes of OpenSSL and of Node for a certificate that is not trusted, or is another host's. */
const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_CERT)/;

/** What an error of the network says, as a problem; most of them pass. */
export function networkProblem(error: unknown): SourceProblem {
  if (error instanceof SourceProblem) return error;
  // Of several addresses that were tried, the last speaks for all.
  const one = error instanceof AggregateError ? error.errors.at(-1) : error;
  const code = one instanceof Error && "code" in one ? String(one.code) : "";
  if (UNTRUSTED.test(code)) {
    return new SourceProblem(`its certificate is not trusted (${code})`, {
      advice: "Set NODE_EXTRA_CA_CERTS to a file with the authority's certificate if it is one of your own.",
    });
  }
  const reason = one instanceof Error ? one.message || code : String(one);
  return new SourceProblem(`the connection failed (${reason})`, {
    advice: "Can the service reach that address?",
    passing: true,
  });
}
