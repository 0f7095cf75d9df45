import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { RawTensor } from "../../service/src/inference/messages.ts";
import { decompress, headLengthOf } from "../../service/src/routes/inference-protocol/body.ts";
import { HEAD_LIMIT } from "../../service/src/routes/inference-protocol/json-body.ts";
import { readRequest } from "../../service/src/routes/inference-protocol/request.ts";
import type { Signature } from "../../service/src/routes/inference-protocol/tensors.ts";
import {
  binaryRequest,
  FIXED,
  floats,
  inputText,
  jsonRequest,
  pixels,
  refusal,
  signature,
  utf8,
} from "./inference-protocol-fixture.ts";

describe("requests of the inference protocol", () => {
  describe("in JSON", () => {
    it("give the tensor and all outputs", async () => {
      const request = await readRequest(
        jsonRequest({}, { id: "7", model_name: "ignored", parameters: { priority: 1 } }),
        undefined,
        FIXED,
      );
      assert.deepEqual(request, {
        id: "7",
        inputs: [{ name: "images", datatype: "FP32", shape: [1, 3, 2, 2], data: floats(pixels) }],
        outputs: [
          { name: "output0", binary: false },
          { name: "output1", binary: false },
        ],
      });
    });

    it("may nest the numbers as the shape says", async () => {
      const data = [
        [
          [
            [0, 1],
            [2, 3],
          ],
          [
            [4, 5],
            [6, 7],
          ],
          [
            [8, 9],
            [10, 11],
          ],
        ],
      ];
      const { inputs } = await readRequest(jsonRequest({ data }), undefined, FIXED);
      assert.deepEqual(inputs[0]?.data, floats(Array.from({ length: 12 }, (_, index) => index)));
      assert.match(
        await refusal(jsonRequest({ data: data.flat(2) })),
        /flat or nested as \[1, 3, 2, 2\] but received \[6, 2\]/,
      );
    });

    it("hold every datatype that has a form in JSON", async () => {
      const read = async (datatype: RawTensor["datatype"], data: unknown) => {
        const body = utf8(JSON.stringify({ inputs: [{ name: "x", datatype, shape: [4], data }] }));
        return (await readRequest(body, undefined, signature(datatype, [-1]))).inputs[0]?.data;
      };
      assert.deepEqual(await read("UINT8", [0, 1, 254, 255]), new Uint8Array([0, 1, 254, 255]));
      const whole = [-(2 ** 31), -1, 0, 2 ** 31 - 1];
      assert.deepEqual(await read("INT32", whole), new Uint8Array(new Int32Array(whole).buffer));
      const large = [Number.MIN_SAFE_INTEGER, -1, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER];
      assert.deepEqual(await read("INT64", large), new Uint8Array(BigInt64Array.from(large, BigInt).buffer));
      assert.deepEqual(await read("BOOL", [true, false, 1, 0]), new Uint8Array([1, 0, 1, 0]));
    });

    const refused: [string, Uint8Array, RegExp][] = [
      ["nothing", utf8(""), /^YOLO_REQUEST_INVALID/],
      ["a list", utf8("[]"), /an object for the request/],
      ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/],
      ["deep nesting", utf8("[".repeat(100)), /nested deeper/],
      ["no inputs", utf8("{}"), /a list for inputs but received nothing/],
      ["an empty list of inputs", utf8('{"inputs":[]}'), /the input images FP32\[1, 3, 2, 2\] but it is missing/],
      ["an unknown input", jsonRequest({ name: "image" }), /names in inputs from images FP32/],
      ["an input without a name", jsonRequest({ name: undefined }), /names in inputs/],
      ["an input twice", utf8(`{"inputs":[${inputText()},${inputText()}]}`), /each input once/],
      ["another datatype", jsonRequest({ datatype: "FP64" }), /datatype FP32 for images but received "FP64"/],
      ["a negative size", jsonRequest({ shape: [-1, 3, 2, 2] }), /shape \[1, 3, 2, 2\] for images/],
      ["a size of zero", jsonRequest({ shape: [0, 3, 2, 2] }), /shape/],
      ["a fraction as size", jsonRequest({ shape: [1, 3, 2, 2.5] }), /shape/],
      ["a huge size", jsonRequest({ shape: [1, 3, 2, 1e300] }), /shape/],
      ["a shape of another rank", jsonRequest({ shape: [12] }), /shape/],
      ["a shape that is none", jsonRequest({ shape: "1,3,2,2" }), /shape/],
      [
        "too few numbers",
        jsonRequest({ data: pixels.slice(1) }),
        /12 numbers for images \[1, 3, 2, 2\] but received 11/,
      ],
      ["too many numbers", jsonRequest({ data: [...pixels, 1] }), /at most 12 numbers/],
      ["no data", jsonRequest({ data: undefined }), /either data or the parameter binary_data_size/],
      ["data of another kind", jsonRequest({ data: "AAAA" }), /data to be an array of numbers/],
      ["a number that could pass for data", jsonRequest({ data: 0 }), /data to be an array of numbers/],
      ["texts as data", jsonRequest({ data: pixels.map(String) }), /array of numbers but received/],
      ["nothing as a number", jsonRequest({ data: [...pixels.slice(1), null] }), /array of numbers but received "null/],
      ["NaN", utf8(`{"inputs":[${inputText(pixels.map(() => "NaN"))}]}`), /array of numbers but received "NaN/],
      ["infinity", utf8(`{"inputs":[${inputText(pixels.map(() => "1e999"))}]}`), /finite numbers/],
      ["a number beyond its datatype", jsonRequest({ data: pixels.map(() => 1e39) }), /finite numbers for images/],
      [
        "a number without an end",
        utf8(`{"inputs":[${inputText([`1${"0".repeat(2000)}`])}]}`),
        /at most 1100 characters/,
      ],
      ["true where numbers belong", jsonRequest({ data: pixels.map(() => true) }), /true or false/],
      ["arrays of different length", jsonRequest({ data: [[1, 2], [3]] }), /differ in length/],
      ["an id that is no text", jsonRequest({}, { id: 7 }), /a text for id/],
      ["parameters that are none", jsonRequest({}, { parameters: [] }), /an object for the parameters/],
      ["an unknown output", jsonRequest({}, { outputs: [{ name: "boxes" }] }), /names in outputs from output0/],
      ["an output twice", jsonRequest({}, { outputs: [{ name: "output0" }, { name: "output0" }] }), /each output once/],
      [
        "classification",
        jsonRequest({}, { outputs: [{ name: "output0", parameters: { classification: 3 } }] }),
        /no parameter classification/,
      ],
      [
        "shared memory",
        jsonRequest({ parameters: { shared_memory_region: "a" } }),
        /no parameter shared_memory_region/,
      ],
      [
        "a flag that is none",
        jsonRequest({}, { outputs: [{ name: "output0", parameters: { binary_data: 1 } }] }),
        /true or false for binary_data/,
      ],
      ["a long head", jsonRequest({}, { id: "x".repeat(HEAD_LIMIT) }), /^YOLO_BODY_TOO_LARGE/],
    ];
    for (const [what, body, expected] of refused) {
      it(`are refused with ${what}`, async () => {
        assert.match(await refusal(body), expected);
      });
    }

    it("have no FP16, which JSON cannot hold", async () => {
      const body = utf8(
        JSON.stringify({
          inputs: [{ name: "x", datatype: "FP16", shape: [1], data: [1] }],
          parameters: { binary_data_output: true },
        }),
      );
      assert.match(await refusal(body, undefined, signature("FP16", [1])), /FP16 has no form in JSON/);
    });

    for (const [datatype, value] of [
      ["UINT8", 256],
      ["UINT8", 0.5],
      ["INT32", 2 ** 31],
      ["INT64", 2 ** 53],
      ["BOOL", 2],
    ] as const) {
      it(`have no ${value} in ${datatype}`, async () => {
        const body = utf8(JSON.stringify({ inputs: [{ name: "x", datatype, shape: [1], data: [value] }] }));
        assert.match(await refusal(body, undefined, signature(datatype, [1])), /whole numbers from/);
      });
    }
  });

  describe("with binary tensors", () => {
    it("give the tensor, wherever it begins in the body", async () => {
      for (const id of ["", "1", "12", "123"]) {
        const { body, headLength } = binaryRequest({}, floats(pixels), { id });
        const { inputs } = await readRequest(body, headLength, FIXED);
        assert.deepEqual(inputs[0]?.data, floats(pixels));
        assert.equal((inputs[0]?.data.byteOffset ?? 1) % 4, 0);
      }
    });

    it("say for each output how it is answered", async () => {
      const outputs = [{ name: "output1", parameters: { binary_data: false } }, { name: "output0" }];
      const { body, headLength } = binaryRequest({}, floats(pixels), {
        outputs,
        parameters: { binary_data_output: true },
      });
      const request = await readRequest(body, headLength, FIXED);
      assert.deepEqual(request.outputs, [
        { name: "output1", binary: false },
        { name: "output0", binary: true },
      ]);
    });

    it("may be the bytes of the only input and nothing else", async () => {
      const { inputs, outputs } = await readRequest(floats(pixels), 0, FIXED);
      assert.deepEqual(inputs, [{ name: "images", datatype: "FP32", shape: [1, 3, 2, 2], data: floats(pixels) }]);
      assert.deepEqual(
        outputs.map(({ binary }) => binary),
        [true, true],
      );
      const open = await readRequest(new Uint8Array(24), 0, signature("UINT8", [-1, 2, 2, 3]));
      assert.deepEqual(open.inputs[0]?.shape, [2, 2, 2, 3]);
      assert.match(await refusal(new Uint8Array(25), 0, signature("UINT8", [-1, 2, 2, 3])), /a multiple of 12 bytes/);
      assert.match(await refusal(new Uint8Array(0), 0, signature("UINT8", [-1, 2, 2, 3])), /a multiple of 12 bytes/);
      assert.match(await refusal(new Uint8Array(4), 0), /Expected 48 bytes/);
      assert.match(await refusal(new Uint8Array(12), 0, signature("UINT8", [1, -1, -1, 3])), /may be of any size/);
    });

    it("take several inputs in their order", async () => {
      const model: Signature = {
        inputs: [
          { name: "a", datatype: "UINT8", shape: [-1] },
          { name: "b", datatype: "INT64", shape: [1] },
        ],
        outputs: FIXED.outputs,
      };
      const inputs = [
        { name: "b", datatype: "INT64", shape: [1], parameters: { binary_data_size: 8 } },
        { name: "a", datatype: "UINT8", shape: [3], data: [7, 8, 9] },
      ];
      const head = utf8(JSON.stringify({ inputs }));
      const request = await readRequest(Buffer.concat([head, new Uint8Array(8).fill(5)]), head.length, model);
      assert.deepEqual(
        request.inputs.map(({ name, data }) => [name, ...data]),
        [
          ["b", 5, 5, 5, 5, 5, 5, 5, 5],
          ["a", 7, 8, 9],
        ],
      );
      assert.match(await refusal(new Uint8Array(8), 0, model), /more than one input/);
    });

    const bits = (word: number) => new Uint8Array(new Uint32Array(12).fill(word).buffer);
    const refused: [string, { body: Uint8Array; headLength: number }, RegExp][] = [
      [
        "a size that disagrees with the shape",
        binaryRequest({ parameters: { binary_data_size: 47 } }),
        /binary_data_size 48 .* but received 47/,
      ],
      ["a negative size", binaryRequest({ parameters: { binary_data_size: -48 } }), /but received -48/],
      ["a size that is no number", binaryRequest({ parameters: { binary_data_size: "48" } }), /but received "48"/],
      [
        "missing bytes",
        binaryRequest({ parameters: { binary_data_size: 48 } }, floats(pixels.slice(1))),
        /48 bytes .* but received 44/,
      ],
      [
        "too many bytes",
        binaryRequest({ parameters: { binary_data_size: 48 } }, floats([...pixels, 1])),
        /no bytes behind .* but received 4/,
      ],
      ["data as well", binaryRequest({ data: pixels }), /either data or/],
      ["a head longer than the body", { ...binaryRequest(), headLength: 100_000 }, /at least 100000 bytes/],
      ["a head cut short", { ...binaryRequest(), headLength: 20 }, /^YOLO_REQUEST_INVALID/],
      ["NaN", binaryRequest({}, bits(0x7fc00000)), /element 0 is NaN or infinite/],
      ["infinity", binaryRequest({}, bits(0xff800000)), /NaN or infinite/],
    ];
    for (const [what, { body, headLength }, expected] of refused) {
      it(`are refused with ${what}`, async () => {
        assert.match(await refusal(body, headLength), expected);
      });
    }

    it("are refused with bytes that their datatype does not have", async () => {
      assert.match(await refusal(Uint8Array.of(0, 2), 0, signature("BOOL", [2])), /bytes 0 or 1/);
      assert.match(await refusal(Uint8Array.of(0, 0x7c), 0, signature("FP16", [1])), /NaN or infinite/);
      await readRequest(Uint8Array.of(0xff, 0x7b), 0, signature("FP16", [1]));
    });
  });
});

describe("the inference protocol's HTTP headers", () => {
  it("give the length of the JSON, or are refused", () => {
    assert.equal(headLengthOf(undefined), undefined);
    assert.equal(headLengthOf("0"), 0);
    assert.equal(headLengthOf("123"), 123);
    for (const wrong of ["", "-1", "1.5", "1e3", "0x10", "99999999999", "1, 2"]) {
      assert.throws(() => headLengthOf(wrong), { code: "YOLO_REQUEST_INVALID" });
    }
  });

  it("name an encoding that is known, or are refused", async () => {
    await assert.rejects(decompress(new Uint8Array(), "br", 10), { code: "YOLO_MEDIA_TYPE_UNSUPPORTED" });
    await assert.rejects(decompress(new Uint8Array(3), "gzip", 10), { code: "YOLO_REQUEST_INVALID" });
    assert.deepEqual(await decompress(Uint8Array.of(1), undefined, 10), Uint8Array.of(1));
    const bomb = gzipSync(new Uint8Array(1_000_000));
    await assert.rejects(decompress(bomb, "gzip", 999_999), { code: "YOLO_BODY_TOO_LARGE" });
    assert.equal((await decompress(bomb, " GZIP", 1_000_000)).length, 1_000_000);
  });
});
