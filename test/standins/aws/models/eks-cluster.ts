import { isObject, type Properties, textAt, textsAt } from "../../values.ts";
import { CERTIFICATE } from "../certificate.ts";
import { parseCidr } from "../cidr.ts";
import { digits, type Model, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { GROUP } from "./instances.ts";
import { SUBNET } from "./vpc.ts";

// Codes: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html#API_CreateCluster_Errors and its siblings.

export const CLUSTER = "aws:eks/cluster:Cluster";
export const ROLE = "aws:iam/role:Role";

/** Minor versions that EKS makes clusters of: https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html */
export const VERSIONS = ["1.31", "1.32", "1.33", "1.34", "1.35", "1.36"] as const;

/** The answer of EKS to arguments that it does not take. */
export function invalid(message: string): Refusal {
  return new Refusal("InvalidParameterException", message);
}

/** A reference to a cluster, which holds it. */
export const TO_CLUSTER = {
  path: "clusterName",
  to: CLUSTER,
  missing: (name: string) => new Refusal("ResourceNotFoundException", `No cluster found for name: ${name}.`),
};

/** A reference to a role by its ARN. */
export function toRole(path: string) {
  const missing = (arn: string) => invalid(`The role with name ${arn.split("/").at(-1)} cannot be found.`);
  // Roles may be deleted while something is to run as them.
  return { path, to: ROLE, by: "arn", missing, holds: false } as const;
}

/** A reference to subnets, which holds them: there are network interfaces in them. */
export function toSubnets(path: string) {
  return { path, to: SUBNET, missing: (id: string) => invalid(`The subnet ID '${id}' does not exist`) };
}

/** Minor of a version such as `1.35`. */
export function minorOf(version: string | undefined): number {
  return Number(version?.split(".")[1]);
}

function refuseVersion({ inputs, old }: Request): void {
  const version = textAt(inputs, "version");
  if (version === undefined) return;
  const before = textAt(old?.outputs, "version");
  if (before === undefined) {
    if (!VERSIONS.some((each) => each === version)) throw invalid("unsupported Kubernetes version");
  } else if (version !== before && minorOf(version) !== minorOf(before) + 1) {
    throw invalid(`Unsupported Kubernetes minor version update from ${before} to ${version}`);
  }
}

function refuseAccess({ inputs, old }: Request): void {
  const { endpointPublicAccess, endpointPrivateAccess } = isObject(inputs.vpcConfig) ? inputs.vpcConfig : {};
  if (endpointPublicAccess === false && endpointPrivateAccess !== true) {
    throw invalid("Private and public endpoint access cannot be false.");
  }
  const wrong = textsAt(inputs, "vpcConfig.publicAccessCidrs").filter((cidr) => parseCidr(cidr) === undefined);
  if (wrong.length > 0) throw invalid(`The following CIDRs are invalid in publicAccessCidrs: [${wrong.join(", ")}]`);
  const [before, after] = [old?.inputs, inputs].map((each) => textAt(each, "accessConfig.authenticationMode"));
  const steps = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];
  if (before !== undefined && after !== undefined && steps.indexOf(after) < steps.indexOf(before)) {
    throw invalid(`Unsupported authentication mode update from ${before} to ${after}`);
  }
}

function refuseCluster(request: Request): void {
  const { inputs, old, resources } = request;
  if (old === undefined && resources.get(CLUSTER, String(inputs.name)) !== undefined) {
    throw new Refusal("ResourceInUseException", `Cluster already exists with name: ${inputs.name}`);
  }
  const subnets = textsAt(inputs, "vpcConfig.subnetIds").flatMap((id) => resources.get(SUBNET, id) ?? []);
  if (new Set(subnets.map(({ outputs }) => outputs.availabilityZone)).size < 2) {
    throw invalid("Subnets specified must be in at least two different AZs");
  }
  if (new Set(subnets.map(({ inputs: { vpcId } }) => vpcId)).size > 1) {
    throw invalid("Subnets specified must belong to the same VPC");
  }
  refuseVersion(request);
  refuseAccess(request);
}

