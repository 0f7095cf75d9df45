import { numberAt, textAt } from "../../values.ts";
import { digits, type Models, type Request, terraform } from "../model.ts";
import { Refusal } from "../refusal.ts";
import { CLUSTER, invalid, ROLE, TO_CLUSTER, toRole } from "./eks-cluster.ts";
import { NODE_GROUP } from "./eks-nodes.ts";

const ADDON = "aws:eks/addon:Addon";
const ENTRY = "aws:eks/accessEntry:AccessEntry";
const ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation";

/** Add-ons of AWS: https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html */
const ADDONS = [
  "vpc-cni",
  "kube-proxy",
  "coredns",
  "eks-pod-identity-agent",
  "metrics-server",
  "aws-ebs-csi-driver",
  "aws-efs-csi-driver",
  "aws-mountpoint-s3-csi-driver",
  "eks-node-monitoring-agent",
  "snapshot-controller",
  "amazon-cloudwatch-observability",
  "adot",
  "aws-guardduty-agent",
  "cert-manager",
  "kube-state-metrics",
  "prometheus-node-exporter",
  "external-dns",
  "aws-secrets-store-csi-driver-provider",
];

/** Add-ons that are a Deployment, which gets ready on a node only (P8). */
const NEEDS_NODES = ["coredns", "metrics-server", "aws-ebs-csi-driver", "aws-efs-csi-driver", "snapshot-controller"];

function refuseAddon({ inputs, old, resources }: Request): void {
  const name = String(inputs.addonName);
  const version = textAt(inputs, "addonVersion");
  const values = textAt(inputs, "configurationValues");
  if (!ADDONS.includes(name)) throw invalid(`Addon ${name} specified is not supported`);
  if (old === undefined && resources.get(ADDON, `${inputs.clusterName}:${name}`) !== undefined) {
    throw new Refusal("ResourceInUseException", "Addon already exists.");
  }
  if (version !== undefined && !/^v\d+\.\d+\.\d+-eksbuild\.\d+$/.test(version)) {
    throw invalid("Addon version specified is not supported");
  }
  if (values !== undefined && !values.trimStart().startsWith("{")) {
    throw invalid("ConfigurationValue is not in a supported format or invalid");
  }
  const nodes = resources
    .all(NODE_GROUP)
    .filter(({ inputs: group }) => group.clusterName === inputs.clusterName)
    .some(({ inputs: group }) => (numberAt(group, "scalingConfig.desiredSize") ?? 0) > 0);
  if (NEEDS_NODES.includes(name) && !nodes) {
    throw new Refusal(
      "CREATE_FAILED",
      `timeout while waiting for state to become 'ACTIVE' (last state: 'DEGRADED'): InsufficientNumberOfReplicas: ` +
        `The add-on ${name} is unhealthy because it doesn't have the desired number of replicas.`,
    );
  }
}

function refuseEntry({ inputs, old, resources, account }: Request): void {
  const cluster = resources.get(CLUSTER, String(inputs.clusterName));
  const mode = textAt(cluster?.outputs, "accessConfig.authenticationMode");
  const principal = String(inputs.principalArn);
  if (mode === "CONFIG_MAP") {
    throw new Refusal(
      "InvalidRequestException",
      "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
    );
  }
  const taken = () =>
    new Refusal("ResourceInUseException", "The specified access entry resource is already in use on this cluster.");
  if (old === undefined && resources.get(ENTRY, `${inputs.clusterName}:${principal}`) !== undefined) throw taken();
  // EKS makes the entry of the cluster's creator, and those of managed nodes' roles.
  const creator = `arn:aws:iam::${account}:role/deployer`;
  const groups = resources.all(NODE_GROUP).filter((group) => group.inputs.clusterName === inputs.clusterName);
  if (groups.some((group) => group.inputs.nodeRoleArn === principal) || principal === creator) throw taken();
  const ownRole = principal.startsWith(`arn:aws:iam::${account}:role/`);
  if (ownRole && !principal.includes("aws-reserved/") && resources.by(ROLE, "arn", principal) === undefined) {
    throw invalid("The specified principalArn is invalid: invalid principal.");
  }
}

