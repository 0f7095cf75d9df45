import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of the PodIdentity component. */
export interface PodIdentityArgs {
  clusterName: pulumi.Input<string>;
  namespace: pulumi.Input<string>;
  serviceAccount: pulumi.Input<string>;
  /** What pods of the service account may do in AWS. */
  policy?: pulumi.Input<aws.iam.PolicyDocument>;
  /** ARNs of policies that AWS maintains. Defaults to none. */
  managedPolicyArns?: readonly string[];
}

/**
 * Lets the EKS agent on each node, and nobody else, take a role for pods.
 * Source: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
 */
const TRUST_POLICY: aws.iam.PolicyDocument = {
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { Service: "pods.eks.amazonaws.com" },
      Action: ["sts:AssumeRole", "sts:TagSession"],
    },
  ],
};

/** An IAM role that pods of one service account get by EKS Pod Identity, without an OIDC provider. */
export class PodIdentity extends pulumi.ComponentResource {
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: PodIdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:PodIdentity", name, {}, opts);
    const parent = { parent: this };
    const role = new aws.iam.Role(name, { assumeRolePolicy: TRUST_POLICY }, parent);
    const policies: pulumi.Resource[] = (args.managedPolicyArns ?? []).map(
      (policyArn, i) => new aws.iam.RolePolicyAttachment(`${name}-${i}`, { role: role.name, policyArn }, parent),
    );
    if (args.policy !== undefined) {
      policies.push(new aws.iam.RolePolicy(name, { role: role.name, policy: args.policy }, parent));
    }
    // After the policies: a pod that starts at once must not meet a role that may do nothing yet.
    new aws.eks.PodIdentityAssociation(
      name,
      {
        clusterName: args.clusterName,
        namespace: args.namespace,
        serviceAccount: args.serviceAccount,
        roleArn: role.arn,
      },
      { parent: this, dependsOn: policies },
    );
    this.roleArn = role.arn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}
