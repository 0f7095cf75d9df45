import assert from "node:assert/strict";
import { Resources } from "./aws/account.ts";
import { configurationFailures, readConfiguration } from "./aws/configuration.ts";
import { difference } from "./aws/diff.ts";
import { checkInputs } from "./aws/inputs.ts";
import { INVOKES } from "./aws/invokes.ts";
import { changedOutputs, plannedOutputs } from "./aws/lifecycle.ts";
import { MODELS } from "./aws/models/index.ts";
import { SdkShapes } from "./sdk/cache.ts";
import { type Properties, UNKNOWN } from "./values.ts";

const sdk = new SdkShapes();
const NODES = "aws:eks/nodeGroup:NodeGroup";
const CLUSTER = "aws:eks/cluster:Cluster";
const ROLE = "aws:iam/role:Role";
const BUCKET = "aws:s3/bucket:Bucket";

async function check(type: string, news: Properties, olds: Properties = {}, randomSeed = "seed") {
  const shape = await sdk.resource(type);
  assert.ok(shape !== undefined);
  return checkInputs({
    type,
    name: "Name",
    olds,
    news,
    shape,
    model: MODELS[type],
    defaultTags: { all: "yes" },
    randomSeed,
  });
}

async function diff(type: string, oldInputs: Properties, news: Properties, region = "eu-central-1") {
  const shape = await sdk.resource(type);
  const oldOutputs = { ...oldInputs, region: "eu-central-1" };
  return difference({ oldInputs, oldOutputs, news, shape, model: MODELS[type], region });
}

describe("inputs as the AWS stand-in takes them", () => {
  it("get a name that they keep, and another one when a new resource is made", async () => {
    const first = (await check(CLUSTER, {})).inputs;
    assert.match(`${first.name}`, /^Name-[0-9a-f]{7}$/);
    assert.equal((await check(CLUSTER, {}, first, "other")).inputs.name, first.name);
    assert.notEqual((await check(CLUSTER, {}, {}, "other")).inputs.name, first.name);
    assert.match(`${(await check(BUCKET, {})).inputs.bucket}`, /^name-[0-9a-f]{7}$/);
    assert.equal((await check(CLUSTER, { name: "own" }, first)).inputs.name, "own");
    assert.notEqual((await check(CLUSTER, {}, { name: "own", __defaults: [] })).inputs.name, "own");
  });

  it("get the tags of every resource", async () => {
    assert.deepEqual((await check(BUCKET, { tags: { own: "1" } })).inputs.tagsAll, { all: "yes", own: "1" });
    assert.equal((await check(BUCKET, { tags: UNKNOWN })).inputs.tagsAll, UNKNOWN);
  });

  it("get documents as text that is equal for equal documents", async () => {
    const statement = { Effect: "Allow", Action: ["sts:AssumeRole"] };
    const texts = [
      { Version: "2012-10-17", Statement: [statement] },
      { Statement: [{ Action: ["sts:AssumeRole"], Effect: "Allow" }], Version: "2012-10-17" },
      JSON.stringify({ Version: "2012-10-17", Statement: [statement] }, undefined, 2),
    ].map(async (assumeRolePolicy) => (await check(ROLE, { assumeRolePolicy })).inputs.assumeRolePolicy);
    assert.equal(new Set(await Promise.all(texts)).size, 1);
    const half = { Version: "2012-10-17", Statement: [{ ...statement, Resource: UNKNOWN }] };
    assert.equal((await check(ROLE, { assumeRolePolicy: half })).inputs.assumeRolePolicy, UNKNOWN);
  });

  it("are refused in a preview where the provider itself knows better", async () => {
    const reasons = async (type: string, news: Properties) =>
      (await check(type, news)).failures.map(({ reason }) => reason);
    const name = "x".repeat(65);
    assert.deepEqual(await reasons(ROLE, { name, assumeRolePolicy: "{}" }), [
      `Expected at most 64 letters, digits and +=,.@_- for name but received "${name}"`,
    ]);
    const nodes = { clusterName: "a", nodeRoleArn: "b", subnetIds: ["c"] };
    const [amiType, taint, max] = await reasons(NODES, {
      ...nodes,
      amiType: "AL2023_NVIDIA",
      taints: [{ key: "k", effect: "NoSchedule" }],
      scalingConfig: { minSize: 0, desiredSize: 0, maxSize: 0 },
    });
    assert.match(`${amiType}`, /amiType to be one of .*AL2023_x86_64_NVIDIA.* but received "AL2023_NVIDIA"/);
    assert.match(`${taint}`, /taints\.effect to be one of NO_SCHEDULE, .* but received "NoSchedule"/);
    assert.equal(max, "Expected at least 1 for scalingConfig.maxSize but received 0");
    assert.match(`${await reasons(BUCKET, { bucket: "Not_A_Name" })}`, /Expected 3 to 63 small letters/);
  });
});

