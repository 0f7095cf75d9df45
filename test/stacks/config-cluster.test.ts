import assert from "node:assert/strict";
import { z } from "zod";
import { eksClusterSchema } from "../../stacks/config/cluster.ts";
import { describeExpected, formatProblems } from "../../stacks/config/problems.ts";

const MINIMAL = { target: "eks", version: "1.35" };
const ROLE = "arn:aws:iam::123456789012:role/team";

/** The section as a stack has it: one of several kinds of clusters. */
const SECTION = z.strictObject({
  cluster: z.discriminatedUnion("target", [z.strictObject({ target: z.literal("kubeconfig") }), eksClusterSchema]),
});

/** The problems of a section, as they are printed. */
function problems(changes: Record<string, unknown>): string[] {
  const raw = { cluster: { ...MINIMAL, ...changes } };
  const result = SECTION.safeParse(raw, { error: describeExpected });
  return result.success ? [] : formatProblems(result.error, raw).split("\n");
}

const REFUSED: [name: string, changes: Record<string, unknown>, message: string][] = [
  [
    "no version",
    { version: undefined },
    "one of 1.34, 1.35, 1.36, in quotes, for cluster.version but received nothing",
  ],
  [
    "a version that YAML made a number",
    { version: 1.35 },
    "one of 1.34, 1.35, 1.36, in quotes, for cluster.version but received 1.35",
  ],
  ["an unknown key", { endpoint: { public: true } }, "no such key for cluster.endpoint.public but received true"],
  [
    "a public endpoint for private addresses",
    { endpoint: { publicCidrs: ["10.0.0.0/8"] } },
    'a range of public addresses for cluster.endpoint.publicCidrs.0 but received "10.0.0.0/8"',
  ],
  [
    "the session of a role",
    { access: { team: { principalArn: "arn:aws:sts::123456789012:assumed-role/team/me", policy: "view" } } },
    "the ARN of an IAM role or user, and not of a session of it, for cluster.access.team.principalArn " +
      'but received "arn:aws:sts::123456789012:assumed-role/team/me"',
  ],
  [
    "the role of an AWS service",
    {
      access: {
        team: { principalArn: "arn:aws:iam::123456789012:role/aws-service-role/eks.amazonaws.com/x", policy: "view" },
      },
    },
    "the ARN of an IAM role or user, and not of a session of it, for cluster.access.team.principalArn " +
      'but received "arn:aws:iam::123456789012:role/aws-service-role/eks.amazonaws.com/x"',
  ],
  [
    "a policy that does not exist",
    { access: { team: { principalArn: ROLE, policy: "root" } } },
    'one of clusterAdmin, admin, adminView, edit, view for cluster.access.team.policy but received "root"',
  ],
  [
    "logs that do not exist",
    { logs: ["etcd"] },
    'one of api, audit, authenticator, controllerManager, scheduler for cluster.logs[0] but received "etcd"',
  ],
  [
    "Services at public addresses",
    { serviceCidr: "8.0.0.0/16" },
    'a range within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 for cluster.serviceCidr but received "8.0.0.0/16"',
  ],
  [
    "an add-on at no exact version",
    { addonVersions: { coredns: "latest" } },
    'the version of an add-on such as v1.22.4-eksbuild.3 for cluster.addonVersions.coredns but received "latest"',
  ],
  [
    "an add-on of another version than the cluster",
    { addonVersions: { "kube-proxy": "v1.36.0-eksbuild.25" } },
    "a version of v1.35, as cluster.version, for cluster.addonVersions.kube-proxy " +
      'but received "v1.36.0-eksbuild.25"',
  ],
  [
    "an add-on that does not exist",
    { addonVersions: { flannel: "v1.0.0-eksbuild.1" } },
    'no such key for cluster.addonVersions.flannel but received "v1.0.0-eksbuild.1"',
  ],
  [
    "a switch that is no truth value",
    { deleteUnreachable: "yes" },
    'true or false for cluster.deleteUnreachable but received "yes"',
  ],
];

describe("eksClusterSchema", () => {
  it("fills in every default but the version: private, logged, and with nobody's access", () => {
    assert.deepEqual(eksClusterSchema.parse(MINIMAL), {
      target: "eks",
      version: "1.35",
      endpoint: { publicCidrs: [], privateCidrs: [] },
      access: {},
      logs: ["api", "audit", "authenticator"],
      logRetentionDays: 30,
      serviceCidr: "172.20.0.0/16",
      addonVersions: {},
      deleteUnreachable: false,
    });
  });

  it("takes roles with a path, and users", () => {
    const access = {
      sso: {
        principalArn: "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/us-west-2/AWSReservedSSO_Admin_1",
        policy: "clusterAdmin",
      },
      me: { principalArn: "arn:aws-cn:iam::123456789012:user/me", policy: "edit", namespaces: ["yolo"] },
    };
    assert.deepEqual(problems({ access }), []);
  });

  for (const [name, changes, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(problems(changes), [`✖ Expected ${message}`]);
    });
  }

  it("reports every problem at once", () => {
    assert.equal(problems({ version: "1.20", logs: ["etcd"], deleteUnreachable: 1 }).length, 3);
  });
});
