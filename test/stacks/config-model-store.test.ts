import assert from "node:assert/strict";
import { eksModelStoreSchema, modelBucket } from "../../stacks/config/model-store.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

const VOLUME = { type: "pod" };

/** The problems of a section, as they are printed. */
function problems(raw: unknown): string[] {
  const result = eksModelStoreSchema.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

const REFUSED: [name: string, raw: Record<string, unknown>, message: string][] = [
  ["an unknown key", { volume: VOLUME, bukket: {} }, "no such key for bukket but received {}"],
  [
    "a name that is none",
    { volume: VOLUME, bucket: { name: "Models" } },
    "3 to 63 lower-case letters, digits and hyphens that begin and end with a letter or digit for bucket.name " +
      'but received "Models"',
  ],
  [
    "an existing bucket without a name",
    { volume: VOLUME, existingBucket: {} },
    "3 to 63 lower-case letters, digits and hyphens that begin and end with a letter or digit for existingBucket.name " +
      "but received nothing",
  ],
  [
    "settings that an existing bucket already has",
    { volume: VOLUME, existingBucket: { name: "shared", encryption: "kms" } },
    'no such key for existingBucket.encryption but received "kms"',
  ],
  [
    "two buckets",
    { volume: VOLUME, bucket: {}, existingBucket: { name: "shared" } },
    "none beside a bucket that the stack makes for existingBucket but received " +
      '{"name":"shared","prefix":"models/"}',
  ],
  [
    "a word in place of a bucket",
    { volume: VOLUME, bucket: "models" },
    'a map of keys and values for bucket but received "models"',
  ],
  [
    "days that EFS does not have",
    { volume: VOLUME, efs: { infrequentAccessDays: 10 } },
    "a number of days that EFS has (1, 7, 14, 30, 60, 90, 180, 270, 365) for efs.infrequentAccessDays but received 10",
  ],
  [
    "a driver of no version",
    { volume: VOLUME, efs: { driverVersion: "latest" } },
    'the version of an add-on such as v3.4.2-eksbuild.1 for efs.driverVersion but received "latest"',
  ],
];

describe("eksModelStoreSchema", () => {
  it("fills in every default", () => {
    assert.deepEqual(eksModelStoreSchema.parse({ volume: VOLUME, bucket: {}, efs: {} }), {
      volume: { type: "pod", sizeGib: 2 },
      bucket: { prefix: "models/", encryption: "s3", noncurrentDays: 90 },
      efs: {},
    });
    assert.deepEqual(eksModelStoreSchema.parse({ volume: { type: "podClaim", storageClass: "gp3" } }), {
      volume: { type: "podClaim", storageClass: "gp3", sizeGib: 10 },
    });
  });

  it("tells the bucket that pods read", () => {
    const bucket = (raw: object) => modelBucket(eksModelStoreSchema.parse({ volume: VOLUME, ...raw }));
    assert.equal(bucket({}), undefined);
    assert.deepEqual(bucket({ bucket: { prefix: "" } }), {
      make: true,
      prefix: "",
      encryption: "s3",
      noncurrentDays: 90,
    });
    assert.deepEqual(bucket({ existingBucket: { name: "shared" } }), {
      make: false,
      name: "shared",
      prefix: "models/",
    });
  });

  for (const [name, raw, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(raw), [`✖ Expected ${message}`]);
    });
  }
});
