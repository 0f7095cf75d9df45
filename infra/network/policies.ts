import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/**
 * Lets the flow logs of one account take a role, and nobody in another account through them.
 * Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
 */
export function flowLogsTrustPolicy(account: pulumi.Input<string>): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "vpc-flow-logs.amazonaws.com" },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "aws:SourceAccount": account } },
      },
    ],
  };
}

/** Lets flow logs write to one log group: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html */
export function flowLogsPolicy(logGroupArn: pulumi.Output<string>): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogGroups", "logs:DescribeLogStreams"],
        Resource: logGroupArn.apply((arn) => `${arn}:*`),
      },
    ],
  };
}
