import { type CloudWatchLogsClient, paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeTagsCommand,
  type ElasticLoadBalancingV2Client,
  paginateDescribeLoadBalancers,
  paginateDescribeTargetGroups,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { clusterTag, type Tag } from "./aws.ts";
import type { Leftover, Scope } from "./leftovers.ts";

/** ARNs in one question for tags: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html */
const ARNS_PER_QUESTION = 20;

/** Load balancers, and target groups, which outlive both their load balancer and their network. */
export async function balancerLeftovers(client: ElasticLoadBalancingV2Client, scope: Scope): Promise<Leftover[]> {
  const balancers: Found[] = [];
  for await (const { LoadBalancers = [] } of paginateDescribeLoadBalancers({ client }, {})) {
    balancers.push(...LoadBalancers.map(({ LoadBalancerArn: arn = "", VpcId: vpcId }) => ({ arn, vpcId })));
  }
  const groups: Found[] = [];
  for await (const { TargetGroups = [] } of paginateDescribeTargetGroups({ client }, {})) {
    groups.push(...TargetGroups.map(({ TargetGroupArn: arn = "", VpcId: vpcId }) => ({ arn, vpcId })));
  }
  const tags = await tagsOf(client, [...balancers, ...groups]);
  const leftovers = (found: readonly Found[], what: string, command: string) =>
    found.flatMap(({ arn, vpcId }) => {
      const tag = clusterTag(tags.get(arn), scope.clusterName);
      const reason = tag === undefined ? inVpc(vpcId, scope) : `tag ${tag}`;
      return reason === undefined ? [] : [{ what, id: arn, reason, command: `${command} ${arn}` }];
    });
  return [
    ...leftovers(balancers, "load balancer", "elbv2 delete-load-balancer --load-balancer-arn"),
    ...leftovers(groups, "target group", "elbv2 delete-target-group --target-group-arn"),
  ];
}

/** The log group of the control plane: a late entry makes it anew. */
export async function logLeftovers(client: CloudWatchLogsClient, { clusterName }: Scope): Promise<Leftover[]> {
  const name = `/aws/eks/${clusterName}/cluster`;
  const found: Leftover[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, { logGroupNamePrefix: name })) {
    if (!logGroups.some(({ logGroupName }) => logGroupName === name)) continue;
    const command = `logs delete-log-group --log-group-name ${name}`;
    found.push({ what: "log group", id: name, reason: "its name", command });
  }
  return found;
}

/** Why something in a network of the cluster is the cluster's; undefined where it is in none of them. */
export function inVpc(vpcId: string | undefined, { vpcIds }: Scope): string | undefined {
  return vpcId !== undefined && vpcIds.includes(vpcId) ? `in the cluster's network ${vpcId}` : undefined;
}

interface Found {
  arn: string;
  vpcId: string | undefined;
}

async function tagsOf(client: ElasticLoadBalancingV2Client, found: readonly Found[]): Promise<Map<string, Tag[]>> {
  const tags = new Map<string, Tag[]>();
  for (let from = 0; from < found.length; from += ARNS_PER_QUESTION) {
    const ResourceArns = found.slice(from, from + ARNS_PER_QUESTION).map(({ arn }) => arn);
    const { TagDescriptions = [] } = await client.send(new DescribeTagsCommand({ ResourceArns }));
    for (const { ResourceArn = "", Tags = [] } of TagDescriptions) tags.set(ResourceArn, Tags);
  }
  return tags;
}
