import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { ROOT } from "../../local/paths.ts";
import {
  type ClusterObject,
  describeObject,
  foreignMakers,
  keptVolumes,
  passingVolumes,
} from "../../local/teardown/objects.ts";
import { refuseProtected } from "../../local/teardown/show.ts";
import {
  accountOf,
  hasCluster,
  kubeconfigOf,
  ownObjects,
  type StateResource,
  workloadUrns,
} from "../../local/teardown/state.ts";
import { componentCounts, namedThings } from "../../local/teardown/summary.ts";
import { readTarget } from "../../local/teardown/target.ts";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";

function resource(path: string, name: string, more: Partial<StateResource> = {}): StateResource {
  const type = path.split("$").at(-1) ?? "";
  return { urn: `urn:pulumi:dev::yolo::${path}::${name}`, type, custom: !type.startsWith("yolo:"), ...more };
}

const STACK = resource("pulumi:pulumi:Stack", "yolo-dev", { custom: false });
const CLUSTER = resource("yolo:infra:Cluster", "cluster", { parent: STACK.urn });
const PROVIDER = "pulumi:providers:kubernetes";
const RESOURCES = [
  STACK,
  CLUSTER,
  // That of the component of EKS, which comes first.
  resource(`yolo:infra:Cluster$eks:index:Cluster$${PROVIDER}`, "cluster-eks-k8s", {
    parent: "urn:pulumi:dev::yolo::yolo:infra:Cluster$eks:index:Cluster::cluster",
    inputs: { kubeconfig: "theirs" },
  }),
  resource(`yolo:infra:Cluster$${PROVIDER}`, "cluster", { parent: CLUSTER.urn, inputs: { kubeconfig: "ours" } }),
  resource("yolo:infra:Cluster$aws:eks/cluster:Cluster", "cluster", {
    id: "yolo-dev",
    parent: CLUSTER.urn,
    outputs: { arn: "arn:aws:eks:us-west-2:111122223333:cluster/yolo-dev" },
  }),
  resource("aws:s3/bucket:Bucket", "models", {
    id: "yolo-models",
    parent: STACK.urn,
    outputs: { arn: "arn:aws:s3:::yolo-models" },
  }),
  resource("kubernetes:storage.k8s.io/v1:StorageClass", "gp3", { id: "gp3", parent: CLUSTER.urn }),
  resource("kubernetes:helm.sh/v4:Chart", "keda", { custom: false, parent: STACK.urn }),
  resource("kubernetes:core/v1:Service", "a", { id: "yolo/a", parent: STACK.urn }),
  resource("kubernetes:networking.k8s.io/v1:Ingress", "a", {
    id: "yolo/a",
    parent: STACK.urn,
    outputs: { status: { loadBalancer: { ingress: [{ hostname: "a.elb.invalid" }] } } },
  }),
];

