import assert from "node:assert/strict";
import { KUBERNETES_MINORS } from "../../../infra/cluster/addon-versions.ts";
import { ClusterAutoscaler } from "../../../infra/scaling/cluster-autoscaler.ts";
import { clusterAutoscalerPolicy } from "../../../infra/scaling/cluster-autoscaler-policy.ts";
import { clusterAutoscalerValues } from "../../../infra/scaling/cluster-autoscaler-values.ts";
import { CHARTS } from "../../../infra/versions.ts";
import { unknownKeys } from "../../support/chart-values.ts";
import { find, outputValue, type Recording } from "../../support/pulumi.ts";
import { build, CHART, CONTROLLER, LOCATION, SETTINGS, statements, valuesOf } from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:ClusterAutoscaler::autoscaler";
const ARGS = {
  ...CONTROLLER,
  location: LOCATION,
  kubernetesVersion: "1.35",
  settings: SETTINGS.clusterAutoscaler,
} as const;
const SCOPE = { clusterName: "yolo-test", region: "eu-central-1", accountId: "111111111111", partition: "aws" };

describe("ClusterAutoscaler", () => {
  let autoscaler: ClusterAutoscaler;
  let recording: Recording;

  before(async () => {
    ({ made: autoscaler, recording } = await build(
      ({ parent }) => new ClusterAutoscaler("autoscaler", ARGS, { parent }),
    ));
  });

  it("is a child of its parent, uses its cluster, and tells the role of its pods", async () => {
    assert.equal(find(recording, "yolo:infra:ClusterAutoscaler", "autoscaler").urn, COMPONENT);
    const chart = find(recording, CHART, "autoscaler");
    assert.equal(chart.parent, COMPONENT);
    assert.match(chart.provider, /pulumi:providers:kubernetes::cluster/);
    const roleArn = "arn:aws:iam::111111111111:role/autoscaler";
    assert.equal(await outputValue(autoscaler.roleArn), roleArn);
    assert.deepEqual(recording.outputs.get(COMPONENT), { roleArn });
  });

  it("installs the pinned chart in kube-system", () => {
    const { chart, version, repository } = CHARTS.clusterAutoscaler;
    const { values, ...inputs } = find(recording, CHART, "autoscaler").inputs;
    assert.deepEqual(inputs, {
      chart,
      version,
      repositoryOpts: { repo: repository },
      name: "autoscaler",
      namespace: "kube-system",
      skipCrds: false,
    });
    assert.ok(values);
  });

  it("gives the chart exactly these values", () => {
    assert.deepEqual(valuesOf(find(recording, CHART, "autoscaler")), {
      fullnameOverride: "cluster-autoscaler",
      cloudProvider: "aws",
      awsRegion: "eu-central-1",
      autoDiscovery: { clusterName: "yolo-test" },
      image: { tag: "v1.35.2" },
      replicaCount: 3,
      extraArgs: {
        expander: "most-pods",
        "balance-similar-node-groups": true,
        "skip-nodes-with-local-storage": false,
        "max-node-provision-time": "7m",
        "scale-down-unneeded-time": "4m",
        "scale-down-delay-after-add": "5m",
        "scale-down-utilization-threshold": 0.6,
        "scale-down-gpu-utilization-threshold": 0.6,
      },
      rbac: {
        serviceAccount: { name: "cluster-autoscaler" },
        additionalRules: [
          {
            apiGroups: ["resource.k8s.io"],
            resources: ["deviceclasses", "resourceclaims", "resourceslices"],
            verbs: ["get", "list", "watch"],
          },
          { apiGroups: ["storage.k8s.io"], resources: ["volumeattachments"], verbs: ["get", "list", "watch"] },
        ],
      },
      resources: { requests: { cpu: "100m", memory: "300Mi" }, limits: { memory: "600Mi" } },
      podDisruptionBudget: { maxUnavailable: 1 },
      priorityClassName: "system-cluster-critical",
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65534,
        runAsGroup: 65534,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containerSecurityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      nodeSelector: { "yolo/pool": "system" },
      tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
      topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: {
          matchLabels: {
            "app.kubernetes.io/instance": "autoscaler",
            "app.kubernetes.io/name": "aws-cluster-autoscaler",
          },
        },
      })),
      serviceMonitor: { enabled: true, namespace: "kube-system", interval: "30s" },
    });
  });

  it("gives the pods' service account a role, and starts the pods after that", () => {
    const association = find(recording, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "autoscaler");
    assert.deepEqual(association.inputs, {
      clusterName: "yolo-test",
      namespace: "kube-system",
      serviceAccount: "cluster-autoscaler",
      roleArn: "arn:aws:iam::111111111111:role/autoscaler",
    });
    assert.ok(find(recording, CHART, "autoscaler").dependencies.includes(association.urn));
    const { policy } = find(recording, "aws:iam/rolePolicy:RolePolicy", "autoscaler").inputs;
    assert.deepEqual(policy, clusterAutoscalerPolicy(SCOPE));
  });
});

describe("The Cluster Autoscaler's values", () => {
  const values = (changes: object) =>
    clusterAutoscalerValues({ ...CONTROLLER, ...ARGS, release: "autoscaler", region: "eu-central-1", ...changes });

  it("have keys of the chart only", function () {
    const unknown = unknownKeys(values({}), "cluster-autoscaler", { passedOn: ["extraArgs"] });
    if (unknown === undefined) this.skip();
    assert.deepEqual(unknown, []);
  });

  it("have an image of the cluster's own minor version, for every version", () => {
    for (const kubernetesVersion of KUBERNETES_MINORS) {
      const { tag } = values({ kubernetesVersion }).image;
      assert.ok(tag.startsWith(`v${kubernetesVersion}.`), `${kubernetesVersion}: ${tag}`);
    }
  });
});

describe("The Cluster Autoscaler's policy", () => {
  const { Read, ReadNodeGroups, Scale, ...others } = statements(clusterAutoscalerPolicy(SCOPE));

  it("changes only groups that bear the tag of the cluster", () => {
    assert.deepEqual(Scale, {
      Effect: "Allow",
      Action: ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
      Resource: "arn:aws:autoscaling:eu-central-1:111111111111:autoScalingGroup:*:autoScalingGroupName/*",
      Condition: { StringEquals: { "aws:ResourceTag/k8s.io/cluster-autoscaler/yolo-test": "owned" } },
    });
    assert.deepEqual(others, {});
  });

  it("reads the cluster's node groups, so that a group without a node can grow", () => {
    assert.deepEqual(ReadNodeGroups, {
      Effect: "Allow",
      Action: "eks:DescribeNodegroup",
      Resource: "arn:aws:eks:eu-central-1:111111111111:nodegroup/yolo-test/*/*",
    });
  });

  it("only reads what cannot be limited to resources, in its region", () => {
    assert.equal(Read?.Resource, "*");
    for (const action of [Read?.Action].flat() as string[])
      assert.match(action, /^(?:autoscaling|ec2):(?:Describe|Get)/);
    assert.deepEqual(Read?.Condition, { StringEquals: { "aws:RequestedRegion": "eu-central-1" } });
  });
});
