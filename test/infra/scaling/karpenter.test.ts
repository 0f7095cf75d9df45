import assert from "node:assert/strict";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { INTERRUPTION_EVENTS, queuePolicy } from "../../../infra/scaling/interruption-queue.ts";
import { Karpenter, type KarpenterArgs } from "../../../infra/scaling/karpenter.ts";
import { karpenterPolicy } from "../../../infra/scaling/karpenter-policy.ts";
import { karpenterValues } from "../../../infra/scaling/karpenter-values.ts";
import { nodeClassSpec, nodeOverlaySpec, nodePoolSpec } from "../../../infra/scaling/node-pool.ts";
import { CHARTS } from "../../../infra/versions.ts";
import { unknownKeys } from "../../support/chart-values.ts";
import { find, outputValue, type Recording, type Registered, settle } from "../../support/pulumi.ts";
import {
  build,
  CHART,
  CONTROLLER,
  LOCATION,
  type Parent,
  POOL,
  prepare,
  SETTINGS,
  SUBNETS,
  valuesOf,
} from "./fixture.ts";

const COMPONENT = "urn:pulumi:test::yolo::test:Parent$yolo:infra:Karpenter::karpenter";
const NODE_ROLE = "arn:aws:iam::111111111111:role/karpenter-nodes";
const QUEUE = "arn:aws:sqs:eu-central-1:111111111111:karpenter";
const NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool";
const NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass";
const OVERLAY = "kubernetes:karpenter.sh/v1alpha1:NodeOverlay";
const WHOLE = { ...POOL, sharing: { mode: "none" } } as const;

const PLUGIN = "kubernetes:core/v1:ConfigMap";

function karpenter({ parent }: Parent, changes: Partial<KarpenterArgs> = {}): Karpenter {
  // A component stands for what it made, which is one object here.
  const devicePlugin = new pulumi.ComponentResource("test:DevicePlugin", "device-plugin", {}, { parent });
  new k8s.core.v1.ConfigMap("device-plugin", {}, { parent: devicePlugin });
  return new Karpenter(
    "karpenter",
    {
      ...CONTROLLER,
      location: LOCATION,
      kubernetesVersion: "1.35",
      settings: SETTINGS.karpenter,
      subnets: SUBNETS,
      securityGroupId: "sg-1",
      pools: { small: POOL, whole: WHOLE },
      devicePlugin,
      tags: { project: "yolo" },
      ...changes,
    },
    { parent },
  );
}

