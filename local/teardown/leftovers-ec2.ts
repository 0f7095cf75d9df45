import {
  type EC2Client,
  type Filter,
  type Instance,
  type NetworkInterface,
  paginateDescribeInstances,
  paginateDescribeLaunchTemplates,
  paginateDescribeNetworkInterfaces,
  paginateDescribeSecurityGroups,
  paginateDescribeSnapshots,
  paginateDescribeVolumes,
  paginateDescribeVpcs,
  type Volume,
} from "@aws-sdk/client-ec2";
import { clusterTag, clusterTagKeys, type Tag } from "./aws.ts";
import type { Leftover, Scope } from "./leftovers.ts";
import { inVpc } from "./leftovers-services.ts";
import type { Target } from "./target.ts";

/** Networks of a stack: they bear the cluster's name, and the tags that the stack gives to everything. */
export async function findVpcs(client: EC2Client, { clusterName, tags }: Target): Promise<Leftover[]> {
  const Filters = Object.entries({ ...tags, Name: clusterName }).map(([key, value]) => filter(`tag:${key}`, value));
  const found: Leftover[] = [];
  for await (const { Vpcs = [] } of paginateDescribeVpcs({ client }, { Filters })) {
    for (const { VpcId: id = "" } of Vpcs) {
      found.push({ what: "network", id, reason: `tag Name=${clusterName}`, command: `ec2 delete-vpc --vpc-id ${id}` });
    }
  }
  return found;
}

/** Instances, network interfaces, security groups, volumes, snapshots and launch templates of a cluster. */
export async function computeLeftovers(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const found = await Promise.all([
    instances(client, scope),
    interfaces(client, scope),
    securityGroups(client, scope),
    volumes(client, scope),
    snapshots(client, scope),
    launchTemplates(client, scope),
  ]);
  return found.flat();
}

async function instances(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const states = filter("instance-state-name", "pending", "running", "stopping", "stopped");
  const all = await everyWay(scope, async (Filters) => {
    const found: Instance[] = [];
    for await (const { Reservations = [] } of paginateDescribeInstances(
      { client },
      { Filters: [...Filters, states] },
    )) {
      found.push(...Reservations.flatMap(({ Instances = [] }) => Instances));
    }
    return found;
  });
  return all.flatMap(({ InstanceId: id = "", Tags, VpcId }) =>
    leftover("instance", id, reasonFor(scope, Tags, VpcId), `ec2 terminate-instances --instance-ids ${id}`),
  );
}

async function interfaces(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const all = await everyWay(scope, async (Filters) => {
    const found: NetworkInterface[] = [];
    for await (const { NetworkInterfaces = [] } of paginateDescribeNetworkInterfaces({ client }, { Filters })) {
      found.push(...NetworkInterfaces);
    }
    return found;
  });
  return all.flatMap((each) => interfaceLeftovers(each, reasonFor(scope, each.TagSet, each.VpcId)));
}

/**
 * What an interface says is left. One of a load balancer of the first kind names it; others that somebody uses go with their user,
 * which AWS does not let go before.
 */
export function interfaceLeftovers(each: NetworkInterface, reason: string | undefined): Leftover[] {
  const { NetworkInterfaceId: id = "", Description = "", Status, Attachment, InterfaceType } = each;
  const classic = /^ELB (?!(?:app|net|gwy)\/)(.+)$/.exec(Description)?.[1];
  if (classic !== undefined) {
    return leftover(
      "classic load balancer",
      classic,
      reason,
      `elb delete-load-balancer --load-balancer-name ${classic}`,
    );
  }
  if (Status === "available") {
    return leftover("network interface", id, reason, `ec2 delete-network-interface --network-interface-id ${id}`);
  }
  // Those of instances and of other load balancers are in the list as such; those of gateways and endpoints are Pulumi's.
  const others = ["nat_gateway", "natGateway", "vpc_endpoint", "network_load_balancer", "gateway_load_balancer"];
  if (Attachment?.InstanceId !== undefined || Description.startsWith("ELB ") || others.includes(InterfaceType ?? "")) {
    return [];
  }
  const used = reason && `${reason}; in use by "${Description}": delete that first, it takes this along`;
  return leftover("network interface", id, used, `ec2 describe-network-interfaces --network-interface-ids ${id}`);
}

