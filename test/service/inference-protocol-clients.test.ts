import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";
import { VERSION } from "../../service/src/version.ts";
import { pythonEnvironment } from "../support/python.ts";
import { bytesOf, randomPixels, runDirectly } from "./direct-run.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { FIXTURES, modelEntry, sha256 } from "./support.ts";

/** A tensor as `test/python/tensors.py` writes it; its bytes are base64. */
interface Tensor {
  datatype: string;
  shape: readonly number[];
  bytes: string;
}

interface Answer {
  model: string;
  id: string | null;
  /** Outputs that came as bytes. */
  binary: string[];
  outputs: Record<string, Tensor>;
}

/** What the scripts in `test/python` print. */
interface Report {
  live: boolean;
  ready: boolean;
  models: Record<string, boolean>;
  answers: Record<string, Answer>;
  refusals: Record<string, { status: number; message: string } | null>;
}

/** What Triton's client asks for beside that. */
interface TritonReport extends Report {
  versions: Record<string, boolean>;
  server: unknown;
  metadata: unknown;
  config: { input: unknown[]; output: unknown[]; max_batch_size: number };
  index: { name: string; version: string; state: string }[];
}

const KEY = "secret-secret-secret";

const MODELS: Record<string, { file: string; shape: number[] }> = {
  colours: { file: "colours-raw.onnx", shape: [1, 3, 64, 64] },
  dynamic: { file: "colours-dynamic.onnx", shape: [2, 3, 40, 24] },
  float16: { file: "colours-float16.onnx", shape: [1, 3, 64, 64] },
  "segment-raw": { file: "colours-segment-raw.onnx", shape: [1, 3, 64, 64] },
};

/** Answers that both clients ask for, by the model and by the outputs that come as bytes. */
const ANSWERS: Record<string, [model: string, binary: string[]]> = {
  bytes: ["colours", ["output0"]],
  numbers: ["colours", []],
  version: ["colours", ["output0"]],
  batch: ["dynamic", ["output0"]],
  halves: ["float16", ["output0"]],
  both: ["segment-raw", ["output1"]],
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`together ${index}`, ["colours", ["output0"]]])),
};

/** What both clients are refused, by the status and by what they can read of the reason. */
const REFUSALS: Record<string, [status: number, message: RegExp]> = {
  key: [401, /Expected a valid key/],
  model: [404, /Expected one of colours, .* but received "nobody"/],
  shape: [400, /Expected shape \[1, 3, 64, 64\] for images but received \[2,3,40,24\]/],
  datatype: [400, /Expected datatype FP32 for images but received "FP16"/],
  "half as number": [400, /Expected the parameter binary_data for output0, because FP16 has no form in JSON/],
  output: [400, /Expected names in outputs from output0 FP32\[1, 7, 64\] but received "output9"/],
  deadline: [400, /Expected a whole number from 1 to 600000 for x-request-timeout-ms/],
};

