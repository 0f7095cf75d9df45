import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateVolumeCommand, DeleteVolumeCommand, DescribeVolumesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { execa } from "execa";
import { parse } from "yaml";
import { ROOT } from "../../local/paths.ts";
import { ensureToolchain, type Toolchain } from "../../local/toolchain/index.ts";
import { Account } from "../standins/aws/account.ts";
import { TestStack } from "../standins/stack.ts";
import { Moto } from "../support/moto.ts";
import { SimulatedCluster } from "../support/simulated-cluster.ts";
import { KEPT, SimulatedControllers } from "../support/simulated-controllers.ts";
import { nodeObject } from "../support/simulated-node.ts";

const REGION = "us-west-2";

/** Pods with a volume each, as an object of Kubernetes. */
function statefulSet(name: string, namespace: string): object {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec: {
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: "main", image: "none", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
        },
      },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claimSpec() }],
    },
  };
}

function claimSpec(): object {
  return { accessModes: ["ReadWriteOnce"], storageClassName: "gp3", resources: { requests: { storage: "1Gi" } } };
}

function ingressSpec(): object {
  return { defaultBackend: { service: { name: "none", port: { number: 80 } } } };
}

/** Objects that somebody has put on the cluster by hand. */
const FOREIGN = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "others" } },
  statefulSet("others", "others"),
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "others", namespace: "others" },
    spec: { type: "LoadBalancer", selector: { app: "others" }, ports: [{ port: 80 }] },
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: KEPT, namespace: "others" },
    spec: claimSpec(),
  },
];

/** The foundation of a stack on EKS, with pods that have volumes and a load balancer on it. */
const PROGRAM = `
import { readStackConfig } from "${ROOT}/stacks/config/index.ts";
import { makeFoundation } from "${ROOT}/stacks/eks/foundation.ts";
import { chooseSite } from "${ROOT}/stacks/eks/site.ts";
const { config } = readStackConfig();
const { addons, cluster } = makeFoundation(config, await chooseSite(config));
const options = { provider: cluster.provider, dependsOn: addons };
const namespace = new k8s.core.v1.Namespace("own", { metadata: { name: "own" } }, options);
const { spec } = ${JSON.stringify(statefulSet("own", "own"))};
const metadata = { name: "own", namespace: namespace.metadata.name };
new k8s.apps.v1.StatefulSet("own", { metadata, spec }, options);
const annotations = { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].hostname}" };
new k8s.networking.v1.Ingress("own", { metadata: { ...metadata, annotations }, spec: ${JSON.stringify(ingressSpec())} }, options);
`;

