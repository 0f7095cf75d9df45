import { isObject, numberAt, type Properties, textAt, textsAt, valuesAt } from "../../values.ts";
import { digits, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { CLUSTER, invalid, minorOf, TO_CLUSTER, toRole, toSubnets } from "./eks-cluster.ts";
import { TEMPLATE } from "./instances.ts";

export const NODE_GROUP = "aws:eks/nodeGroup:NodeGroup";

/** https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html#AmazonEKS-Type-Nodegroup-amiType */
const AMI_TYPES = [
  "AL2_x86_64",
  "AL2_x86_64_GPU",
  "AL2_ARM_64",
  "CUSTOM",
  "BOTTLEROCKET_ARM_64",
  "BOTTLEROCKET_x86_64",
  "BOTTLEROCKET_ARM_64_FIPS",
  "BOTTLEROCKET_x86_64_FIPS",
  "BOTTLEROCKET_ARM_64_NVIDIA",
  "BOTTLEROCKET_x86_64_NVIDIA",
  "WINDOWS_CORE_2019_x86_64",
  "WINDOWS_FULL_2019_x86_64",
  "WINDOWS_CORE_2022_x86_64",
  "WINDOWS_FULL_2022_x86_64",
  "AL2023_x86_64_STANDARD",
  "AL2023_ARM_64_STANDARD",
  "AL2023_x86_64_NEURON",
  "AL2023_x86_64_NVIDIA",
  "AL2023_ARM_64_NVIDIA",
];

/** Whether an instance type's processor is ARM: a `g` after the generation. https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html */
function isArm(instanceType: string): boolean {
  return /^(a1|[a-z]+\d+g[a-z-]*|gb\d+\w*|p6e-gb\d+)\./.test(instanceType) || instanceType.includes("-gb");
}

function refuseScaling(inputs: Properties): void {
  const [min = 0, desired = 0, max = 0] = ["minSize", "desiredSize", "maxSize"].map((key) =>
    numberAt(inputs, `scalingConfig.${key}`),
  );
  if (min > max) throw invalid(`Minimum capacity ${min} can't be greater than max size ${max}`);
  if (min > desired) throw invalid(`Minimum capacity ${min} can't be greater than desired size ${desired}`);
  if (desired > max) throw invalid(`desired capacity ${desired} can't be greater than max size ${max}`);
}

function refuseInstances(inputs: Properties): void {
  const amiType = textAt(inputs, "amiType");
  if (amiType === undefined || amiType === "CUSTOM") return;
  const wrong = textsAt(inputs, "instanceTypes").filter((type) => isArm(type) !== amiType.includes("_ARM_"));
  if (wrong.length > 0)
    throw invalid(`[${wrong.join(", ")}] is not a valid instance type for requested amiType ${amiType}`);
}

function refuseTemplate({ inputs, resources }: Request): void {
  if (!isObject(inputs.launchTemplate)) return;
  const { id, name, version } = inputs.launchTemplate;
  if (inputs.diskSize !== undefined) throw invalid("Disk size must be specified within the launch template.");
  if (inputs.remoteAccess !== undefined)
    throw invalid("Remote access configuration cannot be specified with a launch template.");
  const template =
    id === undefined ? resources.by(TEMPLATE, "name", String(name)) : resources.get(TEMPLATE, String(id));
  if (template === undefined) throw new Refusal("InvalidRequestException", "Launch template not found");
  const newest = numberAt(template.outputs, "latestVersion") ?? 0;
  if (/^\d+$/.test(String(version)) && Number(version) > newest) {
    throw invalid(`You specified the launch template version ${version}, which does not exist`);
  }
  const types = valuesAt(template.inputs, "instanceType");
  if (types.length > 0 && inputs.instanceTypes !== undefined) {
    throw invalid("Instance types can be specified in the launch template or in the request, not in both");
  }
}

function refuseVersion({ inputs, old, resources }: Request): void {
  const version = textAt(inputs, "version");
  const cluster = textAt(resources.get(CLUSTER, String(inputs.clusterName))?.outputs, "version");
  if (version === undefined) return;
  if (minorOf(version) > minorOf(cluster)) {
    throw invalid(
      `Nodegroup Kubernetes version ${version} should be less than or equal to the cluster version ${cluster}`,
    );
  }
  const before = textAt(old?.outputs, "version");
  if (minorOf(version) < minorOf(before)) {
    throw invalid(`Requested Nodegroup version ${version} is lower than its version ${before}`);
  }
}

function refuse(request: Request): void {
  const { inputs, old, resources } = request;
  const id = `${inputs.clusterName}:${inputs.nodeGroupName}`;
  if (old === undefined && resources.get(NODE_GROUP, id) !== undefined) {
    throw new Refusal(
      "ResourceInUseException",
      `NodeGroup already exists with name ${inputs.nodeGroupName} and cluster name ${inputs.clusterName}`,
    );
  }
  refuseScaling(inputs);
  refuseInstances(inputs);
  refuseTemplate(request);
  refuseVersion(request);
}

function outputs({ inputs, old, resources }: Request): Properties {
  const clusterVersion = resources.get(CLUSTER, String(inputs.clusterName))?.outputs.version;
  const version = inputs.version ?? old?.outputs.version ?? clusterVersion;
  return {
    amiType: inputs.amiType ?? "AL2023_x86_64_STANDARD",
    capacityType: inputs.capacityType ?? "ON_DEMAND",
    instanceTypes: inputs.instanceTypes ?? ["t3.medium"],
    version,
    releaseVersion: inputs.releaseVersion ?? `${version}.0-20260101`,
    status: "ACTIVE",
    updateConfig: inputs.updateConfig ?? { maxUnavailable: 1 },
  };
}

function kept({ inputs }: Request): Properties {
  const name = `eks-${inputs.nodeGroupName}-${digits(8)}-${digits(4)}`;
  return { resources: [{ autoscalingGroups: [{ name }], remoteAccessSecurityGroupId: "" }] };
}

/** Managed node groups. */
export const NODE_MODELS: Models = {
  [NODE_GROUP]: {
    source: terraform("eks", "node_group"),
    replace: [
      "amiType",
      "capacityType",
      "clusterName",
      "diskSize",
      "instanceTypes",
      "launchTemplate.id",
      "launchTemplate.name",
      "nodeGroupName",
      "nodeGroupNamePrefix",
      "nodeRoleArn",
      "remoteAccess",
      "subnetIds",
    ],
    naming: { property: "nodeGroupName", max: 63 },
    values: {
      amiType: AMI_TYPES,
      capacityType: ["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"],
      "taints.effect": ["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"],
    },
    check: (inputs) => {
      const max = numberAt(inputs, "scalingConfig.maxSize");
      if (max === undefined || max >= 1) return [];
      const reason = `Expected at least 1 for scalingConfig.maxSize but received ${max}`;
      return [{ property: "scalingConfig.maxSize", reason }];
    },
    id: ({ inputs }) => `${inputs.clusterName}:${inputs.nodeGroupName}`,
    arn: { service: "eks", of: (id) => `nodegroup/${id.replace(":", "/")}/${digits(8)}` },
    kept,
    outputs,
    references: [
      TO_CLUSTER,
      toRole("nodeRoleArn"),
      toSubnets("subnetIds"),
      { path: "launchTemplate.id", to: TEMPLATE, holds: false },
    ],
    refuse,
  },
};