describe("Karpenter", () => {
  let made: Karpenter;
  let recording: Recording;
  const one = (type: string, name: string): Registered => find(recording, type, name);

  before(async () => {
    ({ made, recording } = await build(karpenter));
  });

  it("is a child of its parent, uses its cluster, and tells its roles and its queue", async () => {
    assert.equal(one("yolo:infra:Karpenter", "karpenter").urn, COMPONENT);
    const kubernetes = recording.resources.filter(({ type }) => type.startsWith("kubernetes:"));
    assert.equal(kubernetes.length, 1 + 2 + 2 + 3);
    for (const { provider, name } of kubernetes) assert.match(provider, /pulumi:providers:kubernetes::cluster/, name);
    assert.equal(await outputValue(made.nodeRoleArn), NODE_ROLE);
    assert.deepEqual(recording.outputs.get(COMPONENT), {
      roleArn: "arn:aws:iam::111111111111:role/karpenter",
      nodeRoleArn: NODE_ROLE,
      queueName: "karpenter-queue",
    });
  });

  it("installs the definitions by their own chart, and then the controller without them", () => {
    const definitions = one(CHART, "karpenter-crd");
    const controller = one(CHART, "karpenter");
    assert.deepEqual([definitions.inputs.chart, definitions.inputs.version], Object.values(CHARTS.karpenterCrd));
    assert.deepEqual([controller.inputs.chart, controller.inputs.version], Object.values(CHARTS.karpenter));
    for (const { inputs } of [definitions, controller]) assert.equal(inputs.namespace, "kube-system");
    assert.equal(controller.inputs.skipCrds, true);
    assert.ok(controller.dependencies.includes(definitions.urn));
  });

  it("gives the chart exactly these values", () => {
    assert.deepEqual(valuesOf(one(CHART, "karpenter")), {
      replicas: 2,
      serviceAccount: { name: "karpenter" },
      priorityClassName: "system-cluster-critical",
      controller: { resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { memory: "1Gi" } } },
      nodeSelector: { "kubernetes.io/os": "linux", "yolo/pool": "system" },
      tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
      serviceMonitor: { enabled: true },
      settings: {
        clusterName: "yolo-test",
        eksControlPlane: true,
        interruptionQueue: "karpenter-queue",
        featureGates: { nodeRepair: true, nodeOverlay: true },
      },
    });
  });

  it("gives the chart keys that it knows only", function () {
    const values = karpenterValues({ ...CONTROLLER, settings: SETTINGS.karpenter, queueName: "q", sharesGpus: true });
    const unknown = unknownKeys(values, "karpenter", { passedOn: ["nodeSelector"] });
    if (unknown === undefined) this.skip();
    assert.deepEqual(unknown, []);
  });

  it("gives the controller its documented policy by Pod Identity", () => {
    const { inputs } = one("aws:eks/podIdentityAssociation:PodIdentityAssociation", "karpenter");
    assert.deepEqual(
      [inputs.clusterName, inputs.namespace, inputs.serviceAccount],
      ["yolo-test", "kube-system", "karpenter"],
    );
    const scope = { clusterName: "yolo-test", region: "eu-central-1", accountId: "111111111111", partition: "aws" };
    assert.deepEqual(
      one("aws:iam/rolePolicy:RolePolicy", "karpenter").inputs.policy,
      karpenterPolicy({ ...scope, nodeRoleArn: NODE_ROLE, queueArn: QUEUE }),
    );
  });

  it("lets its nodes into the cluster, and gives them a profile with their role", () => {
    assert.deepEqual(one("aws:eks/accessEntry:AccessEntry", "karpenter-nodes").inputs, {
      clusterName: "yolo-test",
      principalArn: NODE_ROLE,
      type: "EC2_LINUX",
    });
    assert.deepEqual(one("aws:iam/instanceProfile:InstanceProfile", "karpenter-nodes").inputs, {
      role: "karpenter-nodes-role",
    });
  });

  it("hears of every interruption by an encrypted queue that only its rules fill", () => {
    assert.deepEqual(one("aws:sqs/queue:Queue", "karpenter").inputs, {
      messageRetentionSeconds: 300,
      sqsManagedSseEnabled: true,
    });
    const events = Object.entries(INTERRUPTION_EVENTS);
    assert.deepEqual(
      events.map(([, { detailType }]) => detailType),
      [
        "EC2 Spot Instance Interruption Warning",
        "EC2 Instance Rebalance Recommendation",
        "EC2 Instance State-change Notification",
        "AWS Health Event",
        "EC2 Capacity Reservation Instance Interruption Warning",
      ],
    );
    for (const [event, { source, detailType }] of events) {
      const { eventPattern } = one("aws:cloudwatch/eventRule:EventRule", `karpenter-${event}`).inputs;
      assert.deepEqual(JSON.parse(String(eventPattern)), { source: [source], "detail-type": [detailType] });
      assert.deepEqual(one("aws:cloudwatch/eventTarget:EventTarget", `karpenter-${event}`).inputs, {
        rule: `karpenter-${event}-rule`,
        arn: QUEUE,
      });
    }
    const rules = events.map(([event]) => `arn:aws:events:eu-central-1:111111111111:rule/karpenter-${event}`);
    assert.deepEqual(one("aws:sqs/queuePolicy:QueuePolicy", "karpenter").inputs, {
      queueUrl: "https://sqs.eu-central-1.amazonaws.com/111111111111/karpenter",
      policy: queuePolicy(QUEUE, rules),
    });
  });

  it("makes the objects of each pool, in subnets of its zones", () => {
    const nodes = {
      instanceProfile: "karpenter-nodes-profile",
      subnetIds: ["subnet-b", "subnet-c"],
      securityGroupId: "sg-1",
      release: "1.35.7-20260903",
      tags: { project: "yolo" },
    };
    for (const [name, group] of Object.entries({ small: POOL, whole: WHOLE })) {
      const spec = (type: string) => one(type, `karpenter-${name}`).inputs.spec;
      assert.deepEqual(spec(NODE_CLASS), nodeClassSpec(group, nodes));
      assert.deepEqual(spec(NODE_POOL), nodePoolSpec(name, group, POOL.zones, SETTINGS.karpenter));
      const { metadata } = one(NODE_CLASS, `karpenter-${name}`).inputs as { metadata: object };
      assert.deepEqual(metadata, { name });
    }
    assert.deepEqual(one(OVERLAY, "karpenter-small").inputs.spec, nodeOverlaySpec("small", POOL));
    assert.ok(!recording.resources.some(({ type, name }) => type === OVERLAY && name === "karpenter-whole"));
  });

  it("makes a pool after the device plugin, and deletes it with its nodes before the controller", () => {
    const pool = one(NODE_POOL, "karpenter-small");
    const { metadata } = pool.inputs as { metadata: object };
    assert.deepEqual(metadata, {
      name: "small",
      annotations: { "pulumi.com/deletionPropagationPolicy": "foreground" },
    });
    const controller = one(CHART, "karpenter");
    const before = [
      one(PLUGIN, "device-plugin"),
      controller,
      one(NODE_CLASS, "karpenter-small"),
      one(OVERLAY, "karpenter-small"),
    ];
    for (const { urn } of before) assert.ok(pool.dependencies.includes(urn), urn);
    assert.ok(one(NODE_CLASS, "karpenter-small").dependencies.includes(controller.urn));
  });

  it("keeps the controller's rights, its queue and its nodes' access as long as the controller", () => {
    const { dependencies } = one(CHART, "karpenter");
    for (const [type, name] of [
      ["aws:eks/podIdentityAssociation:PodIdentityAssociation", "karpenter"],
      ["aws:sqs/queuePolicy:QueuePolicy", "karpenter"],
      ["aws:eks/accessEntry:AccessEntry", "karpenter-nodes"],
      ["aws:iam/instanceProfile:InstanceProfile", "karpenter-nodes"],
    ] as const) {
      assert.ok(dependencies.includes(one(type, name).urn), type);
    }
  });
});

describe("Karpenter with other arguments", () => {
  it("leaves an alpha feature off that no pool needs", async () => {
    const { recording } = await build((below) => karpenter(below, { pools: { whole: WHOLE } }));
    const { settings } = valuesOf(find(recording, CHART, "karpenter")) as { settings: { featureGates: object } };
    assert.deepEqual(settings.featureGates, { nodeRepair: true, nodeOverlay: false });
  });

  it("throws one error with every pool that cannot start a node, before it creates anything", async () => {
    const { recording, ...below } = await prepare();
    assert.throws(
      () => karpenter(below, { kubernetesVersion: "1.34", pools: { small: { ...POOL, zones: ["eu-central-1d"] } } }),
      (error: unknown) => {
        assert.ok(pulumi.ResourceError.isInstance(error));
        assert.equal(
          error.message,
          "Expected a release for nodes.gpu.small.ami but received AL2023_x86_64_NVIDIA\n" +
            "Expected a subnet in a zone of nodes.gpu.small but received [eu-central-1d]",
        );
        return true;
      },
    );
    await settle();
    assert.ok(!recording.resources.some(({ type }) => type.startsWith("aws:")));
  });
});
