import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { PATHS } from "../../service/contract.ts";
import { bytesOf, randomPixels, runDirectly } from "./direct-run.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { FIXTURES, modelEntry, modelPath, slowImage } from "./support.ts";

const HEAD_LENGTH = "inference-header-content-length";
const SHAPE = [1, 3, 64, 64];
const OTHERS = ["float16", "segment-raw", "pose-raw"].map(
  (name) => [name, join(FIXTURES, `colours-${name}.onnx`)] as const,
);
const MODELS = [["colours", modelPath("raw")], ["dynamic", modelPath("dynamic")], ...OTHERS]
  .map(([name = "", path = ""]) => modelEntry(name, path))
  .join();

interface Output {
  name: string;
  datatype: string;
  shape: number[];
  data?: number[];
  parameters?: { binary_data_size?: number };
}

/** An answer of `infer`, its tensors as bytes. */
interface Inferred {
  id?: string;
  model_name: string;
  model_version: string;
  outputs: (Output & { bytes?: Buffer })[];
}

/** An inference request with its tensor behind the JSON. */
function binary(pixels: Float32Array | Float16Array, shape: readonly number[], fields: object = {}) {
  const bytes = bytesOf(pixels);
  const datatype = pixels instanceof Float32Array ? "FP32" : "FP16";
  const input = { name: "images", shape, datatype, parameters: { binary_data_size: bytes.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [input], ...fields }));
  return { payload: Buffer.concat([head, bytes]), headers: { [HEAD_LENGTH]: String(head.length) } };
}

const ALL_BINARY = { parameters: { binary_data_output: true } };

