import assert from "node:assert/strict";
import type { NetworkSettings } from "../../../infra/network/args.ts";
import { networkProblems, overlapProblems, zoneProblems } from "../../../infra/network/checks.ts";
import { problemText } from "../../../infra/problems.ts";

const SETTINGS: NetworkSettings = { cidr: "10.0.0.0/16", nat: "single", interfaceEndpoints: [] };

const REFUSED: [name: string, settings: Partial<NetworkSettings>, message: string][] = [
  ["a text that is no range", { cidr: "10.0.0.0" }, "an address range such as 10.0.0.0/16 for cidr"],
  ["an address in the middle", { cidr: "10.0.1.0/16" }, "the first address of the range (10.0.0.0/16) for cidr"],
  ["a range larger than a VPC can be", { cidr: "10.0.0.0/15" }, "a range from /16 to /20 for cidr"],
  ["a range too small for load balancers", { cidr: "10.0.0.0/21" }, "a range from /16 to /20 for cidr"],
  ["public addresses", { cidr: "11.0.0.0/16" }, "a range within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 for cidr"],
  [
    "a range that AWS uses itself",
    { cidr: "172.17.0.0/16" },
    "a range outside 172.17.0.0/16, which AWS services use themselves, for cidr",
  ],
  ["an endpoint twice", { interfaceEndpoints: ["sts", "ec2", "sts"] }, "each service once for interfaceEndpoints.2"],
];

describe("networkProblems", () => {
  it("finds none in what is right", () => {
    assert.deepEqual(networkProblems(SETTINGS), []);
    assert.deepEqual(networkProblems({ ...SETTINGS, cidr: "192.168.240.0/20", interfaceEndpoints: ["sts"] }), []);
  });

  for (const [name, settings, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      const [problem, ...others] = networkProblems({ ...SETTINGS, ...settings });
      assert.deepEqual(others, []);
      assert.ok(problem);
      assert.ok(problemText(problem).startsWith(`Expected ${message} but received`), problemText(problem));
    });
  }
});

describe("zoneProblems", () => {
  it("wants two to six zones that differ", () => {
    assert.deepEqual(zoneProblems(["a", "b"]), []);
    assert.match(problemText(zoneProblems(["a"])[0] ?? assert.fail()), /^Expected 2 to 6 zones for zones but received/);
    assert.match(problemText(zoneProblems(["a", "a"])[0] ?? assert.fail()), /^Expected different zones for zones/);
    assert.equal(zoneProblems(["a", "b", "c", "d", "e", "f", "g"]).length, 1);
  });
});

describe("overlapProblems", () => {
  it("refuses Services at addresses of the VPC", () => {
    assert.deepEqual(overlapProblems("10.0.0.0/16", "172.20.0.0/16"), []);
    assert.deepEqual(overlapProblems("172.20.0.0/16", "172.20.0.0/20").map(problemText), [
      'Expected a range outside network.cidr (172.20.0.0/16) for cluster.serviceCidr but received "172.20.0.0/20"',
    ]);
  });
});
