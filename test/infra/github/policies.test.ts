import assert from "node:assert/strict";
import { boundaryPolicy, boundRoles } from "../../../infra/github/boundary.ts";
import { deployPolicy } from "../../../infra/github/deploy-policy.ts";
import { previewPolicy } from "../../../infra/github/preview-policy.ts";
import type { PipelineScope } from "../../../infra/github/scope.ts";
import { REPOSITORY } from "../../../infra/github/trust.ts";
import { statements } from "../scaling/fixture.ts";

const SCOPE: PipelineScope = {
  clusterName: "yolo-test",
  region: "eu-central-1",
  accountId: "111111111111",
  partition: "aws",
  stateBucket: "our-state",
  secretsKeyArn: "arn:aws:kms:eu-central-1:111111111111:key/1",
};

const IN_REGION = { StringEquals: { "aws:RequestedRegion": "eu-central-1" } };

/** Characters that IAM counts of the policies within a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const INLINE_LIMIT = 10_240;
const MANAGED_LIMIT = 6_144;

const size = (policy: object) => JSON.stringify(policy).replaceAll(/\s/g, "").length;
const actions = (statement: Record<string, unknown> | undefined) => [statement?.Action].flat() as string[];

describe("The preview role's policy", () => {
  const { ReadRegion, ReadGlobal, ListState, ReadState, ChangeState, UseSecretsKey, ...others } = statements(
    previewPolicy(SCOPE),
  );

  it("reads how things are configured, and nothing that lies in them", () => {
    assert.deepEqual(ReadRegion?.Condition, IN_REGION);
    for (const action of [...actions(ReadRegion), ...actions(ReadGlobal)]) {
      assert.match(action, /:(?:Describe|Get|List|View)/);
      const data =
        /s3:Get\*|s3:GetObject|GetSecretValue|ssm:|logs:Get|logs:Filter|sqs:Receive|ecr:BatchGet|ecr:GetAuth|kms:Decrypt/;
      assert.doesNotMatch(action, data);
    }
    assert.deepEqual(others, {});
  });

  it("changes nothing but locks of the state", () => {
    assert.deepEqual(ListState?.Resource, "arn:aws:s3:::our-state");
    assert.deepEqual(ReadState, {
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: "arn:aws:s3:::our-state/.pulumi/*",
    });
    assert.deepEqual(ChangeState, {
      Effect: "Allow",
      Action: ["s3:DeleteObject", "s3:PutObject"],
      Resource: "arn:aws:s3:::our-state/.pulumi/locks/*",
    });
    assert.deepEqual(UseSecretsKey, { Effect: "Allow", Action: "kms:Decrypt", Resource: SCOPE.secretsKeyArn });
  });

  it("fits into a role", () => {
    assert.ok(size(previewPolicy(SCOPE)) <= INLINE_LIMIT);
  });
});

describe("The deploy role's policy", () => {
  const policy = statements(deployPolicy(SCOPE));

  it("changes only what is in its region or named after the cluster", () => {
    for (const [sid, { Action, Resource, Condition }] of Object.entries(policy)) {
      if (["ReadRegion", "ReadGlobal", "LogIntoRegistry"].includes(sid) || /State|SecretsKey/.test(sid)) continue;
      if (sid === "ChangeRegion") {
        assert.deepEqual(Condition, IN_REGION);
        for (const action of [Action].flat()) assert.doesNotMatch(String(action), /^(?:iam|s3|organizations):/);
        continue;
      }
      const where = JSON.stringify([Resource, Condition]);
      assert.ok(sid === "MakeServiceRoles" || where.includes("yolo-test"), sid);
    }
  });

  it("gives rights only to roles of the stack, and only within the boundary", () => {
    const roles = "arn:aws:iam::111111111111:role/yolo-test/*";
    assert.deepEqual(policy.GiveRightsWithinBoundary?.Condition, {
      StringEquals: { "iam:PermissionsBoundary": "arn:aws:iam::111111111111:policy/yolo-test-boundary" },
    });
    const withinBoundary = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ];
    for (const action of withinBoundary) assert.ok(actions(policy.GiveRightsWithinBoundary).includes(action), action);
    for (const [sid, statement] of Object.entries(policy)) {
      for (const action of actions(statement).filter((each) => each.startsWith("iam:"))) {
        if (sid !== "GiveRightsWithinBoundary") assert.ok(!withinBoundary.includes(action), `${sid} ${action}`);
        assert.doesNotMatch(
          action,
          /\*|DeleteRolePermissionsBoundary|User|AccessKey|Policy(?:Version)?$(?<=iam:(?:Create|Set).*)|(?:Create|Delete|Update)\w*OpenID/,
        );
      }
    }
    for (const sid of ["GiveRightsWithinBoundary", "ChangeRoles", "PassRoles"]) {
      assert.equal(policy[sid]?.Resource, roles, sid);
    }
    assert.ok(!actions(policy.ChangeRoles).includes("iam:DeleteRolePermissionsBoundary"));
  });

  it("passes roles to the services that take them", () => {
    assert.deepEqual(policy.PassRoles?.Condition, {
      StringEquals: {
        "iam:PassedToService": [
          "ec2.amazonaws.com",
          "eks.amazonaws.com",
          "pods.eks.amazonaws.com",
          "vpc-flow-logs.amazonaws.com",
        ],
      },
    });
  });

  it("writes the state, and fits into a role", () => {
    assert.equal(policy.ChangeState?.Resource, "arn:aws:s3:::our-state/.pulumi/*");
    assert.deepEqual(policy.UseSecretsKey?.Action, ["kms:Decrypt", "kms:Encrypt"]);
    assert.ok(size(deployPolicy(SCOPE)) <= INLINE_LIMIT, String(size(deployPolicy(SCOPE))));
    const { secretsKeyArn: _, ...passphrase } = SCOPE;
    assert.equal(statements(deployPolicy(passphrase)).UseSecretsKey, undefined);
  });
});

describe("The boundary", () => {
  const policy = statements(boundaryPolicy(SCOPE));

  it("holds no right to give rights", () => {
    for (const [sid, statement] of Object.entries(policy)) {
      for (const action of actions(statement).filter((each) => each.startsWith("iam:"))) {
        assert.match(action, /^iam:(?:Get|List|PassRole|CreateServiceLinkedRole)/, sid);
      }
    }
    assert.equal(policy.PassRoles?.Resource, "arn:aws:iam::111111111111:role/yolo-test/*");
    assert.ok(
      !actions(policy.Services).some((action) => /^(?:\*|iam:|sts:|organizations:|secretsmanager:)/.test(action)),
    );
  });

  it("keeps roles away from the state", () => {
    assert.deepEqual(policy.LeaveStateAlone, {
      Effect: "Deny",
      Action: "s3:*",
      Resource: ["arn:aws:s3:::our-state", "arn:aws:s3:::our-state/*"],
    });
  });

  it("fits into a policy", () => {
    assert.ok(size(boundaryPolicy(SCOPE)) <= MANAGED_LIMIT);
  });
});

describe("boundRoles", () => {
  const transform = boundRoles("yolo-test", "arn:aws:iam::111111111111:policy/yolo-test-boundary");
  const transformed = (type: string, props: Record<string, unknown>) =>
    transform({ type, name: "any", custom: true, props, opts: {} });

  it("puts roles below the path and within the boundary, and instance profiles below the path", () => {
    assert.deepEqual(transformed("aws:iam/role:Role", { description: "x" }), {
      props: {
        description: "x",
        path: "/yolo-test/",
        permissionsBoundary: "arn:aws:iam::111111111111:policy/yolo-test-boundary",
      },
      opts: {},
    });
    assert.deepEqual(transformed("aws:iam/instanceProfile:InstanceProfile", {}), {
      props: { path: "/yolo-test/" },
      opts: {},
    });
  });

  it("leaves everything else, and roles with a path of their own, as they are", () => {
    assert.equal(transformed("aws:iam/role:Role", { path: "/" }), undefined);
    assert.equal(transformed("aws:iam/policy:Policy", {}), undefined);
  });
});

describe("REPOSITORY", () => {
  it("is what tokens call it, by names or by names and numbers", () => {
    for (const text of ["octocat/my-repo", "octocat@123456/my-repo@456789", "a/b.c_d"]) {
      assert.match(text, REPOSITORY.regex);
    }
    for (const text of ["octocat", "octocat/*", "octocat@1/my-repo", "octocat/my-repo@1", "-a/b", "a/b/c", "a/b:c"]) {
      assert.doesNotMatch(text, REPOSITORY.regex);
    }
  });
});
