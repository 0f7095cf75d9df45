import * as aws from "@pulumi/aws";
import type * as eks from "@pulumi/eks";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { KUBECONFIG_VARIABLE } from "../environment.ts";
import { accessEntries } from "./access.ts";
import { addons } from "./addons.ts";
import { kubeconfigOf } from "./kubeconfig.ts";
import { clusterGroup, type Groups, nodeGroup } from "./security-groups.ts";
import { serviceRole } from "./service-role.ts";

/** The version of the AWS provider that the real component's resources ask for, whatever the program's own do. */
export const COMPONENT_AWS_VERSION = "7.25.0";

/** `eks:index:Cluster`, making the resources that the real component makes; see docs/standins.md. */
export class Cluster extends pulumi.ComponentResource {
  readonly kubeconfig: pulumi.Output<object>;
  readonly kubeconfigJson: pulumi.Output<string>;
  readonly eksCluster: aws.eks.Cluster;
  readonly groups: Groups | undefined;
  readonly oidc: aws.iam.OpenIdConnectProvider | undefined;
  readonly role: pulumi.Output<aws.iam.Role>;
  readonly provider: k8s.Provider;
  readonly subnetIds: pulumi.Output<string[]>;

  constructor(name: string, args: eks.ClusterArgs, opts: pulumi.ComponentResourceOptions) {
    super("eks:index:Cluster", name, {}, opts);
    const own = { parent: this, version: COMPONENT_AWS_VERSION };
    const vpcId = args.vpcId ?? "";
    this.subnetIds = subnetsOf(args);
    const made = args.serviceRole === undefined ? serviceRole(`${name}-eksRole`, args.tags, this) : undefined;
    this.role = pulumi.output(args.serviceRole ?? made?.role) as pulumi.Output<aws.iam.Role>;
    const group = args.skipDefaultSecurityGroups
      ? undefined
      : clusterGroup(name, { vpcId, tags: args.tags, clusterGroupTags: args.clusterSecurityGroupTags }, own);
    this.eksCluster = new aws.eks.Cluster(`${name}-eksCluster`, this.#clusterArgs(name, args, group), {
      ...own,
      dependsOn: made?.attachments ?? [],
      ignoreChanges: ["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
    });
    this.groups =
      group &&
      nodeGroup(
        name,
        group,
        {
          vpcId,
          clusterName: this.eksCluster.name,
          tags: args.tags,
          nodeGroupTags: args.nodeSecurityGroupTags,
        },
        { ...own, dependsOn: [this.eksCluster] },
      );
    this.kubeconfig = pulumi
      .all([this.eksCluster.name, this.eksCluster.endpoint, this.eksCluster.certificateAuthority, this.eksCluster.arn])
      .apply(([clusterName, endpoint, authority, arn]) => {
        const region = arn.split(":")[3] ?? "";
        const access = { name: clusterName, endpoint, certificateAuthority: authority.data ?? "", region };
        return kubeconfigOf(access, process.env[KUBECONFIG_VARIABLE]);
      });
    this.kubeconfigJson = this.kubeconfig.apply((config) => JSON.stringify(config));
    this.provider = new k8s.Provider(`${name}-eks-k8s`, { kubeconfig: this.kubeconfigJson }, { parent: this });
    const entries = accessEntries(name, this.eksCluster, args.accessEntries ?? {}, own);
    addons(name, this.eksCluster, args, entries, own);
    this.oidc = args.createOidcProvider === true ? this.#oidcProvider(name, own) : undefined;
  }

  #clusterArgs(name: string, args: eks.ClusterArgs, group: aws.ec2.SecurityGroup | undefined): aws.eks.ClusterArgs {
    const tags = pulumi
      .all([args.clusterTags, args.tags])
      .apply(([own, all]) => ({ Name: `${name}-eksCluster`, ...own, ...all }));
    const vpcConfig = {
      subnetIds: this.subnetIds,
      ...given({
        securityGroupIds: group && [group.id],
        endpointPrivateAccess: args.endpointPrivateAccess,
        endpointPublicAccess: args.endpointPublicAccess,
        publicAccessCidrs: args.publicAccessCidrs,
      }),
    };
    const { kubernetesServiceIpAddressRange: serviceIpv4Cidr, ipFamily = "ipv4" } = args;
    return {
      roleArn: this.role.arn,
      vpcConfig,
      tags,
      bootstrapSelfManagedAddons: args.bootstrapSelfManagedAddons ?? true,
      ...given({
        name: args.name,
        version: args.version,
        enabledClusterLogTypes: args.enabledClusterLogTypes,
        upgradePolicy: args.upgradePolicy,
        deletionProtection: args.deletionProtection,
        encryptionConfig:
          args.encryptionConfigKeyArn === undefined
            ? undefined
            : { provider: { keyArn: args.encryptionConfigKeyArn }, resources: ["secrets"] },
        kubernetesNetworkConfig:
          (serviceIpv4Cidr ?? args.ipFamily) === undefined ? undefined : given({ serviceIpv4Cidr, ipFamily }),
        accessConfig:
          args.authenticationMode === undefined
            ? undefined
            : { authenticationMode: args.authenticationMode, bootstrapClusterCreatorAdminPermissions: true },
      }),
    };
  }

  #oidcProvider(name: string, own: pulumi.CustomResourceOptions): aws.iam.OpenIdConnectProvider {
    const url = this.eksCluster.identities.apply((identities) => identities[0]?.oidcs?.[0]?.issuer ?? "");
    // The real component opens a connection to get the fingerprint (P27).
    const thumbprintLists = ["0".repeat(40)];
    return new aws.iam.OpenIdConnectProvider(
      `${name}-oidcProvider`,
      { url, clientIdLists: ["sts.amazonaws.com"], thumbprintLists },
      own,
    );
  }
}

function subnetsOf({ subnetIds, publicSubnetIds, privateSubnetIds }: eks.ClusterArgs): pulumi.Output<string[]> {
  if (subnetIds !== undefined) return pulumi.output(subnetIds);
  return pulumi.all([publicSubnetIds ?? [], privateSubnetIds ?? []]).apply(([open, closed]) => [...open, ...closed]);
}

/** The properties that are given. */
function given<T extends object>(properties: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
