import assert from "node:assert/strict";
import type { MadeBucket, ModelStoreArgs } from "../../../infra/model-store/args.ts";
import { ModelStore } from "../../../infra/model-store/model-store.ts";
import { find, outputValue, type Recording, type Registered } from "../../support/pulumi.ts";
import { build } from "./fixture.ts";

const SETTINGS: MadeBucket = { make: true, prefix: "models/", encryption: "s3", noncurrentDays: 90 };

const ARGS: ModelStoreArgs = {
  settings: SETTINGS,
  clusterName: "yolo-test",
  accountId: "123456789012",
  partition: "aws",
  reader: { clusterName: "yolo-test", namespace: "yolo", serviceAccount: "detector" },
  protect: true,
};

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:ModelStore::models";
const BUCKET = "yolo-test-models-123456789012";
const BUCKET_ARN = `arn:aws:s3:::${BUCKET}`;
const KEY_ARN = "arn:aws:kms:us-west-2:123456789012:key/1";

const make = (changes: Partial<ModelStoreArgs> = {}) =>
  build((parent) => new ModelStore("models", { ...ARGS, ...changes }, { parent }));

function inputs(recording: Recording, type: string, name = "models") {
  return find(recording, `aws:${type}`, name).inputs;
}

describe("ModelStore", () => {
  let store: ModelStore;
  let recording: Recording;
  const resource = (type: string): Registered => find(recording, `aws:${type}`, "models");

  before(async () => {
    ({ made: store, recording } = await make());
  });

  it("is the parent of every resource, and tells where models lie", async () => {
    for (const { type, name, parent } of recording.resources) {
      if (type.startsWith("aws:s3/")) assert.equal(parent, COMPONENT, `${type} ${name}`);
    }
    assert.equal(await outputValue(store.bucket), BUCKET);
    assert.deepEqual(recording.outputs.get(COMPONENT), { bucket: BUCKET, uri: `s3://${BUCKET}/models/` });
  });

  it("makes a bucket whose name is known before it exists, and protects it", () => {
    const bucket = resource("s3/bucket:Bucket");
    assert.deepEqual(bucket.inputs, { bucket: BUCKET, forceDestroy: false });
    assert.equal(bucket.protect, true);
  });

  it("lets nobody make the bucket or an object in it public", () => {
    assert.deepEqual(inputs(recording, "s3/bucketPublicAccessBlock:BucketPublicAccessBlock"), {
      bucket: BUCKET,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    assert.deepEqual(inputs(recording, "s3/bucketOwnershipControls:BucketOwnershipControls"), {
      bucket: BUCKET,
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
  });

  it("refuses requests without TLS 1.2, whoever makes them", () => {
    const { policy } = inputs(recording, "s3/bucketPolicy:BucketPolicy");
    const refused = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: [BUCKET_ARN, `${BUCKET_ARN}/*`] };
    assert.deepEqual(policy, {
      Version: "2012-10-17",
      Statement: [
        { ...refused, Sid: "RefuseUnencrypted", Condition: { Bool: { "aws:SecureTransport": "false" } } },
        { ...refused, Sid: "RefuseOldTls", Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
      ],
    });
  });

  it("changes access to the bucket one step after the other", () => {
    const access = resource("s3/bucketPublicAccessBlock:BucketPublicAccessBlock");
    const ownership = resource("s3/bucketOwnershipControls:BucketOwnershipControls");
    assert.ok(ownership.dependencies.includes(access.urn));
    assert.ok(resource("s3/bucketPolicy:BucketPolicy").dependencies.includes(ownership.urn));
  });

  it("encrypts with keys of S3", () => {
    const type = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    assert.deepEqual(inputs(recording, type), {
      bucket: BUCKET,
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    });
    assert.ok(!recording.resources.some((each) => each.type === "aws:kms/key:Key"));
  });

  it("keeps replaced versions for a while, and unfinished uploads for a week", () => {
    const versioning = resource("s3/bucketVersioning:BucketVersioning");
    assert.deepEqual(versioning.inputs, { bucket: BUCKET, versioningConfiguration: { status: "Enabled" } });
    const lifecycle = resource("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration");
    assert.deepEqual(lifecycle.inputs, {
      bucket: BUCKET,
      rules: [
        {
          id: "old-versions",
          status: "Enabled",
          filter: {},
          noncurrentVersionExpiration: { noncurrentDays: 90 },
          expiration: { expiredObjectDeleteMarker: true },
        },
        {
          id: "unfinished-uploads",
          status: "Enabled",
          filter: {},
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
      ],
    });
    assert.ok(lifecycle.dependencies.includes(versioning.urn));
  });

  it("lets the service's pods get objects below the prefix, and nothing else", () => {
    assert.deepEqual(inputs(recording, "iam/rolePolicy:RolePolicy", "models-reader").policy, {
      Version: "2012-10-17",
      Statement: [{ Sid: "GetModels", Effect: "Allow", Action: "s3:GetObject", Resource: `${BUCKET_ARN}/models/*` }],
    });
    assert.deepEqual(inputs(recording, "eks/podIdentityAssociation:PodIdentityAssociation", "models-reader"), {
      clusterName: "yolo-test",
      namespace: "yolo",
      serviceAccount: "detector",
      roleArn: "arn:aws:iam::123456789012:role/models-reader",
    });
  });
});

describe("ModelStore with a key of its own", () => {
  let recording: Recording;

  before(async () => {
    ({ recording } = await make({ settings: { ...SETTINGS, encryption: "kms", name: "our-models" }, protect: false }));
  });

  it("makes a key that rotates, and asks it once for many objects", () => {
    assert.deepEqual(inputs(recording, "kms/key:Key"), {
      description: "Models of yolo-test",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      tags: { Name: "yolo-test-models" },
    });
    assert.deepEqual(inputs(recording, "kms/alias:Alias"), { name: "alias/yolo-test-models", targetKeyId: "key-1" });
    const type = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    assert.deepEqual(inputs(recording, type).rules, [
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: KEY_ARN },
        bucketKeyEnabled: true,
      },
    ]);
  });

  it("lets the pods decrypt with that key", () => {
    const { policy } = inputs(recording, "iam/rolePolicy:RolePolicy", "models-reader");
    assert.deepEqual((policy as { Statement: unknown[] }).Statement, [
      { Sid: "GetModels", Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::our-models/models/*" },
      { Sid: "DecryptModels", Effect: "Allow", Action: "kms:Decrypt", Resource: KEY_ARN },
    ]);
  });

  it("goes with what lies in it where it is not protected", () => {
    const bucket = find(recording, "aws:s3/bucket:Bucket", "models");
    assert.deepEqual(bucket.inputs, { bucket: "our-models", forceDestroy: true });
    assert.equal(bucket.protect, false);
  });
});

describe("ModelStore on a bucket that exists", () => {
  it("makes nothing but the right to read", async () => {
    const settings = { make: false, name: "shared", prefix: "", keyArn: KEY_ARN } as const;
    const { made, recording } = await make({ settings, partition: "aws-cn" });
    assert.deepEqual(
      recording.resources.filter(({ type }) => type.startsWith("aws:")).map(({ type }) => type.split(":").at(-1)),
      ["Role", "RolePolicy", "PodIdentityAssociation"],
    );
    assert.deepEqual(inputs(recording, "iam/rolePolicy:RolePolicy", "models-reader").policy, {
      Version: "2012-10-17",
      Statement: [
        { Sid: "GetModels", Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws-cn:s3:::shared/*" },
        { Sid: "DecryptModels", Effect: "Allow", Action: "kms:Decrypt", Resource: KEY_ARN },
      ],
    });
    assert.equal(await outputValue(made.uri), "s3://shared/");
  });
});

describe("ModelStore with wrong arguments", () => {
  it("lists all of them", async () => {
    await assert.rejects(
      () => make({ settings: { ...SETTINGS, name: "Models", prefix: "/a*" } }),
      (error: Error) => {
        const [first, second, ...more] = error.message.split("\n");
        assert.match(first ?? "", /^Expected 3 to 63 lower-case letters.* for name but received "Models"$/);
        assert.match(second ?? "", /^Expected the beginning of a key.* for prefix but received "\/a\*"$/);
        return more.length === 0;
      },
    );
  });
});
