import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { prepareGraph } from "../../service/src/model/edit.ts";
import type { Model } from "../../service/src/model/layout.ts";
import { readOnnx } from "../../service/src/model/metadata.ts";
import { readModel } from "../../service/src/model/model.ts";
import { ELEMENT, node, tensor, valueInfo } from "../../service/src/model/onnx-writer.ts";
import { fields, messages, text } from "../../service/src/model/protobuf.ts";
import { bytesField, floatField, integerField, join } from "../../service/src/model/protobuf-writer.ts";
import { selectRaw } from "../../service/src/vision/nms.ts";
import { noise } from "./generate.ts";
import { toPlanes } from "./letterbox-reference.ts";
import { FIXTURES } from "./support.ts";

// Edits are held against the unedited file on the processor; that a GPU computes the same is not shown here.

type Outputs = InferenceSession.OnnxValueMapType;

const SIDE = 64;

/** The smallest number of single precision that has all its digits. */
const SMALLEST = 2 ** -126;

const PIXELS = noise(SIDE, SIDE, 5);

/** What a graph is said to be whose own edits are looked at. */
const MODEL: Model = { ...readModel(read("end-to-end")), layout: "end-to-end" };

function read(name: string): Buffer {
  return readFileSync(`${FIXTURES}/colours-${name}.onnx`);
}

async function run(content: Uint8Array, feeds: Record<string, Tensor>): Promise<Outputs> {
  const session = await InferenceSession.create(content);
  return session.run(feeds);
}

function planes(): Tensor {
  const data = new Float32Array(PIXELS.length);
  toPlanes(PIXELS, data);
  return new Tensor("float32", data, [1, 3, SIDE, SIDE]);
}

/** Distances to the sides of boxes as exporters write them, up to their softmax. */
function distances(opset: number, axis = 1): Uint8Array {
  const shape = ["batch", 4, 16, "anchors"];
  const graph = join(
    bytesField(1, node("Transpose", ["logits"], ["bins"], { perm: [0, 2, 1, 3] })),
    bytesField(1, node("Softmax", ["bins"], ["weights"], { axis })),
    bytesField(2, "distances"),
    bytesField(11, valueInfo("logits", ELEMENT.float32, shape)),
    bytesField(12, valueInfo("weights", ELEMENT.float32, ["batch", 16, 4, "anchors"])),
  );
  return join(integerField(1, 8), bytesField(7, graph), bytesField(8, integerField(2, opset)));
}

/** A convolution whose activation is split, as in the blocks of YOLOv8 and later. */
function block({
  channels = 32,
  groups = 1,
  axis = 1,
  sizes = [BigInt(channels / 2), BigInt(channels / 2)],
  results = ["first", "second"],
}: {
  channels?: number;
  groups?: number;
  axis?: number;
  sizes?: readonly bigint[];
  results?: readonly string[];
} = {}): Uint8Array {
  const inputs = 8 / groups;
  const convolution = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2], group: groups };
  const graph = join(
    bytesField(1, node("Conv", ["x", "kernel", "bias"], ["sums"], convolution)),
    bytesField(1, node("Sigmoid", ["sums"], ["sigmoid"])),
    bytesField(1, node("Mul", ["sums", "sigmoid"], ["active"])),
    bytesField(1, node("Split", ["active", "sizes"], ["first", "second"], { axis })),
    bytesField(2, "block"),
    bytesField(5, tensor("kernel", [channels, inputs, 3, 3], values(channels * inputs * 9))),
    bytesField(5, tensor("bias", [channels], values(channels))),
    bytesField(5, tensor("sizes", [2], BigInt64Array.from(sizes))),
    bytesField(11, valueInfo("x", ELEMENT.float32, [1, 8, 9, 7])),
    ...results.map((name) => bytesField(12, valueInfo(name, ELEMENT.float32, [1, "channels", 5, 4]))),
  );
  return join(integerField(1, 8), bytesField(7, graph), bytesField(8, integerField(2, 13)));
}

/** Numbers between -1 and 1, the same each time. */
function values(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
}

function operatorsOf(content: Uint8Array): string[] {
  return messages(content, 7).flatMap((graph) => messages(graph, 1).map((each) => text(each, 4) ?? ""));
}

