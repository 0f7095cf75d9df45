import assert from "node:assert/strict";
import fc from "fast-check";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { METRICS, PATHS } from "../../service/contract.ts";
import { ERRORS, type ErrorCode } from "../../service/src/errors.ts";
import { makeBombs, packedBody } from "./fuzz-bombs.ts";
import { claim, damage, makeSeeds, type Seed } from "./fuzz-images.ts";
import { badForm, badTensors, oddParameters, oddRequest } from "./fuzz-requests.ts";
import { blocks } from "./generate.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { FIXTURES, modelEntry, modelPath, png } from "./support.ts";

/** `FUZZ_SEED` repeats a run, `FUZZ_RUNS` makes it longer or shorter. */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env.FUZZ_RUNS ?? 21_000);

/** Cases at a time: as many as keep two workers busy. */
const LANES = 4;

/** Above what any request may take: its own time limit, and a slow machine. */
const HANG_MS = 30_000;

const IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff", "image/gif"];

/** No small file may keep a worker busy for longer, on a slow machine. */
const BOMB_MS = 5_000;

/** Memory of this process above which images took more than their limit, in MB. */
const MOST_MB = 1_500;

describe("the service, whatever it is sent", function () {
  this.timeout(600_000);
  let running: RunningApp;
  let good: Buffer;
  let expected: string;
  let images: Seed[];
  let all: Seed[];
  const codes = new Map<string, number>();

  before(async () => {
    console.log(`    FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS}`);
    const models = ["dynamic", "segment-raw", "pose-raw", "obb-raw", "classify"];
    const MODELS = [
      modelEntry("colours", modelPath("raw")),
      ...models.map((name) => modelEntry(name, `${FIXTURES}/colours-${name}.onnx`)),
    ].join(",");
    running = await startApp("raw", { MODELS, WORKERS: "2", THREADS: "2", PIXEL_LIMIT: "1000000" });
    good = await png(blocks(100, 80, 21), 100, 80);
    expected = await detectGood();
    const seeds = await makeSeeds();
    images = seeds.images;
    all = [...images, ...seeds.others];
  });
  after(async () => {
    const total = [...codes.values()].reduce((sum, count) => sum + count, 0);
    const sorted = [...codes].sort(([, a], [, b]) => b - a);
    console.log(`    ${total} answers: ${sorted.map(([code, count]) => `${code} ${count}`).join(", ")}`);
    await running.close();
  });

  const detectGood = async () => {
    const headers = { "content-type": "image/png" };
    const answer = await running.app.inject({ method: "POST", url: PATHS.predict, headers, payload: good });
    assert.equal(answer.statusCode, 200, answer.body);
    return JSON.stringify((answer.json() as { images: { results: unknown }[] }).images.map(({ results }) => results));
  };

  /** Sends a request, and fails unless its answer is one that the service documents. */
  const send = async (request: InjectOptions): Promise<LightMyRequestResponse> => {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(new Error(`no answer within ${HANG_MS} ms`)), HANG_MS);
    try {
      const answer = await Promise.race([running.app.inject(request), limit.promise]);
      const code = checkAnswer(answer, String(request.url));
      codes.set(code, (codes.get(code) ?? 0) + 1);
      return answer;
    } finally {
      clearTimeout(timer);
    }
  };

  /** Runs a share of the cases, several at a time. */
  const cases = async (share: number, requests: fc.Arbitrary<InjectOptions>): Promise<void> => {
    const numRuns = Math.ceil((RUNS * share) / LANES);
    const property = fc.asyncProperty(requests, async (request) => {
      await send(request);
    });
    const lanes = Array.from({ length: LANES }, (_, lane) => fc.assert(property, { numRuns, seed: SEED + lane }));
    try {
      await Promise.all(lanes);
    } catch (error) {
      throw new Error(`With FUZZ_SEED=${SEED}: ${(error as Error).message}`, { cause: error });
    }
  };

  afterEach(async () => {
    assert.equal(await detectGood(), expected, "a whole image is no longer answered as before");
    const { body } = await running.app.inject(PATHS.metrics);
    const [, restarts] = new RegExp(`^${METRICS.workerRestarts} (\\d+)$`, "m").exec(body) ?? [];
    assert.equal(restarts, "0", "a worker died");
    assert.match(body, new RegExp(`^${METRICS.inFlight} 0$`, "m"));
    assert.match(body, new RegExp(`^${METRICS.queueDepth} 0$`, "m"));
  });

  it("answers damaged, spliced and foreign files under any content type", async () => {
    const index = fc.nat(all.length - 1);
    const damages = fc.array(damage(all), { maxLength: 4 });
    const type = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...IMAGE_TYPES, "application/octet-stream") },
      fc.constantFrom("text/plain", "image/svg+xml", "image/*", "IMAGE/PNG; q=1", "multipart/form-data", "/", ""),
    );
    const accept = fc.constantFrom("application/json", "application/json", "*/*", "image/jpeg");
    const model = fc.constantFrom("", "", "?model=segment-raw", "?model=pose-raw", "?model=obb-raw", "?model=classify");
    const request = fc
      .tuple(index, damages, type, accept, model)
      .map(([seed, changes, contentType, accepted, query]) => ({
        method: "POST" as const,
        url: PATHS.predict + query,
        headers: { "content-type": contentType, accept: accepted },
        payload: changes.reduce((file, change) => change(file), all[seed]?.file ?? Buffer.alloc(0)),
      }));
    await cases(0.55, request);
    assert.ok((codes.get("200") ?? 0) > 0 && (codes.get("YOLO_IMAGE_UNREADABLE") ?? 0) > 0);
  });

  it("answers images that claim a size they do not have, huge ones without taking the memory", async () => {
    const side = fc.oneof(
      fc.constantFrom(1, 2, 1000, 4000, 16_383, 16_384, 32_767, 65_535, 100_000, 0x7fffffff, 0xffffffff),
      fc.integer({ min: 1, max: 2000 }),
    );
    const request = fc
      .tuple(fc.nat(images.length - 1), side, side, fc.option(damage(all), { freq: 4 }))
      .map(([index, width, height, change]) => {
        const file = claim(images[index] as Seed, width, height);
        const headers = { "content-type": "application/octet-stream" };
        return { method: "POST" as const, url: PATHS.predict, headers, payload: change?.(file) ?? file };
      });
    await cases(0.1, request);
    for (const format of IMAGE_TYPES.map((type) => type.split("/")[1])) {
      const seed = images.find(({ name }) => name === format) as Seed;
      // WebP has 14 bits for a side, the others at least 16.
      const payload = claim(seed, 16_000, 16_000);
      const headers = { "content-type": "application/octet-stream" };
      const answer = await send({ method: "POST", url: PATHS.predict, headers, payload });
      assert.equal(answer.statusCode, 413, `${format}: ${answer.body}`);
    }
    assertMemory();
  });

  it("answers small files that become large when they are unpacked, in time and without taking the memory", async () => {
    const headers = { "content-type": "application/octet-stream" };
    for (const { name, file } of await makeBombs()) {
      const started = performance.now();
      await send({ method: "POST", url: PATHS.predict, headers, payload: file });
      const milliseconds = Math.round(performance.now() - started);
      assert.ok(milliseconds < BOMB_MS, `${name}: ${milliseconds} ms`);
    }
    const packed = { "content-type": "application/json", "content-encoding": "gzip" };
    const url = `${PATHS.inferenceProtocol}/models/dynamic/infer`;
    const unpacked = await send({ method: "POST", url, headers: packed, payload: packedBody() });
    assert.equal(unpacked.statusCode, 413, unpacked.body);
    const large = await send({ method: "POST", url: PATHS.predict, headers, payload: Buffer.alloc(20_971_521) });
    assert.equal(large.statusCode, 413, large.body);
    assertMemory();
  });

  it("answers absurd, repeated and unknown parameters and headers", async () => {
    await cases(0.1, oddParameters(good));
  });

  it("answers malformed forms", async () => {
    await cases(0.1, badForm(good));
  });

  it("answers malformed requests of the inference protocol", async () => {
    await cases(0.1, badTensors());
  });

  it("answers any method at any path", async () => {
    await cases(0.05, oddRequest());
  });
});

