import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Tags of a resource. */
export type Tags = pulumi.Input<Record<string, pulumi.Input<string>>>;

/** What the groups are made from. */
export interface GroupsArgs {
  vpcId: pulumi.Input<string>;
  clusterName: pulumi.Input<string>;
  tags?: Tags | undefined;
  clusterGroupTags?: Tags | undefined;
  nodeGroupTags?: Tags | undefined;
}

/** The security groups that the real component makes. */
export interface Groups {
  cluster: aws.ec2.SecurityGroup;
  node: aws.ec2.SecurityGroup;
  clusterIngressRule: aws.ec2.SecurityGroupRule;
}

const ANYWHERE = { fromPort: 0, toPort: 0, protocol: "-1", cidrBlocks: ["0.0.0.0/0"] };

/** The group of the control plane, which must be there before the cluster. */
export function clusterGroup(
  name: string,
  args: Omit<GroupsArgs, "clusterName">,
  opts: pulumi.CustomResourceOptions,
): aws.ec2.SecurityGroup {
  const groupName = `${name}-eksClusterSecurityGroup`;
  const tags = tagsNamed(groupName, args.clusterGroupTags, args.tags);
  const group = new aws.ec2.SecurityGroup(groupName, { vpcId: args.vpcId, revokeRulesOnDelete: true, tags }, opts);
  new aws.ec2.SecurityGroupRule(
    `${name}-eksClusterInternetEgressRule`,
    { ...ANYWHERE, description: "Allow internet access.", type: "egress", securityGroupId: group.id },
    opts,
  );
  return group;
}

/** The group of nodes and the rules between it and the control plane's. */
export function nodeGroup(
  name: string,
  cluster: aws.ec2.SecurityGroup,
  args: GroupsArgs,
  opts: pulumi.CustomResourceOptions,
): Groups {
  const groupName = `${name}-nodeSecurityGroup`;
  const tags = nodeGroupTagsOf(groupName, args);
  const node = new aws.ec2.SecurityGroup(groupName, { vpcId: args.vpcId, revokeRulesOnDelete: true, tags }, opts);
  const rule = (ruleName: string, rest: Omit<aws.ec2.SecurityGroupRuleArgs, "securityGroupId" | "type">) =>
    new aws.ec2.SecurityGroupRule(`${name}-${ruleName}`, { ...rest, type: "ingress", securityGroupId: node.id }, opts);
  rule("eksNodeIngressRule", { fromPort: 0, toPort: 0, protocol: "-1", self: true });
  rule("eksNodeClusterIngressRule", {
    fromPort: 1025,
    toPort: 65535,
    protocol: "tcp",
    sourceSecurityGroupId: cluster.id,
  });
  rule("eksExtApiServerClusterIngressRule", {
    fromPort: 443,
    toPort: 443,
    protocol: "tcp",
    sourceSecurityGroupId: cluster.id,
  });
  new aws.ec2.SecurityGroupRule(
    `${name}-eksNodeInternetEgressRule`,
    { ...ANYWHERE, type: "egress", securityGroupId: node.id },
    opts,
  );
  const clusterIngressRule = new aws.ec2.SecurityGroupRule(
    `${name}-eksClusterIngressRule`,
    {
      type: "ingress",
      fromPort: 443,
      toPort: 443,
      protocol: "tcp",
      securityGroupId: cluster.id,
      sourceSecurityGroupId: node.id,
    },
    opts,
  );
  return { cluster, node, clusterIngressRule };
}

function nodeGroupTagsOf(groupName: string, { clusterName, tags, nodeGroupTags }: GroupsArgs) {
  return pulumi.all([clusterName, tags, nodeGroupTags] as const).apply(([cluster, all, own]) => ({
    Name: groupName,
    [`kubernetes.io/cluster/${cluster}`]: "owned",
    ...own,
    ...all,
  }));
}

function tagsNamed(name: string, own: Tags | undefined, all: Tags | undefined) {
  return pulumi.all([own, all] as const).apply(([first, second]) => ({ Name: name, ...first, ...second }));
}
