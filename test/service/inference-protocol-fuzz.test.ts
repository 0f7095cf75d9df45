import assert from "node:assert/strict";
import fc from "fast-check";
import { ERRORS, RequestError } from "../../service/src/errors.ts";
import { readRequest } from "../../service/src/routes/inference-protocol/request.ts";
import { FIXED, floats, pixels, utf8 } from "./inference-protocol-fixture.ts";

describe("malformed requests of the inference protocol", function () {
  this.timeout(300_000);

  it("are refused by a 4xx, or fit the model, whatever is wrong with them (8,000 cases)", async () => {
    const odd = fc.oneof(
      fc.constantFrom<unknown>(null, true, "", "images", "FP32", [], {}, [1, 3, 2, 2], -1, 0, 1, 48, 2 ** 53, 1e308, {
        binary_data_size: 48,
      }),
      fc.jsonValue(),
    );
    const path = fc.constantFrom(
      "id",
      "inputs",
      "outputs",
      "parameters",
      "inputs.0",
      "inputs.0.name",
      "inputs.0.shape",
      "inputs.0.datatype",
      "inputs.0.data",
      "inputs.0.parameters",
      "inputs.0.parameters.binary_data_size",
      "inputs.0.shape.0",
      "inputs.0.data.3",
      "inputs.1",
      "outputs.0",
      "outputs.0.parameters",
    );
    const damage = fc.record({ at: fc.nat(4000), byte: fc.nat(255), cut: fc.nat(5) });
    const cases = fc.record({
      binary: fc.boolean(),
      changes: fc.array(fc.tuple(path, odd), { maxLength: 3 }),
      damages: fc.array(damage, { maxLength: 2 }),
      headShift: fc.constantFrom(0, 0, 0, 0, 1, -1, 1000),
    });
    let accepted = 0;
    let refused = 0;
    const property = fc.asyncProperty(cases, async ({ binary, changes, damages, headShift }) => {
      const tensor = binary ? { parameters: { binary_data_size: 48 } } : { data: [...pixels] };
      const input: unknown = { name: "images", datatype: "FP32", shape: [1, 3, 2, 2], ...tensor };
      const request = { id: "1", inputs: [input], outputs: [{ name: "output0", parameters: {} }] };
      for (const [where, value] of changes) change(request, where.split("."), structuredClone(value));
      const head = utf8(JSON.stringify(request));
      let body = Buffer.concat([head, binary ? floats(pixels) : new Uint8Array()]);
      for (const { at, byte, cut } of damages) {
        const place = at % (body.length + 1);
        body = Buffer.concat([body.subarray(0, place), Buffer.of(byte), body.subarray(place + cut)]);
      }
      const headLength = binary || headShift !== 0 ? Math.max(0, head.length + headShift) : undefined;
      try {
        const { inputs, outputs } = await readRequest(body, headLength, FIXED);
        accepted++;
        assert.equal(inputs.length, 1);
        assert.deepEqual(inputs[0]?.shape, [1, 3, 2, 2]);
        assert.equal(inputs[0]?.data.length, 48);
        assert(outputs.length > 0);
      } catch (error) {
        assert(error instanceof RequestError, String(error));
        const { status } = ERRORS[error.code];
        assert(status >= 400 && status < 500, error.code);
        refused++;
      }
    });
    await fc.assert(property, { numRuns: 8000 });
    assert(refused >= 6000, `${refused} refused, ${accepted} accepted`);
    assert(accepted >= 100, `${refused} refused, ${accepted} accepted`);
  });
});

/** Sets what is at a path, where there is something to set it in. */
function change(root: unknown, path: string[], value: unknown): void {
  let place: unknown = root;
  for (const key of path.slice(0, -1)) place = (place as Record<string, unknown> | null)?.[key];
  if (typeof place === "object" && place !== null) (place as Record<string, unknown>)[path.at(-1) ?? ""] = value;
}