describe("changes as the AWS stand-in sees them", () => {
  it("are none between equal inputs", async () => {
    const inputs = { name: "a", vpcConfig: { subnetIds: ["1"], endpointPublicAccess: false } };
    const again = { vpcConfig: { endpointPublicAccess: false, subnetIds: ["1"] }, name: "a", __defaults: [] };
    assert.deepEqual(await diff(CLUSTER, inputs, again), { changes: {}, replaces: [], deleteBeforeReplace: false });
  });

  it("update a cluster or make a new one, as documented", async () => {
    const inputs = { name: "a", roleArn: "r", version: "1.34", kubernetesNetworkConfig: { ipFamily: "ipv4" } };
    const replaces = async (news: Properties) => (await diff(CLUSTER, inputs, { ...inputs, ...news })).replaces;
    assert.deepEqual(await replaces({ version: "1.35" }), []);
    assert.deepEqual(await replaces({ encryptionConfig: { resources: ["secrets"] } }), []);
    assert.deepEqual(await replaces({ kubernetesNetworkConfig: { ipFamily: "ipv4", elasticLoadBalancing: {} } }), []);
    assert.deepEqual(await replaces({ kubernetesNetworkConfig: { ipFamily: "ipv6" } }), ["kubernetesNetworkConfig"]);
    assert.deepEqual(await replaces({ roleArn: "other" }), ["roleArn"]);
    const encrypted = { ...inputs, encryptionConfig: { resources: ["secrets"] } };
    assert.deepEqual((await diff(CLUSTER, encrypted, inputs)).replaces, ["encryptionConfig"]);
  });

  it("make a new node group before the old one goes, unless its name is fixed", async () => {
    const inputs = { nodeGroupName: "gpu", instanceTypes: ["g5.xlarge"], launchTemplate: { id: "lt-1", version: "1" } };
    const fixed = await diff(NODES, inputs, { ...inputs, instanceTypes: ["g6.xlarge"] });
    assert.deepEqual([fixed.replaces, fixed.deleteBeforeReplace], [["instanceTypes"], true]);
    const defaults = ["nodeGroupName"];
    const own = await diff(NODES, inputs, { ...inputs, instanceTypes: ["g6.xlarge"], __defaults: defaults });
    assert.deepEqual([own.replaces, own.deleteBeforeReplace], [["instanceTypes"], false]);
    const version = await diff(NODES, inputs, { ...inputs, launchTemplate: { id: "lt-1", version: "2" } });
    assert.deepEqual([version.changes, version.replaces], [{ launchTemplate: "update" }, []]);
    const template = await diff(NODES, inputs, { ...inputs, launchTemplate: { id: UNKNOWN, version: "1" } });
    assert.deepEqual(template.replaces, ["launchTemplate"]);
  });

  it("make new resources in another region", async () => {
    assert.deepEqual((await diff(NODES, {}, {}, "us-east-1")).replaces, ["region"]);
    assert.deepEqual((await diff(ROLE, {}, {}, "us-east-1")).replaces, []);
  });

  it("are shown in a preview as far as they are known", async () => {
    const shape = await sdk.resource(CLUSTER);
    assert.ok(shape !== undefined);
    const planned = plannedOutputs(CLUSTER, { name: "a", vpcConfig: { subnetIds: ["s"] }, __defaults: [] }, shape);
    assert.equal(planned.name, "a");
    assert.equal(planned.endpoint, UNKNOWN);
    assert.deepEqual(planned.vpcConfig, { subnetIds: ["s"], clusterSecurityGroupId: UNKNOWN, vpcId: UNKNOWN });
    assert.equal(planned.__defaults, undefined);
    const template = "aws:ec2/launchTemplate:LaunchTemplate";
    const changed = changedOutputs(template, { latestVersion: 1, arn: "a" }, { description: "new" });
    assert.deepEqual([changed.latestVersion, changed.arn, changed.description], [UNKNOWN, "a", "new"]);
  });
});