describe("the Python clients of the inference protocol", function () {
  this.timeout(30 * 60_000);

  let service: RunningApp;
  let address: string;
  let folder: string;
  const tensors: Record<string, Tensor> = {};
  /** What ONNX Runtime itself makes of the tensors: outputs by model and name. */
  const expected: Record<string, Record<string, Tensor>> = {};

  before(async () => {
    for (const [index, [model, { file, shape }]] of Object.entries(MODELS).entries()) {
      const numbers = randomPixels(shape, index + 1);
      const pixels = model === "float16" ? new Float16Array(numbers) : numbers;
      const datatype = model === "float16" ? "FP16" : "FP32";
      tensors[model] = { datatype, shape, bytes: bytesOf(pixels).toString("base64") };
      const outputs = Object.entries(await runDirectly(join(FIXTURES, file), pixels, shape));
      expected[model] = Object.fromEntries(
        outputs.map(([name, output]) => [
          name,
          { datatype, shape: output.shape, bytes: output.bytes.toString("base64") },
        ]),
      );
    }
    folder = await mkdtemp(join(tmpdir(), "yolo-clients-"));
    const keys = join(folder, "keys");
    await writeFile(keys, `tester:${sha256(Buffer.from(KEY))}\n`);
    const models = Object.entries(MODELS).map(([name, { file }]) => modelEntry(name, join(FIXTURES, file)));
    service = await startApp("raw", { MODELS: models.join(), API_KEYS_FILE: keys });
    await service.app.listen({ host: "127.0.0.1", port: 0 });
    address = `127.0.0.1:${(service.app.server.address() as AddressInfo).port}`;
  });
  after(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  /** Runs a client's script, and returns what it prints. */
  async function ask<R extends Report>(client: string, server: string): Promise<R> {
    const python = await pythonEnvironment(client);
    const { stdout } = await execa(python, [join(ROOT, "test/python", `${client}-client.py`), server, KEY], {
      input: JSON.stringify(tensors),
      // Nothing of a proxy that this machine may use for others, and no compiled files in the repository.
      env: { NO_PROXY: "*", no_proxy: "*", PYTHONDONTWRITEBYTECODE: "1" },
      timeout: 5 * 60_000,
    });
    return JSON.parse(stdout) as R;
  }

  /** Adds what must hold for both clients. */
  function addTests(report: () => Report): void {
    it("see that the service lives, and which models are ready", () => {
      const { live, ready, models } = report();
      assert.deepEqual({ live, ready, models }, { live: true, ready: true, models: { colours: true, nobody: false } });
    });

    it("get the numbers of ONNX Runtime itself, as bytes and in JSON, one by one and together", () => {
      const { answers } = report();
      for (const [name, [model, binary]] of Object.entries(ANSWERS)) {
        assert.deepEqual(answers[name]?.outputs, expected[model], name);
        assert.deepEqual([answers[name]?.model, answers[name]?.binary], [model, binary], name);
      }
      assert.equal(answers.bytes?.id, "42");
    });

    it("are told why a request is refused", () => {
      for (const [name, [status, message]] of Object.entries(REFUSALS)) {
        const refusal = report().refusals[name];
        assert.equal(refusal?.status, status, name);
        assert.match(refusal.message, message, name);
      }
    });
  }

  describe("tritonclient", () => {
    let report: TritonReport;
    before(async () => {
      report = await ask<TritonReport>("triton", address);
    });

    addTests(() => report);

    it("learns of server, models, versions and configuration", () => {
      const extensions = ["binary_tensor_data", "model_configuration", "model_repository"];
      assert.deepEqual(report.server, { name: "yolo", version: VERSION, extensions });
      assert.deepEqual(report.versions, { 1: true, 2: false });
      assert.deepEqual(report.metadata, {
        name: "dynamic",
        versions: ["1"],
        platform: "onnxruntime_onnx",
        inputs: [{ name: "images", datatype: "FP32", shape: [-1, 3, -1, -1] }],
        outputs: [{ name: "output0", datatype: "FP32", shape: [-1, 7, -1] }],
      });
      const { config, index } = report;
      assert.equal(config.max_batch_size, 0);
      assert.partialDeepStrictEqual(config, {
        input: [{ name: "images", data_type: "TYPE_FP32", dims: [1, 3, 64, 64] }],
        output: [{ name: "output0", data_type: "TYPE_FP32", dims: [1, 7, 64] }],
      });
      assert.deepEqual(
        index.map(({ name, state }) => [name, state]),
        Object.keys(MODELS).map((name) => [name, "READY"]),
      );
    });

    it("may compress, name parameters of other extensions, and use asyncio", () => {
      for (const name of ["gzip", "deflate", "parameters", "asyncio"]) {
        assert.deepEqual(report.answers[name]?.outputs, expected.colours, name);
      }
    });

    it("is told which extensions are not there", () => {
      for (const [name, status] of Object.entries({
        classification: 400,
        "shared memory": 400,
        load: 404,
        unload: 404,
        statistics: 404,
        regions: 404,
        trace: 404,
        logging: 404,
        version: 404,
      })) {
        assert.equal(report.refusals[name]?.status, status, name);
      }
      assert.match(report.refusals.classification?.message ?? "", /no parameter classification for output0/);
      assert.match(report.refusals["shared memory"]?.message ?? "", /no parameter shared_memory_region for images/);
    });
  });

  describe("kserve", () => {
    let report: Report;
    before(async () => {
      report = await ask<Report>("kserve", `http://${address}`);
    });

    addTests(() => report);

    it("may send a request of its own making", () => {
      assert.deepEqual(report.answers["nested numbers"]?.outputs, expected.colours);
    });
  });
});
