import { Readable } from "node:stream";
import type { GetObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { networkProblem, type Remote, type Resume, SourceProblem, statusProblem, strongTag } from "./remote.ts";

/**
 * An object in S3, or in a store that speaks its protocol. Credentials, region and endpoint come from where every AWS SDK
 * looks for them: AWS_* variables, profiles, the web identity or the role of a pod, the role of an instance.
 */
export function s3Remote(uri: URL): Remote {
  const target = { Bucket: uri.host, Key: decodeURIComponent(uri.pathname.slice(1)) };
  let client: S3Client | undefined;
  return {
    async open(resume, signal) {
      // Loaded here, because it costs time and memory that a service without S3 need not spend.
      const { GetObjectCommand, S3Client } = await import("@aws-sdk/client-s3");
      client ??= new S3Client({
        // Who downloads counts the attempts.
        maxAttempts: 1,
        // The SHA-256 of the whole file is checked in any case.
        responseChecksumValidation: "WHEN_REQUIRED",
        // Stores under an address of their own seldom have a host name for each bucket.
        forcePathStyle: hasOwnEndpoint(process.env),
      });
      const connected = client;
      // Asked for by itself, so that a refusal of the service for tokens is not taken for one of the store. They are kept.
      await whileWaiting(signal, connected.config.credentials()).catch((error) =>
        Promise.reject(credentialsProblem(error)),
      );
      const send = (from: Resume | undefined) => {
        const part = from === undefined ? {} : { Range: `bytes=${from.offset}-`, IfMatch: from.etag };
        return connected.send(new GetObjectCommand({ ...target, ...part }), { abortSignal: signal });
      };
      try {
        return answer(await send(resume), resume);
      } catch (error) {
        const status = statusOf(error);
        if (resume === undefined || (status !== 412 && status !== 416)) throw objectProblem(error);
        // The object is another one now, or shorter: from the beginning.
        return answer(await send(undefined).catch((problem) => Promise.reject(objectProblem(problem))), undefined);
      }
    },
  };
}

function hasOwnEndpoint({ AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL }: NodeJS.ProcessEnv): boolean {
  return Boolean(AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL);
}

function answer(output: GetObjectCommandOutput, resume: Resume | undefined) {
  if (!(output.Body instanceof Readable)) throw new SourceProblem("the answer has no body", { passing: true });
  // Some stores ignore a range.
  const offset = output.ContentRange === undefined ? 0 : (resume?.offset ?? 0);
  const total = output.ContentLength === undefined ? undefined : offset + output.ContentLength;
  return { offset, etag: strongTag(output.ETag), total, body: output.Body };
}

/** Not every way to credentials heeds a signal. */
async function whileWaiting<T>(signal: AbortSignal, action: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([action, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The parts of the SDK's errors that are read here. */
interface ServiceError {
  name?: unknown;
  message?: unknown;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

function statusOf(error: unknown): number | undefined {
  return (error as ServiceError | null)?.$metadata?.httpStatusCode;
}

const GRANT =
  "Grant s3:GetObject on it. S3 answers the same for a missing object to those who may not list the bucket.";

/** What an operator can do about each code of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. */
const ADVICE: Readonly<Record<string, [reason: string, advice: string]>> = {
  NoSuchKey: ["there is no such object", "Check the key after the bucket's name."],
  NoSuchBucket: ["there is no such bucket", "Check the bucket's name, AWS_REGION and AWS_ENDPOINT_URL_S3."],
  AccessDenied: ["access is denied", GRANT],
  InvalidAccessKeyId: ["the access key is not known there", "Check AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL_S3."],
  SignatureDoesNotMatch: ["the signature does not match", "Check AWS_SECRET_ACCESS_KEY and the clock."],
  ExpiredToken: ["the credentials have expired", "Renew them."],
  InvalidToken: ["the session token is not valid", "Check AWS_SESSION_TOKEN."],
  InvalidObjectState: ["the object is archived", "Restore it, or copy it to another storage class."],
};

const SIGN_IN =
  "Give the pod a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a public object has an https: address.";

/** An error on the way to credentials: from the SDK's chain, or from a service that gives them out. */
function credentialsProblem(error: unknown): SourceProblem {
  const { name, message } = error as ServiceError;
  if (message === NO_REGION) return objectProblem(error);
  const status = statusOf(error);
  if (name === "CredentialsProviderError") {
    return new SourceProblem("there are no credentials, or they cannot be fetched", { advice: SIGN_IN });
  }
  const advice = "Check AWS_ROLE_ARN, the role's trust policy, and what else of AWS_* is set.";
  if (status !== undefined && status < 500) {
    return new SourceProblem(`credentials were refused (${String(name)})`, { advice });
  }
  return new SourceProblem(`credentials cannot be fetched (${String(name)})`, { advice, passing: true });
}

const NO_REGION = "Region is missing";

/** An error of the SDK, without what could be a secret: none of the messages of its own are repeated. */
function objectProblem(error: unknown): SourceProblem {
  if (error instanceof SourceProblem) return error;
  const { name, message, $response } = error as ServiceError;
  const status = statusOf(error);
  const headers = $response?.headers ?? {};
  if (message === NO_REGION) {
    return new SourceProblem("no region is set", { advice: "Set AWS_REGION to the bucket's region." });
  }
  const region = headers["x-amz-bucket-region"] ?? /expecting '(?<region>[a-z0-9-]+)'/.exec(String(message))?.[1];
  if (status === 301 || status === 307 || name === "AuthorizationHeaderMalformed") {
    return new SourceProblem(`the bucket is in ${region === undefined ? "another region" : `the region ${region}`}`, {
      advice: `Set AWS_REGION${region === undefined ? " to it" : `=${region}`}.`,
    });
  }
  const known = ADVICE[String(name)];
  if (known !== undefined) return new SourceProblem(known[0], { advice: known[1] });
  if (status === undefined || status < 300) return networkProblem(error);
  return statusProblem(status, headers["retry-after"], status === 403 ? GRANT : `The store calls it ${String(name)}.`);
}