describe("configuration of the AWS stand-in", () => {
  const known = ["region", "defaultTags"];
  const reasons = (given: Properties, environment: NodeJS.ProcessEnv = {}) =>
    configurationFailures(given, known, environment).map(({ reason }) => reason);

  it("needs a region and no credentials", () => {
    assert.deepEqual(reasons({ region: "eu-central-1", version: "7.48.0" }), []);
    assert.deepEqual(reasons({}, { AWS_REGION: "us-east-1" }), []);
    assert.match(
      `${reasons({})}`,
      /Expected an AWS region for aws:region but received nothing.*pulumi config set aws:region/,
    );
    assert.match(`${reasons({ region: "moon-1" })}`, /received "moon-1"/);
    assert.match(`${reasons({ region: "eu-central-1", regoin: "x" })}`, /aws:regoin, which it does not have/);
  });

  it("reads tags of every resource, which arrive as JSON", () => {
    const given = { region: "eu-central-1", defaultTags: JSON.stringify({ tags: { project: "yolo" } }) };
    assert.deepEqual(readConfiguration(given, {}), { region: "eu-central-1", defaultTags: { project: "yolo" } });
  });
});

describe("functions of the AWS stand-in", () => {
  const call = (name: string, args: Properties) => {
    const token = Object.keys(INVOKES).find((each) => each.endsWith(`:${name}`));
    const answer = INVOKES[token ?? ""];
    assert.ok(answer !== undefined);
    return answer({ args, region: "eu-central-1", resources: new Resources([]) });
  };

  it("name zones", () => {
    const { names, zoneIds } = call("getAvailabilityZones", { state: "available", excludeNames: ["eu-central-1c"] });
    assert.deepEqual(names, ["eu-central-1a", "eu-central-1b"]);
    assert.deepEqual(zoneIds, ["euc1-az1", "euc1-az2"]);
  });

  it("tell which zones offer an instance type", () => {
    const filters = [{ name: "instance-type", values: ["g5.xlarge", "p5.48xlarge", "no type"] }];
    const { instanceTypes, locations } = call("getInstanceTypeOfferings", {
      filters,
      locationType: "availability-zone",
    });
    assert.deepEqual(locations, ["eu-central-1a", "eu-central-1b", "eu-central-1c", "eu-central-1a", "eu-central-1b"]);
    assert.deepEqual(new Set(instanceTypes as string[]), new Set(["g5.xlarge", "p5.48xlarge"]));
  });

  it("make documents of statements", () => {
    const statements = [
      { actions: ["s3:GetObject"], resources: ["*"], principals: [{ type: "Service", identifiers: ["a"] }] },
    ];
    assert.deepEqual(JSON.parse(String(call("getPolicyDocument", { statements }).json)), {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["*"], Principal: { Service: ["a"] } }],
    });
  });
});
