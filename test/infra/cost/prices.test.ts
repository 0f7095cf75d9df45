import assert from "node:assert/strict";
import { PRICED_REGIONS, PRICES, priceTable, SERVICE_SOURCES } from "../../../infra/cost/prices.ts";
import { INSTANCE_TYPES, isInstanceType } from "../../../infra/nodes/instance-types.ts";

describe("PRICES", () => {
  it("has a price for every type in us-east-1", () => {
    assert.deepEqual(Object.keys(PRICES["us-east-1"].instances).sort(), Object.keys(INSTANCE_TYPES).sort());
  });

  it("says when it was read, and where services are priced", () => {
    for (const region of PRICED_REGIONS) {
      const { instancesDate, servicesDate, services } = PRICES[region];
      for (const date of [instancesDate, servicesDate]) assert.match(date, /^2026-\d\d-\d\d$/);
      for (const key of Object.keys(services)) {
        assert.match(SERVICE_SOURCES[key as keyof typeof SERVICE_SOURCES], /^https:\/\/aws\.amazon\.com\//);
      }
    }
  });

  it("costs more where there is more of the same, and in Frankfurt more than in Virginia", () => {
    for (const region of PRICED_REGIONS) {
      for (const [name, usd] of Object.entries(PRICES[region].instances)) {
        assert.ok(isInstanceType(name), name);
        const [family] = name.split(".");
        assert.ok(usd > 0.01 && usd < 200, `${region} ${name}`);
        const { gpus, vcpus } = INSTANCE_TYPES[name];
        for (const [other, otherUsd] of Object.entries(PRICES[region].instances).filter(([each]) =>
          isInstanceType(each),
        )) {
          const type = INSTANCE_TYPES[other as keyof typeof INSTANCE_TYPES];
          if (other.split(".")[0] !== family || type.gpus < gpus || type.vcpus <= vcpus) continue;
          assert.ok(otherUsd > usd, `${region} ${other} against ${name}`);
        }
      }
    }
    for (const [name, usd] of Object.entries(PRICES["eu-central-1"].instances)) {
      const base = PRICES["us-east-1"].instances[name as keyof typeof INSTANCE_TYPES] ?? Number.NaN;
      assert.ok(usd > base * 1.15 && usd < base * 1.3, name);
    }
  });

  it("has no table for another region", () => {
    assert.equal(priceTable("eu-central-1"), PRICES["eu-central-1"]);
    for (const region of ["mars-north-1", "toString", ""]) assert.equal(priceTable(region), undefined);
  });
});
