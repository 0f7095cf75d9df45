import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { GithubRolesArgs } from "../../../infra/github/args.ts";
import { boundaryPolicy } from "../../../infra/github/boundary.ts";
import { deployPolicy } from "../../../infra/github/deploy-policy.ts";
import { GithubRoles } from "../../../infra/github/github-roles.ts";
import { previewPolicy } from "../../../infra/github/preview-policy.ts";
import { find, installMocks, outputValue, type Recording, settle } from "../../support/pulumi.ts";

const ARGS: GithubRolesArgs = {
  clusterName: "yolo-test",
  location: { region: "eu-central-1", accountId: "111111111111", partition: "aws" },
  repository: "octocat@1/detector@2",
  environment: "test",
  makeProvider: true,
  stateBucket: "our-state",
};

const SCOPE = {
  clusterName: "yolo-test",
  region: "eu-central-1",
  accountId: "111111111111",
  partition: "aws",
  stateBucket: "our-state",
};

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:GithubRoles::github";
const PROVIDER_ARN = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";

/** Builds the component under mocks, which do not show that AWS accepts it. */
async function build(changes: Partial<GithubRolesArgs> = {}) {
  const arn = (kind: string) => (_: string, inputs: Record<string, unknown>) => ({
    arn: `arn:aws:iam::111111111111:${kind}/${String(inputs.name)}`,
  });
  const recording = await installMocks({
    states: {
      "aws:iam/role:Role": arn("role"),
      "aws:iam/policy:Policy": arn("policy"),
      "aws:iam/openIdConnectProvider:OpenIdConnectProvider": () => ({ arn: PROVIDER_ARN }),
    },
  });
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const roles = new GithubRoles("github", { ...ARGS, ...changes }, { parent });
  await settle();
  return { roles, recording };
}

function trust(recording: Recording, name: string): unknown {
  const { assumeRolePolicy } = find(recording, "aws:iam/role:Role", name).inputs as {
    assumeRolePolicy: { Statement: unknown[] };
  };
  return assumeRolePolicy.Statement;
}

describe("GithubRoles", () => {
  let roles: GithubRoles;
  let recording: Recording;

  before(async () => {
    ({ roles, recording } = await build());
  });

  it("is the parent of every resource, and tells roles and boundary", async () => {
    for (const { type, name, parent } of recording.resources.filter((each) => each.type.startsWith("aws:"))) {
      assert.equal(parent, COMPONENT, `${type} ${name}`);
    }
    const outputs = {
      previewRoleArn: "arn:aws:iam::111111111111:role/yolo-test-preview",
      deployRoleArn: "arn:aws:iam::111111111111:role/yolo-test-deploy",
      boundaryArn: "arn:aws:iam::111111111111:policy/yolo-test-boundary",
    };
    assert.deepEqual(recording.outputs.get(COMPONENT), outputs);
    assert.equal(await outputValue(roles.deployRoleArn), outputs.deployRoleArn);
  });

  it("trusts GitHub without asking for its certificate (P27)", () => {
    assert.deepEqual(find(recording, "aws:iam/openIdConnectProvider:OpenIdConnectProvider", "github").inputs, {
      url: "https://token.actions.githubusercontent.com",
      clientIdLists: ["sts.amazonaws.com"],
    });
  });

  it("gives one role to pull requests and one to the environment, of this repository only", () => {
    const statement = (context: string) => [
      {
        Effect: "Allow",
        Principal: { Federated: PROVIDER_ARN },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": `repo:octocat@1/detector@2:${context}`,
          },
        },
      },
    ];
    assert.deepEqual(trust(recording, "github-preview"), statement("pull_request"));
    assert.deepEqual(trust(recording, "github-deploy"), statement("environment:test"));
  });

  it("names the roles, keeps them where a deployment has no rights, and bounds their sessions", () => {
    for (const [kind, seconds] of [
      ["preview", 3600],
      ["deploy", 7200],
    ] as const) {
      const { name, path, maxSessionDuration } = find(recording, "aws:iam/role:Role", `github-${kind}`).inputs;
      assert.deepEqual([name, path, maxSessionDuration], [`yolo-test-${kind}`, "/", seconds]);
    }
  });

  it("gives each role its policy, and makes the boundary", () => {
    const policy = (name: string) => find(recording, "aws:iam/rolePolicy:RolePolicy", name).inputs.policy;
    assert.deepEqual(policy("github-preview"), previewPolicy(SCOPE));
    assert.deepEqual(policy("github-deploy"), deployPolicy(SCOPE));
    assert.deepEqual(find(recording, "aws:iam/policy:Policy", "github").inputs, {
      name: "yolo-test-boundary",
      policy: boundaryPolicy(SCOPE),
    });
  });

  it("takes the provider that the account has", async () => {
    const { recording: other } = await build({ makeProvider: false });
    assert.ok(!other.resources.some(({ type }) => type.includes("OpenIdConnectProvider")));
    assert.match(JSON.stringify(trust(other, "github-deploy")), new RegExp(PROVIDER_ARN));
  });

  it("lists every wrong argument", async () => {
    await assert.rejects(() => build({ repository: "octocat/*", environment: "a:b", stateBucket: "s3://state" }), {
      message: [
        "Expected OWNER/NAME, or OWNER@ID/NAME@ID where tokens name the repository so, for repository " +
          'but received "octocat/*"',
        'Expected the name of an environment of letters, digits and . _ - for environment but received "a:b"',
        "Expected 3 to 63 lower-case letters, digits and hyphens that begin and end with a letter or digit for stateBucket " +
          'but received "s3://state"',
      ].join("\n"),
    });
  });
});