function keptOutputs({ region }: Request): Properties {
  const unique = digits(32).toUpperCase();
  const data = Buffer.from(CERTIFICATE).toString("base64");
  return {
    endpoint: `https://${unique}.gr7.${region}.eks.amazonaws.com`,
    certificateAuthority: { data },
    certificateAuthorities: [{ data }],
    identities: [{ oidcs: [{ issuer: `https://oidc.eks.${region}.amazonaws.com/id/${unique}` }] }],
    status: "ACTIVE",
    platformVersion: "eks.1",
    createdAt: new Date().toISOString(),
    clusterId: "",
  };
}

function clusterOutputs({ inputs, old, resources }: Request): Properties {
  const vpcConfig = isObject(inputs.vpcConfig) ? inputs.vpcConfig : {};
  const [subnet = ""] = textsAt(vpcConfig, "subnetIds");
  return {
    version: inputs.version ?? old?.outputs.version ?? VERSIONS.at(-2),
    vpcConfig: {
      endpointPrivateAccess: false,
      endpointPublicAccess: true,
      publicAccessCidrs: vpcConfig.endpointPublicAccess === false ? [] : ["0.0.0.0/0"],
      ...vpcConfig,
      vpcId: resources.get(SUBNET, subnet)?.inputs.vpcId,
      // Recognized by the references to groups: EKS makes it and removes it again.
      clusterSecurityGroupId: textAt(old?.outputs, "vpcConfig.clusterSecurityGroupId") ?? `sg-eks${digits(14)}`,
    },
    upgradePolicy: inputs.upgradePolicy ?? { supportType: "EXTENDED" },
    accessConfig: inputs.accessConfig ?? { authenticationMode: "CONFIG_MAP" },
  };
}

/** Besides what always replaces a cluster: encryption cannot be taken back. */
export function clusterReplaces(before: Properties, after: Properties): string[] {
  return before.encryptionConfig !== undefined && after.encryptionConfig === undefined ? ["encryptionConfig"] : [];
}

const model: Model = {
  source: terraform("eks", "cluster"),
  replace: [
    "name",
    "roleArn",
    "accessConfig.bootstrapClusterCreatorAdminPermissions",
    "bootstrapSelfManagedAddons",
    "kubernetesNetworkConfig.ipFamily",
    "kubernetesNetworkConfig.serviceIpv4Cidr",
    "remoteNetworkConfig",
    "outpostConfig",
  ],
  replaceAlso: clusterReplaces,
  naming: { property: "name", max: 100 },
  values: {
    "accessConfig.authenticationMode": ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"],
    "upgradePolicy.supportType": ["STANDARD", "EXTENDED"],
    "encryptionConfig.resources": ["secrets"],
    enabledClusterLogTypes: ["api", "audit", "authenticator", "controllerManager", "scheduler"],
  },
  id: ({ inputs }) => String(inputs.name),
  arn: { service: "eks", of: (id) => `cluster/${id}` },
  kept: keptOutputs,
  outputs: clusterOutputs,
  references: [
    toSubnets("vpcConfig.subnetIds"),
    {
      path: "vpcConfig.securityGroupIds",
      to: GROUP,
      missing: (id) => invalid(`The security group ID '${id}' does not exist`),
    },
    toRole("roleArn"),
    {
      path: "encryptionConfig.provider.keyArn",
      to: "aws:kms/key:Key",
      by: "arn",
      holds: false,
      missing: (arn) => invalid(`The keyArn ${arn} in encryptionConfig provider does not exist`),
    },
  ],
  planned: ["vpcConfig.clusterSecurityGroupId", "vpcConfig.vpcId"],
  refuse: refuseCluster,
  held: ({ id }, by) =>
    new Refusal(
      "ResourceInUseException",
      by.type === "aws:eks/nodeGroup:NodeGroup"
        ? "Cluster has nodegroups attached"
        : `Cluster ${id} is in use by ${by.id}`,
    ),
  refuseDelete: ({ inputs }) => {
    if (inputs.deletionProtection !== true) return;
    throw new Refusal("InvalidRequestException", "Deletion protection is enabled for the cluster");
  },
};

/** The control plane. */
export const CLUSTER_MODELS: Models = { [CLUSTER]: model };
