import type * as aws from "@pulumi/aws";

/** The cluster that a policy is about. */
export interface PolicyScope {
  clusterName: string;
  region: string;
  accountId: string;
  partition: string;
}

/** Tag that EKS puts on the Auto Scaling groups of a cluster's node groups, by which the autoscaler finds them, with the value "owned". */
export function autoscalerTag(clusterName: string): string {
  return `k8s.io/cluster-autoscaler/${clusterName}`;
}

/**
 * What the Cluster Autoscaler does: it reads what there is in its region, and changes groups that bear the cluster's tag.
 * Source: https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md#iam-policy
 */
export function clusterAutoscalerPolicy(scope: PolicyScope): aws.iam.PolicyDocument {
  const { clusterName, region, accountId, partition } = scope;
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Read",
        Effect: "Allow",
        Action: [
          "autoscaling:DescribeAutoScalingGroups",
          "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations",
          "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags",
          "ec2:DescribeImages",
          "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions",
          "ec2:GetInstanceTypesFromInstanceRequirements",
        ],
        // None of these actions can be limited to resources.
        Resource: "*",
        Condition: { StringEquals: { "aws:RequestedRegion": region } },
      },
      {
        // P4: labels and taints of a managed group that has no node to look at.
        Sid: "ReadNodeGroups",
        Effect: "Allow",
        Action: "eks:DescribeNodegroup",
        Resource: `arn:${partition}:eks:${region}:${accountId}:nodegroup/${clusterName}/*/*`,
      },
      {
        Sid: "Scale",
        Effect: "Allow",
        Action: ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
        Resource: `arn:${partition}:autoscaling:${region}:${accountId}:autoScalingGroup:*:autoScalingGroupName/*`,
        Condition: { StringEquals: { [`aws:ResourceTag/${autoscalerTag(clusterName)}`]: "owned" } },
      },
    ],
  };
}
