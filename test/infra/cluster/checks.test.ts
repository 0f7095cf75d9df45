import assert from "node:assert/strict";
import { accessEntries } from "../../../infra/cluster/access.ts";
import type { AccessGrant, ClusterSettings } from "../../../infra/cluster/args.ts";
import { clusterNameProblems, clusterProblems, deployerProblems } from "../../../infra/cluster/checks.ts";
import { problemText } from "../../../infra/problems.ts";
import { ARGS } from "./fixture.ts";

const ROLE = "arn:aws:iam::123456789012:role/team";

const REFUSED: [name: string, settings: Partial<ClusterSettings>, message: string][] = [
  [
    "Services at public addresses",
    { serviceCidr: "100.64.0.0/16" },
    'a range within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 for serviceCidr but received "100.64.0.0/16"',
  ],
  [
    "a range of Services that EKS finds too small",
    { serviceCidr: "10.0.0.0/25" },
    'a range from /12 to /24 for serviceCidr but received "10.0.0.0/25"',
  ],
  [
    "a text that is no range",
    { endpoint: { privateCidrs: [], publicCidrs: ["203.0.113.4"] } },
    'an address range such as 203.0.113.4/32 for endpoint.publicCidrs.0 but received "203.0.113.4"',
  ],
  [
    "an address in the middle of its range",
    { endpoint: { privateCidrs: [], publicCidrs: ["203.0.113.4/24"] } },
    "the first address of the range (203.0.113.0/24) for endpoint.publicCidrs.0 " + 'but received "203.0.113.4/24"',
  ],
  [
    "private addresses at the public endpoint",
    { endpoint: { privateCidrs: [], publicCidrs: ["203.0.113.4/32", "10.0.0.0/8"] } },
    'a range of public addresses for endpoint.publicCidrs.1 but received "10.0.0.0/8"',
  ],
  [
    "public addresses at the private endpoint",
    { endpoint: { publicCidrs: [], privateCidrs: ["203.0.113.4/32"] } },
    "a range within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 for endpoint.privateCidrs.0 " +
      'but received "203.0.113.4/32"',
  ],
  [
    "callers at addresses of Services",
    { endpoint: { publicCidrs: [], privateCidrs: ["172.20.8.0/24"] } },
    'a range outside serviceCidr (172.20.0.0/16) for endpoint.privateCidrs.0 but received "172.20.8.0/24"',
  ],
  [
    "two entries for one principal",
    { access: { a: { principalArn: ROLE, policy: "view" }, b: { principalArn: ROLE, policy: "edit" } } },
    `another principal than access.a has for access.b.principalArn but received "${ROLE}"`,
  ],
  [
    "a whole cluster's policy for a namespace",
    { access: { a: { principalArn: ROLE, policy: "clusterAdmin", namespaces: ["yolo"] } } },
    "none with the policy clusterAdmin, which is for the whole cluster (admin can be limited), " +
      'for access.a.namespaces but received ["yolo"]',
  ],
  [
    "a policy for no namespace",
    { access: { a: { principalArn: ROLE, policy: "edit", namespaces: [] } } },
    "at least one, or no such key for all, for access.a.namespaces but received []",
  ],
  [
    "kube-proxy of another version than the cluster",
    { addonVersions: { "kube-proxy": "v1.34.6-eksbuild.29" } },
    'a version of v1.35, as cluster.version, for addonVersions.kube-proxy but received "v1.34.6-eksbuild.29"',
  ],
];

describe("clusterProblems", () => {
  it("finds none in what is right", () => {
    assert.deepEqual(clusterProblems(ARGS), []);
    // Open to everybody only where somebody wrote it down; the policy pack refuses it for production.
    assert.deepEqual(clusterProblems({ ...ARGS, endpoint: { privateCidrs: [], publicCidrs: ["0.0.0.0/0"] } }), []);
    assert.deepEqual(clusterProblems({ ...ARGS, addonVersions: { "kube-proxy": "v1.35.9-eksbuild.1" } }), []);
  });

  for (const [name, settings, message] of REFUSED) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(clusterProblems({ ...ARGS, ...settings }).map(problemText), [`Expected ${message}`]);
    });
  }
});

describe("clusterNameProblems", () => {
  it("leaves room for what names are made of it", () => {
    for (const name of ["yolo-dev", "y", `y${"o".repeat(31)}`]) assert.deepEqual(clusterNameProblems(name), []);
    for (const name of ["", "1yolo", "yolo_dev", `y${"o".repeat(32)}`]) {
      assert.equal(clusterNameProblems(name).length, 1, name);
    }
  });
});

describe("deployerProblems", () => {
  const access = (principalArn: string): Record<string, AccessGrant> => ({ a: { principalArn, policy: "view" } });

  for (const [principal, caller] of [
    ["arn:aws:iam::123456789012:role/deploy", "arn:aws:sts::123456789012:assumed-role/deploy/github-1"],
    ["arn:aws:iam::123456789012:role/ci/path/deploy", "arn:aws:sts::123456789012:assumed-role/deploy/session"],
    ["arn:aws:iam::123456789012:user/me", "arn:aws:iam::123456789012:user/me"],
  ] as const) {
    it(`refuses a second entry for ${principal}, which creates the cluster`, () => {
      assert.deepEqual(deployerProblems(access(principal), caller).map(problemText), [
        "Expected anybody but who creates the cluster, who has access by that, for cluster.access.a.principalArn " +
          `but received "${principal}"`,
      ]);
    });
  }

  it("leaves everybody else alone", () => {
    const caller = "arn:aws:sts::123456789012:assumed-role/deploy/session";
    for (const principal of [
      "arn:aws:iam::123456789012:role/deployer",
      "arn:aws:iam::210987654321:role/deploy",
      "arn:aws:iam::123456789012:user/deploy",
    ]) {
      assert.deepEqual(deployerProblems(access(principal), caller), [], principal);
    }
  });
});

describe("accessEntries", () => {
  it("names the policy in the partition of the principal", () => {
    const entries = accessEntries({ a: { principalArn: "arn:aws-cn:iam::123456789012:role/a", policy: "view" } });
    assert.deepEqual(entries, {
      a: {
        principalArn: "arn:aws-cn:iam::123456789012:role/a",
        accessPolicies: {
          view: {
            policyArn: "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
            accessScope: { type: "cluster" },
          },
        },
      },
    });
  });
});