describe("the inference protocol over HTTP", function () {
  this.timeout(120_000);

  let service: RunningApp;
  before(async () => {
    service = await startApp("raw", { MODELS, BODY_LIMIT_BYTES: "1000000" });
  });
  after(() => service.close());

  const get = (url: string, headers: Record<string, string> = {}) =>
    service.app.inject({ method: "GET", url, headers });
  const post = (url: string, payload: Buffer | string, headers: Record<string, string> = {}) =>
    service.app.inject({ method: "POST", url, headers, payload });

  async function infer(
    model: string,
    { payload, headers }: { payload: Buffer | string; headers: Record<string, string> },
  ): Promise<Inferred> {
    const answer = await post(`/v2/models/${model}/infer`, payload, headers);
    assert.equal(answer.statusCode, 200, answer.payload.slice(0, 500));
    const headLength = answer.headers[HEAD_LENGTH];
    const bytes = answer.rawPayload;
    assert.equal(
      answer.headers["content-type"],
      headLength === undefined ? "application/json" : "application/octet-stream",
    );
    const inferred = JSON.parse(bytes.subarray(0, Number(headLength ?? bytes.length)).toString()) as Inferred;
    let start = Number(headLength);
    for (const output of inferred.outputs) {
      const size = output.parameters?.binary_data_size;
      output.bytes =
        size === undefined ? bytesOf(Float32Array.from(output.data ?? [])) : bytes.subarray(start, start + size);
      start += size ?? 0;
    }
    if (headLength !== undefined) assert.equal(start, bytes.length);
    return inferred;
  }

  it("tells what the server is", async () => {
    for (const url of ["/v2", "/v2/"]) {
      const answer = await get(url);
      assert.equal(answer.headers["content-type"], "application/json");
      const extensions = ["binary_tensor_data", "model_configuration", "model_repository"];
      assert.deepEqual(answer.json(), { name: "yolo", version: "0.1.0", extensions });
    }
  });

  it("tells what a model takes and gives, by name and by version", async () => {
    const expected = {
      name: "dynamic",
      versions: ["1"],
      platform: "onnxruntime_onnx",
      inputs: [{ name: "images", datatype: "FP32", shape: [-1, 3, -1, -1] }],
      outputs: [{ name: "output0", datatype: "FP32", shape: [-1, 7, -1] }],
    };
    assert.deepEqual((await get("/v2/models/dynamic")).json(), expected);
    assert.deepEqual((await get("/v2/models/dynamic/versions/1")).json(), expected);
  });

  it("tells Triton's clients a model's configuration, with what YOLO clients look for in it", async () => {
    const config = (await get("/v2/models/pose-raw/config")).json();
    assert.equal(config.max_batch_size, 0);
    const [input] = config.input;
    assert.deepEqual([input.name, input.data_type, input.dims], ["images", "TYPE_FP32", SHAPE]);
    assert.deepEqual([config.output[0].name, config.output[0].dims], ["output0", [1, 13, 64]]);
    assert.equal(
      config.parameters.metadata.string_value,
      '{"task": "pose", "stride": 32, "batch": 1, "imgsz": [64,64], "names": {0: "red", 1: "green thing", 2: "driver\'s blue"}, "kpt_shape": [2,3]}',
    );
  });

  it("lists the models", async () => {
    const index = (await post("/v2/repository/index", "")).json() as object[];
    assert.equal(index.length, 5);
    assert.deepEqual(index[1], { name: "dynamic", version: "1", state: "READY", reason: "" });
  });

  it("says that it lives and is ready", async () => {
    assert.deepEqual((await get("/v2/health/live")).json(), { live: true });
    assert.deepEqual((await get("/v2/health/ready")).json(), { ready: true });
    assert.deepEqual((await get("/v2/models/colours/ready")).json(), { name: "colours", ready: true });
    assert.equal((await get("/v2/models/colours/versions/1/ready")).statusCode, 200);
  });

  it("has no other models, versions and paths", async () => {
    for (const url of [
      "/v2/models/nobody",
      "/v2/models/nobody/ready",
      "/v2/models/colours/versions/2",
      "/v2/models/colours/config/more",
      "/v2/nothing",
    ]) {
      const answer = await get(url);
      assert.equal(answer.statusCode, 404, url);
      assert.equal(answer.headers["content-type"], "application/json");
      assert.deepEqual(Object.keys(answer.json()), ["error"]);
    }
    assert.match(
      (await get("/v2/models/nobody")).json().error,
      /Expected one of colours, dynamic, .* but received "nobody"/,
    );
    assert.equal((await post("/v2/models/nobody/infer", "{}")).statusCode, 404);
    assert.equal((await post("/v2/repository/models/colours/unload", "")).statusCode, 404);
  });

  it("gives the same bytes as ONNX Runtime itself", async () => {
    const pixels = randomPixels(SHAPE);
    const direct = await runDirectly(modelPath("raw"), pixels, SHAPE);
    const { outputs, ...names } = await infer("colours", binary(pixels, SHAPE, { id: "42", ...ALL_BINARY }));
    assert.deepEqual(names, { model_name: "colours", model_version: "1", id: "42" });
    assert.equal(outputs.length, 1);
    const { name, datatype, shape, bytes } = outputs[0] as Inferred["outputs"][number];
    assert.deepEqual([name, datatype, shape], ["output0", "FP32", [1, 7, 64]]);
    assert.deepEqual(bytes, direct.output0?.bytes);
  });

  it("gives the same numbers in JSON", async () => {
    const pixels = randomPixels(SHAPE, 2);
    const direct = await runDirectly(modelPath("raw"), pixels, SHAPE);
    const input = { name: "images", shape: SHAPE, datatype: "FP32", data: [...pixels] };
    for (const content of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
      const { outputs } = await infer("colours", {
        payload: JSON.stringify({ inputs: [input] }),
        headers: { "content-type": content },
      });
      assert.deepEqual(outputs[0]?.bytes, direct.output0?.bytes);
    }
  });

  it("takes batches and sizes that vary, and says what the graph does not take", async () => {
    const shape = [2, 3, 40, 24];
    const pixels = randomPixels(shape, 3);
    const direct = await runDirectly(modelPath("dynamic"), pixels, shape);
    const { outputs } = await infer("dynamic", binary(pixels, shape, ALL_BINARY));
    assert.deepEqual(outputs[0]?.shape, direct.output0?.shape);
    assert.deepEqual(outputs[0]?.bytes, direct.output0?.bytes);
    for (const odd of [
      [1, 3, 1, 1],
      [1, 3, 7, 5],
      [1, 3, 1, 5000],
    ]) {
      const { payload, headers } = binary(randomPixels(odd), odd, ALL_BINARY);
      const { statusCode } = await post("/v2/models/dynamic/infer", payload, headers);
      assert([200, 400].includes(statusCode), String(statusCode));
    }
  });

  it("takes and gives half precision as bytes", async () => {
    const pixels = new Float16Array(randomPixels(SHAPE, 4));
    const direct = await runDirectly(join(FIXTURES, "colours-float16.onnx"), pixels, SHAPE);
    const { outputs } = await infer("float16", binary(pixels, SHAPE, ALL_BINARY));
    assert.equal(outputs[0]?.datatype, "FP16");
    assert.deepEqual(outputs[0]?.bytes, direct.output0?.bytes);
    const { payload, headers } = binary(pixels, SHAPE);
    assert.match((await post("/v2/models/float16/infer", payload, headers)).json().error, /binary_data for output0/);
  });

  it("gives some outputs as JSON and others as bytes, in the order that is asked for", async () => {
    const pixels = randomPixels(SHAPE, 5);
    const direct = await runDirectly(join(FIXTURES, "colours-segment-raw.onnx"), pixels, SHAPE);
    const wanted = [{ name: "output1", parameters: { binary_data: true } }, { name: "output0" }];
    const { outputs } = await infer("segment-raw", binary(pixels, SHAPE, { outputs: wanted }));
    assert.deepEqual(
      outputs.map(({ name }) => name),
      ["output1", "output0"],
    );
    for (const { name, bytes } of outputs) assert.deepEqual(bytes, direct[name]?.bytes);
    const { outputs: one } = await infer("segment-raw", binary(pixels, SHAPE, { outputs: [{ name: "output1" }] }));
    assert.deepEqual(
      one.map(({ name }) => name),
      ["output1"],
    );
  });

  it("takes compressed bodies, and none that grow beyond the limit", async () => {
    const pixels = randomPixels(SHAPE, 6);
    const { payload, headers } = binary(pixels, SHAPE, ALL_BINARY);
    const direct = await runDirectly(modelPath("raw"), pixels, SHAPE);
    for (const [encoding, compress] of [
      ["gzip", gzipSync],
      ["deflate", deflateSync],
    ] as const) {
      const { outputs } = await infer("colours", {
        payload: compress(payload),
        headers: { ...headers, "content-encoding": encoding },
      });
      assert.deepEqual(outputs[0]?.bytes, direct.output0?.bytes);
      const bomb = await post("/v2/models/colours/infer", compress(Buffer.alloc(50_000_000)), {
        "content-encoding": encoding,
      });
      assert.equal(bomb.statusCode, 413);
      assert.match(bomb.json().error, /at most 1000000 bytes/);
    }
    assert.equal(
      (await post("/v2/models/colours/infer", payload, { ...headers, "content-encoding": "gzip" })).statusCode,
      400,
    );
    assert.equal(
      (await post("/v2/models/colours/infer", payload, { ...headers, "content-encoding": "br" })).statusCode,
      415,
    );
  });

  it("takes the bytes of a tensor alone", async () => {
    const pixels = randomPixels(SHAPE, 7);
    const direct = await runDirectly(modelPath("raw"), pixels, SHAPE);
    const { outputs } = await infer("colours", { payload: bytesOf(pixels), headers: { [HEAD_LENGTH]: "0" } });
    assert.deepEqual(outputs[0]?.bytes, direct.output0?.bytes);
  });

  it("refuses bodies that are too large, empty or late", async () => {
    const url = "/v2/models/colours/infer";
    const large = await post(url, Buffer.alloc(1_000_001));
    assert.equal(large.statusCode, 413);
    assert.deepEqual(large.json(), { error: "Expected a body of at most 1000000 bytes." });
    assert.equal((await post(url, "")).statusCode, 400);
    const { payload, headers } = binary(randomPixels(SHAPE), SHAPE);
    assert.equal((await post(url, payload, { ...headers, "x-request-timeout-ms": "soon" })).statusCode, 400);
    assert.equal((await post(url, payload, { ...headers, [HEAD_LENGTH]: "-1" })).statusCode, 400);
  });

  it("answers 503 with Retry-After when too many wait", async () => {
    const { app, state, close } = await startApp("raw", { QUEUE_LIMIT: "1" });
    try {
      const headers = { "content-type": "image/png" };
      const payload = await slowImage();
      const slow = [1, 2].map(() => app.inject({ method: "POST", url: PATHS.predict, headers, payload }));
      let done = false;
      const answers = Promise.all(slow).finally(() => {
        done = true;
      });
      while (state.engine?.pool.queueDepth !== 1) {
        assert(!done, "the slow images were done before one of them was seen to wait");
        await sleep(1);
      }
      const request = binary(randomPixels(SHAPE), SHAPE);
      const answer = await app.inject({ method: "POST", url: "/v2/models/colours/infer", ...request });
      assert.equal(answer.statusCode, 503);
      assert.equal(answer.headers["retry-after"], "1");
      assert.match(answer.json().error, /Too many requests/);
      for (const { statusCode } of await answers) assert.equal(statusCode, 200);
    } finally {
      await close();
    }
  });

  it("says that it is starting or draining, and finishes what comes while draining", async () => {
    const { state } = service;
    const { engine } = state;
    const { payload, headers } = binary(randomPixels(SHAPE), SHAPE, ALL_BINARY);
    try {
      state.phase = "starting";
      delete state.engine;
      for (const url of ["/v2/health/ready", "/v2/models/colours", "/v2/models/colours/ready"]) {
        const answer = await get(url);
        assert.equal(answer.statusCode, 503, url);
        assert.equal(answer.headers["retry-after"], "1");
        assert.deepEqual(Object.keys(answer.json()), ["error"]);
      }
      assert.equal((await get("/v2/health/live")).statusCode, 200);
      assert.equal((await post("/v2/models/colours/infer", payload, headers)).statusCode, 503);
      if (engine !== undefined) state.engine = engine;
      state.phase = "draining";
      assert.equal((await get("/v2/health/ready")).statusCode, 503);
      assert.equal((await get("/v2/models/colours/ready")).statusCode, 503);
      const last = await post("/v2/models/colours/infer", payload, headers);
      assert.equal(last.statusCode, 200);
      assert.equal(last.headers.connection, "close");
    } finally {
      if (engine !== undefined) state.engine = engine;
      state.phase = "serving";
    }
  });

  it("asks for an API key everywhere but in its probes, where keys are set", async () => {
    const folder = await mkdtemp(join(tmpdir(), "yolo-keys-"));
    const path = join(folder, "keys");
    await writeFile(path, `tester:${createHash("sha256").update("secret-secret-secret").digest("hex")}\n`);
    const { app, close } = await startApp("raw", { API_KEYS_FILE: path });
    try {
      const ask = (url: string, headers: Record<string, string> = {}) => app.inject({ method: "GET", url, headers });
      for (const url of ["/v2", "/v2/models/colours", "/v2/models/colours/ready"]) {
        const refused = await ask(url);
        assert.equal(refused.statusCode, 401, url);
        assert.match(refused.json().error, /x-api-key/);
        assert.equal((await ask(url, { "x-api-key": "secret-secret-secret" })).statusCode, 200);
      }
      const { statusCode } = await app.inject({ method: "POST", url: "/v2/models/colours/infer", payload: "{}" });
      assert.equal(statusCode, 401);
      assert.equal((await ask("/v2/health/live")).statusCode, 200);
      assert.equal((await ask("/v2/health/ready")).statusCode, 200);
    } finally {
      await close();
      await rm(folder, { recursive: true });
    }
  });

  it("answers malformed requests by a 4xx and nothing else, and goes on (500 cases)", async () => {
    const { payload, headers } = binary(randomPixels(SHAPE), SHAPE, ALL_BINARY);
    const headLength = Number(headers[HEAD_LENGTH]);
    const damage = fc.record({
      // Mostly in the JSON, where there is more to break.
      at: fc.oneof(fc.nat(headLength), fc.nat(payload.length)),
      bytes: fc.uint8Array({ maxLength: 3 }),
      cut: fc.nat(4),
    });
    const request = fc.record({
      damages: fc.array(damage, { minLength: 1, maxLength: 3 }),
      length: fc.constantFrom(headers[HEAD_LENGTH], headers[HEAD_LENGTH], undefined, "0", "99999", "x", "-5", "1e2"),
      encoding: fc.constantFrom(undefined, undefined, undefined, "gzip", "deflate", "identity", "br"),
      path: fc.constantFrom(
        "colours",
        "colours",
        "dynamic",
        "float16",
        "colours/versions/1",
        "colours/versions/9",
        "%00",
        "..%2F..",
      ),
    });
    const counts = { refused: 0, accepted: 0 };
    const property = fc.asyncProperty(request, async ({ damages, length, encoding, path }) => {
      let body = payload;
      for (const { at, bytes, cut } of damages)
        body = Buffer.concat([body.subarray(0, at), bytes, body.subarray(at + cut)]);
      const answer = await post(`/v2/models/${path}/infer`, body, {
        ...(length === undefined ? {} : { [HEAD_LENGTH]: length }),
        ...(encoding === undefined ? {} : { "content-encoding": encoding }),
      });
      if (answer.statusCode === 200) counts.accepted++;
      else {
        counts.refused++;
        assert(answer.statusCode >= 400 && answer.statusCode < 500, `${answer.statusCode} ${answer.payload}`);
        assert.equal(typeof answer.json().error, "string");
      }
    });
    // What shrinks a failure ends then, too.
    await fc.assert(property, { numRuns: 500, interruptAfterTimeLimit: 90_000, markInterruptAsFailure: true });
    assert(counts.refused >= 300, JSON.stringify(counts));
    assert.equal((await infer("colours", { payload, headers })).outputs.length, 1);
  });
});
