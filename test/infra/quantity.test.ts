import assert from "node:assert/strict";
import { cpuMillicores, memoryBytes } from "../../infra/quantity.ts";

describe("quantities", () => {
  it("reads CPU in cores and millicores", () => {
    assert.deepEqual(["250m", "2", "0.5", "1.125"].map(cpuMillicores), [250, 2000, 500, 1125]);
  });

  it("reads memory in binary units", () => {
    assert.deepEqual(["1Ki", "512Mi", "2Gi", "1Ti"].map(memoryBytes), [1024, 536870912, 2147483648, 1099511627776]);
  });

  for (const text of ["", "1.5m", "-1", "1 ", "1e3", "0.1234"]) {
    it(`refuses "${text}" as CPU`, () => {
      assert.throws(() => cpuMillicores(text), RangeError);
    });
  }

  for (const text of ["", "512", "1.5Gi", "1G", "-1Mi", "1 Gi"]) {
    it(`refuses "${text}" as memory`, () => {
      assert.throws(() => memoryBytes(text), RangeError);
    });
  }
});
