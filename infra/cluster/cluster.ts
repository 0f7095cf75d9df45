import * as aws from "@pulumi/aws";
import * as eks from "@pulumi/eks";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { refuseProblems } from "../problems.ts";
import { accessEntries } from "./access.ts";
import type { ClusterArgs } from "./args.ts";
import { clusterNameProblems, clusterProblems } from "./checks.ts";

/** Days in which the deletion of the key can be taken back, and with it that of every Secret in a backup: the longest time there is. */
const KEY_DELETION_DAYS = 30;

/** The control plane of a cluster on Amazon EKS, without nodes and without add-ons, and a provider for the objects on it. */
export class Cluster extends pulumi.ComponentResource {
  /** Name of the cluster; what uses it comes after the cluster. */
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** Address of the API server. */
  readonly endpoint: pulumi.Output<string>;
  /** The security group that EKS makes and gives to the control plane and to every managed node. */
  readonly securityGroupId: pulumi.Output<string>;
  /** For every object on the cluster. */
  readonly provider: k8s.Provider;

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Cluster", name, {}, opts);
    const problems = [...clusterNameProblems(args.clusterName), ...clusterProblems(args)];
    refuseProblems(problems, this);

    const { clusterName, protect } = args;
    const publicCidrs = [...args.endpoint.publicCidrs];
    const key = new aws.kms.Key(
      name,
      {
        description: `Secrets of the cluster ${clusterName}`,
        enableKeyRotation: true,
        deletionWindowInDays: KEY_DELETION_DAYS,
        tags: { Name: clusterName },
      },
      // Without it nobody reads a Secret of the cluster again.
      { parent: this, protect },
    );
    new aws.kms.Alias(name, { name: `alias/${clusterName}`, targetKeyId: key.keyId }, { parent: this });
    const dependsOn: pulumi.Resource[] = [];
    if (args.logs.length > 0) {
      // EKS would make the group itself, and keep everything in it for ever.
      const group = new aws.cloudwatch.LogGroup(
        name,
        { name: `/aws/eks/${clusterName}/cluster`, retentionInDays: args.logRetentionDays },
        { parent: this },
      );
      dependsOn.push(group);
    }

    const cluster = new eks.Cluster(
      name,
      {
        name: clusterName,
        version: args.version,
        vpcId: args.vpcId,
        privateSubnetIds: args.privateSubnetIds,
        kubernetesServiceIpAddressRange: args.serviceCidr,
        // Nodes reach the API server without leaving the VPC. With the public endpoint the component waits until it answers.
        endpointPrivateAccess: true,
        endpointPublicAccess: publicCidrs.length > 0,
        ...(publicCidrs.length > 0 && { publicAccessCidrs: publicCidrs }),
        authenticationMode: eks.AuthenticationMode.Api,
        accessEntries: accessEntries(args.access),
        encryptionConfigKeyArn: key.arn,
        enabledClusterLogTypes: [...args.logs],
        // EXTENDED, which is the default, costs six times as much once a version's standard support has ended.
        upgradePolicy: { supportType: "STANDARD" },
        deletionProtection: protect,
        // P1, P22: node groups are aws.eks.NodeGroup, which has what the component's lack.
        skipDefaultNodeGroup: true,
        // Managed nodes get the group that EKS makes; the component's own two would guard nothing.
        skipDefaultSecurityGroups: true,
        // P8, P9: add-ons are ours (addons.ts), pinned, and come after nodes. `true` here means "make none".
        useDefaultVpcCni: true,
        kubeProxyAddonOptions: { enabled: false },
        corednsAddonOptions: { enabled: false },
        // P27: pods get roles by Pod Identity, so that no preview needs a way to the OIDC issuer.
        createOidcProvider: false,
        tags: { Name: clusterName },
      },
      { parent: this, protect, dependsOn },
    );

    this.name = cluster.eksCluster.name;
    this.arn = cluster.eksCluster.arn;
    this.endpoint = cluster.eksCluster.endpoint;
    this.securityGroupId = cluster.eksCluster.vpcConfig.clusterSecurityGroupId;
    // EKS's group lets in what has it: nodes, and nobody else.
    const ways = args.endpoint.privateCidrs.map(
      (cidr) =>
        new aws.vpc.SecurityGroupIngressRule(
          `${name}-${cidr.replace("/", "-")}`,
          {
            securityGroupId: this.securityGroupId,
            description: "To the API server",
            cidrIpv4: cidr,
            ipProtocol: "tcp",
            fromPort: 443,
            toPort: 443,
            tags: { Name: `${clusterName}-api` },
          },
          { parent: this },
        ),
    );
    // P13: the component's own provider is an output, which no resource takes, and has none of these options.
    this.provider = new k8s.Provider(
      name,
      {
        kubeconfig: cluster.kubeconfigJson,
        // P14: without it a changed kubeconfig would replace every object on the cluster.
        clusterIdentifier: `eks:${clusterName}`,
        enableServerSideApply: true,
        // Without it a changed Secret would be replaced, and missing for a moment. No ConfigMap is ever changed.
        enableSecretMutable: true,
        // P15: never by default, because a cluster that cannot be reached for a minute would lose its state. Not said where it
        // is not asked for, or a teardown could not ask for it by PULUMI_K8S_DELETE_UNREACHABLE.
        ...(args.deleteUnreachable && { deleteUnreachable: true }),
      },
      // Who deploys may need one of the ways in.
      { parent: this, dependsOn: ways },
    );
    const { arn, endpoint, securityGroupId } = this;
    this.registerOutputs({ name: this.name, arn, endpoint, securityGroupId });
  }
}
