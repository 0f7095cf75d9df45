import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EC2Client } from "@aws-sdk/client-ec2";
import { ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { UserError } from "../errors.ts";
import type { Target } from "./target.ts";

/** A tag of a resource, as each service answers it. */
export interface Tag {
  Key?: string | undefined;
  Value?: string | undefined;
}

/** Connections to the services that are asked. */
export interface Aws extends Disposable {
  ec2: EC2Client;
  balancers: ElasticLoadBalancingV2Client;
  logs: CloudWatchLogsClient;
  /** Number of the account that the credentials are of. */
  account: string;
}

/** Connects to AWS in the stack's region. Throws a UserError when there are no credentials, or none that AWS takes. */
export async function connect({ region, profile }: Target): Promise<Aws> {
  const options = { region, ...(profile !== undefined && { profile }) };
  const sts = new STSClient(options);
  try {
    const { Account: account = "" } = await explained(region, () => sts.send(new GetCallerIdentityCommand({})));
    const ec2 = new EC2Client(options);
    const balancers = new ElasticLoadBalancingV2Client(options);
    const logs = new CloudWatchLogsClient(options);
    const dispose = () => {
      for (const client of [ec2, balancers, logs]) client.destroy();
    };
    return { ec2, balancers, logs, account, [Symbol.dispose]: dispose };
  } finally {
    sts.destroy();
  }
}

/** Asks AWS. What it answers that its user can mend is thrown as a UserError. */
export async function explained<T>(region: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const { name, message } = error as Error;
    if (/^(?:CredentialsProviderError|TokenProviderError)$/.test(name)) {
      throw new UserError(
        "Expected credentials of AWS but found none " +
          `(${message.trim()}). Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run \`aws sso login\`.`,
      );
    }
    throw new UserError(`Expected AWS in ${region} to answer, but: ${name}: ${message}`);
  }
}

/**
 * Tags that controllers put on what they make for a cluster, with its name as their value.
 * The stack's own storage class: infra/cluster/storage-class.ts.
 * https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/docs/deploy/configurations.md (elbv2.k8s.aws/cluster)
 * https://karpenter.sh/v1.14/concepts/nodeclasses/#spectags (eks:eks-cluster-name)
 * https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html (aws:eks:cluster-name, eks:cluster-name)
 * https://github.com/aws/amazon-vpc-cni-k8s#cluster_name (cluster.k8s.amazonaws.com/name)
 */
const CLUSTER_TAGS = [
  "yolo/cluster",
  "elbv2.k8s.aws/cluster",
  "eks:eks-cluster-name",
  "eks:cluster-name",
  "aws:eks:cluster-name",
  "cluster.k8s.amazonaws.com/name",
];

/** Tag of what belongs to one cluster only; its value is "owned". https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html */
function ownedTag(clusterName: string): string {
  return `kubernetes.io/cluster/${clusterName}`;
}

/** The keys of every tag that ties something to a cluster. */
export function clusterTagKeys(clusterName: string): string[] {
  return [...CLUSTER_TAGS, ownedTag(clusterName)];
}

/** The tag that ties something to a cluster, as `KEY=VALUE`; undefined where none does. */
export function clusterTag(tags: readonly Tag[] | undefined, clusterName: string): string | undefined {
  const found = tags?.find(({ Key = "", Value }) =>
    Key === ownedTag(clusterName) ? Value === "owned" : CLUSTER_TAGS.includes(Key) && Value === clusterName,
  );
  return found && `${found.Key}=${found.Value}`;
}
