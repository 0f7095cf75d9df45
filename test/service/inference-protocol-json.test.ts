import assert from "node:assert/strict";
import fc from "fast-check";
import { RequestError } from "../../service/src/errors.ts";
import { readJson } from "../../service/src/routes/inference-protocol/json-body.ts";
import { NumberArrayReader } from "../../service/src/routes/inference-protocol/number-array.ts";
import { utf8 } from "./inference-protocol-fixture.ts";

/** Reads a JSON array of numbers so many bytes at a time. */
function readNumbers(text: string, budget: number) {
  const reader = new NumberArrayReader(utf8(text), 0, 1e6);
  while (!reader.step(budget));
  return { ...reader.array, end: reader.position };
}

describe("JSON of the inference protocol", function () {
  this.timeout(120_000);

  describe("numbers", () => {
    const spelled = fc
      .tuple(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 21 }),
      )
      .map(([value, form, digits]) => {
        if (form === 0) return JSON.stringify(Math.fround(value));
        if (form === 1) return value.toExponential(digits - 1);
        if (form === 2) return Math.abs(value) < 1e21 ? value.toFixed(digits) : JSON.stringify(value);
        if (form === 3) return value.toPrecision(digits).replace("e+", "E");
        if (form === 4) return String(Math.trunc(value % 2 ** 60));
        return JSON.stringify(value);
      })
      .filter((text) => Number.isFinite(Number(text)));

    it("are the same doubles that JSON.parse reads, wherever the reader pauses", () => {
      const lists = fc.array(spelled, { minLength: 1, maxLength: 40 });
      const property = fc.property(
        lists,
        fc.constantFrom("", " ", "\n\t", "\r  "),
        fc.integer({ min: 1, max: 30 }),
        (list, space, budget) => {
          const text = `[${list.join(`${space},${space}`)}${space}]`;
          const { values, shape, end } = readNumbers(text, budget);
          assert.deepEqual([...values], JSON.parse(text));
          assert.deepEqual(shape, [list.length]);
          assert.equal(end, text.length);
        },
      );
      fc.assert(property, { numRuns: 3000 });
    });

    it("keep the shape of nested arrays", () => {
      const { values, shape } = readNumbers("[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]", 5);
      assert.deepEqual(shape, [2, 2, 3]);
      assert.deepEqual([...values], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    });

    it("are refused exactly where JSON.parse refuses them, or where the array is not regular", () => {
      const pieces = fc.constantFrom(
        "[",
        "]",
        ",",
        "1",
        "-",
        "0",
        ".",
        "5",
        "e",
        "+",
        "E",
        " ",
        "true",
        "false",
        "null",
        '"a"',
        "{}",
        "NaN",
        "[1]",
        "[1,2]",
      );
      const texts = fc.array(pieces, { maxLength: 12 }).map((list) => `[${list.join("")}]`);
      const property = fc.property(texts, fc.integer({ min: 1, max: 9 }), (text, budget) => {
        let read: ReturnType<typeof readNumbers> | undefined;
        try {
          read = readNumbers(text, budget);
        } catch (error) {
          assert(error instanceof RequestError);
        }
        const whole = read === undefined ? text : text.slice(0, read.end);
        let parsed: unknown;
        try {
          parsed = JSON.parse(whole);
        } catch {
          assert.equal(read, undefined, text);
          return;
        }
        assert.equal(read !== undefined, isRegular(parsed), text);
        const flat = (parsed as unknown[]).flat(9).map(Number);
        if (read !== undefined) assert.deepEqual([...read.values], flat);
      });
      fc.assert(property, { numRuns: 5000 });
    });

    it("do not hold up others, however many there are", async () => {
      const count = 600_000;
      const text = `{"inputs":[{"name":"x","datatype":"FP32","shape":[${count}],"data":[${"0.4470588266849518,".repeat(count - 1)}1]}]}`;
      let turns = 0;
      const timer = setInterval(() => turns++, 0);
      const { arrays } = await readJson(utf8(text), count);
      clearInterval(timer);
      assert.equal(arrays[0]?.values.length, count);
      assert(turns >= 10, `others got ${turns} turns`);
    });
  });

  describe("requests", () => {
    it("are read as JSON.parse reads them, with the numbers apart", async () => {
      const request = {
        a: [1, { inputs: [] }],
        "in\\puts": 1,
        inputs: [
          { x: "[", data: [[1, 2]] },
          { data: [3], é: '\\"' },
        ],
        outputs: [],
      };
      const { value, arrays } = await readJson(utf8(JSON.stringify(request, null, 1)), 10);
      const expected = structuredClone(request) as { inputs: { data: unknown }[] };
      for (const [index, input] of expected.inputs.entries()) input.data = index;
      assert.deepEqual(value, expected);
      assert.deepEqual(
        arrays.map(({ values, shape }) => [[...values], shape]),
        [
          [
            [1, 2],
            [1, 2],
          ],
          [[3], [1]],
        ],
      );
    });

    it("are refused wherever JSON.parse refuses them", async () => {
      const base = Buffer.from(
        JSON.stringify({ id: "a\\", inputs: [{ name: "x", data: [1, [2]], shape: [2] }], outputs: [{}] }).replace(
          "[1,[2]]",
          "[[1],[2]]",
        ),
      );
      const edits = fc.array(
        fc.record({
          at: fc.nat(base.length - 1),
          byte: fc.constantFrom(...Buffer.from('{}[]",:\\0e-. '), 0, 0xff),
          cut: fc.nat(3),
        }),
        { minLength: 1, maxLength: 3 },
      );
      const property = fc.asyncProperty(edits, async (list) => {
        let bytes = base;
        for (const { at, byte, cut } of list) {
          bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + cut)]);
        }
        const mine = await readJson(bytes, 100).catch((error: unknown) => error);
        let valid = true;
        try {
          JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
        } catch {
          valid = false;
        }
        if (mine instanceof Error) assert(mine instanceof RequestError, String(mine));
        else assert(valid, bytes.toString());
      });
      await fc.assert(property, { numRuns: 4000 });
    });
  });
});

/** Whether a value is an array of numbers and booleans whose parts have the same shape, none of them empty. */
function isRegular(value: unknown): boolean {
  const shapeOf = (part: unknown): string | undefined => {
    if (typeof part === "number" || typeof part === "boolean") return "";
    if (!Array.isArray(part) || part.length === 0) return undefined;
    const shapes = new Set(part.map(shapeOf));
    const [shape] = shapes;
    return shapes.size === 1 && shape !== undefined ? `${part.length},${shape}` : undefined;
  };
  return Array.isArray(value) && shapeOf(value) !== undefined && (shapeOf(value) ?? "").split(",").length <= 9;
}
