import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import program from "../../stacks/index.ts";
import { find, installMocks, type MockOptions, type Recording, settle } from "../support/pulumi.ts";

const SHA256 = "0123456789abcdef".repeat(4);
const RELEASE = {
  image: `123456789012.dkr.ecr.us-west-2.amazonaws.com/yolo@sha256:${SHA256}`,
  model: { name: "street", sha256: SHA256, uri: "s3://yolo-dev-models-123456789012/models/street.onnx" },
};

type Sections = Record<string, unknown>;

/** What AWS and the component of EKS answer, so far as the program reads it. They do not show that AWS accepts anything. */
const MOCKS: MockOptions = {
  states: {
    "eks:index:Cluster": () => ({
      eksCluster: {
        name: "yolo-dev",
        arn: "arn:aws:eks:us-west-2:123456789012:cluster/yolo-dev",
        endpoint: "https://1.eks.us-west-2.amazonaws.com",
        vpcConfig: { clusterSecurityGroupId: "sg-eks" },
      },
      kubeconfigJson: '{"kind":"Config"}',
    }),
    "aws:eks/nodeGroup:NodeGroup": (name) => ({
      nodeGroupName: `${name}-0123456`,
      resources: [{ autoscalingGroups: [{ name: `eks-${name}` }], remoteAccessSecurityGroupId: "" }],
    }),
    "aws:ec2/launchTemplate:LaunchTemplate": () => ({ latestVersion: 1 }),
  },
  calls: {
    "aws:index/getAvailabilityZones:getAvailabilityZones": () => ({
      names: ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"],
      zoneIds: ["usw2-az2", "usw2-az1", "usw2-az3", "usw2-az4"],
    }),
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": (inputs) => {
      const [{ values }] = inputs.filters as [{ values: string[] }];
      // The GPU types are missing in the first zone.
      const zones = (type: string) => ["a", "b", "c"].filter((zone) => zone !== "a" || !type.startsWith("g"));
      const pairs = values.flatMap((type) => zones(type).map((zone) => ({ type, zone: `us-west-2${zone}` })));
      return { instanceTypes: pairs.map(({ type }) => type), locations: pairs.map(({ zone }) => zone) };
    },
    "aws:index/getCallerIdentity:getCallerIdentity": () => ({
      accountId: "123456789012",
      arn: "arn:aws:sts::123456789012:assumed-role/deployer/me",
    }),
    "aws:eks/getClusters:getClusters": () => ({ names: ["yolo-prod"] }),
    "aws:index/getPartition:getPartition": () => ({ partition: "aws" }),
  },
};

async function run(stack: "dev" | "prod", changes: Sections = {}, name: string = stack): Promise<Recording> {
  return (await runProgram(stack, changes, name)).recording;
}

/** Runs the program with a committed stack's configuration, under that stack's name or another. */
async function runProgram(stack: "dev" | "prod", changes: Sections = {}, name: string = stack) {
  const recording = await installMocks({ ...MOCKS, stack: name });
  const { config } = parse(await readFile(join(import.meta.dirname, `../../Pulumi.${stack}.yaml`), "utf8")) as {
    config: Sections;
  };
  const sections = { ...config, "yolo:release": RELEASE, "yolo:grafanaPassword": "correct horse battery", ...changes };
  const values = Object.entries(sections)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
  pulumi.runtime.setAllConfig(Object.fromEntries(values), []);
  const outputs = await program();
  await settle();
  return { recording, outputs };
}

const count = ({ resources }: Recording, type: string) => resources.filter((each) => each.type === type).length;

