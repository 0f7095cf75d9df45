import "./no-telemetry.ts";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RequestError, StartError } from "../../service/src/errors.ts";
import type { Findings, RawTensor, WorkerOptions } from "../../service/src/inference/messages.ts";
import { checkProvider, explainFailure } from "../../service/src/inference/provider.ts";
import { Runner } from "../../service/src/inference/runner.ts";
import { prepareGraph } from "../../service/src/model/edit.ts";
import { blocks, units } from "./generate.ts";
import { FIXTURES, png, readGoldens, sha256 } from "./support.ts";
import { floats, optionsOf, readTaskGoldens } from "./task-goldens.ts";

const OPTIONS: WorkerOptions = { models: [], provider: "cpu", threads: 1, wideThreads: 2, pixelLimit: 1_000_000 };

function open(name: string, options: Partial<WorkerOptions> = {}): Promise<Runner> {
  const path = join(FIXTURES, `colours-${name}.onnx`);
  return Runner.create({ name, path, sha256: sha256(readFileSync(path)) }, { ...OPTIONS, ...options });
}

function image(width: number, height: number, seed: number) {
  return { width, height, data: blocks(width, height, seed) };
}

function assertClose(found: Iterable<number>, expected: readonly number[], tolerance: number): void {
  const numbers = [...found];
  assert.equal(numbers.length, expected.length);
  for (const [i, value] of numbers.entries()) {
    const wanted = expected[i] ?? Number.NaN;
    assert.ok(Math.abs(value - wanted) <= tolerance, `${value} is not ${wanted}`);
  }
}

describe("Runner.detect", () => {
  for (const golden of readTaskGoldens().pipeline) {
    const { image: size, seed, model, selection, rows, columns, masks } = golden;
    const [width, height] = size;
    it(`finds with the model ${model} in ${width} x ${height} pixels, ${JSON.stringify(selection)}, what the reference finds`, async () => {
      const runner = await open(model, { threads: 1 });
      const found = await runner.detect(image(width, height, seed), optionsOf(selection), false);
      assert.deepEqual([found.columns, found.width, found.height], [columns, width, height]);
      // Another build of ONNX Runtime may add in another order. Half precision amplifies that.
      assertClose(found.rows, rows.flat(), model === "float16" ? 0.2 : 2e-4);
      for (const [i, mask] of (masks ?? []).entries()) {
        assert.deepEqual(found.masks?.[i]?.outline, floats(mask.outline), `outline ${i}`);
        assert.equal(found.masks?.[i]?.counts, mask.counts, `run lengths ${i}`);
      }
    });
  }

  it("finds the same on one thread and on all, and with encoded images", async () => {
    const runner = await open("raw");
    const pixels = image(200, 120, 21);
    const narrow = await runner.detect(pixels, optionsOf({}), false);
    assert.ok(narrow.rows.length > 0);
    assert.deepEqual((await runner.detect(pixels, optionsOf({}), true)).rows, narrow.rows);
    const encoded = await png(pixels.data, pixels.width, pixels.height);
    assert.deepEqual((await runner.detect(encoded, optionsOf({}), true)).rows, narrow.rows);
  });

  it("takes the size that is asked for with a model of dynamic size, in multiples of its stride", async () => {
    const runner = await open("dynamic");
    const widthOf = async (imgsz: number) => {
      const { rows } = await runner.detect(image(64, 64, 23), { ...optionsOf({}), imgsz }, false);
      return (rows[2] ?? 0) - (rows[0] ?? 0);
    };
    // Boxes of the colour models have about the same size in any input: in a larger one they cover less of the image.
    assert.ok((await widthOf(128)) < 0.7 * (await widthOf(64)));
    assert.equal(await widthOf(121), await widthOf(128));
  });

  it("finds nearly the same when the decoder makes a photo smaller", async () => {
    const runner = await open("raw");
    const encoded = await png(blocks(400, 300, 21), 400, 300);
    const exact = await runner.detect(encoded, optionsOf({}), false);
    const fast = await runner.detect(encoded, { ...optionsOf({}), resize: "fast" }, false);
    assert.deepEqual([fast.width, fast.height, fast.rows.length], [400, 300, exact.rows.length]);
    assertClose(fast.rows, [...exact.rows], 3);
    assert.notDeepEqual(fast.rows, exact.rows);
  });
});

