import * as pulumi from "@pulumi/pulumi";
import { NodeGroup, type NodeGroupArgs } from "../../../infra/nodes/node-group.ts";
import { installMocks, type Recording, settle } from "../../support/pulumi.ts";

const SUBNETS = ["a", "b", "c"].map((letter) => ({ zone: `eu-central-1${letter}`, id: `subnet-${letter}` }));

/** Arguments of a group with GPUs that set everything there is to set. */
export const GPU_ARGS: NodeGroupArgs = {
  clusterName: "yolo-test",
  kubernetesVersion: "1.35",
  nodeRoleArn: "arn:aws:iam::111111111111:role/nodes",
  subnets: SUBNETS,
  zones: ["eu-central-1b", "eu-central-1c"],
  instanceTypes: ["g6.12xlarge", "g5.12xlarge"],
  ami: "AL2023_x86_64_NVIDIA",
  capacity: "spot",
  min: 0,
  max: 3,
  diskGib: 100,
  maxUnavailable: 1,
  labels: { team: "vision" },
  sharing: { mode: "timeSlicing", replicas: 4 },
  clusterAutoscaler: true,
  tags: { project: "yolo" },
};

/** Arguments of a group for what the cluster itself runs. */
export const SYSTEM_ARGS: NodeGroupArgs = {
  clusterName: "yolo-test",
  kubernetesVersion: "1.35",
  nodeRoleArn: "arn:aws:iam::111111111111:role/nodes",
  subnets: SUBNETS,
  instanceTypes: ["m7i.large"],
  ami: "AL2023_x86_64_STANDARD",
  capacity: "onDemand",
  min: 2,
  max: 4,
  diskGib: 40,
  maxUnavailable: 1,
  labels: {},
  clusterAutoscaler: true,
};

/** What EKS and EC2 answer besides what they were asked for. They do not show that AWS accepts it. */
const STATES = {
  "aws:eks/nodeGroup:NodeGroup": (name: string) => ({
    nodeGroupName: `${name}-0123456`,
    resources: [{ autoscalingGroups: [{ name: `eks-${name}` }], remoteAccessSecurityGroupId: "" }],
  }),
  "aws:ec2/launchTemplate:LaunchTemplate": () => ({ latestVersion: 7 }),
};

/** Installs mocks that answer as EKS does. */
export function installNodeMocks(): Promise<Recording> {
  return installMocks({ states: STATES });
}

/** Builds a group below a parent, under mocks. */
export async function build(name: string, args: NodeGroupArgs): Promise<{ group: NodeGroup; recording: Recording }> {
  const recording = await installNodeMocks();
  const parent = new pulumi.ComponentResource("test:Parent", "parent");
  const group = new NodeGroup(name, args, { parent });
  await settle();
  return { group, recording };
}