/** Add-ons, and who may do what in a cluster and from its pods. */
export const ACCESS_MODELS: Models = {
  [ADDON]: {
    source: terraform("eks", "addon"),
    replace: ["addonName", "clusterName", "namespaceConfig"],
    values: {
      resolveConflictsOnCreate: ["NONE", "OVERWRITE"],
      resolveConflictsOnUpdate: ["NONE", "OVERWRITE", "PRESERVE"],
    },
    id: ({ inputs }) => `${inputs.clusterName}:${inputs.addonName}`,
    arn: { service: "eks", of: (id) => `addon/${id.replace(":", "/")}/${digits(8)}` },
    kept: () => ({ createdAt: new Date().toISOString() }),
    outputs: ({ inputs, old }) => ({
      addonVersion: inputs.addonVersion ?? old?.outputs.addonVersion ?? "v1.0.0-eksbuild.1",
    }),
    references: [
      { ...TO_CLUSTER, holds: false },
      toRole("serviceAccountRoleArn"),
      toRole("podIdentityAssociations.roleArn"),
    ],
    refuse: refuseAddon,
  },
  [ENTRY]: {
    source: terraform("eks", "access_entry"),
    replace: ["clusterName", "principalArn", "type"],
    values: {
      type: ["STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX"],
    },
    id: ({ inputs }) => `${inputs.clusterName}:${inputs.principalArn}`,
    arn: { service: "eks", of: (id) => `access-entry/${id.split(":")[0]}/role/${digits(8)}` },
    outputs: ({ inputs }) => ({ userName: inputs.userName ?? inputs.principalArn, type: inputs.type ?? "STANDARD" }),
    references: [{ ...TO_CLUSTER, holds: false }],
    refuse: refuseEntry,
  },
  "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {
    source: terraform("eks", "access_policy_association"),
    replace: ["clusterName", "principalArn", "policyArn", "accessScope"],
    values: { "accessScope.type": ["cluster", "namespace"] },
    id: ({ inputs }) => `${inputs.clusterName}#${inputs.principalArn}#${inputs.policyArn}`,
    references: [{ ...TO_CLUSTER, holds: false }],
    refuse: ({ inputs, resources }) => {
      const id = `${inputs.clusterName}:${inputs.principalArn}`;
      if (resources.get(ENTRY, id) === undefined) {
        throw new Refusal(
          "ResourceNotFoundException",
          `The specified principalArn could not be found: ${inputs.principalArn}`,
        );
      }
      if (!String(inputs.policyArn).startsWith("arn:aws:eks::aws:cluster-access-policy/")) {
        throw invalid(`The policyArn parameter format is not valid: ${inputs.policyArn}`);
      }
    },
  },
  [ASSOCIATION]: {
    source: terraform("eks", "pod_identity_association"),
    replace: ["clusterName", "namespace", "serviceAccount"],
    id: "a",
    outputs: ({ inputs, account, region }, id) => ({
      associationId: id,
      associationArn: `arn:aws:eks:${region}:${account}:podidentityassociation/${inputs.clusterName}/${id}`,
    }),
    references: [{ ...TO_CLUSTER, holds: false }, toRole("roleArn")],
    refuse: ({ inputs, old, resources }) => {
      const same = (["clusterName", "namespace", "serviceAccount"] as const).map((key) => inputs[key]).join();
      const other = resources
        .all(ASSOCIATION)
        .find((each) => [each.inputs.clusterName, each.inputs.namespace, each.inputs.serviceAccount].join() === same);
      if (old !== undefined || other === undefined) return;
      throw new Refusal("ResourceInUseException", `Association already exists: ${other.id}`);
    },
  },
};
