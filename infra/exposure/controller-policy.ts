import type * as aws from "@pulumi/aws";
import type { PolicyScope } from "../scaling/cluster-autoscaler-policy.ts";

/** What the policy is about, besides the cluster. */
export interface ControllerScope extends PolicyScope {
  vpcId: string;
}

/** Tag that the controller puts on all that it makes, with the name of the cluster. */
const CLUSTER_TAG = "elbv2.k8s.aws/cluster";

/**
 * What the AWS Load Balancer Controller does for Application Load Balancers. It is the policy that the controller publishes,
 * limited to the cluster's tag (there: any cluster's), the region, the account, the VPC and to names that the controller gives,
 * without what serves Network Load Balancers, Cognito, certificates of IAM, Shield and the first version of WAF, which are off.
 * Source: https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/v3.5.0/docs/install/iam_policy.json
 */
export function controllerPolicy(scope: ControllerScope): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [...readStatements(scope), ...securityGroupStatements(scope), ...loadBalancerStatements(scope)],
  };
}

function readStatements({ region, accountId, partition }: ControllerScope): aws.iam.PolicyStatement[] {
  return [
    {
      Sid: "Read",
      Effect: "Allow",
      Action: [
        "acm:DescribeCertificate",
        "acm:ListCertificates",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "ec2:GetSecurityGroupsForVpc",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeSSLPolicies",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeTrustStores",
      ],
      // Nearly none of these actions can be limited to resources.
      Resource: "*",
      Condition: { StringEquals: { "aws:RequestedRegion": region } },
    },
    {
      Sid: "MakeServiceRole",
      Effect: "Allow",
      Action: "iam:CreateServiceLinkedRole",
      Resource: `arn:${partition}:iam::${accountId}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*`,
      Condition: { StringEquals: { "iam:AWSServiceName": "elasticloadbalancing.amazonaws.com" } },
    },
  ];
}

function securityGroupStatements(scope: ControllerScope): aws.iam.PolicyStatement[] {
  const { clusterName, region, accountId, partition, vpcId } = scope;
  const ec2 = (resource: string) => `arn:${partition}:ec2:${region}:${accountId}:${resource}`;
  const groups = ec2("security-group/*");
  const changeRules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"];
  return [
    { Sid: "MakeGroupsInVpc", Effect: "Allow", Action: "ec2:CreateSecurityGroup", Resource: ec2(`vpc/${vpcId}`) },
    {
      Sid: "MakeOwnGroups",
      Effect: "Allow",
      Action: "ec2:CreateSecurityGroup",
      Resource: groups,
      Condition: ownTag("Request", clusterName),
    },
    {
      Sid: "TagNewGroups",
      Effect: "Allow",
      Action: "ec2:CreateTags",
      Resource: groups,
      Condition: {
        StringEquals: { "ec2:CreateAction": "CreateSecurityGroup", [`aws:RequestTag/${CLUSTER_TAG}`]: clusterName },
      },
    },
    {
      Sid: "TagOwnGroups",
      Effect: "Allow",
      Action: ["ec2:CreateTags", "ec2:DeleteTags"],
      Resource: groups,
      Condition: keepingTag(clusterName),
    },
    {
      Sid: "ChangeOwnGroups",
      Effect: "Allow",
      Action: [...changeRules, "ec2:DeleteSecurityGroup"],
      Resource: groups,
      Condition: ownTag("Resource", clusterName),
    },
    {
      // The nodes' group lets load balancers in. EKS puts this tag on it.
      Sid: "OpenNodes",
      Effect: "Allow",
      Action: changeRules,
      Resource: groups,
      Condition: { StringEquals: { [`aws:ResourceTag/kubernetes.io/cluster/${clusterName}`]: "owned" } },
    },
    // A rule has no tags of its own, and is of no use without a right to its group.
    { Sid: "ChangeRules", Effect: "Allow", Action: changeRules, Resource: ec2("security-group-rule/*") },
  ];
}

function loadBalancerStatements({
  clusterName,
  region,
  accountId,
  partition,
}: ControllerScope): aws.iam.PolicyStatement[] {
  const elb = (resource: string) => `arn:${partition}:elasticloadbalancing:${region}:${accountId}:${resource}`;
  // The controller's own names begin so.
  const balancers = elb("loadbalancer/app/k8s-*/*");
  const groups = elb("targetgroup/k8s-*/*");
  const listeners = elb("listener/app/k8s-*/*/*");
  const rules = elb("listener-rule/app/k8s-*/*/*/*");
  const own = ownTag("Resource", clusterName);
  return [
    {
      Sid: "MakeTagged",
      Effect: "Allow",
      Action: ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"],
      Resource: [balancers, groups],
      Condition: ownTag("Request", clusterName),
    },
    {
      Sid: "TagNew",
      Effect: "Allow",
      Action: "elasticloadbalancing:AddTags",
      Resource: [balancers, groups],
      Condition: {
        StringEquals: {
          "elasticloadbalancing:CreateAction": ["CreateLoadBalancer", "CreateTargetGroup"],
          [`aws:RequestTag/${CLUSTER_TAG}`]: clusterName,
        },
      },
    },
    {
      Sid: "TagOwn",
      Effect: "Allow",
      Action: ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
      Resource: [balancers, groups],
      Condition: keepingTag(clusterName),
    },
    {
      Sid: "ChangeOwn",
      Effect: "Allow",
      Action: [
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RegisterTargets",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
      ],
      Resource: [balancers, groups],
      Condition: own,
    },
    {
      // Not by tags: listeners and rules that an older controller made have none, and could never change again.
      Sid: "ChangeListeners",
      Effect: "Allow",
      Action: [
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetRulePriorities",
      ],
      Resource: [listeners, rules],
    },
    {
      Sid: "UseFirewalls",
      Effect: "Allow",
      Action: [
        "elasticloadbalancing:SetWebAcl",
        "wafv2:AssociateWebACL",
        "wafv2:DisassociateWebACL",
        "wafv2:GetWebACL",
        "wafv2:GetWebACLForResource",
      ],
      Resource: [balancers, `arn:${partition}:wafv2:${region}:${accountId}:regional/webacl/*/*`],
    },
  ];
}

/** The cluster's tag, as a request or a resource must have it. */
function ownTag(of: "Request" | "Resource", clusterName: string): aws.iam.PolicyStatement["Condition"] {
  return { StringEquals: { [`aws:${of}Tag/${CLUSTER_TAG}`]: clusterName } };
}

/** A resource of the cluster whose tag of the cluster the request leaves alone. */
function keepingTag(clusterName: string): aws.iam.PolicyStatement["Condition"] {
  return { ...ownTag("Resource", clusterName), Null: { [`aws:RequestTag/${CLUSTER_TAG}`]: "true" } };
}
