import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { selectOffering, zonesOffering } from "../../../infra/network/offerings.ts";
import { chooseZones, selectZones } from "../../../infra/network/zones.ts";
import { installMocks } from "../../support/pulumi.ts";

const ZONES = [
  { name: "us-east-1c", id: "use1-az1" },
  { name: "us-east-1a", id: "use1-az3" },
  { name: "us-east-1b", id: "use1-az2" },
  { name: "us-east-1d", id: "use1-az4" },
];

/** The message of a RunError, which Pulumi prints without a stack trace. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(pulumi.RunError.isInstance(error));
    return error.message;
  }
  return assert.fail("Expected a refusal");
}

describe("chooseZones", () => {
  it("asks for availability zones in any state, and takes the first ones by name in which EKS runs", async () => {
    const asked: unknown[] = [];
    await installMocks({
      calls: {
        "aws:index/getAvailabilityZones:getAvailabilityZones": (inputs) => {
          asked.push(inputs);
          return { names: ZONES.map(({ name }) => name), zoneIds: ZONES.map(({ id }) => id) };
        },
      },
    });
    assert.deepEqual(await chooseZones(2, "us-east-1"), ["us-east-1b", "us-east-1c"]);
    assert.deepEqual(asked, [{ filters: [{ name: "zone-type", values: ["availability-zone"] }] }]);
  });

  it("takes the named zones in their order", () => {
    assert.deepEqual(selectZones(["us-east-1d", "us-east-1b"], ZONES, "us-east-1"), ["us-east-1d", "us-east-1b"]);
  });

  for (const id of ["use1-az3", "usw1-az2", "cac1-az3"]) {
    it(`takes no zone ${id}, in which EKS refuses control planes`, () => {
      assert.deepEqual(
        selectZones(
          1,
          [
            { name: "a", id },
            { name: "b", id: "other" },
          ],
          "region",
        ),
        ["b"],
      );
    });
  }

  it("says how many zones there are where they are too few", () => {
    assert.equal(
      refusal(() => selectZones(4, ZONES, "us-east-1")),
      "Expected at most 3, the zones of us-east-1 in which EKS runs (us-east-1b, us-east-1c, us-east-1d), " +
        "for network.zones but received 4. Choose another aws:region.",
    );
  });

  it("says which zones there are where a name is none of them", () => {
    assert.equal(
      refusal(() => selectZones(["us-east-1a", "us-east-1b"], ZONES, "us-east-1")),
      "Expected names of zones of us-east-1 in which EKS runs (us-east-1b, us-east-1c, us-east-1d) for network.zones " +
        "but received us-east-1a. Name others, or only how many there shall be.",
    );
  });
});

describe("zonesOffering", () => {
  const OFFERINGS = [
    { instanceType: "g5.xlarge", zone: "us-east-1b" },
    { instanceType: "g5.xlarge", zone: "us-east-1c" },
    { instanceType: "g6.xlarge", zone: "us-east-1c" },
    { instanceType: "g6.xlarge", zone: "us-east-1d" },
  ];

  it("asks where the types are offered (P23)", async () => {
    const asked: unknown[] = [];
    await installMocks({
      calls: {
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": (inputs) => {
          asked.push(inputs);
          return {
            instanceTypes: OFFERINGS.map(({ instanceType }) => instanceType),
            locations: OFFERINGS.map(({ zone }) => zone),
          };
        },
      },
    });
    const found = await zonesOffering(["g5.xlarge"], ["us-east-1b", "us-east-1d"], "nodes.gpu.small");
    assert.deepEqual(found, ["us-east-1b"]);
    assert.deepEqual(asked, [
      { locationType: "availability-zone", filters: [{ name: "instance-type", values: ["g5.xlarge"] }] },
    ]);
  });

  it("takes the zones that offer all types", () => {
    const zones = ["us-east-1b", "us-east-1c"];
    assert.deepEqual(selectOffering(OFFERINGS, ["g5.xlarge", "g6.xlarge"], zones, "path"), ["us-east-1c"]);
  });

  it("names the zones that offer them where the network has none of these", () => {
    assert.equal(
      refusal(() => selectOffering(OFFERINGS, ["g6.xlarge"], ["us-east-1a", "us-east-1b"], "nodes.gpu.small")),
      "Expected instance types that one of the network's zones (us-east-1a, us-east-1b) offers for " +
        "nodes.gpu.small.instanceTypes but received g6.xlarge. Name one of us-east-1c, us-east-1d in network.zones, " +
        "or choose other types.",
    );
  });

  it("says so where the region offers none", () => {
    assert.match(
      refusal(() => selectOffering([], ["p5.48xlarge"], ["us-east-1b"], "nodes.gpu.small")),
      /No zone of the region offers all of them: choose other types, or another aws:region\.$/,
    );
  });
});
