import assert from "node:assert/strict";
import { overlaps, parseCidr } from "../../../infra/network/cidr.ts";
import { addressesPerZone, MAX_ZONES, planSubnets } from "../../../infra/network/subnets.ts";

const ZONES = ["a", "b", "c", "d", "e", "f"];

describe("planSubnets", () => {
  it("gives pods large subnets and load balancers small ones", () => {
    assert.deepEqual(planSubnets("10.0.0.0/16", ["us-west-2a", "us-west-2b"]), [
      { zone: "us-west-2a", publicCidr: "10.0.224.0/22", privateCidr: "10.0.0.0/19" },
      { zone: "us-west-2b", publicCidr: "10.0.228.0/22", privateCidr: "10.0.32.0/19" },
    ]);
    assert.equal(addressesPerZone("10.0.0.0/16"), 8187);
  });

  it("moves no subnet when a zone is added at the end", () => {
    const three = planSubnets("10.0.0.0/16", ZONES.slice(0, 3));
    assert.deepEqual(planSubnets("10.0.0.0/16", ZONES).slice(0, 3), three);
  });

  for (const cidr of ["10.0.0.0/16", "192.168.16.0/20"]) {
    it(`has room for ${MAX_ZONES} zones in ${cidr}, with 27 addresses or more in each subnet`, () => {
      const plan = planSubnets(cidr, ZONES);
      assert.equal(plan.length, MAX_ZONES);
      const ranges = plan.flatMap(({ publicCidr, privateCidr }) => [parseCidr(publicCidr), parseCidr(privateCidr)]);
      for (const [index, each] of ranges.entries()) {
        assert.ok(overlaps(parseCidr(cidr), each));
        assert.ok(each.prefix <= 27);
        assert.ok(ranges.slice(index + 1).every((other) => !overlaps(each, other)));
      }
    });
  }
});
