import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatCidr,
  isPrivate,
  networkOf,
  overlaps,
  parseCidr,
  sizeOf,
  subrange,
} from "../../../infra/network/cidr.ts";

const range = fc
  .record({ first: fc.integer({ min: 0, max: 2 ** 32 - 1 }), prefix: fc.integer({ min: 0, max: 32 }) })
  .map(networkOf);

describe("cidr", () => {
  it("reads what it writes", () => {
    fc.assert(fc.property(range, (cidr) => assert.deepEqual(parseCidr(formatCidr(cidr)), cidr)));
    assert.equal(formatCidr(parseCidr("255.255.255.255/32")), "255.255.255.255/32");
  });

  for (const text of ["10.0.0.0", "10.0.0/16", "10.0.0.0/33", "256.0.0.0/8", "10.0.0.0/016", "01.0.0.0/8", "a/8", ""]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseCidr(text), { name: "RangeError", message: /^Expected an address range such as/ });
    });
  }

  it("refuses an address in the middle of its range, and names the first one", () => {
    assert.throws(() => parseCidr("10.0.7.1/16"), {
      name: "RangeError",
      message: "Expected the range's first address (10.0.0.0/16) but received 10.0.7.1/16",
    });
  });

  it("cuts a range into parts that are in it and share nothing", () => {
    const vpc = parseCidr("10.0.0.0/16");
    const parts = Array.from({ length: 8 }, (_, index) => subrange(vpc, 19, index));
    assert.deepEqual(parts.slice(0, 2).map(formatCidr), ["10.0.0.0/19", "10.0.32.0/19"]);
    assert.equal(parts.length * sizeOf(19), sizeOf(16));
    for (const [index, part] of parts.entries()) {
      assert.ok(overlaps(vpc, part));
      assert.ok(parts.slice(index + 1).every((other) => !overlaps(part, other)));
    }
  });

  for (const [prefix, index] of [
    [19, 8],
    [19, -1],
    [19, 0.5],
    [33, 0],
    [15, 0],
  ] as const) {
    it(`refuses part ${index} of /${prefix} of a /16`, () => {
      assert.throws(() => subrange(parseCidr("10.0.0.0/16"), prefix, index), { name: "RangeError" });
    });
  }

  it("knows private ranges by their whole extent", () => {
    for (const cidr of ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "172.31.255.0/24"]) {
      assert.ok(isPrivate(parseCidr(cidr)), cidr);
    }
    for (const cidr of ["0.0.0.0/0", "172.32.0.0/16", "172.0.0.0/8", "11.0.0.0/8", "100.64.0.0/16"]) {
      assert.ok(!isPrivate(parseCidr(cidr)), cidr);
    }
  });

  it("finds that two ranges overlap whichever comes first", () => {
    fc.assert(fc.property(range, range, (a, b) => assert.equal(overlaps(a, b), overlaps(b, a))));
    assert.ok(!overlaps(parseCidr("10.0.0.0/16"), parseCidr("10.1.0.0/16")));
    assert.ok(overlaps(parseCidr("10.0.0.0/8"), parseCidr("10.1.2.3/32")));
  });
});