describe("the state of a stack, as a teardown reads it", () => {
  it("tells the cluster, its kubeconfig and its account", () => {
    assert.equal(hasCluster(RESOURCES), true);
    assert.equal(hasCluster([STACK, CLUSTER]), false);
    assert.equal(kubeconfigOf(RESOURCES), "ours");
    const inputs = { kubeconfig: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" } };
    assert.equal(kubeconfigOf([resource(PROVIDER, "cluster", { parent: CLUSTER.urn, inputs })]), undefined);
    assert.equal(accountOf(RESOURCES), "111122223333");
    assert.equal(accountOf([STACK]), undefined);
  });

  it("tells what runs on the cluster, which goes first: all objects but storage classes", () => {
    assert.deepEqual(
      workloadUrns(RESOURCES).map((urn) => urn.split("::").slice(2)),
      [
        ["kubernetes:core/v1:Service", "a"],
        ["kubernetes:networking.k8s.io/v1:Ingress", "a"],
      ],
    );
  });

  it("is summed up by component, and by what holds data or costs money", () => {
    assert.deepEqual(componentCounts(RESOURCES), [
      { component: "cluster (Cluster)", count: 2 },
      { component: "(in none)", count: 4 },
    ]);
    assert.deepEqual(namedThings(RESOURCES), [
      { what: "bucket", name: "yolo-models, with every version of every model in it" },
      { what: "cluster", name: "yolo-dev" },
      { what: "load balancer", name: "a.elb.invalid" },
    ]);
  });

  it("names some of what is protected, and counts the rest", () => {
    const target = {
      stack: "prod",
      configFile: "",
      clusterName: "yolo-prod",
      region: "",
      profile: undefined,
      tags: {},
    };
    const found = Array.from({ length: 7 }, (_, n) => resource("aws:ec2/subnet:Subnet", `s${n}`, { protect: true }));
    assert.throws(
      () => refuseProtected(target, found),
      /7 of prod are protected\. Nothing was deleted\.\n {2}aws:ec2\/subnet:Subnet::s0\n.*::s4\n {2}and 2 more\n.*set yolo:protect false/s,
    );
    refuseProtected(target, []);
  });
});

describe("what a teardown finds on a cluster", () => {
  const object = (
    kind: string,
    name: string,
    more: Partial<ClusterObject> = {},
    metadata: object = {},
  ): ClusterObject => ({
    apiVersion: "v1",
    kind,
    metadata: { name, namespace: "yolo", ...metadata },
    ...more,
  });

  it("are objects that make something in AWS and that the stack does not know of", () => {
    const found = foreignMakers(
      [
        object("Service", "a", { spec: { type: "LoadBalancer" } }),
        object("Service", "b", { spec: { type: "LoadBalancer" } }),
        object("Service", "c", { spec: { type: "ClusterIP" } }),
        object("Ingress", "a"),
        object("Ingress", "b"),
        object("NodePool", "pool", {}, { namespace: undefined }),
        object("NodeClaim", "pool-1", {}, { namespace: undefined, ownerReferences: [{ kind: "NodePool" }] }),
      ],
      ownObjects(RESOURCES),
    );
    assert.deepEqual(found.map(describeObject), [
      ["Service", "yolo/b"],
      ["Ingress", "yolo/b"],
      ["NodePool", "pool"],
    ]);
  });

  it("are volumes that go, and volumes that somebody keeps", () => {
    const volume = (name: string, driver: string, persistentVolumeReclaimPolicy: string, phase = "Bound") =>
      object("PersistentVolume", name, {
        spec: { csi: { driver, volumeHandle: `vol-${name}` }, persistentVolumeReclaimPolicy },
        status: { phase },
      });
    const volumes = [
      volume("a", "ebs.csi.aws.com", "Delete"),
      volume("b", "efs.csi.aws.com", "Delete", "Released"),
      volume("c", "ebs.csi.aws.com", "Retain"),
      volume("d", "csi.example.com", "Delete"),
      // Made by hand and never claimed: no driver ever deletes it.
      volume("e", "ebs.csi.aws.com", "Delete", "Available"),
    ];
    const names = (found: ClusterObject[]) => found.map(({ metadata }) => metadata.name);
    assert.deepEqual(names(passingVolumes(volumes)), ["a", "b"]);
    assert.deepEqual(names(keptVolumes(volumes)), ["c", "e"]);
  });
});

describe("a teardown that cannot be", function () {
  this.timeout(60_000);
  let folder: string;
  let toolchain: Toolchain;

  before(async () => {
    toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
    folder = await mkdtemp(join(tmpdir(), "yolo-teardown-test-"));
    await mkdir(join(folder, "state"));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const configured = async (config: object) => {
    const file = join(folder, "Pulumi.dev.yaml");
    await writeFile(file, stringify({ config }));
    return file;
  };

  it("is of a stack that has no configuration, no cluster of its own, or no region", async () => {
    const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
    delete process.env.AWS_REGION;
    delete process.env.AWS_DEFAULT_REGION;
    try {
      await assert.rejects(
        readTarget("none"),
        /Expected a stack but received "none": there is no .*Pulumi\.none\.yaml/,
      );
      await assert.rejects(readTarget("local"), /received kubeconfig: .*on this machine\. `npm stop` removes it/);
      const kubeconfig = await configured({ "yolo:cluster": { target: "kubeconfig" } });
      await assert.rejects(readTarget("dev", kubeconfig), /did not make its cluster\. `pulumi destroy --stack dev`/);
      const eks = { "yolo:cluster": { target: "eks" } };
      const file = await configured(eks);
      await assert.rejects(readTarget("dev", file), /Expected a region for aws:region in Pulumi\.dev\.yaml/);
      process.env.AWS_DEFAULT_REGION = "eu-west-1";
      assert.equal((await readTarget("dev", file)).region, "eu-west-1");
      const { clusterName, region, profile, tags } = await readTarget(
        "example/yolo/dev",
        await configured({
          ...eks,
          "aws:region": "us-west-2",
          "aws:profile": "p",
          "aws:defaultTags": { tags: { a: "b" } },
        }),
      );
      assert.deepEqual([clusterName, region, profile, tags], ["yolo-dev", "us-west-2", "p", { a: "b" }]);
    } finally {
      if (AWS_REGION !== undefined) process.env.AWS_REGION = AWS_REGION;
      if (AWS_DEFAULT_REGION === undefined) delete process.env.AWS_DEFAULT_REGION;
      else process.env.AWS_DEFAULT_REGION = AWS_DEFAULT_REGION;
    }
  });

  const run = (...args: string[]) =>
    execa(process.execPath, [join(ROOT, "local", "teardown.ts"), ...args], {
      env: {
        PATH: `${toolchain.binDir}:${process.env.PATH}`,
        PULUMI_HOME: folder,
        PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "test",
        AWS_PROFILE: undefined,
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        AWS_CONFIG_FILE: "/dev/null",
        AWS_EC2_METADATA_DISABLED: "true",
      },
      reject: false,
      all: true,
      stdin: "ignore",
    });

  it("says which stack is not there, and which credentials are missing", async () => {
    const missing = await run("dev", "--yes");
    assert.equal(missing.exitCode, 1);
    assert.match(missing.all, /Expected a stack "dev" where Pulumi is logged in, but there is none/);
    const check = await run("dev", "--check");
    assert.equal(check.exitCode, 1);
    assert.match(check.all, /Expected credentials of AWS but found none .*AWS_PROFILE/s);
  });

  it("says how it is used", async () => {
    const help = await run("--help");
    assert.equal(help.exitCode, 0);
    assert.match(help.stdout, /^Usage: npm run teardown -- STACK/);
    for (const args of [[], ["dev", "prod"], ["dev", "--force"]]) {
      const { exitCode, all } = await run(...args);
      assert.equal(exitCode, 1);
      assert.match(all, /Usage: npm run teardown/);
    }
  });
});
