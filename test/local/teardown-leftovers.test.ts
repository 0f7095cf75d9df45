import assert from "node:assert/strict";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateLaunchTemplateCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  CreateSnapshotCommand,
  CreateSubnetCommand,
  CreateVolumeCommand,
  CreateVpcCommand,
  EC2Client,
  type ResourceType,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { UserError } from "../../local/errors.ts";
import { type Aws, clusterTag, connect } from "../../local/teardown/aws.ts";
import { findLeftovers, type Leftover, leftoverLines } from "../../local/teardown/leftovers.ts";
import { interfaceLeftovers, isLeft } from "../../local/teardown/leftovers-ec2.ts";
import type { Target } from "../../local/teardown/target.ts";
import { Moto } from "../support/moto.ts";

const REGION = "eu-central-1";

const TARGET: Target = {
  stack: "dev",
  configFile: "Pulumi.dev.yaml",
  clusterName: "yolo-dev",
  region: REGION,
  profile: undefined,
  tags: { project: "yolo" },
};

describe("what ties something to a cluster", () => {
  it("is a tag with the cluster's name, or that it owns it", () => {
    const tag = (Key: string, Value: string) => clusterTag([{ Key, Value }], "yolo-dev");
    assert.equal(tag("yolo/cluster", "yolo-dev"), "yolo/cluster=yolo-dev");
    assert.equal(tag("elbv2.k8s.aws/cluster", "yolo-dev"), "elbv2.k8s.aws/cluster=yolo-dev");
    assert.equal(tag("kubernetes.io/cluster/yolo-dev", "owned"), "kubernetes.io/cluster/yolo-dev=owned");
    // Of a subnet that another cluster uses as well.
    assert.equal(tag("kubernetes.io/cluster/yolo-dev", "shared"), undefined);
    assert.equal(tag("yolo/cluster", "yolo-dev2"), undefined);
    assert.equal(tag("kubernetes.io/cluster/yolo-dev2", "owned"), undefined);
    assert.equal(tag("Name", "yolo-dev"), undefined);
    assert.equal(clusterTag(undefined, "yolo-dev"), undefined);
  });
});

describe("network interfaces that are left", () => {
  const whats = (more: Parameters<typeof interfaceLeftovers>[0]) =>
    interfaceLeftovers({ NetworkInterfaceId: "eni-1", Status: "in-use", ...more }, "why").map(({ what, command }) => [
      what,
      command,
    ]);

  it("are those that nobody uses, and those whose user is not in the list as such", () => {
    const remove = "ec2 delete-network-interface --network-interface-id eni-1";
    assert.deepEqual(whats({ Status: "available", Description: "aws-K8S-i-1" }), [["network interface", remove]]);
    assert.deepEqual(whats({ Description: "ELB a1b2" }), [
      ["classic load balancer", "elb delete-load-balancer --load-balancer-name a1b2"],
    ]);
    assert.deepEqual(whats({ Description: "ELB app/k8s-yolo/1" }), []);
    assert.deepEqual(whats({ Attachment: { InstanceId: "i-1" } }), []);
    assert.deepEqual(whats({ InterfaceType: "natGateway" }), []);
    assert.deepEqual(whats({ Description: "EFS mount target" }), [
      ["network interface", "ec2 describe-network-interfaces --network-interface-ids eni-1"],
    ]);
  });
});

describe("volumes that are left", () => {
  it("are those that neither go with an instance nor are being deleted", () => {
    assert.equal(isLeft({ State: "available" }), true);
    assert.equal(isLeft({ State: "in-use", Attachments: [{ DeleteOnTermination: false }] }), true);
    assert.equal(isLeft({ State: "in-use", Attachments: [{ DeleteOnTermination: true }] }), false);
    assert.equal(isLeft({ State: "deleting" }), false);
  });
});