/** The real command, engine and API server; AWS, its controllers, nodes and pods are stood in for. */
describe("the teardown of a stack", function () {
  this.timeout(120_000);
  this.bail(true);
  let moto: Moto;
  let ec2: EC2Client;
  let cluster: SimulatedCluster;
  let controllers: SimulatedControllers;
  let stack: TestStack;

  before(async function () {
    // The first time moto's packages are installed.
    this.timeout(600_000);
    const toolchain: Toolchain = await ensureToolchain({ signal: new AbortController().signal, report: () => {} });
    moto = await Moto.start();
    cluster = await SimulatedCluster.start();
    const { AWS_ENDPOINT_URL: endpoint = "" } = moto.env;
    ec2 = new EC2Client({ region: REGION, endpoint, credentials: { accessKeyId: "a", secretAccessKey: "b" } });
    const { kubeconfig } = cluster;
    stack = await TestStack.make(toolchain, { kubeconfig, region: "", project: "yolo" });
    const { config } = parse(await readFile(join(ROOT, "Pulumi.dev.yaml"), "utf8")) as { config: object };
    await stack.configure({
      ...config,
      "yolo:release": {
        image: `registry.invalid/detector@sha256:${"0".repeat(64)}`,
        model: { name: "placeholder", sha256: "0".repeat(64), uri: "https://models.invalid/placeholder.onnx" },
      },
      "yolo:grafanaPassword": "not-a-secret-in-a-test",
    });
    await stack.program(PROGRAM);
    const account = () => new Account(stack.account).read().list;
    controllers = new SimulatedControllers(cluster, {
      makeVolume: async () => {
        const TagSpecifications = [
          { ResourceType: "volume" as const, Tags: [{ Key: "yolo/cluster", Value: "yolo-test" }] },
        ];
        const volume = { AvailabilityZone: `${REGION}a`, Size: 1, TagSpecifications };
        return (await ec2.send(new CreateVolumeCommand(volume))).VolumeId ?? "";
      },
      deleteVolume: async (VolumeId) => {
        await ec2.send(new DeleteVolumeCommand({ VolumeId }));
      },
      driverRuns: () => account().some(({ id }) => id.endsWith(":aws-ebs-csi-driver")),
    });
    const node = {
      name: "node",
      instanceType: "m7i.large",
      zone: `${REGION}a`,
      labels: {},
      taints: [],
      gpus: 0,
    } as const;
    await cluster.apply(nodeObject(node));
    const run = await stack.up();
    assert.equal(run.exitCode, 0, run.text);
    await cluster.apply(...FOREIGN);
    await cluster.kubectl(["rollout", "status", "statefulset/others", "--namespace=others", "--timeout=60s"]);
  });

  after(async () => {
    await controllers?.[Symbol.asyncDispose]();
    ec2?.destroy();
    await stack?.remove();
    await Promise.all([cluster?.[Symbol.asyncDispose](), moto?.[Symbol.asyncDispose]()]);
  });

  const start = (...args: string[]) =>
    execa(process.execPath, [join(ROOT, "local", "teardown.ts"), "test", "--config-file", stack.configFile, ...args], {
      env: { ...stack.env, ...moto.env },
      reject: false,
      all: true,
      stdin: "ignore",
    });

  const volumes = async () => {
    const { Volumes = [] } = await ec2.send(new DescribeVolumesCommand({}));
    return Volumes.map(({ VolumeId = "" }) => VolumeId);
  };

  const made = () => new Account(stack.account).read().list.length;

  it("refuses what is protected, with what to do", async () => {
    const held = made();
    const { stdout } = await execa("pulumi", ["stack", "--show-urns"], { cwd: stack.folder, env: stack.env });
    const urn = /urn:\S+:Vpc::network/.exec(stdout)?.[0] ?? "";
    assert.equal((await stack.pulumi(["state", "protect", urn, "--yes"])).exitCode, 0);
    const { exitCode, all } = await start("--yes");
    assert.equal((await stack.pulumi(["state", "unprotect", urn, "--yes"])).exitCode, 0);
    assert.equal(exitCode, 1);
    assert.match(all, /but 1 of test are protected.*Network\$aws:ec2\/vpc:Vpc::network/s);
    assert.match(all, /pulumi config set yolo:protect false --stack test\n\s+pulumi up --stack test/);
    assert.equal(made(), held);
  });

  it("shows what there is and deletes nothing when nobody says yes", async () => {
    const held = made();
    const { exitCode, all } = await start();
    assert.equal(exitCode, 1);
    for (const line of [
      /The stack test holds \d+ resources \(cluster yolo-test, in us-west-2, account 123456789012\)/,
      /^ {2}network \(Network\) +\d+$/m,
      /^ {2}node group +g6-\w+ \(g6\.xlarge, g5\.xlarge; 0 to 2 nodes\)$/m,
      /^ {2}load balancer +own-own\.elb\.invalid$/m,
      /^ {2}Service +others\/others$/m,
      /^ {2}PersistentVolumeClaim +own\/data-own-0 \(1Gi\)$/m,
      /and kept in AWS:\n {2}PersistentVolume +pvc-\S+ \(vol-\w+, of the claim others\/kept, Bound\)/,
      /Expected a terminal to ask on, or --yes\. Nothing was deleted\./,
    ])
      assert.match(all, line);
    assert.equal(made(), held);
    assert.equal((await volumes()).length, 3);
  });

  it("asks on a terminal, and takes nothing but the stack's name for a yes", async () => {
    const held = made();
    const type = async (typed: string) => {
      const command = `${process.execPath} ${join(ROOT, "local", "teardown.ts")} test --config-file ${stack.configFile}`;
      const running = execa("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
        env: { ...stack.env, ...moto.env },
        reject: false,
        all: true,
      });
      let said = "";
      running.all.on("data", (chunk: Buffer) => {
        const asked = said.includes("Type test to delete");
        said += chunk;
        if (!asked && said.includes("Type test to delete")) running.stdin.write(typed);
      });
      return running;
    };
    const other = await type("yes\n");
    assert.equal(other.exitCode, 1, other.all);
    assert.match(other.all, /Another name was typed\. Nothing was deleted\./);
    const interrupted = await type("\x03");
    assert.equal(interrupted.exitCode, 130, interrupted.all);
    assert.equal(made(), held);
  });

  it("does not call left what a living cluster uses", async () => {
    const { exitCode, all } = await start("--check");
    assert.equal(exitCode, 1);
    assert.match(all, /Expected a stack without a cluster, but that of test is still there/);
  });

  it("can be interrupted while Pulumi works, which then writes down what it did", async () => {
    const running = start("--yes");
    let said = "";
    await new Promise<void>((resolve, reject) => {
      running.all.on("data", (chunk: Buffer) => {
        said += chunk;
        if (/deleting \(/.test(said)) resolve();
      });
      running.finally(() => reject(new Error(`Expected something to interrupt but it ended:\n${said}`)));
    });
    running.kill("SIGINT");
    const { exitCode, all } = await running;
    assert.equal(exitCode, 130, all);
    assert.match(all, /Interrupted\./);
    assert.doesNotMatch(all, /4\/4/);
    // Neither locked nor damaged.
    const { exitCode: code, text } = await stack.pulumi(["stack", "export"]);
    assert.equal(code, 0, text);
  });

  it("goes on, takes down what controllers made before they go, and names what is left", async () => {
    const { exitCode, all } = await start("--yes");
    assert.equal(made(), 0, all);
    assert.deepEqual(controllers.takenDown.sort(), ["others/others", "own/own"]);
    const [kept, ...more] = await volumes();
    assert.deepEqual(more, []);
    assert.equal(exitCode, 1);
    assert.match(all, /Left in AWS of yolo-test, in us-west-2, account 123456789012:\n {2}volume/);
    assert.match(
      all,
      new RegExp(`volume ${kept}: tag yolo/cluster=yolo-test\n +aws ec2 delete-volume --volume-id ${kept}`),
    );
  });

  it("finds nothing once that is deleted, and has nothing to do when run again", async () => {
    for (const VolumeId of await volumes()) await ec2.send(new DeleteVolumeCommand({ VolumeId }));
    const check = await start("--check");
    assert.equal(check.exitCode, 0, check.all);
    assert.match(check.all, /no load balancer, interface, volume or instance left of yolo-test, in us-west-2/);
    const again = await start("--yes");
    assert.equal(again.exitCode, 0, again.all);
    assert.match(again.all, /The stack test holds nothing any more/);
  });

  it("forgets what was on a cluster that is gone only when it is told so", async () => {
    const kubeconfig = join(stack.folder, "kubeconfig");
    await copyFile(cluster.kubeconfig, kubeconfig);
    await stack.program(`
      const provider = new k8s.Provider("cluster", { kubeconfig: "${kubeconfig}" });
      new k8s.core.v1.ConfigMap("own", { metadata: { name: "own", namespace: "default" } }, { provider });`);
    const run = await stack.up();
    assert.equal(run.exitCode, 0, run.text);
    await writeFile(
      kubeconfig,
      (await readFile(kubeconfig, "utf8")).replace(/https:\/\/[\d.:]+/, "https://127.0.0.1:1"),
    );
    const refused = await start("--yes");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.all, /Expected a kubeconfig in the state .* add --cluster-gone/);
    const { exitCode, all } = await start("--yes", "--cluster-gone");
    assert.equal(exitCode, 0, all);
    assert.match(all, /`pulumi stack rm test` forgets the stack itself/);
    // It was only forgotten.
    assert.notEqual(await cluster.kubectl(["get", "configmap", "own"]), "");
  });
});
