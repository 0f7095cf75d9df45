import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../../service/src/errors.ts";
import { describeModel, type Model } from "../../service/src/model/layout.ts";
import {
  type ElementType,
  type OnnxFile,
  parseIntegers,
  parseNames,
  readOnnx,
} from "../../service/src/model/metadata.ts";
import { readModel, readModelFile } from "../../service/src/model/model.ts";
import { FIXTURES, modelPath, sha256 } from "./support.ts";

const RAW = readFileSync(modelPath("raw"));

function refusal(...parts: string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof StartError);
    for (const part of parts) assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
    return true;
  };
}

describe("readModel", () => {
  const names = ["red", "green thing", "driver's blue"];

  const floats = (name: string, ...shape: number[]) => ({ name, type: "float32", shape });

  it("reads a raw head", () => {
    assert.deepEqual(readModel(RAW), {
      task: "detect",
      layout: "raw",
      names,
      inputs: [floats("images", 1, 3, 64, 64)],
      outputs: [floats("output0", 1, 7, 64)],
      input: "images",
      inputType: "float32",
      width: 64,
      height: 64,
      batch: 1,
      output: "output0",
      extra: 0,
    });
  });

  it("takes size and stride of a dynamic model from its metadata, and any batch", () => {
    const model = readModel(readFileSync(modelPath("dynamic")));
    const { layout, width, height, stride, batch, inputs } = model;
    assert.deepEqual(
      { layout, width, height, stride, batch },
      { layout: "raw", width: 64, height: 64, stride: 8, batch: undefined },
    );
    assert.deepEqual(inputs, [floats("images", -1, 3, -1, -1)]);
  });

  const read: Record<string, Partial<Model>> = {
    "end-to-end": { task: "detect", layout: "end-to-end", extra: 0 },
    float16: { task: "detect", layout: "raw", inputType: "float16" },
    batch: { task: "detect", layout: "raw", batch: 3 },
    "segment-raw": { task: "segment", layout: "raw", extra: 32, prototypes: "output1" },
    "segment-end-to-end": { task: "segment", layout: "end-to-end", extra: 32, prototypes: "output1" },
    "pose-raw": { task: "pose", layout: "raw", extra: 6, keypoints: { count: 2, size: 3 } },
    "pose-end-to-end": { task: "pose", layout: "end-to-end", extra: 4, keypoints: { count: 2, size: 2 } },
    "obb-raw": { task: "obb", layout: "raw", extra: 1 },
    "obb-end-to-end": { task: "obb", layout: "end-to-end", extra: 1 },
    classify: { task: "classify", layout: "scores", extra: 0 },
  };
  for (const [name, expected] of Object.entries(read)) {
    it(`reads the model ${name}`, () => {
      const model = readModel(readFileSync(join(FIXTURES, `colours-${name}.onnx`)));
      assert.deepEqual({ ...model, ...expected }, model);
    });
  }

  it("says of a file that is no ONNX model that it is none", () => {
    for (const content of ["", "hello, this is text", "{}", "\0".repeat(100)]) {
      assert.throws(() => readModel(Buffer.from(content)), refusal("Expected an ONNX model"));
    }
    assert.throws(() => readModel(readFileSync(import.meta.filename)), refusal("Expected an ONNX model"));
  });

  it("refuses with a message, and nothing worse, whatever bytes are damaged or missing", () => {
    let refused = 0;
    const attempt = (content: Uint8Array) => {
      try {
        readModel(content);
      } catch (error) {
        assert.ok(error instanceof StartError, `${error}`);
        refused++;
      }
    };
    for (let length = 0; length < RAW.length; length++) attempt(RAW.subarray(0, length));
    for (let position = 0; position < RAW.length; position++) {
      for (const value of [0x00, 0x7f, 0x80, 0xff]) {
        const damaged = Uint8Array.from(RAW);
        damaged[position] = value;
        attempt(damaged);
      }
    }
    assert.ok(refused > RAW.length / 2, `${refused} refused`);
  });

  it("does not follow a length that leads outside the file, nor an endless number", () => {
    assert.throws(() => readOnnx(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)), StartError);
    assert.throws(() => readOnnx(new Uint8Array(1000).fill(0xff)), StartError);
    // A negative length.
    assert.throws(() => readOnnx(Uint8Array.of(0x3a, ...Array(9).fill(0xff), 0x01)), StartError);
  });
});

