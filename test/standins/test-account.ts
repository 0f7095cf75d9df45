import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Account, type Stored } from "./aws/account.ts";
import { createResource, deleteResource, updateResource } from "./aws/lifecycle.ts";
import type { Properties } from "./values.ts";

/** Region of everything that is made in an account of a test. */
export const REGION = "eu-central-1";

/** A trust policy of the least that AWS takes. */
export const TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}';

const TYPES = {
  vpc: "aws:ec2/vpc:Vpc",
  subnet: "aws:ec2/subnet:Subnet",
  gateway: "aws:ec2/internetGateway:InternetGateway",
  eip: "aws:ec2/eip:Eip",
  nat: "aws:ec2/natGateway:NatGateway",
  table: "aws:ec2/routeTable:RouteTable",
  route: "aws:ec2/route:Route",
  association: "aws:ec2/routeTableAssociation:RouteTableAssociation",
  endpoint: "aws:ec2/vpcEndpoint:VpcEndpoint",
  group: "aws:ec2/securityGroup:SecurityGroup",
  ingress: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  template: "aws:ec2/launchTemplate:LaunchTemplate",
  tag: "aws:autoscaling/tag:Tag",
  cluster: "aws:eks/cluster:Cluster",
  nodes: "aws:eks/nodeGroup:NodeGroup",
  addon: "aws:eks/addon:Addon",
  entry: "aws:eks/accessEntry:AccessEntry",
  policyAssociation: "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
  podIdentity: "aws:eks/podIdentityAssociation:PodIdentityAssociation",
  role: "aws:iam/role:Role",
  rolePolicy: "aws:iam/rolePolicy:RolePolicy",
  policy: "aws:iam/policy:Policy",
  attachment: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  oidc: "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  bucket: "aws:s3/bucket:Bucket",
  object: "aws:s3/bucketObjectv2:BucketObjectv2",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
  repository: "aws:ecr/repository:Repository",
  fileSystem: "aws:efs/fileSystem:FileSystem",
  mountTarget: "aws:efs/mountTarget:MountTarget",
  alias: "aws:kms/alias:Alias",
  logs: "aws:cloudwatch/logGroup:LogGroup",
  rule: "aws:cloudwatch/eventRule:EventRule",
  target: "aws:cloudwatch/eventTarget:EventTarget",
} as const;

/** An account of a test, and short ways to ask for things in it. */
export class TestAccount {
  readonly account: Account;
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "yolo-account-"));
    this.account = new Account(join(this.#folder, "account.json"));
  }

  make(kind: keyof typeof TYPES, inputs: Properties): Stored {
    return createResource(this.account, { type: TYPES[kind], inputs, region: REGION });
  }

  /** Changes some of a resource's inputs. */
  change({ type, id, inputs: before }: Stored, some: Properties): Stored {
    return updateResource(this.account, id, { type, inputs: { ...before, ...some }, region: REGION });
  }

  remove({ type, id }: Stored): void {
    deleteResource(this.account, type, id);
  }

  vpc(): Stored {
    return this.make("vpc", { cidrBlock: "10.0.0.0/16" });
  }

  /** The n-th subnet, in the n-th zone. */
  subnet(vpcId: string, n: number): Stored {
    return this.make("subnet", { vpcId, cidrBlock: `10.0.${n}.0/24`, availabilityZone: `${REGION}${"abc"[n]}` });
  }

  role(name = "role"): Stored {
    return this.make("role", { name, assumeRolePolicy: TRUST });
  }

  /** Removes the account's file. */
  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Checks that something is refused with a code. */
export function refuses(code: string, action: () => unknown): void {
  assert.throws(action, new RegExp(`^Refusal: ${code}: `));
}
