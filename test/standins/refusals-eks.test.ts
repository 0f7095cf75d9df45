import assert from "node:assert/strict";
import { ACCOUNT_ID } from "./aws/account.ts";
import { refuses, TestAccount } from "./test-account.ts";
import type { Properties } from "./values.ts";

describe("refusals of EKS in the AWS stand-in", () => {
  let aws: TestAccount;

  beforeEach(() => {
    aws = new TestAccount();
  });

  afterEach(() => aws.end());

  function cluster(inputs: Properties = {}) {
    const network = aws.vpc();
    const subnets = [aws.subnet(network.id, 0), aws.subnet(network.id, 1)];
    const roleArn = aws.role("cluster").outputs.arn;
    const subnetIds = subnets.map(({ id }) => id);
    const made = aws.make("cluster", {
      name: "yolo",
      version: "1.35",
      roleArn,
      vpcConfig: { subnetIds },
      accessConfig: { authenticationMode: "API" },
      ...inputs,
    });
    return { network, subnets, subnetIds, cluster: made, nodeRoleArn: aws.role("nodes").outputs.arn };
  }

  const nodes = (made: ReturnType<typeof cluster>, inputs: Properties = {}) =>
    aws.make("nodes", {
      clusterName: "yolo",
      nodeGroupName: "system",
      nodeRoleArn: made.nodeRoleArn,
      subnetIds: made.subnetIds,
      scalingConfig: { minSize: 1, desiredSize: 2, maxSize: 3 },
      ...inputs,
    });

  it("makes clusters as EKS does", () => {
    const made = cluster({ enabledClusterLogTypes: ["api"] });
    const args = made.cluster.inputs;
    refuses("ResourceInUseException", () => aws.make("cluster", args));
    const other = { ...args, name: "other" };
    refuses("InvalidParameterException", () => aws.make("cluster", { ...other, version: "1.20" }));
    refuses("InvalidParameterException", () =>
      aws.make("cluster", { ...other, roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/none` }),
    );
    const one = { subnetIds: made.subnetIds.slice(0, 1) };
    refuses("InvalidParameterException", () => aws.make("cluster", { ...other, vpcConfig: one }));
    const none = { subnetIds: ["subnet-none", ...made.subnetIds] };
    refuses("InvalidParameterException", () => aws.make("cluster", { ...other, vpcConfig: none }));
    const closed = { ...one, subnetIds: made.subnetIds, endpointPublicAccess: false, endpointPrivateAccess: false };
    refuses("InvalidParameterException", () => aws.make("cluster", { ...other, vpcConfig: closed }));
    const open = { subnetIds: made.subnetIds, publicAccessCidrs: ["10.0.0.1/8"] };
    refuses("InvalidParameterException", () => aws.make("cluster", { ...other, vpcConfig: open }));
    const encryptionConfig = {
      provider: { keyArn: "arn:aws:kms:eu-central-1:123456789012:key/none" },
      resources: ["secrets"],
    };
    refuses("InvalidParameterException", () => aws.make("cluster", { ...other, encryptionConfig }));
    refuses("ResourceAlreadyExistsException", () => aws.make("logs", { name: "/aws/eks/yolo/cluster" }));
  });

  it("updates clusters one minor version at a time and never back", () => {
    const made = cluster({ version: "1.33" }).cluster;
    refuses("InvalidParameterException", () => aws.change(made, { version: "1.35" }));
    refuses("InvalidParameterException", () => aws.change(made, { version: "1.32" }));
    assert.equal(aws.change(made, { version: "1.34" }).outputs.version, "1.34");
    const accessConfig = { authenticationMode: "CONFIG_MAP" };
    refuses("InvalidParameterException", () => aws.change(made, { accessConfig }));
  });

  it("deletes clusters after their nodes, and protected ones never", () => {
    const made = cluster({ deletionProtection: true });
    const group = nodes(made);
    refuses("ResourceInUseException", () => aws.remove(made.cluster));
    for (const each of made.subnets) refuses("DependencyViolation", () => aws.remove(each));
    aws.remove(group);
    refuses("InvalidRequestException", () => aws.remove(made.cluster));
    aws.remove(aws.change(made.cluster, { deletionProtection: false }));
  });

  it("makes node groups as EKS does", () => {
    const made = cluster();
    const group = nodes(made);
    refuses("ResourceInUseException", () => nodes(made));
    refuses("ResourceNotFoundException", () => nodes(made, { clusterName: "none" }));
    const other = (inputs: Properties) => () => nodes(made, { nodeGroupName: "other", ...inputs });
    const scaling = (minSize: number, desiredSize: number, maxSize: number) => ({
      scalingConfig: { minSize, desiredSize, maxSize },
    });
    refuses("InvalidParameterException", other(scaling(1, 0, 3)));
    refuses("InvalidParameterException", other(scaling(0, 4, 3)));
    refuses("InvalidParameterException", other(scaling(4, 4, 3)));
    refuses("InvalidParameterException", () => aws.change(group, scaling(3, 2, 3)));
    refuses("InvalidParameterException", other({ version: "1.36" }));
    refuses("InvalidParameterException", () => aws.change(group, { version: "1.34" }));
    const arm = { amiType: "AL2023_x86_64_NVIDIA", instanceTypes: ["g5g.xlarge"] };
    refuses("InvalidParameterException", other(arm));
    const template = aws.make("template", { name: "gpu" });
    const launchTemplate = { id: template.id, version: "1" };
    refuses("InvalidParameterException", other({ launchTemplate, diskSize: 100 }));
    refuses("InvalidParameterException", other({ launchTemplate, remoteAccess: {} }));
    refuses("InvalidParameterException", other({ launchTemplate: { ...launchTemplate, version: "2" } }));
    refuses("InvalidRequestException", other({ launchTemplate: { id: "lt-none", version: "1" } }));
    other({ amiType: "AL2023_ARM_64_NVIDIA", instanceTypes: ["g5g.xlarge"], ...scaling(0, 0, 1) })();
    const tag = { key: "k8s.io/cluster-autoscaler/enabled", value: "true", propagateAtLaunch: false };
    refuses("ValidationError", () => aws.make("tag", { autoscalingGroupName: "none", tag }));
    const [{ autoscalingGroups }] = group.outputs.resources as [{ autoscalingGroups: [{ name: string }] }];
    aws.make("tag", { autoscalingGroupName: autoscalingGroups[0].name, tag });
  });

  it("makes add-ons where they can run", () => {
    const addon = (addonName: string, rest: Properties = {}) =>
      aws.make("addon", { clusterName: "yolo", addonName, ...rest });
    refuses("ResourceNotFoundException", () => addon("vpc-cni"));
    const made = cluster();
    addon("vpc-cni", { addonVersion: "v1.20.4-eksbuild.2" });
    refuses("ResourceInUseException", () => addon("vpc-cni"));
    refuses("InvalidParameterException", () => addon("vpc-cnl"));
    refuses("InvalidParameterException", () => addon("kube-proxy", { addonVersion: "1.35.0" }));
    refuses("InvalidParameterException", () => addon("kube-proxy", { configurationValues: "replicas: 2" }));
    refuses("CREATE_FAILED", () => addon("coredns"));
    nodes(made);
    addon("coredns");
  });

  it("lets in whom an access entry names", () => {
    const entry = (principalArn: unknown) => aws.make("entry", { clusterName: "yolo", principalArn });
    const made = cluster();
    const admin = aws.role("admin").outputs.arn;
    entry(admin);
    refuses("ResourceInUseException", () => entry(admin));
    refuses("ResourceInUseException", () => entry(`arn:aws:iam::${ACCOUNT_ID}:role/deployer`));
    refuses("InvalidParameterException", () => entry(`arn:aws:iam::${ACCOUNT_ID}:role/none`));
    nodes(made);
    refuses("ResourceInUseException", () => entry(made.nodeRoleArn));
    const policyArn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    const policy = { clusterName: "yolo", principalArn: admin, policyArn, accessScope: { type: "cluster" } };
    aws.make("policyAssociation", policy);
    refuses("ResourceNotFoundException", () =>
      aws.make("policyAssociation", { ...policy, principalArn: made.nodeRoleArn }),
    );
    refuses("InvalidParameterException", () =>
      aws.make("policyAssociation", { ...policy, policyArn: "arn:aws:iam::aws:policy/X" }),
    );
    const pods = { clusterName: "yolo", namespace: "yolo", serviceAccount: "detector", roleArn: admin };
    aws.make("podIdentity", pods);
    refuses("ResourceInUseException", () => aws.make("podIdentity", pods));
  });

  it("refuses access entries where the cluster does not read them", () => {
    cluster({ accessConfig: { authenticationMode: "CONFIG_MAP" } });
    const principalArn = aws.role("admin").outputs.arn;
    refuses("InvalidRequestException", () => aws.make("entry", { clusterName: "yolo", principalArn }));
  });
});