describe("describeModel", () => {
  const tensor = (name: string, shape: (number | string)[], type: ElementType = "float32") => ({ name, shape, type });
  const metadata = { task: "detect", names: "{0: 'a', 1: 'b'}", imgsz: "[32, 64]", stride: "32" };
  const file = (change: Partial<OnnxFile> & { metadata?: Map<string, string> } = {}): OnnxFile => ({
    inputs: [tensor("images", [1, 3, 32, 64])],
    outputs: [tensor("output0", [1, 6, 40])],
    metadata: new Map(Object.entries(metadata)),
    ...change,
  });
  const without = (key: keyof typeof metadata) => new Map(Object.entries(metadata).filter(([name]) => name !== key));
  const withEntry = (key: string, value: string) => new Map([...Object.entries(metadata), [key, value]]);

  it("takes six columns for finished detections, also where the export with suppression inside says nothing of it", () => {
    const model = describeModel(file({ outputs: [tensor("output0", [1, 300, 6])] }));
    assert.equal(model.layout, "end-to-end");
  });

  it("takes varying columns for finished objects where the metadata says that suppression is inside", () => {
    const outputs = [tensor("output0", ["batch", "n", "columns"])];
    assert.equal(describeModel(file({ outputs })).layout, "raw");
    const args = withEntry("args", "{'batch': 1, 'half': False, 'nms': True}");
    assert.equal(describeModel(file({ outputs, metadata: args })).layout, "end-to-end");
    assert.equal(describeModel(file({ outputs, metadata: withEntry("end2end", "True") })).layout, "end-to-end");
  });

  it("finds the prototypes of masks wherever they stand", () => {
    const outputs = [tensor("protos", [1, 16, 8, 16]), tensor("found", [1, 22, 40])];
    const { output, prototypes, extra } = describeModel(file({ outputs, metadata: withEntry("task", "segment") }));
    assert.deepEqual({ output, prototypes, extra }, { output: "found", prototypes: "protos", extra: 16 });
  });

  it("takes pixels as bytes, row by row", () => {
    const { inputType, height, width, batch } = describeModel(
      file({ inputs: [tensor("pixels", [2, 32, 64, 3], "uint8")] }),
    );
    assert.deepEqual({ inputType, height, width, batch }, { inputType: "uint8", height: 32, width: 64, batch: 2 });
  });

  it("reads height before width", () => {
    const { height, width } = describeModel(file({ inputs: [tensor("images", ["batch", 3, "height", "width"])] }));
    assert.deepEqual([height, width], [32, 64]);
  });

  const refused: Record<string, [OnnxFile, ...string[]]> = {
    "another task": [file({ metadata: withEntry("task", "semantic") }), 'task "semantic"', "Supported are"],
    "a model without a task": [file({ metadata: without("task") }), "no task in its metadata"],
    "a model without class names": [file({ metadata: without("names") }), "class names", "none"],
    "class names that are no dict": [file({ metadata: withEntry("names", "person") }), '"person"'],
    "a model in double precision": [
      file({ inputs: [tensor("images", [1, 3, 32, 64], "float64")] }),
      "float64[1, 3, 32, 64]",
    ],
    "an output of integers": [file({ outputs: [tensor("output0", [1, 6, 40], "int64")] }), "int64[1, 6, 40]"],
    "an absurd batch": [file({ inputs: [tensor("images", [4000, 3, 32, 64])] }), "[4000, 3, 32, 64]"],
    "segment without prototypes": [file({ metadata: withEntry("task", "segment") }), "prototypes"],
    "pose without kpt_shape": [file({ metadata: withEntry("task", "pose") }), "kpt_shape"],
    "pose with an odd kpt_shape": [
      file({ metadata: withEntry("task", "pose").set("kpt_shape", "[17, 4]") }),
      '"[17, 4]"',
    ],
    "obb with the rows of detect": [file({ metadata: withEntry("task", "obb") }), "[batch, 7, anchors]"],
    "classify with boxes": [file({ metadata: withEntry("task", "classify") }), "classify"],
    "classify with scores for other classes": [
      file({
        inputs: [tensor("images", [1, 3, 32, 32])],
        outputs: [tensor("output0", [1, 1000])],
        metadata: withEntry("task", "classify"),
      }),
      "[batch, 2]",
    ],
    "classify of oblong images": [
      file({ outputs: [tensor("output0", [1, 2])], metadata: withEntry("task", "classify") }),
      "square",
    ],
    "one channel": [file({ inputs: [tensor("images", [1, 1, 32, 64])] }), "[1, 1, 32, 64]"],
    "two inputs": [file({ inputs: [tensor("a", []), tensor("b", [])] }), "a float32[] and b float32[]"],
    "no output": [file({ outputs: [] }), "nothing"],
    "rows that do not fit the class names": [
      file({ outputs: [tensor("output0", [1, 84, 8400])] }),
      "[1, 84, 8400]",
      "2 class names",
    ],
    "an end-to-end claim without six columns": [file({ metadata: withEntry("end2end", "True") }), 'end2end "True"'],
    "a dynamic size without imgsz": [
      file({ inputs: [tensor("images", [1, 3, "h", "w"])], metadata: without("imgsz") }),
      "[1, 3, h, w]",
      "imgsz none",
    ],
    "a size of absurd dimension": [file({ inputs: [tensor("images", [1, 3, 100000, 64])] }), "100000"],
  };
  for (const [what, [model, ...parts]] of Object.entries(refused)) {
    it(`refuses ${what} and says what it found`, () => assert.throws(() => describeModel(model), refusal(...parts)));
  }
});

