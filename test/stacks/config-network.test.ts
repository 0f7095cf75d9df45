import assert from "node:assert/strict";
import { networkSchema } from "../../stacks/config/network.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

/** The problems of a section, as they are printed. */
function problems(raw: unknown): string[] {
  const result = networkSchema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

const REFUSED: [name: string, raw: Record<string, unknown>, message: string][] = [
  ["an unknown key", { natGateways: 1 }, "no such key for natGateways but received 1"],
  [
    "a range that is no network",
    { cidr: "10.0.0.1/16" },
    'the first address of the range (10.0.0.0/16) for cidr but received "10.0.0.1/16"',
  ],
  ["one zone", { zones: 1 }, "a whole number from 2 to 6 for zones but received 1"],
  [
    "the name of one zone",
    { zones: ["us-west-2a"] },
    'the names of 2 to 6 zones for zones but received ["us-west-2a"]',
  ],
  [
    "zones that are neither a number nor a list",
    { zones: "all" },
    '2 to 6, or the names of as many zones, such as [us-west-2a, us-west-2b], for zones but received "all"',
  ],
  [
    "a region in place of a zone",
    { zones: ["us-west-2", "us-west-2b"] },
    'the name of a zone such as us-west-2a for zones[0] but received "us-west-2"',
  ],
  [
    "a zone twice",
    { zones: ["us-west-2a", "us-west-2a"] },
    'different zones for zones but received ["us-west-2a","us-west-2a"]',
  ],
  ["a kind of NAT that does not exist", { nat: "none" }, 'one of single, perZone for nat but received "none"'],
  [
    "an endpoint that is not an interface",
    { interfaceEndpoints: ["s3"] },
    "one of autoscaling, ec2, ecr.api, ecr.dkr, eks, eks-auth, elasticfilesystem, elasticloadbalancing, kms, logs, " +
      'monitoring, sqs, ssm, sts for interfaceEndpoints[0] but received "s3"',
  ],
  [
    "days that CloudWatch does not have",
    { flowLogs: { retentionDays: 10 } },
    "a number of days that CloudWatch has (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, " +
      "2192, 2557, 2922, 3288, 3653) for flowLogs.retentionDays but received 10",
  ],
];

describe("networkSchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(networkSchema.parse({}), { cidr: "10.0.0.0/16", zones: 2, nat: "single", interfaceEndpoints: [] });
    assert.deepEqual(networkSchema.parse({ flowLogs: {} }).flowLogs, { retentionDays: 14, traffic: "all" });
  });

  it("takes zones by their names", () => {
    const zones = ["us-west-2a", "us-gov-west-1b", "ap-southeast-2c"];
    assert.deepEqual(networkSchema.parse({ zones }).zones, zones);
  });

  for (const [name, raw, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(raw), [`✖ Expected ${message}`]);
    });
  }

  it("reports every problem at once", () => {
    assert.equal(problems({ nat: "none", zones: 1, flowLogs: { retentionDays: 2 } }).length, 3);
  });
});
