import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { AwsLocation } from "../../../infra/aws-location.ts";
import type { NodeGroupSettings } from "../../../infra/nodes/args.ts";
import type { ControllerArgs, ScalingSettings } from "../../../infra/scaling/args.ts";
import type { KarpenterPoolSettings } from "../../../infra/scaling/karpenter.ts";
import { installMocks, type Recording, type Registered, settle } from "../../support/pulumi.ts";

/** Type of a chart whose objects a preview shows. */
export const CHART = "kubernetes:helm.sh/v4:Chart";

/** What every controller is told. */
export const CONTROLLER: ControllerArgs = {
  clusterName: "yolo-test",
  placement: {
    nodeSelector: { "yolo/pool": "system" },
    tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
  },
  charts: { from: "upstream" },
  serviceMonitors: true,
};

/** Where the cluster is. */
export const LOCATION: AwsLocation = { region: "eu-central-1", accountId: "111111111111", partition: "aws" };

/** Settings that differ from every default. */
export const SETTINGS: ScalingSettings = {
  clusterAutoscaler: {
    replicas: 3,
    expander: "mostPods",
    provisionMinutes: 7,
    scaleDown: { unneededMinutes: 4, delayAfterAddMinutes: 5, utilizationPercent: 60 },
  },
  karpenter: {
    replicas: 2,
    consolidation: { when: "emptyOrUnderutilized", afterMinutes: 6 },
    expireHours: 240,
    terminationGraceMinutes: 30,
    maxUnavailable: 2,
    nodeRepair: true,
  },
  keda: { enabled: true, replicas: 3 },
};

/** A group of nodes for what the cluster itself runs. */
export const SYSTEM: NodeGroupSettings = {
  instanceTypes: ["m7i.large"],
  ami: "AL2023_x86_64_STANDARD",
  capacity: "onDemand",
  min: 2,
  max: 4,
  diskGib: 40,
  maxUnavailable: 1,
  labels: {},
};

/** A pool whose GPUs are shared. */
export const POOL: KarpenterPoolSettings = {
  instanceTypes: ["g6.12xlarge", "g5.12xlarge"],
  ami: "AL2023_x86_64_NVIDIA",
  capacity: "spot",
  min: 0,
  max: 3,
  diskGib: 100,
  maxUnavailable: 1,
  labels: { team: "vision" },
  sharing: { mode: "timeSlicing", replicas: 4 },
  zones: ["eu-central-1b", "eu-central-1c"],
};

/** A private subnet in each of three zones. */
export const SUBNETS = ["a", "b", "c"].map((letter) => ({ zone: `eu-central-1${letter}`, id: `subnet-${letter}` }));

/** What AWS answers besides what it was asked for. It does not show that AWS accepts it. */
const STATES = {
  "aws:sqs/queue:Queue": (name: string) => ({
    arn: `arn:aws:sqs:eu-central-1:111111111111:${name}`,
    name: `${name}-queue`,
    url: `https://sqs.eu-central-1.amazonaws.com/111111111111/${name}`,
  }),
  "aws:iam/role:Role": (name: string) => ({ arn: `arn:aws:iam::111111111111:role/${name}`, name: `${name}-role` }),
  "aws:iam/instanceProfile:InstanceProfile": (name: string) => ({ name: `${name}-profile` }),
  "aws:cloudwatch/eventRule:EventRule": (name: string) => ({
    arn: `arn:aws:events:eu-central-1:111111111111:rule/${name}`,
    name: `${name}-rule`,
  }),
};

/** What a test builds below. */
export interface Parent {
  parent: pulumi.ComponentResource;
  provider: k8s.Provider;
}

/** Installs mocks and makes a parent that has a cluster. */
export async function prepare(): Promise<Parent & { recording: Recording }> {
  const recording = await installMocks({ states: STATES });
  const provider = new k8s.Provider("cluster", { kubeconfig: "{}" });
  const parent = new pulumi.ComponentResource("test:Parent", "parent", {}, { providers: [provider] });
  return { recording, parent, provider };
}

/** Builds something below a parent that has a cluster, under mocks. */
export async function build<T>(make: (below: Parent) => T): Promise<{ made: T; recording: Recording }> {
  const { recording, ...below } = await prepare();
  const made = make(below);
  await settle();
  return { made, recording };
}

/** Values of a chart as they were registered. */
export function valuesOf({ inputs }: Registered): Record<string, unknown> {
  return inputs.values as Record<string, unknown>;
}

/** Statements of a policy by their names. */
export function statements(policy: unknown): Record<string, Record<string, unknown>> {
  const { Statement } = policy as { Statement: ({ Sid: string } & Record<string, unknown>)[] };
  return Object.fromEntries(Statement.map(({ Sid, ...rest }) => [Sid, rest]));
}
