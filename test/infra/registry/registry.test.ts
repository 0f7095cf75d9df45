import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { RegistryArgs } from "../../../infra/registry/args.ts";
import { registryProblems } from "../../../infra/registry/checks.ts";
import { Registry } from "../../../infra/registry/registry.ts";
import { find, installMocks, outputValue, type Recording, settle } from "../../support/pulumi.ts";

const ARGS: RegistryArgs = {
  clusterName: "yolo-test",
  untaggedDays: 14,
  keepTagged: 500,
  encryption: "ecr",
  partition: "aws",
  protect: true,
};

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Registry::registry";
const URL = "123456789012.dkr.ecr.us-west-2.amazonaws.com/yolo-test/detector";
const ARN = "arn:aws:ecr:us-west-2:123456789012:repository/yolo-test/detector";

/** Builds the component under mocks, which do not show that AWS accepts it. */
async function build(changes: Partial<RegistryArgs> = {}) {
  const recording = await installMocks({
    states: { "aws:ecr/repository:Repository": () => ({ repositoryUrl: URL, arn: ARN }) },
  });
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const registry = new Registry("registry", { ...ARGS, ...changes }, { parent });
  await settle();
  return { registry, recording };
}

describe("Registry", () => {
  let registry: Registry;
  let recording: Recording;

  before(async () => {
    ({ registry, recording } = await build());
  });

  it("is the parent of every resource, and tells where to push", async () => {
    for (const { type, parent } of recording.resources.filter((each) => each.type.startsWith("aws:"))) {
      assert.equal(parent, COMPONENT, type);
    }
    assert.equal(await outputValue(registry.repositoryUrl), URL);
    assert.deepEqual(recording.outputs.get(COMPONENT), { repositoryUrl: URL, arn: ARN });
  });

  it("makes a repository whose tags never move, that scans what is pushed, and is protected", () => {
    const repository = find(recording, "aws:ecr/repository:Repository", "registry");
    assert.deepEqual(repository.inputs, {
      name: "yolo-test/detector",
      imageTagMutability: "IMMUTABLE",
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfigurations: [{ encryptionType: "AES256" }],
      forceDelete: false,
    });
    assert.equal(repository.protect, true);
  });

  it("lets go of images without a tag, and of the oldest of very many", () => {
    const { policy, repository } = find(recording, "aws:ecr/lifecyclePolicy:LifecyclePolicy", "registry").inputs;
    assert.equal(repository, "yolo-test/detector");
    assert.deepEqual(JSON.parse(String(policy)), {
      rules: [
        {
          rulePriority: 1,
          description: "Images without a tag, after 14 days",
          selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
          action: { type: "expire" },
        },
        {
          rulePriority: 2,
          description: "The oldest beyond 500 images",
          selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 500 },
          action: { type: "expire" },
        },
      ],
    });
  });

  it("lets nobody in by a policy of the repository", () => {
    assert.ok(!recording.resources.some(({ type }) => type === "aws:ecr/repositoryPolicy:RepositoryPolicy"));
  });

  it("or other accounts, to pull only", async () => {
    const { recording: shared } = await build({
      name: "team/detector",
      encryption: "kms",
      pullAccounts: ["210987654321"],
      partition: "aws-us-gov",
      protect: false,
    });
    const { name, encryptionConfigurations, forceDelete } = find(
      shared,
      "aws:ecr/repository:Repository",
      "registry",
    ).inputs;
    assert.deepEqual(
      [name, encryptionConfigurations, forceDelete],
      ["team/detector", [{ encryptionType: "KMS" }], true],
    );
    assert.deepEqual(find(shared, "aws:ecr/repositoryPolicy:RepositoryPolicy", "registry").inputs, {
      repository: "team/detector",
      policy: {
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "Pull",
            Effect: "Allow",
            Principal: { AWS: ["arn:aws-us-gov:iam::210987654321:root"] },
            Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
          },
        ],
      },
    });
  });

  it("lists every wrong argument", async () => {
    await assert.rejects(() => build({ name: "Team", pullAccounts: ["1"] }), {
      message:
        'Expected a name of 2 to 256 lower-case letters and digits, joined by . _ - and / for name but received "Team"\n' +
        'Expected the 12 digits of an AWS account, in quotes, for pullAccounts.0 but received "1"',
    });
  });
});

describe("registryProblems", () => {
  it("takes names as ECR does", () => {
    for (const name of ["ab", "a/b", "team.x/detector_v1-a"]) assert.deepEqual(registryProblems({ name }), [], name);
    for (const name of ["a", "/a", "a/", "a//b", "a..b", "-a", "a b"]) {
      assert.equal(registryProblems({ name }).length, 1, name);
    }
  });
});