describe("Runner.detectBatch", () => {
  const sizes = [
    [200, 120],
    [61, 83],
    [120, 72],
    [64, 64],
    [200, 120],
    [30, 20],
    [400, 240],
  ] as const;
  const items = () =>
    Promise.all(
      sizes.map(async ([width, height], i) => {
        const selection = { maxDet: 3 + i };
        return { image: await png(blocks(width, height, 50 + i), width, height), options: optionsOf(selection) };
      }),
    );

  for (const model of ["raw", "batch", "dynamic", "dynamic-end-to-end", "segment-raw"]) {
    it(`finds in many images at once what it finds in each, with the model ${model}`, async () => {
      const runner = await open(model);
      const images = await items();
      const alone: Findings[] = [];
      for (const item of images) alone.push(await runner.detect(item.image, item.options, false));
      const together = await runner.detectBatch(images, true);
      for (const [i, found] of together.entries()) {
        assert.ok(!(found instanceof RequestError));
        assert.deepEqual({ ...found, speed: undefined }, { ...alone[i], speed: undefined });
      }
    });
  }

  it("decodes images while others are still being decoded", async () => {
    const runner = await open("batch");
    const [good] = await items();
    assert.ok(good !== undefined);
    let begun = 0;
    const watched = Array.from({ length: 6 }, () => ({
      options: good.options,
      get image() {
        begun++;
        return good.image;
      },
    }));
    const running = runner.detectBatch(watched, false);
    assert.equal(begun, 4);
    assert.equal((await running).length, 6);
    assert.equal(begun, 6);
  });

  it("says which images cannot be read, and looks at the others", async () => {
    const runner = await open("batch");
    const [good] = await items();
    assert.ok(good !== undefined);
    const results = await runner.detectBatch(
      [{ ...good, image: Buffer.from("none") }, good, { ...good, image: new Uint8Array() }],
      false,
    );
    assert.deepEqual(
      results.map((result) => (result instanceof RequestError ? result.code : "found")),
      ["YOLO_IMAGE_UNREADABLE", "found", "YOLO_IMAGE_UNREADABLE"],
    );
  });
});

describe("Runner.infer", () => {
  const fp32 = (shape: number[], data: Float32Array): RawTensor => ({
    name: "images",
    datatype: "FP32",
    shape,
    data: new Uint8Array(data.buffer),
  });
  const pixels = () => Float32Array.from(units(1, 3 * 64 * 64));

  it("answers the outputs that are asked for, or all, as raw bytes", async () => {
    const runner = await open("segment-raw");
    const input = fp32([1, 3, 64, 64], pixels());
    const all = await runner.infer([input], [], false);
    assert.deepEqual(
      all.map(({ name, datatype, shape, data }) => [name, datatype, shape, data.byteLength]),
      [
        ["output0", "FP32", [1, 39, 64], 4 * 39 * 64],
        ["output1", "FP32", [1, 32, 16, 16], 4 * 32 * 256],
      ],
    );
    const [second, first] = await runner.infer([input], ["output1", "output0"], true);
    assert.deepEqual([first, second], all);
  });

  it("takes bytes at any offset", async () => {
    const runner = await open("raw");
    const input = fp32([1, 3, 64, 64], pixels());
    const shifted = new Uint8Array(input.data.byteLength + 1);
    shifted.set(input.data, 1);
    assert.deepEqual(
      await runner.infer([{ ...input, data: shifted.subarray(1) }], [], false),
      await runner.infer([input], [], false),
    );
  });

  it("takes and gives half precision", async () => {
    const runner = await open("float16");
    const half = Float16Array.from(units(1, 3 * 64 * 64));
    const input: RawTensor = {
      name: "images",
      datatype: "FP16",
      shape: [1, 3, 64, 64],
      data: new Uint8Array(half.buffer),
    };
    const [output] = await runner.infer([input], [], false);
    assert.deepEqual([output?.datatype, output?.shape, output?.data.byteLength], ["FP16", [1, 7, 64], 2 * 7 * 64]);
    const halves = new Float16Array(output?.data.slice().buffer ?? new ArrayBuffer());
    // The first row holds the centres of the cells.
    assert.deepEqual([...halves.slice(0, 9)], [4, 12, 20, 28, 36, 44, 52, 60, 4]);
  });

  it("takes any batch where the model does", async () => {
    const runner = await open("dynamic");
    const data = Float32Array.from(units(1, 2 * 3 * 32 * 32));
    const [output] = await runner.infer([fp32([2, 3, 32, 32], data)], ["output0"], false);
    assert.deepEqual(output?.shape, [2, 7, 16]);
  });

  const good = fp32([1, 3, 64, 64], pixels());
  const refused: Record<string, [RawTensor[], string[], ...string[]]> = {
    "no input": [[], [], '"images"'],
    "an unknown input": [[{ ...good, name: "image" }], [], '"image"', '"images"'],
    "an input twice": [[good, good], [], "twice"],
    "another datatype": [[{ ...good, datatype: "UINT8" }], [], "FP32", "UINT8"],
    "another shape": [[{ ...good, shape: [1, 3, 32, 128] }], [], "[1,3,64,64]", "[1,3,32,128]"],
    "fewer dimensions": [[{ ...good, shape: [3, 64, 64] }], [], "[3,64,64]"],
    "a negative dimension": [[{ ...good, shape: [-1, -3, 64, 64] }], [], "[-1,-3,64,64]"],
    "fewer bytes than its shape says": [[{ ...good, data: good.data.subarray(4) }], [], "49152", "49148"],
    "an unknown output": [[good], ["boxes"], "output0", '"boxes"'],
  };
  for (const [what, [inputs, outputs, ...parts]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const runner = await open("raw", { threads: 1 });
      await assert.rejects(runner.infer(inputs, outputs, false), (error) => {
        assert.ok(error instanceof RequestError && error.code === "YOLO_TENSOR_INVALID");
        for (const part of parts) assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
        return true;
      });
    });
  }

  it("opens and warms a session for tensors at the start where images run on another graph", async () => {
    const folder = await mkdtemp(join(tmpdir(), "yolo-runner-"));
    const path = join(folder, "model.onnx");
    const content = readFileSync(join(FIXTURES, "colours-raw.onnx"));
    await writeFile(path, content);
    // As on a GPU, where the graph takes pixels.
    const prepare: typeof prepareGraph = (file, model) => prepareGraph(file, model, "cuda");
    const runner = await Runner.create({ name: "raw", path, sha256: sha256(content) }, OPTIONS, prepare);
    // Nothing is read, compiled or allocated in the first request.
    await rm(folder, { recursive: true });
    const usual = await open("raw");
    const input = fp32([1, 3, 64, 64], pixels());
    assert.deepEqual(await runner.infer([input], [], false), await usual.infer([input], [], false));
    const seen = image(200, 120, 21);
    const { rows } = await runner.detect(seen, optionsOf({}), false);
    assert.deepEqual(rows, (await usual.detect(seen, optionsOf({}), false)).rows);
  });

  it("refuses dimensions that vary but that the graph cannot take, and goes on afterwards", async () => {
    const runner = await open("dynamic-end-to-end");
    // It has one cell, and the graph takes the best 20.
    const tiny = fp32([1, 3, 8, 8], new Float32Array(3 * 64));
    await assert.rejects(runner.infer([tiny], [], false), (error) => {
      return error instanceof RequestError && error.code === "YOLO_TENSOR_INVALID";
    });
    await runner.probe();
  });
});