async function securityGroups(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const all = await everyWay(scope, async (Filters) => {
    const found: { GroupId?: string; GroupName?: string; VpcId?: string; Tags?: Tag[] }[] = [];
    for await (const { SecurityGroups = [] } of paginateDescribeSecurityGroups({ client }, { Filters })) {
      found.push(...(SecurityGroups as typeof found));
    }
    return found;
  });
  return all
    .filter(({ GroupName }) => GroupName !== "default") // It goes with its network.
    .flatMap(({ GroupId: id = "", Tags, VpcId }) =>
      leftover("security group", id, reasonFor(scope, Tags, VpcId), `ec2 delete-security-group --group-id ${id}`),
    );
}

async function volumes(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const found: Volume[] = [];
  for await (const { Volumes = [] } of paginateDescribeVolumes({ client }, { Filters: [tagged(scope)] })) {
    found.push(...Volumes);
  }
  return found
    .filter(isLeft)
    .flatMap(({ VolumeId: id = "", Tags }) =>
      leftover("volume", id, reasonFor(scope, Tags), `ec2 delete-volume --volume-id ${id}`),
    );
}

/** Whether a volume stays: not one that is being deleted, nor one that goes with its instance. */
export function isLeft({ State, Attachments = [] }: Volume): boolean {
  if (State === "deleting" || State === "deleted") return false;
  return !Attachments.some(({ DeleteOnTermination }) => DeleteOnTermination);
}

async function snapshots(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const found: Leftover[] = [];
  const request = { OwnerIds: ["self"], Filters: [tagged(scope)] };
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client }, request)) {
    for (const { SnapshotId: id = "", Tags } of Snapshots) {
      found.push(...leftover("snapshot", id, reasonFor(scope, Tags), `ec2 delete-snapshot --snapshot-id ${id}`));
    }
  }
  return found;
}

async function launchTemplates(client: EC2Client, scope: Scope): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for await (const { LaunchTemplates = [] } of paginateDescribeLaunchTemplates(
    { client },
    { Filters: [tagged(scope)] },
  )) {
    for (const { LaunchTemplateId: id = "", Tags } of LaunchTemplates) {
      const command = `ec2 delete-launch-template --launch-template-id ${id}`;
      found.push(...leftover("launch template", id, reasonFor(scope, Tags), command));
    }
  }
  return found;
}

/** Asks once for what has a tag of the cluster and once for what is in its networks; each is answered once. */
async function everyWay<T extends object>(scope: Scope, ask: (filters: Filter[]) => Promise<T[]>): Promise<T[]> {
  const ways = [tagged(scope), ...(scope.vpcIds.length > 0 ? [filter("vpc-id", ...scope.vpcIds)] : [])];
  const found = (await Promise.all(ways.map((way) => ask([way])))).flat();
  return [...new Map(found.map((each) => [idOf(each), each])).values()];
}

function idOf(each: object): unknown {
  const { InstanceId, NetworkInterfaceId, GroupId } = each as Record<string, unknown>;
  return InstanceId ?? NetworkInterfaceId ?? GroupId;
}

function tagged({ clusterName }: Scope): Filter {
  return filter("tag-key", ...clusterTagKeys(clusterName));
}

function filter(Name: string, ...Values: string[]): Filter {
  return { Name, Values };
}

function reasonFor(scope: Scope, tags: readonly Tag[] | undefined, vpcId?: string): string | undefined {
  const tag = clusterTag(tags, scope.clusterName);
  return tag === undefined ? inVpc(vpcId, scope) : `tag ${tag}`;
}

function leftover(what: string, id: string, reason: string | undefined, command: string): Leftover[] {
  return reason === undefined ? [] : [{ what, id, reason, command }];
}
