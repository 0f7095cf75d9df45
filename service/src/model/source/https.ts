import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { placeOf } from "../reference.ts";
import { type Answer, type Remote, type Resume, SourceProblem, statusProblem, strongTag } from "./remote.ts";

/** Redirects in a row; browsers follow 20, stores of files need one or two. */
const REDIRECTS = 5;

/** A file at an https: address; it may redirect, but to https: only. */
export function httpsRemote(uri: URL): Remote {
  return {
    async open(resume, signal) {
      const answer = await ask(uri, resume, signal);
      // The file is another one now, or shorter: from the beginning.
      return answer ?? (await ask(uri, undefined, signal)) ?? Promise.reject(statusProblem(416, undefined, ""));
    },
  };
}

/** The answer, or nothing where the file cannot be resumed. */
async function ask(uri: URL, resume: Resume | undefined, signal: AbortSignal): Promise<Answer | undefined> {
  const response = await follow(uri, resume, signal);
  const { statusCode: status = 0, headers } = response;
  const etag = strongTag(headers.etag);
  const length = headers["content-length"];
  if (status === 200) {
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      response.destroy();
      throw new SourceProblem(`it was sent with the content-encoding ${encoding}, although none was asked for`);
    }
    return { offset: 0, etag, total: length === undefined ? undefined : Number(length), body: response };
  }
  if (resume !== undefined && status === 206) {
    const range = /^bytes (?<start>\d+)-\d+\/(?<total>\d+|\*)$/.exec(headers["content-range"] ?? "")?.groups;
    // A server that does not know If-Range goes on in another file: its tag tells.
    if (Number(range?.start) === resume.offset && (etag === undefined || etag === resume.etag)) {
      const total = range?.total === "*" ? undefined : Number(range?.total);
      return { offset: resume.offset, etag: resume.etag, total, body: response };
    }
  }
  response.destroy();
  if (resume !== undefined && (status === 206 || status === 412 || status === 416)) return undefined;
  throw statusProblem(status, headers["retry-after"], "Check the address; a signed one is valid for a while only.");
}

/** Sends a GET request and follows redirects. */
async function follow(uri: URL, resume: Resume | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  let url = uri;
  for (let redirects = 0; redirects <= REDIRECTS; redirects++) {
    const response = await get(url, resume, signal);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    if (!URL.canParse(location, url)) throw new SourceProblem("it redirects to something that is no address");
    url = new URL(location, url);
    if (url.protocol !== "https:") {
      throw new SourceProblem(`it redirects to ${placeOf(url)}, which is not https:`, {
        advice: "Give an address that stays on https:.",
      });
    }
  }
  throw new SourceProblem(`it redirects more than ${REDIRECTS} times`, { advice: "Give the address of the file." });
}

function get(url: URL, resume: Resume | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = {
    accept: "*/*",
    // Compressed, a file has other positions, and model weights hardly get smaller.
    "accept-encoding": "identity",
    "user-agent": "yolo-service",
    ...(resume !== undefined && { range: `bytes=${resume.offset}-`, "if-range": resume.etag }),
  };
  return new Promise((resolve, reject) => {
    request(url, { headers, signal }, resolve).on("error", reject).end();
  });
}
