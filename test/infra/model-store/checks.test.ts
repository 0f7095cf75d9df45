import assert from "node:assert/strict";
import {
  BUCKET_NAME,
  bucketProblems,
  type ModelPlaces,
  modelPlaceProblems,
} from "../../../infra/model-store/checks.ts";
import { problemText } from "../../../infra/problems.ts";

const PLACES: ModelPlaces = {
  volume: { type: "pod", sizeGib: 2 },
  efs: false,
  bucket: { make: true, prefix: "models/", encryption: "s3", noncurrentDays: 90 },
  modelUri: "s3://yolo-test-models-123456789012/models/street.onnx",
};

const problems = (changes: Partial<ModelPlaces>) => modelPlaceProblems({ ...PLACES, ...changes }).map(problemText);

describe("bucketProblems", () => {
  it("takes names as S3 does, without dots", () => {
    const prefix = "models/";
    for (const name of ["abc", "a-1", "x".repeat(63), "yolo-prod-models-123456789012"]) {
      assert.deepEqual(bucketProblems({ name, prefix }), [], name);
    }
    const refused = ["ab", "x".repeat(64), "a.b.c", "-abc", "abc-", "Abc", "xn--abc", "sthree-abc", "abc-s3alias"];
    for (const name of [...refused, "abc--ol-s3", "abc--x-s3"]) {
      assert.deepEqual(bucketProblems({ name, prefix }), [
        { path: ["name"], expected: BUCKET_NAME.what, received: name },
      ]);
    }
  });

  it("refuses a prefix that a policy would read as a pattern", () => {
    for (const prefix of ["", "models/", "a/b_c-d.e/"]) assert.deepEqual(bucketProblems({ prefix }), []);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM
    for (const prefix of ["*", "a?", "${aws:userid}/", "/models", "a b"]) {
      assert.equal(bucketProblems({ prefix }).length, 1, prefix);
    }
  });
});

describe("modelPlaceProblems", () => {
  it("finds none where models come from the bucket, from elsewhere, or lie on a volume", () => {
    assert.deepEqual(problems({}), []);
    assert.deepEqual(problems({ modelUri: "https://models.example.com/a.onnx", bucket: undefined }), []);
    assert.deepEqual(problems({ modelUri: undefined, bucket: undefined }), []);
    assert.deepEqual(problems({ volume: { type: "podClaim", storageClass: "gp3", sizeGib: 1 } }), []);
    const shared = { type: "storageClass", name: "efs", sizeGib: 1, accessMode: "ReadWriteMany" } as const;
    assert.deepEqual(problems({ volume: shared, efs: true }), []);
    assert.deepEqual(problems({ volume: { ...shared, name: "fsx" } }), []);
  });

  it("refuses a folder of a node", () => {
    assert.deepEqual(problems({ volume: { type: "hostPath", path: "/models", sizeGib: 1 } }), [
      "Expected another than hostPath, because nodes of EKS come and go with their folders, for modelStore.volume.type " +
        'but received "hostPath"',
    ]);
  });

  it("refuses one volume of EBS for all pods", () => {
    const volume = { type: "storageClass", name: "gp3", sizeGib: 1, accessMode: "ReadWriteOnce" } as const;
    assert.deepEqual(problems({ volume }), [
      "Expected podClaim for the storage class gp3, of which a volume serves one node only, for modelStore.volume.type " +
        'but received "storageClass"',
    ]);
  });

  it("refuses volumes of a cache that is not made", () => {
    const expected =
      "Expected a shared cache for volumes of the storage class efs (an empty map makes one with its defaults), " +
      "for modelStore.efs but received nothing";
    const shared = { type: "storageClass", name: "efs", sizeGib: 1, accessMode: "ReadWriteMany" } as const;
    assert.deepEqual(problems({ volume: shared }), [expected]);
    assert.deepEqual(problems({ volume: { type: "podClaim", storageClass: "efs", sizeGib: 1 } }), [expected]);
  });

  it("refuses a model that pods could not read", () => {
    assert.deepEqual(problems({ bucket: undefined }), [
      "Expected a bucket that pods may read (an empty map makes one), or an existingBucket, for models from s3:, " +
        "for modelStore.bucket but received nothing",
    ]);
    assert.deepEqual(problems({ modelUri: "s3://yolo-test-models-123456789012/other/a.onnx" }), [
      "Expected a key that begins with modelStore.bucket.prefix (models/), which is all that pods may read, " +
        'for release.model.uri but received "s3://yolo-test-models-123456789012/other/a.onnx"',
    ]);
    assert.deepEqual(problems({ bucket: { make: false, name: "shared", prefix: "models/" } }), [
      "Expected an object of modelStore.existingBucket.name (shared) for release.model.uri " +
        'but received "s3://yolo-test-models-123456789012/models/street.onnx"',
    ]);
  });
});
