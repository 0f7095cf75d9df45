import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { FlowLogs } from "./args.ts";
import { flowLogsPolicy, flowLogsTrustPolicy } from "./policies.ts";

/** Longest time over which connections are summed up, in seconds: the cheaper one of the two that there are. */
const AGGREGATION_SECONDS = 600;

/** Records the connections of a VPC in a log group that does not grow for ever. */
export function recordTraffic(
  name: string,
  vpc: aws.ec2.Vpc,
  clusterName: string,
  { retentionDays, traffic }: FlowLogs,
  parent: { parent: pulumi.Resource },
): void {
  const group = new aws.cloudwatch.LogGroup(
    `${name}-flow-logs`,
    { name: `/aws/vpc/${clusterName}/flow-logs`, retentionInDays: retentionDays },
    parent,
  );
  const role = new aws.iam.Role(`${name}-flow-logs`, { assumeRolePolicy: flowLogsTrustPolicy(vpc.ownerId) }, parent);
  const policy = new aws.iam.RolePolicy(
    `${name}-flow-logs`,
    { role: role.name, policy: flowLogsPolicy(group.arn) },
    parent,
  );
  new aws.ec2.FlowLog(
    name,
    {
      vpcId: vpc.id,
      trafficType: traffic === "all" ? "ALL" : "REJECT",
      logDestinationType: "cloud-watch-logs",
      logDestination: group.arn,
      iamRoleArn: role.arn,
      maxAggregationInterval: AGGREGATION_SECONDS,
      tags: { Name: clusterName },
    },
    // Flow logs without their policy are made, and fail later.
    { ...parent, dependsOn: policy },
  );
}
