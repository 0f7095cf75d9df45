import { lookup } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { RequestError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { isImage } from "../vision/decode.ts";
import { specialUse } from "./addresses.ts";
import { AllowedHosts } from "./hosts.ts";

/** An address that a name stands for. */
export interface Address {
  address: string;
  family: number;
}

/** How names become addresses, and which addresses are refused. */
export interface Network {
  resolve(hostname: string): Promise<Address[]>;
  /** What an address is for when it must not be asked, undefined when it may. */
  specialUse(address: string): string | undefined;
}

const NETWORK: Network = { resolve: (hostname) => lookup(hostname, { all: true, verbatim: true }), specialUse };

const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 3;

/** Images that are fetched at once; each holds as many bytes as a request body may have. */
const MOST_FETCHES = 32;

/** As many bytes as `isImage` looks at. */
const SIGNATURE_BYTES = 12;

/** Fetches images for callers, from allowed hosts at public addresses only. */
export class ImageFetcher {
  readonly #hosts: AllowedHosts;
  readonly #limitBytes: number;
  readonly #network: Network;
  #fetches = 0;

  /**
   * @param hosts as `FETCH_HOSTS` lists them
   * @param limitBytes largest image file
   */
  constructor(hosts: readonly string[], limitBytes: number, network: Network = NETWORK) {
    this.#hosts = new AllowedHosts(hosts);
    this.#limitBytes = limitBytes;
    this.#network = network;
  }

  /**
   * Fetches one image; each hop of its redirects is checked like the first address.
   * @param signal ends the fetch when its caller is gone
   * @throws RequestError YOLO_URL_REFUSED, YOLO_URL_FAILED, or YOLO_QUEUE_FULL when too many are being fetched
   */
  async fetch(source: string, { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number }): Promise<Buffer> {
    let url = this.#hosts.check(source);
    if (this.#fetches >= MOST_FETCHES) throw new RequestError("YOLO_QUEUE_FULL");
    this.#fetches++;
    const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
    const either = AbortSignal.any([signal, timeout]);
    try {
      for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
        const answer = await this.#get(url, either);
        if (!REDIRECTS.has(answer.statusCode)) return await this.#read(answer);
        answer.destroy();
        if (answer.headers.location === undefined) throw failed("it redirects to nowhere");
        url = this.#hosts.check(answer.headers.location, url);
      }
      throw failed(`it redirects more than ${MOST_REDIRECTS} times`);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (timeout.aborted) throw failed(`it did not come within ${Math.ceil(timeoutMs)} ms`, error);
      if (error instanceof RequestError) throw error;
      throw failed(reasonOf(error), error);
    } finally {
      this.#fetches--;
    }
  }

  async #get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const addresses = await this.#addresses(url.hostname, signal);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { accept: "image/*", "accept-encoding": "identity", "user-agent": `yolo/${VERSION}` };
    // An agent of its own: a shared one would reuse connections, and may be told by the environment to ask a proxy.
    const options = { agent: false, headers, lookup: pinned(addresses), signal } as const;
    const request = url.protocol === "https:" ? https.get(url, options, resolve) : http.get(url, options, resolve);
    request.on("error", reject);
    return promise;
  }

  /** The name is resolved here and nowhere else, so that what was checked is what gets connected to. */
  async #addresses(hostname: string, signal: AbortSignal): Promise<Address[]> {
    const left = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const addresses = await Promise.race([this.#network.resolve(hostname), left]);
    for (const { address } of addresses) {
      const use = this.#network.specialUse(address);
      if (use === undefined) continue;
      const message = `Expected a host with public addresses only as source, but one of its addresses is of kind ${use}.`;
      throw new RequestError("YOLO_URL_REFUSED", message);
    }
    return addresses;
  }

  async #read(answer: IncomingMessage): Promise<Buffer> {
    try {
      const { "content-encoding": encoding = "identity", "content-length": length } = answer.headers;
      if (answer.statusCode !== 200) throw failed(`its server answers ${answer.statusCode}`);
      if (encoding !== "identity") throw failed(`it comes compressed (${encoding})`);
      if (Number(length) > this.#limitBytes) throw this.#tooLarge();
      const chunks: Buffer[] = [];
      let size = 0;
      let checked = false;
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > this.#limitBytes) throw this.#tooLarge();
        if (!checked && size >= SIGNATURE_BYTES) {
          if (!isImage(Buffer.concat(chunks))) throw noImage();
          checked = true;
        }
      }
      if (!checked) throw noImage();
      return Buffer.concat(chunks);
    } finally {
      answer.destroy();
    }
  }

  #tooLarge(): RequestError {
    return failed(`it is larger than ${this.#limitBytes} bytes`);
  }
}

/** Answers every question for an address with those that were checked. */
function pinned(addresses: readonly Address[]): LookupFunction {
  return (hostname, { all }, callback) => {
    const [first] = addresses;
    if (first === undefined) callback(new Error(`${hostname} has no address`), "");
    else if (all) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

function failed(reason: string, cause?: unknown): RequestError {
  return new RequestError("YOLO_URL_FAILED", `Expected an image at the given source, but ${reason}.`, { cause });
}

function noImage(): RequestError {
  return failed("it is no JPEG, PNG, WebP, AVIF, TIFF or GIF");
}

/** Codes such as ECONNREFUSED say enough; messages could name addresses inside the network. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return `it cannot be fetched (${typeof code === "string" ? code : "connection failed"})`;
}