describe("the program of a stack on EKS", () => {
  it("makes dev small: two zones, one NAT gateway, nothing protected, GPUs from zero on spot", async () => {
    const recording = await run("dev");
    assert.equal(count(recording, "aws:ec2/subnet:Subnet"), 4);
    assert.equal(count(recording, "aws:ec2/natGateway:NatGateway"), 1);
    assert.ok(recording.resources.every(({ protect }) => !protect));
    const { inputs } = find(recording, "aws:eks/nodeGroup:NodeGroup", "g6");
    assert.deepEqual(inputs.scalingConfig, { minSize: 0, maxSize: 2, desiredSize: 0 });
    assert.equal(inputs.capacityType, "SPOT");
  });

  it("makes prod safe: three zones, a NAT gateway in each, protection, a base on demand", async () => {
    const recording = await run("prod");
    assert.equal(count(recording, "aws:ec2/subnet:Subnet"), 6);
    assert.equal(count(recording, "aws:ec2/natGateway:NatGateway"), 3);
    for (const [type, name] of [
      ["aws:ec2/vpc:Vpc", "network"],
      ["eks:index:Cluster", "cluster"],
    ] as const)
      assert.equal(find(recording, type, name).protect, true, name);
    const { inputs } = find(recording, "aws:eks/nodeGroup:NodeGroup", "base");
    assert.deepEqual(
      [inputs.capacityType, inputs.scalingConfig],
      ["ON_DEMAND", { minSize: 2, maxSize: 4, desiredSize: 2 }],
    );
  });

  it("puts GPU groups only where the zones have the types (P23), and system nodes everywhere", async () => {
    const recording = await run("dev");
    const subnets = (name: string) =>
      (find(recording, "aws:eks/nodeGroup:NodeGroup", name).inputs.subnetIds as string[]).length;
    assert.deepEqual([subnets("system"), subnets("g6")], [2, 1]);
  });

  it("makes things in the order in which they need each other (P8, P11, P29)", async () => {
    const recording = await run("dev");
    // Of components: what they are made of waits for them, and goes before them.
    const needs = (type: string, name: string) => find(recording, `yolo:infra:${type}`, name).dependencies.join("\n");
    assert.match(needs("NodeGroup", "system"), /:RouteTable::network-.*Cluster::cluster/s);
    assert.match(needs("ClusterAddons", "addons"), /NodeGroup::system/);
    for (const type of ["GpuSupport", "Scaling"])
      assert.match(needs(type, type === "Scaling" ? "scaling" : "gpu"), /Addon::addons-/);
    assert.match(needs("Detector", "detector"), /Chart::gpu-plugin/);
    assert.match(needs("Detector", "detector"), /Chart::cluster-autoscaler/);
    assert.match(needs("Detector", "detector"), /NodeGroup::g6/);
    assert.match(needs("Detector", "detector"), /Job::gpu-check-none/);
    // A check that came first would wait for a node that nothing starts yet.
    for (const needed of [/Chart::gpu-plugin/, /Chart::cluster-autoscaler/, /NodeGroup::g6/])
      assert.match(needs("GpuCheck", "gpu-check"), needed);
  });

  it("puts every object on the cluster that it makes", async () => {
    const recording = await run("dev");
    const { urn } = find(recording, "pulumi:providers:kubernetes", "cluster");
    const objects = recording.resources.filter(({ type }) => type.startsWith("kubernetes:"));
    assert.ok(objects.length > 15);
    for (const { type, name, provider } of objects)
      assert.ok(provider.startsWith(`${urn}::`), `${type} ${name} ${provider}`);
  });

  it("lets the load balancer's subnets in, and its word on new pods count", async () => {
    const recording = await run("dev");
    const { spec } = find(recording, "kubernetes:networking.k8s.io/v1:NetworkPolicy", "detector").inputs as {
      spec: { ingress: [{ from: { ipBlock?: { cidr: string } }[] }] };
    };
    const ranges = spec.ingress[0].from.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr]));
    const subnets = recording.resources.filter(
      ({ type, name }) => type === "aws:ec2/subnet:Subnet" && /private/.test(name),
    );
    assert.deepEqual(
      ranges,
      subnets.map(({ inputs }) => inputs.cidrBlock),
    );
    const { metadata } = find(recording, "kubernetes:core/v1:Namespace", "detector").inputs as {
      metadata: { labels: Record<string, string> };
    };
    assert.equal(metadata.labels["elbv2.k8s.aws/pod-readiness-gate-inject"], "enabled");
  });

  it("exports where things are and what a month costs", async () => {
    const { outputs } = await runProgram("dev");
    const names = ["clusterName", "estimatedMonthlyUsd", "modelBucket", "repositoryUrl", "url"] as const;
    for (const name of names) assert.ok(outputs[name] !== undefined, name);
    const { min, max, withoutPrice } = outputs.estimatedMonthlyUsd ?? { min: 0, max: 0, withoutPrice: ["all"] };
    assert.deepEqual(withoutPrice, []);
    // The control plane alone is 73 dollars a month; with both GPU nodes the stack stays far below 3000.
    assert.ok(73 < min && min < max && max < 3000, `${min} to ${max}`);
  });

  for (const stack of ["dev", "prod"] as const) {
    it(`says of ${stack} what each component costs, by the name that it has in the program`, async () => {
      const { recording, outputs } = await runProgram(stack);
      const { components = {}, max } = outputs.estimatedMonthlyUsd ?? { max: Number.NaN };
      const names = recording.resources.filter(({ type }) => type.startsWith("yolo:infra:")).map(({ name }) => name);
      assert.ok(Object.keys(components).length >= 6);
      for (const name of Object.keys(components)) assert.ok(names.includes(name), `${name} is none of ${names}`);
      const most = Object.values(components).reduce((sum, { max }) => sum + max, 0);
      assert.equal(most.toFixed(2), max.toFixed(2));
    });
  }

  it("makes all that the service needs, and not the service, until there is an image", async () => {
    const { recording, outputs } = await runProgram("dev", { "yolo:serve": false, "yolo:release": undefined });
    const made = recording.resources.map(({ type }) => type);
    for (const type of ["eks:index:Cluster", "aws:ecr/repository:Repository", "yolo:infra:LoadBalancerController"])
      assert.ok(made.includes(type), type);
    for (const part of ["Detector", "DetectorMonitoring", "Exposure"])
      assert.ok(!made.includes(`yolo:infra:${part}`), part);
    assert.equal(count(recording, "kubernetes:batch/v1:Job"), 0);
    assert.ok(outputs.repositoryUrl !== undefined && outputs.modelBucket !== undefined);
    assert.equal(outputs.image, undefined);
  });

  it("does not take a missing release for one that is to come", async () => {
    await assert.rejects(
      run("dev", { "yolo:release": undefined }),
      /Expected what runs, or serve: false until there is an image, for release but received nothing/,
    );
  });

  it("makes neither a load balancer nor its controller where nothing is exposed", async () => {
    const { recording, outputs } = await runProgram("dev", { "yolo:exposure": { via: "none" } });
    assert.ok(!recording.resources.some(({ name }) => name === "balancers" || name === "exposure"));
    assert.equal(outputs.url, undefined);
  });

  it("makes a budget, and roles that workflows get, where they are configured", async () => {
    const github = { repository: "example/yolo", environment: "dev", stateBucket: "example-state" };
    const { recording, outputs } = await runProgram("dev", {
      "yolo:budget": { monthlyUsd: 500, emails: ["team@example.com"] },
      "yolo:github": github,
    });
    assert.equal(count(recording, "aws:budgets/budget:Budget"), 1);
    assert.ok(outputs.previewRoleArn !== undefined && outputs.deployRoleArn !== undefined);
    // That the boundary reaches every role, test/infra/github shows: mocks run no transforms.
  });

  it("checks no GPUs where that is turned off", async () => {
    assert.equal(count(await run("dev", { "yolo:gpu": { check: false } }), "kubernetes:batch/v1:Job"), 0);
  });

  it("makes pools instead of GPU groups with Karpenter", async () => {
    const { config } = parse(await readFile(join(import.meta.dirname, "../../Pulumi.dev.yaml"), "utf8")) as {
      config: { "yolo:nodes": object };
    };
    const recording = await run("dev", { "yolo:nodes": { ...config["yolo:nodes"], autoscaler: "karpenter" } });
    assert.equal(count(recording, "aws:eks/nodeGroup:NodeGroup"), 1);
    const pool = find(recording, "kubernetes:karpenter.sh/v1:NodePool", "karpenter-g6");
    // After the device plugin (P29), but not after the check of the GPUs, which waits for a node of the pool.
    const needs = pool.dependencies.join("\n");
    assert.match(needs, /Chart::gpu-plugin$/m);
    assert.doesNotMatch(needs, /Job::gpu-check/);
    assert.equal(count(recording, "kubernetes:batch/v1:Job"), 2);
  });

  it("scales the pods of both stacks by KEDA, after it, down to none in dev (P12, P19, P20)", async () => {
    for (const [stack, least] of [
      ["dev", 0],
      ["prod", 3],
    ] as const) {
      const recording = await run(stack);
      const { inputs } = find(recording, "kubernetes:keda.sh/v1alpha1:ScaledObject", "detector");
      const { minReplicaCount, triggers } = inputs.spec as {
        minReplicaCount: number;
        triggers: { type: string; metadata: { serverAddress?: string } }[];
      };
      assert.equal(minReplicaCount, least);
      assert.equal(triggers.filter(({ type }) => type === "cron").length, least === 0 ? 1 : 0);
      const asked = new Set(triggers.flatMap(({ metadata: { serverAddress } }) => serverAddress ?? []));
      assert.deepEqual([...asked], ["http://kube-prometheus-prometheus.monitoring.svc:9090"]);
      assert.match(find(recording, "yolo:infra:Detector", "detector").dependencies.join("\n"), /Chart::keda$/m);
      assert.equal(count(recording, "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"), 0);
    }
  });

  it("refuses what does not fit the region, who deploys and the stack's name, before any resource", async () => {
    const certificateArn = "arn:aws:acm:eu-west-1:123456789012:certificate/a";
    const access = { ops: { principalArn: "arn:aws:iam::123456789012:role/path/deployer", policy: "clusterAdmin" } };
    const cluster = { target: "eks", version: "1.35", access };
    const problems = (stack: "dev" | "prod", changes: Sections, name?: string) =>
      run(stack, changes, name).then(
        () => "",
        (error: Error) => error.message,
      );
    const changes = { "yolo:exposure": { via: "ingress", certificateArn }, "yolo:cluster": cluster };
    assert.equal(
      await problems("dev", changes),
      "Invalid stack config:\n" +
        `✖ Expected a certificate in the stack's region (us-west-2) for exposure.certificateArn but received "${certificateArn}"\n` +
        "✖ Expected anybody but who creates the cluster, who has access by that, for cluster.access.ops.principalArn " +
        'but received "arn:aws:iam::123456789012:role/path/deployer"\n' +
        "Nothing was changed.",
    );
    // Of a cluster that exists somebody else may be the creator.
    assert.equal(await problems("prod", { "yolo:cluster": cluster }), "");
    assert.match(
      await problems("dev", {}, "d".repeat(28)),
      /Expected at most 32 lower-case letters, .* for the name of the cluster \(yolo-STACK\) but received "yolo-d+"/,
    );
  });

  it("refuses to let KEDA scale pods where it is off", async () => {
    await assert.rejects(
      run("dev", { "yolo:scaling": { keda: { enabled: false } } }),
      /Expected true with detector\.autoscaling\.keda, .* for scaling\.keda\.enabled but received false/,
    );
  });

  it("says that a region is missing, before any resource", async () => {
    const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
    delete process.env.AWS_REGION;
    delete process.env.AWS_DEFAULT_REGION;
    try {
      await assert.rejects(
        run("dev", { "aws:region": undefined }),
        /Expected a region for aws:region but received nothing/,
      );
    } finally {
      Object.assign(process.env, {
        ...(AWS_REGION && { AWS_REGION }),
        ...(AWS_DEFAULT_REGION && { AWS_DEFAULT_REGION }),
      });
    }
  });

  it("refuses to let pods claim GPUs that are shared", async () => {
    const g6 = { instanceTypes: ["g6.xlarge"], max: 2, sharing: { mode: "timeSlicing", replicas: 2 } };
    await assert.rejects(
      run("dev", { "yolo:nodes": { gpu: { g6 } }, "yolo:detector": { gpuApi: "dra" } }),
      /Expected none where pods claim GPUs \(dra\), .* for nodes\.gpu\.g6\.sharing\.mode but received "timeSlicing"/,
    );
  });

  it("refuses a rollout for which the GPUs do not suffice, with what to change (P5)", async () => {
    const detector = {
      replicas: { min: 1, max: 9 },
      resources: { requests: { memory: "2Gi" }, limits: { memory: "4Gi" }, gpus: 1 },
      serving: { executionProvider: "cuda" },
    };
    await assert.rejects(
      run("dev", { "yolo:detector": detector }),
      /Expected room for 10 pods .* for nodes.gpu.g6.max/,
    );
  });
});
