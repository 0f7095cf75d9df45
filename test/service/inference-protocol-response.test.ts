import assert from "node:assert/strict";
import type { RawTensor } from "../../service/src/inference/messages.ts";
import { writeResponse } from "../../service/src/routes/inference-protocol/response.ts";
import { ELEMENT_BYTES } from "../../service/src/routes/inference-protocol/tensors.ts";

describe("answers of the inference protocol", () => {
  const model = { name: "colours", version: "1" };
  const tensor = (name: string, datatype: RawTensor["datatype"], shape: number[], data: Uint8Array): RawTensor => ({
    name,
    datatype,
    shape,
    data,
  });

  it("hold numbers that read back as the same floats, also where they begin at an odd place", async () => {
    const values = Float32Array.from({ length: 40_000 }, (_, index) => Math.sin(index) * 10 ** ((index % 70) - 35));
    const odd = new Uint8Array(values.byteLength + 1);
    odd.set(new Uint8Array(values.buffer), 1);
    const { body, headLength } = await writeResponse({ id: 'a"b', outputs: [{ name: "y", binary: false }] }, model, [
      tensor("y", "FP32", [2, 20_000], odd.subarray(1)),
    ]);
    assert.equal(headLength, undefined);
    const answer = JSON.parse(body.toString());
    assert.deepEqual(Float32Array.from(answer.outputs[0].data), values);
    delete answer.outputs[0].data;
    assert.deepEqual(answer, {
      model_name: "colours",
      model_version: "1",
      id: 'a"b',
      outputs: [{ name: "y", datatype: "FP32", shape: [2, 20_000] }],
    });
  });

  it("hold every datatype that has a form in JSON, and empty tensors", async () => {
    const outputs = ["a", "b", "c", "d", "e"].map((name) => ({ name, binary: false }));
    const { body } = await writeResponse({ outputs }, model, [
      tensor("a", "INT64", [2], new Uint8Array(BigInt64Array.of(-(2n ** 62n), 9_007_199_254_740_993n).buffer)),
      tensor("b", "BOOL", [2], Uint8Array.of(1, 0)),
      tensor("c", "INT32", [1], new Uint8Array(Int32Array.of(-5).buffer)),
      tensor("d", "UINT8", [1], Uint8Array.of(255)),
      tensor("e", "FP32", [0, 6], new Uint8Array()),
    ]);
    assert.match(body.toString(), /"data":\[-4611686018427387904,9007199254740993\]/);
    const data = JSON.parse(body.toString()).outputs.map((output: { data: unknown }) => output.data);
    assert.deepEqual(data.slice(1), [[true, false], [-5], [255], []]);
  });

  it("put bytes behind the JSON in the order of the outputs, and say how many", async () => {
    const outputs = [
      { name: "a", binary: true },
      { name: "b", binary: false },
      { name: "c", binary: true },
    ];
    const { body, headLength } = await writeResponse({ outputs }, model, [
      tensor("a", "FP16", [1, 2], Uint8Array.of(1, 2, 3, 4)),
      tensor("b", "UINT8", [1], Uint8Array.of(9)),
      tensor("c", "UINT8", [3], Uint8Array.of(5, 6, 7)),
    ]);
    const answer = JSON.parse(body.subarray(0, headLength).toString());
    assert.deepEqual(answer.outputs, [
      { name: "a", datatype: "FP16", shape: [1, 2], parameters: { binary_data_size: 4 } },
      { name: "b", datatype: "UINT8", shape: [1], data: [9] },
      { name: "c", datatype: "UINT8", shape: [3], parameters: { binary_data_size: 3 } },
    ]);
    assert.deepEqual([...body.subarray(headLength)], [1, 2, 3, 4, 5, 6, 7]);
  });

  it("say that NaN needs bytes", async () => {
    const data = new Uint8Array(Float32Array.of(1, Number.NaN).buffer);
    const answer = (binary: boolean) =>
      writeResponse({ outputs: [{ name: "y", binary }] }, model, [tensor("y", "FP32", [2], data)]);
    await assert.rejects(answer(false), {
      code: "YOLO_TENSOR_INVALID",
      message: /binary_data for y: its result has NaN/,
    });
    assert.equal((await answer(true)).body.length > data.length, true);
  });

  it("have as many bytes per element as the datatypes say", () => {
    assert.deepEqual(ELEMENT_BYTES, { FP32: 4, FP16: 2, UINT8: 1, INT32: 4, INT64: 8, BOOL: 1 });
  });
});
