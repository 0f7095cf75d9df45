import assert from "node:assert/strict";
import { connect } from "node:net";
import { execa } from "execa";
import { type Started, TestCluster } from "../support/cluster.ts";

/** Addresses and ports that sockets listen on, by their lines in /proc/net/tcp and tcp6 (state 0A, hexadecimal, IPv4 reversed). */
function listeners(table: string): string[] {
  const lines = table.split("\n").map((line) => line.trim().split(/\s+/));
  return lines.flatMap(([, local = "", , state]) => {
    if (state !== "0A") return [];
    const [hex = "", port = ""] = local.split(":");
    const address =
      hex.length === 8
        ? (hex.match(/../g) ?? [])
            .reverse()
            .map((byte) => Number.parseInt(byte, 16))
            .join(".")
        : hex;
    return [`${address}:${Number.parseInt(port, 16)}`];
  });
}

describe("embedded clusters of two clones", () => {
  let clusters: [TestCluster, TestCluster];
  let started: [Started, Started];
  let hostBefore: string[];

  const hostListeners = async () => {
    const { stdout } = await execa("cat", ["/proc/net/tcp", "/proc/net/tcp6"]);
    return listeners(stdout).sort();
  };

  before(async () => {
    clusters = [await TestCluster.create(), await TestCluster.create()];
    hostBefore = await hostListeners();
    started = await Promise.all([clusters[0].start(), clusters[1].start()]);
  });
  after(async () => {
    await Promise.all(clusters.map((cluster) => cluster[Symbol.asyncDispose]()));
  });

  it("run at once, each at an address of its own", async () => {
    const [one, other] = started;
    assert.notEqual(one.nodeAddress, other.nodeAddress);
    for (const cluster of clusters)
      assert.match(await cluster.kubectl(["get", "nodes", "--no-headers"]), /^yolo +Ready /);
  });

  it("know nothing of each other", async () => {
    const [one, other] = clusters;
    await one.kubectl(["create", "namespace", "only-here"]);
    await assert.rejects(other.kubectl(["get", "namespace", "only-here"]), /NotFound/);
    await other.stop();
    assert.match(await one.kubectl(["get", "namespace", "only-here", "--no-headers"]), /Active/);
  });

  it("listen on nothing of the host", async () => {
    const ports = new Set(hostBefore);
    const added = (await hostListeners()).filter((address) => !ports.has(address));
    assert.deepEqual(
      added.filter((address) => address.startsWith("0.0.0.0:") || address.startsWith("10.200.")),
      [],
    );
    assert.deepEqual(
      added.filter((address) => /:(2379|2380|6443|102\d\d)$/.test(address)),
      [],
    );
  });

  it("listen inside the node on loopback and on the node's address only", async () => {
    const inside = listeners(await clusters[0].inside("cat", "/proc/net/tcp", "/proc/net/tcp6"));
    assert.ok(inside.includes(`${started[0].nodeAddress}:6443`), inside.join(" "));
    for (const address of inside)
      assert.match(address, new RegExp(`^(127\\.0\\.0\\.1|${started[0].nodeAddress.replaceAll(".", "\\.")}):`));
  });
});

describe("embedded cluster", () => {
  let cluster: TestCluster;
  let started: Started;

  before(async () => {
    cluster = await TestCluster.create();
    started = await cluster.start();
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it("cannot be reached at etcd from the host", async () => {
    const refused = await new Promise<string | undefined>((resolve) => {
      const socket = connect(2379, started.nodeAddress, () => resolve("connected"));
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.setTimeout(3000, () => resolve("timeout"));
    });
    assert.equal(refused, "ECONNREFUSED");
  });

  it("has an etcd that refuses a client without a certificate and takes one with", async () => {
    const program = `
      import { request } from "node:https";
      import { readFileSync } from "node:fs";
      const pki = (name) => readFileSync("/run/yolo/pki/" + name);
      const credentials = process.argv[1] === "with" ? { cert: pki("etcd-client.crt"), key: pki("etcd-client.key") } : {};
      const call = request({ host: "127.0.0.1", port: 2379, path: "/version", ca: pki("etcd-ca.crt"), ...credentials }, (answer) => {
        console.log(answer.statusCode);
        answer.resume();
      });
      call.on("error", (error) => console.log(error.code));
      call.end();`;
    const answer = (which: string) => cluster.inside(process.execPath, "--input-type=module", "--eval", program, which);
    assert.match(await answer("without"), /ERR_SSL_\w*CERTIFICATE_REQUIRED|ECONNRESET/);
    assert.equal(await answer("with"), "200");
  });

  it("has an API server and a kubelet that refuse whoever has no certificate", async () => {
    for (const url of [
      `https://${started.nodeAddress}:6443/api`,
      `https://${started.nodeAddress}:6443/healthz`,
      `https://${started.nodeAddress}:10250/pods`,
    ]) {
      const { stdout } = await execa(
        process.execPath,
        ["--eval", `fetch(${JSON.stringify(url)}).then((answer) => console.log(answer.status))`],
        {
          env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
        },
      );
      assert.equal(stdout, "401", url);
    }
  });

  it("refuses a privileged pod in a restricted namespace", async () => {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "restricted", labels } });
    const container = { name: "main", image: started.image, securityContext: { privileged: true } };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "bad", namespace: "restricted" },
      spec: { containers: [container] },
    };
    await assert.rejects(cluster.apply(pod), /violates PodSecurity "restricted:latest": privileged/);
  });

  it("does not let its node change another node or bind itself rights", async () => {
    const asNode = ["--as=system:node:yolo", "--as-group=system:nodes"];
    const can = (...request: string[]) => cluster.kubectl(["auth", "can-i", ...request, ...asNode]).catch(() => "no");
    assert.equal(await can("get", "secrets", "--all-namespaces"), "no");
    assert.equal(await can("create", "clusterrolebindings"), "no");
    await cluster.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "other" } });
    await assert.rejects(
      cluster.kubectl(["label", "node", "other", "stolen=yes", ...asNode]),
      /nodes "other" is forbidden/,
    );
    assert.match(await cluster.kubectl(["label", "node", "yolo", "mine=yes", ...asNode]), /node\/yolo labeled/);
  });
});
