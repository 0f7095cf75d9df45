import assert from "node:assert/strict";
import { AMI_TYPES, amiRelease, hasBuiltInDevicePlugin, isAmiType, releasePattern } from "../../../infra/nodes/ami.ts";
import { GPUS, gpuMemoryGib, INSTANCE_TYPES, isInstanceType } from "../../../infra/nodes/instance-types.ts";
import { AMI_RELEASES } from "../../../infra/versions.ts";

describe("INSTANCE_TYPES", () => {
  it("knows a type as AWS describes it", () => {
    const source = "https://aws.amazon.com/ec2/instance-types/";
    assert.deepEqual(INSTANCE_TYPES["g6.12xlarge"], {
      architecture: "x86_64",
      gpu: "L4",
      gpus: 4,
      vcpus: 48,
      memoryGib: 192,
      source: `${source}g6/`,
    });
    assert.deepEqual(INSTANCE_TYPES["g5g.16xlarge"].gpus, 2);
    assert.deepEqual(INSTANCE_TYPES["m7g.large"], {
      architecture: "arm64",
      gpus: 0,
      vcpus: 2,
      memoryGib: 8,
      source: `${source}m7g/`,
    });
  });

  it("has the families of GPUs and of system nodes that the program supports", () => {
    const families = [...new Set(Object.keys(INSTANCE_TYPES).map((name) => name.split(".")[0]))];
    assert.deepEqual(
      families.sort(),
      [
        "g4dn",
        "g5",
        "g5g",
        "g6",
        "g6e",
        "gr6",
        "m6i",
        "m7g",
        "m7i",
        "p4d",
        "p4de",
        "p5",
        "p5en",
        "p6-b200",
        "t3",
        "t4g",
      ].sort(),
    );
  });

  it("gives GPUs a model, and only them, and names a page of AWS for each type", () => {
    for (const [name, type] of Object.entries(INSTANCE_TYPES)) {
      assert.equal(type.gpus > 0, type.gpu !== undefined, name);
      assert.equal(gpuMemoryGib(type) > 0, type.gpus > 0, name);
      assert.match(type.source, /^https:\/\/aws\.amazon\.com\/ec2\/instance-types\//, name);
      assert.ok(type.vcpus >= 2 && type.memoryGib >= 4, name);
    }
  });

  it("takes no other name for a type", () => {
    assert.ok(isInstanceType("g6.xlarge"));
    for (const name of ["g6.xl", "constructor", "", "p6.48xlarge"]) assert.ok(!isInstanceType(name), name);
  });
});

describe("GPUS", () => {
  it("names accelerators by values that Kubernetes takes for a label", () => {
    for (const { accelerator } of Object.values(GPUS)) assert.match(accelerator, /^nvidia-[a-z0-9-]{1,50}$/);
  });
});

describe("AMI_TYPES", () => {
  it("says of each type what its name says", () => {
    for (const [name, { system, architecture, nvidia }] of Object.entries(AMI_TYPES)) {
      assert.equal(name.startsWith("BOTTLEROCKET"), system === "bottlerocket", name);
      assert.equal(name.includes("ARM_64"), architecture === "arm64", name);
      assert.equal(name.endsWith("NVIDIA"), nvidia, name);
    }
    assert.ok(isAmiType("AL2023_x86_64_NVIDIA") && !isAmiType("AL2_x86_64_GPU"));
  });

  it("knows that Bottlerocket brings a device plugin where it brings the driver", () => {
    const built = Object.keys(AMI_TYPES).filter((name) => isAmiType(name) && hasBuiltInDevicePlugin(name));
    assert.deepEqual(built.sort(), ["BOTTLEROCKET_ARM_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA"]);
  });

  it("has pinned releases of the form that it demands", () => {
    for (const version of Object.keys(AMI_RELEASES)) {
      for (const ami of Object.keys(AMI_TYPES).filter(isAmiType)) {
        assert.match(amiRelease(ami, version) ?? "", releasePattern(ami, version).regex, `${ami} ${version}`);
      }
    }
  });

  it("takes the chosen release before the pinned one, and none where there is neither", () => {
    assert.equal(amiRelease("AL2023_x86_64_NVIDIA", "1.35", "1.35.1-20260101"), "1.35.1-20260101");
    assert.equal(amiRelease("AL2023_x86_64_NVIDIA", "1.99"), undefined);
    assert.doesNotMatch("1.34.7-20260512", releasePattern("AL2023_x86_64_NVIDIA", "1.35").regex);
    assert.doesNotMatch("latest", releasePattern("BOTTLEROCKET_x86_64", "1.35").regex);
  });
});