function assertMemory(): void {
  const peak = process.resourceUsage().maxRSS / 1024;
  assert.ok(peak < MOST_MB, `${Math.round(peak)} MB at the most`);
}

/** Fails unless an answer is one that the service documents; returns its code, or status where it is no error. */
function checkAnswer(answer: LightMyRequestResponse, url: string): string {
  const { statusCode: status, body } = answer;
  const what = `${status} ${body.slice(0, 300)}`;
  if (status < 400) {
    assert.ok(status >= 200 && status < 300, what);
    // What is no number becomes null in JSON.
    if (url.startsWith(PATHS.predict) && answer.headers["content-type"]?.toString().includes("json"))
      assert.doesNotMatch(body, /:null|\[null|,null/, what);
    return String(status);
  }
  assert.ok(status < 500 || status === 503, what);
  // The answer to HEAD has no body.
  if (body === "" && answer.raw.req.method === "HEAD") return String(status);
  assert.match(String(answer.headers["content-type"]), /^application\/json/, what);
  const { error } = answer.json() as { error: string | { code: ErrorCode; message: string; requestId: string } };
  if (typeof error === "string") {
    assert.match(url, /^\/v2/, what);
    assert.ok(error.length > 0 && Object.values(ERRORS).some((known) => known.status === status), what);
    return `v2 ${status}`;
  }
  assert.equal(ERRORS[error.code]?.status, status, what);
  assert.ok(error.message.length > 0, what);
  assert.equal(answer.headers["x-request-id"], error.requestId, what);
  return error.code;
}