describe("parseNames", () => {
  it("reads what Python prints for a dict of names", () => {
    const cases: [string, string[]][] = [
      ["{0: 'person'}", ["person"]],
      ["{0: 'a', 1: \"driver's\", 2: 'say \"x\"'}", ["a", "driver's", 'say "x"']],
      ["{1: 'b', 0: 'a'}", ["a", "b"]],
      [
        String.raw`{0: 'it\'s "both"', 1: 'a\\b', 2: 'tab\there', 3: 'caf\xe9', 4: '\u4eba', 5: '\U0001f697'}`,
        ['it\'s "both"', "a\\b", "tab\there", "café", "人", "🚗"],
      ],
      ["{0: 'a, b: c', 1: ''}", ["a, b: c", ""]],
      ["{0: 'a',}", ["a"]],
    ];
    for (const [source, expected] of cases) assert.deepEqual(parseNames(source), expected, source);
  });

  it("refuses everything else", () => {
    for (const source of [
      "",
      "{}",
      "[]",
      "{0: 'a'",
      "{0: a}",
      "{1: 'a'}",
      "{0: 'a' 1: 'b'}",
      "{0: 'a",
      "{0: 'a\\'}",
      "{-1: 'a'}",
      "{0: 'a', 0: b}",
    ]) {
      assert.equal(parseNames(source), undefined, source);
    }
  });

  it("takes no more than a moment over a long text that is no dict", () => {
    assert.equal(parseNames(`{0: '${"\\".repeat(100_001)}`), undefined);
    assert.equal(parseNames(`{${" ".repeat(100_000)}`), undefined);
    assert.equal(parseNames(`{0: ${"'".repeat(100_000)}}`), undefined);
  });
});

describe("parseIntegers", () => {
  it("reads a list, a tuple and a number of Python", () => {
    assert.deepEqual(parseIntegers("[640, 480]"), [640, 480]);
    assert.deepEqual(parseIntegers("(640, 480)"), [640, 480]);
    assert.deepEqual(parseIntegers("32"), [32]);
    for (const source of ["", "640.5", "[a]", "[640", "-1"]) assert.equal(parseIntegers(source), undefined, source);
  });
});

describe("readModelFile", () => {
  const at = (path: string, digest = sha256(RAW)) => readModelFile({ name: "colours", path, sha256: digest });

  it("returns the file when its digest is the expected one", async () => {
    assert.deepEqual(await at(modelPath("raw")), RAW);
  });

  it("names the model and both digests when they differ", async () => {
    const wrong = "0".repeat(64);
    await assert.rejects(at(modelPath("raw"), wrong), refusal("colours", wrong, sha256(RAW)));
  });

  it("says that the file is missing, or that it is a folder", async () => {
    await assert.rejects(at("/nowhere/model.onnx"), refusal("/nowhere/model.onnx", "no such file"));
    await assert.rejects(at("/tmp"), refusal("/tmp", "EISDIR"));
  });
});
