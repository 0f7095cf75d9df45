import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of the NodeRole component. */
export interface NodeRoleArgs {
  /** Whether people may open a session on nodes through AWS Systems Manager. Defaults to false. */
  ssm?: boolean;
}

/** Lets EC2 instances take the role. Source: https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html */
const TRUST_POLICY: aws.iam.PolicyDocument = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
};

/**
 * Policies that AWS maintains for nodes: joining the cluster (and the Pod Identity agent), addresses for pods, pulling images
 * without listing or pushing any. Source: https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html
 */
const POLICIES = {
  worker: "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
  cni: "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
  registry: "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
} as const;

/** Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html */
const SSM_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

/** The IAM role of the cluster's nodes. Pods do not get it: they have roles of their own by EKS Pod Identity. */
export class NodeRole extends pulumi.ComponentResource {
  /** Known once every policy is attached, so that no node starts before it may join. */
  readonly arn: pulumi.Output<string>;
  readonly name: pulumi.Output<string>;

  constructor(name: string, args: NodeRoleArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:NodeRole", name, {}, opts);
    const { ssm = false } = args;
    const parent = { parent: this };
    const role = new aws.iam.Role(name, { assumeRolePolicy: TRUST_POLICY }, parent);
    const policies = Object.entries({ ...POLICIES, ...(ssm && { ssm: SSM_POLICY }) });
    const attachments = policies.map(
      ([key, policyArn]) => new aws.iam.RolePolicyAttachment(`${name}-${key}`, { role: role.name, policyArn }, parent),
    );
    this.arn = pulumi.all([role.arn, pulumi.all(attachments.map(({ id }) => id))]).apply(([arn]) => arn);
    this.name = role.name;
    this.registerOutputs({ arn: this.arn, name: this.name });
  }
}
