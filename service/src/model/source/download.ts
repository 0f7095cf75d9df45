import { addAbortSignal } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../../errors.ts";
import { type Limits, pauseAfter, Stall } from "./limits.ts";
import { digestOfFile, PartialFile } from "./partial.ts";
import { type Answer, networkProblem, type Remote, SourceProblem } from "./remote.ts";

/** How far a download is. */
export interface Progress {
  bytes: number;
  /** Bytes of the whole file, where they are known. */
  total?: number | undefined;
  /** Why the last attempt ended, and what comes next. */
  problem?: string;
}

/** What is downloaded. */
export interface Download {
  /** The file in words, for messages. */
  what: string;
  remote: Remote;
  sha256: string;
  folder: string;
  /** Where the complete file goes: in `folder`. */
  path: string;
  signal: AbortSignal;
  limits: Limits;
  onProgress: (progress: Progress) => void;
}

/** Milliseconds between two reports of a download that goes well. */
const REPORT_MS = 10_000;

/**
 * Downloads a file, goes on where an earlier attempt or another process stopped, and puts it in its place when it is whole
 * and has the digest.
 * @throws StartError when it cannot be had
 */
export async function download(job: Download): Promise<void> {
  await using attempts = new Attempts(job, await PartialFile.continue(job.folder, job.sha256));
  const { limits, signal } = job;
  for (let failures = 0; ; ) {
    const before = attempts.bytes;
    try {
      await attempts.next();
      return;
    } catch (error) {
      signal.throwIfAborted();
      // The disk, or content that no further attempt will mend.
      if (error instanceof StartError) throw error;
      const problem = networkProblem(error);
      failures = attempts.bytes - before >= limits.progressBytes ? 1 : failures + 1;
      const pause = pauseAfter(failures, problem, limits);
      if (pause === undefined) {
        const next = attempts.leavesSome ? " The next start goes on where this one stopped." : "";
        throw new StartError(sentence(job.what, problem, failures) + next, { cause: error });
      }
      const next = `trying again in ${(pause / 1000).toFixed(1)} s`;
      job.onProgress({ bytes: attempts.bytes, problem: `${problem.message}; ${next}` });
      await sleep(pause, undefined, { signal });
    }
    // Another process that shares the folder may have been luckier.
    if ((await digestOfFile(job.folder, job.path)) === job.sha256) return;
  }
}

class Attempts {
  readonly #job: Download;
  #partial: PartialFile | undefined;
  /** Whether what is there came by several answers, which may not fit together. */
  #pieced: boolean;

  constructor(job: Download, partial: PartialFile | undefined) {
    this.#job = job;
    this.#partial = partial;
    this.#pieced = partial !== undefined;
  }

  get bytes(): number {
    return this.#partial?.bytes ?? 0;
  }

  /** Whether another process can go on from here. */
  get leavesSome(): boolean {
    return this.bytes > 0 && this.#partial?.etag !== undefined;
  }

  async next(): Promise<void> {
    const { sha256, path, what, onProgress } = this.#job;
    const partial = this.#partial?.digest() === sha256 ? this.#partial : await this.#receive();
    this.#partial = undefined;
    const digest = partial.digest();
    if (digest === sha256) {
      await partial.finish(path, sha256);
      onProgress({ bytes: partial.bytes, total: partial.bytes });
      return;
    }
    await partial.discard();
    if (this.#pieced) {
      throw new SourceProblem("its parts do not make the file with the digest; it begins anew", { passing: true });
    }
    throw new StartError(
      `Expected ${what} to have SHA-256 ${sha256} but it has ${digest}, in ${partial.bytes} bytes. ` +
        "Either there is another file, or the setting is wrong. What was downloaded has been removed.",
    );
  }

  /** Brings the rest of the file, or all of it. */
  async #receive(): Promise<PartialFile> {
    const { remote, limits, signal, what } = this.#job;
    const stall = new Stall(limits, signal);
    try {
      const etag = this.#partial?.etag;
      const resume = etag === undefined ? undefined : { offset: this.bytes, etag };
      const answer = await remote.open(resume, stall.signal);
      addAbortSignal(stall.signal, answer.body);
      const partial = await this.#placeFor(answer, resume !== undefined);
      const tooLarge = (size: number) =>
        new StartError(
          `Expected ${what} to have at most ${limits.bytes} bytes, as an ONNX file has, but it has ${size} or more.`,
        );
      if (answer.total !== undefined && answer.total > limits.bytes) throw tooLarge(answer.total);
      let reported = Date.now();
      for await (const chunk of answer.body) {
        if (partial.bytes + chunk.length > limits.bytes) throw tooLarge(partial.bytes + chunk.length);
        await partial.append(chunk);
        stall.brought(chunk.length);
        if (Date.now() - reported < REPORT_MS) continue;
        reported = Date.now();
        this.#job.onProgress({ bytes: partial.bytes, total: answer.total });
      }
      if (answer.total !== undefined && partial.bytes < answer.total) {
        throw new SourceProblem(`the answer ended ${answer.total - partial.bytes} bytes early`, { passing: true });
      }
      return partial;
    } catch (error) {
      if (error instanceof StartError) {
        await this.#partial?.discard();
        this.#partial = undefined;
      }
      throw stall.problem ?? error;
    } finally {
      stall.end();
    }
  }

  async #placeFor({ offset, etag, body }: Answer, resumed: boolean): Promise<PartialFile> {
    if (this.#partial !== undefined && resumed && offset === this.bytes) {
      this.#pieced = true;
      return this.#partial;
    }
    try {
      await this.#partial?.discard();
      this.#pieced = false;
      this.#partial = await PartialFile.create(this.#job.folder, this.#job.sha256, etag);
      return this.#partial;
    } catch (error) {
      this.#partial = undefined;
      body.destroy();
      throw error;
    }
  }

  /** Leaves what is there to the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#partial?.close();
  }
}

function sentence(what: string, { message, advice, retryAfterMs }: SourceProblem, failures: number): string {
  const wait = retryAfterMs > 0 ? `, with the wish to be asked again in ${Math.ceil(retryAfterMs / 1000)} s` : "";
  const times = failures > 1 ? `, at last of ${failures} attempts` : "";
  return `Expected to download ${what}, but ${message}${wait}${times}.${advice === "" ? "" : ` ${advice}`}`;
}