/** AWS's protocols, and what moto knows of AWS; not what AWS really leaves. */
describe("what is left in an account", function () {
  this.timeout(120_000);
  let moto: Moto;
  let aws: Aws;
  let ec2: EC2Client;
  let balancers: ElasticLoadBalancingV2Client;
  const environment = { ...process.env };

  before(async () => {
    moto = await Moto.start();
    Object.assign(process.env, moto.env);
    delete process.env.AWS_PROFILE;
    delete process.env.AWS_SESSION_TOKEN;
    aws = await connect(TARGET);
    ec2 = new EC2Client({ region: REGION });
    balancers = new ElasticLoadBalancingV2Client({ region: REGION });
  });

  after(async () => {
    aws?.[Symbol.dispose]();
    for (const client of [ec2, balancers]) client?.destroy();
    await moto?.[Symbol.asyncDispose]();
    process.env = environment;
  });

  const tags = (values: Record<string, string>) => Object.entries(values).map(([Key, Value]) => ({ Key, Value }));
  const specification = (ResourceType: ResourceType, values: Record<string, string>) => [
    { ResourceType, Tags: tags(values) },
  ];

  /** Makes what a cluster and its controllers make; the ids of what can be left, by kind. */
  async function fill(clusterName: string, cidr: string): Promise<Record<string, string>> {
    const named = { Name: clusterName, project: "yolo" };
    const vpc = await ec2.send(
      new CreateVpcCommand({ CidrBlock: `${cidr}.0.0/16`, TagSpecifications: specification("vpc", named) }),
    );
    const VpcId = vpc.Vpc?.VpcId ?? "";
    const subnets = await Promise.all(
      [0, 1].map(async (n) => {
        const AvailabilityZone = `${REGION}${"ab"[n]}`;
        const made = await ec2.send(
          new CreateSubnetCommand({ VpcId, CidrBlock: `${cidr}.${n}.0/24`, AvailabilityZone }),
        );
        return made.Subnet?.SubnetId ?? "";
      }),
    );
    // By its network only.
    const group = await ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName: "k8s", Description: "k8s" }));
    const SubnetId = subnets[0] ?? "";
    const unused = await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId, Description: "aws-K8S-i-1" }));
    const volumeTags = { "yolo/cluster": clusterName };
    const volume = await ec2.send(
      new CreateVolumeCommand({
        AvailabilityZone: `${REGION}a`,
        Size: 1,
        TagSpecifications: specification("volume", volumeTags),
      }),
    );
    const VolumeId = volume.VolumeId ?? "";
    const snapshot = await ec2.send(
      new CreateSnapshotCommand({ VolumeId, TagSpecifications: specification("snapshot", volumeTags) }),
    );
    const owned = { [`kubernetes.io/cluster/${clusterName}`]: "owned" };
    const template = await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: `karpenter-${clusterName}`,
        LaunchTemplateData: { InstanceType: "m7i.large" },
        TagSpecifications: specification("launch-template", owned),
      }),
    );
    const run = await ec2.send(
      new RunInstancesCommand({
        ImageId: "ami-12c6146b",
        MinCount: 2,
        MaxCount: 2,
        SubnetId,
        TagSpecifications: specification("instance", { "eks:eks-cluster-name": clusterName }),
      }),
    );
    const [instance = "", ended = ""] = (run.Instances ?? []).map(({ InstanceId }) => InstanceId ?? "");
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [ended] }));
    const Tags = tags({ "elbv2.k8s.aws/cluster": clusterName });
    const balancer = await balancers.send(
      new CreateLoadBalancerCommand({ Name: `k8s-${clusterName}`, Subnets: subnets, Scheme: "internal", Tags }),
    );
    const targets = await balancers.send(
      new CreateTargetGroupCommand({ Name: `k8s-${clusterName}`, Protocol: "HTTP", Port: 80, VpcId, Tags }),
    );
    const logs = new CloudWatchLogsClient({ region: REGION });
    const logGroup = `/aws/eks/${clusterName}/cluster`;
    await logs.send(new CreateLogGroupCommand({ logGroupName: logGroup }));
    logs.destroy();
    return {
      "load balancer": balancer.LoadBalancers?.[0]?.LoadBalancerArn ?? "",
      "target group": targets.TargetGroups?.[0]?.TargetGroupArn ?? "",
      instance,
      "network interface": unused.NetworkInterface?.NetworkInterfaceId ?? "",
      "security group": group.GroupId ?? "",
      volume: VolumeId,
      snapshot: snapshot.SnapshotId ?? "",
      "launch template": template.LaunchTemplate?.LaunchTemplateId ?? "",
      "log group": logGroup,
      network: VpcId,
    };
  }

  const ids = (left: readonly Leftover[]) => Object.fromEntries(left.map(({ what, id }) => [what, id]));

  it("is nothing where there was nothing", async () => {
    assert.equal(aws.account, "123456789012");
    assert.deepEqual(await findLeftovers(aws, TARGET, []), []);
  });

  it("is everything of the cluster, and nothing of another one with a longer name", async () => {
    await fill("yolo-dev2", "10.2");
    assert.deepEqual(await findLeftovers(aws, TARGET, []), []);
    const made = await fill("yolo-dev", "10.1");
    const left = await findLeftovers(aws, TARGET, []);
    assert.deepEqual(ids(left), made);
    assert.equal(left.length, Object.keys(made).length, JSON.stringify(left));
    const lines = leftoverLines(left, REGION).join("\n");
    assert.match(lines, new RegExp(`volume ${made.volume}: tag yolo/cluster=yolo-dev\n {4}aws ec2 delete-volume`));
    assert.match(lines, new RegExp(`security group \\S+: in the cluster's network ${made.network}`));
    assert.match(lines, new RegExp(`aws elbv2 delete-load-balancer --load-balancer-arn \\S+ --region ${REGION}`));
  });

  it("leaves out what the stack still knows of", async () => {
    const made = ids(await findLeftovers(aws, TARGET, []));
    const known = ["network", "security group"].map((what) => ({
      urn: what,
      type: "aws",
      custom: true,
      id: made[what] ?? "",
    }));
    const left = ids(await findLeftovers(aws, TARGET, known));
    assert.deepEqual([left.network, left["security group"]], [undefined, undefined]);
    assert.equal(left.volume, made.volume);
  });

  it("says which permission or which credentials are missing", async () => {
    const url = process.env.AWS_ENDPOINT_URL;
    process.env.AWS_ENDPOINT_URL = "http://127.0.0.1:1";
    await assert.rejects(connect(TARGET), /Expected AWS in eu-central-1 to answer, but: .*ECONNREFUSED/s);
    process.env.AWS_ENDPOINT_URL = url;
    const { AWS_ACCESS_KEY_ID: id } = process.env;
    delete process.env.AWS_ACCESS_KEY_ID;
    process.env.AWS_SHARED_CREDENTIALS_FILE = "/dev/null";
    process.env.AWS_CONFIG_FILE = "/dev/null";
    await assert.rejects(connect(TARGET), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /Expected credentials of AWS but found none .*AWS_PROFILE/);
      return true;
    });
    process.env.AWS_ACCESS_KEY_ID = id;
  });
});