describe("prepareGraph", function () {
  this.timeout(60_000);

  for (const name of ["raw", "dynamic", "segment-raw", "pose-raw", "obb-raw"]) {
    it(`adds to the ${name} model the best score of each anchor, and changes no other output`, async () => {
      const content = read(name);
      const model = readModel(content);
      const prepared = prepareGraph(content, model, "cpu");
      const expected = await run(content, { [model.input]: planes() });
      const found = await run(prepared.content, { [prepared.model.input]: planes() });
      for (const output of Object.keys(expected)) assert.deepEqual(found[output]?.data, expected[output]?.data, output);
      const best = found[prepared.model.best ?? ""]?.data as Float32Array;
      const data = expected[model.output]?.data as Float32Array;
      const anchors = best.length;
      const classes = model.names.length;
      assert.equal(data.length, anchors * (4 + classes + model.extra));
      const scores = (anchor: number) =>
        Array.from({ length: classes }, (_, c) => data[(4 + c) * anchors + anchor] ?? Number.NaN);
      assert.deepEqual(
        best,
        Float32Array.from(best, (_, anchor) => Math.max(...scores(anchor))),
      );
    });
  }

  for (const name of ["raw", "dynamic", "end-to-end", "classify"]) {
    it(`lets the ${name} model take pixels on a GPU, from which it computes the same numbers`, async () => {
      const content = read(name);
      const model = readModel(content);
      const prepared = prepareGraph(content, model, "cuda");
      assert.equal(prepared.model.inputType, "uint8");
      const pixels = new Tensor("uint8", PIXELS, [1, SIDE, SIDE, 3]);
      const expected = await run(content, { [model.input]: planes() });
      const found = await run(prepared.content, { [prepared.model.input]: pixels });
      for (const output of Object.keys(expected)) assert.deepEqual(found[output]?.data, expected[output]?.data, output);
    });
  }

  for (const opset of [13, 18]) {
    it(`writes a softmax over the bins of boxes otherwise on a processor, opset ${opset}`, async () => {
      const content = distances(opset);
      const prepared = prepareGraph(content, MODEL, "cpu");
      assert.deepEqual(operatorsOf(content), ["Transpose", "Softmax"]);
      assert.deepEqual(operatorsOf(prepared.content), ["Transpose", "ReduceMax", "Sub", "Exp", "ReduceSum", "Div"]);
      const shape = [2, 4, 16, 21];
      // Far beyond what an exponential in single precision can hold.
      const numbers = Float32Array.from(
        { length: 2 * 4 * 16 * 21 },
        (_, i) => Math.sin(i * i) * (i % 7 === 0 ? 400 : 8),
      );
      const feeds = { logits: new Tensor("float32", numbers, shape) };
      const expected = (await run(content, feeds)).weights?.data as Float32Array;
      const found = (await run(prepared.content, feeds)).weights?.data as Float32Array;
      assert.equal(found.length, expected.length);
      for (const [i, value] of expected.entries())
        assert.ok(
          Math.abs((found[i] ?? Number.NaN) - value) <= 2 ** -21 * value + SMALLEST,
          `${found[i]} in place of ${value}`,
        );
    });
  }

  it("convolves halves of a block by themselves on a processor", async () => {
    const content = block();
    const prepared = prepareGraph(content, MODEL, "cpu");
    assert.deepEqual(operatorsOf(content), ["Conv", "Sigmoid", "Mul", "Split"]);
    assert.deepEqual(operatorsOf(prepared.content), ["Conv", "Sigmoid", "Mul", "Conv", "Sigmoid", "Mul"]);
    const feeds = { x: new Tensor("float32", values(8 * 9 * 7), [1, 8, 9, 7]) };
    const expected = await run(content, feeds);
    const found = await run(prepared.content, feeds);
    for (const name of ["first", "second"]) {
      assert.deepEqual(found[name]?.dims, [1, 16, 5, 4]);
      const data = found[name]?.data as Float32Array;
      const wanted = expected[name]?.data as Float32Array;
      for (const [i, value] of wanted.entries())
        assert.ok(Math.abs((data[i] ?? Number.NaN) - value) < 1e-5, `${data[i]} in place of ${value}`);
    }
  });

  for (const [what, change] of [
    ["whose parts are no whole blocks", { channels: 24 }],
    ["of which more is used than its parts", { results: ["first", "second", "active"] }],
    ["of groups", { groups: 2 }],
    ["into parts of different sizes", { sizes: [8n, 24n] }],
    ["over another axis", { axis: 0 }],
  ] as const) {
    it(`leaves a block ${what}`, () => {
      const content = block(change);
      assert.equal(prepareGraph(content, MODEL, "cpu").content, content);
    });
  }

  it("leaves a softmax over the last axis, one before opset 13, one on a GPU and one of halves", () => {
    const half = bytesField(7, bytesField(5, integerField(2, 10)));
    for (const [content, provider] of [
      [distances(13, 3), "cpu"],
      [distances(12), "cpu"],
      [Buffer.concat([distances(13), half]), "cpu"],
    ] as const) {
      assert.ok(operatorsOf(prepareGraph(content, MODEL, provider).content).includes("Softmax"));
    }
    const onGpu = prepareGraph(read("raw"), readModel(read("raw")), "cuda");
    assert.deepEqual(
      operatorsOf(onGpu.content).filter((name) => name === "Exp"),
      [],
    );
  });

  it("leaves shapes that vary varying, and everything else that the file says as it is", () => {
    const content = read("dynamic");
    const model = readModel(content);
    const before = readOnnx(content);
    const prepared = prepareGraph(content, model, "tensorrt");
    const after = readOnnx(prepared.content);
    assert.deepEqual(after.metadata, before.metadata);
    assert.deepEqual(after.outputs.slice(0, -1), before.outputs);
    const [input, ...others] = after.inputs;
    assert.deepEqual(others, []);
    assert.deepEqual([input?.name, input?.type], [prepared.model.input, "uint8"]);
    assert.deepEqual(
      input?.shape.map((size) => typeof size),
      before.inputs[0]?.shape.map((_, axis) => typeof before.inputs[0]?.shape[[0, 2, 3, 1][axis] ?? 0]),
    );
  });

  it("gives a model back that has nothing to edit", () => {
    for (const [name, provider] of [
      ["end-to-end", "cpu"],
      ["float16", "cuda"],
    ] as const) {
      const content = read(name);
      const model = readModel(content);
      const prepared = prepareGraph(content, model, provider);
      assert.deepEqual([prepared.content === content, prepared.model === model], [true, true], name);
    }
  });
});