describe("Runner.create", () => {
  const refusal =
    (...parts: string[]) =>
    (error: unknown) => {
      assert.ok(error instanceof StartError, String(error));
      for (const part of parts) assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
      return true;
    };

  for (const provider of ["cuda", "tensorrt"] as const) {
    it(`does not fall back where ${provider} is asked for but not installed, and names the missing library`, async () => {
      await assert.rejects(
        open("raw", { provider }),
        refusal(provider, "EXECUTION_PROVIDER", "libonnxruntime_providers_shared.so"),
      );
    });
  }

  it("refuses with TensorRT a model whose size varies, which would be compiled anew in requests", async () => {
    await assert.rejects(
      open("dynamic", { provider: "tensorrt" }),
      refusal("tensorrt", "[-1,3,-1,-1]", "dynamic=False", "cuda"),
    );
  });

  it("refuses a provider that the build of ONNX Runtime does not have", () => {
    assert.throws(() => checkProvider("tensorrt", ["cpu", "cuda"]), refusal("tensorrt", "only cpu, cuda"));
    checkProvider("cpu", ["cpu"]);
  });

  it("passes on why the runtime did not take a model", () => {
    assert.throws(() => {
      throw explainFailure("cpu", new Error("no such operator"));
    }, refusal("no such operator"));
  });

  it("refuses a model that reads well but does not run", async () => {
    const content = Buffer.from(readFileSync(join(FIXTURES, "colours-raw.onnx")));
    // An operator that is as long but that nobody knows.
    content.write("AveragePoof", content.indexOf("AveragePool"));
    const folder = await mkdtemp(join(tmpdir(), "yolo-runner-"));
    try {
      const path = join(folder, "model.onnx");
      await writeFile(path, content);
      await assert.rejects(
        Runner.create({ name: "odd", path, sha256: sha256(content) }, OPTIONS),
        refusal("AveragePoof"),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("the pipelines of detect", () => {
  for (const { image: size, seed, layout, selection, detections } of readGoldens().pipeline) {
    const [width, height] = size;
    it(`finds with the ${layout} model in ${width} x ${height} pixels, ${JSON.stringify(selection)}, what the reference finds`, async () => {
      const runner = await open(layout, { threads: 1 });
      const { rows } = await runner.detect(image(width, height, seed), optionsOf(selection), false);
      assertClose(rows, detections.flat(), 2e-4);
    });
  }
});