describe("selectRaw with the best scores", () => {
  it("takes the first of classes with equal scores, and of equal anchors the first, as without them", () => {
    const classes = 3;
    // Far apart, so that none suppresses another.
    const boxes = [0, 100, 200, 300, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9];
    const scores = [0.5, 0.9, 0.25, 0.5, 0.5, 0.9, 0.2, 0.7, 0.5, 0.8, 0.1, 0.7];
    const data = Float32Array.from([...boxes, ...scores]);
    const best = Float32Array.of(0.5, 0.9, 0.25, 0.7);
    const selection = { conf: 0.25, iou: 0.7, maxDet: 300 };
    const found = selectRaw({ data, classes, extra: 0, best }, selection);
    assert.deepEqual(found, selectRaw({ data, classes, extra: 0 }, selection));
    const pairs = Array.from({ length: found.length / 6 }, (_, i) => [found[i * 6 + 4], found[i * 6 + 5]]);
    assert.deepEqual(pairs, [
      [Math.fround(0.9), 0],
      [Math.fround(0.7), 1],
      [0.5, 0],
    ]);
  });
});

describe("the protobuf writer", () => {
  it("writes fields that the reader reads", () => {
    for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40 + 7, -1, -(2 ** 40)]) {
      assert.deepEqual([...fields(integerField(20, value))], [{ number: 20, value }]);
    }
    for (const length of [0, 1, 127, 128, 70_000]) {
      const [field, ...rest] = fields(bytesField(3, "x".repeat(length)));
      assert.deepEqual(rest, []);
      assert.equal(Buffer.from(field?.value as Uint8Array).toString(), "x".repeat(length));
    }
    // 1.5 as https://protobuf.dev/programming-guides/encoding/ lays out fixed 32 bits.
    assert.deepEqual([...floatField(2, 1.5)], [0x15, 0, 0, 0xc0, 0x3f]);
  });
});
