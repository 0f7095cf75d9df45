import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { eventually, machineState, processesNaming, type Started, TestCluster } from "../support/cluster.ts";

/** A pod that runs this machine's own programs in the image that has none. */
function podWithHostPrograms(image: string, name: string, command: string[]) {
  const folders = { usr: "/usr", lib: "/lib", lib64: "/lib64" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Never",
      containers: [
        {
          name: "main",
          image,
          imagePullPolicy: "Never",
          command,
          volumeMounts: Object.entries(folders).map(([volume, mountPath]) => ({
            name: volume,
            mountPath,
            readOnly: true,
          })),
        },
      ],
      volumes: Object.entries(folders).map(([volume, path]) => ({ name: volume, hostPath: { path } })),
    },
  };
}

describe("embedded cluster", () => {
  let untouched: Awaited<ReturnType<typeof machineState>>;
  let cluster: TestCluster;
  let started: Started;

  before(async () => {
    cluster = await TestCluster.create();
    untouched = await machineState(cluster);
    started = await cluster.start();
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it("has one node that is ready", async () => {
    assert.equal(started.created, true);
    assert.match(await cluster.kubectl(["get", "nodes", "--no-headers"]), /^yolo +Ready /);
  });

  it("runs a pod that finds Services by name and is told at once that outside names do not exist", async () => {
    const lookUp = "getent hosts kubernetes.default; getent hosts example.com; echo outside: $?";
    await cluster.apply(podWithHostPrograms(started.image, "dns", ["/usr/bin/sh", "-c", lookUp]));
    await cluster.kubectl(["wait", "pod/dns", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s"]);
    const log = await cluster.kubectl(["logs", "dns"]);
    assert.match(log, /^10\.96\.0\.1 +kubernetes\.default\.svc\.cluster\.local/);
    assert.match(log, /outside: 2$/);
  });

  it("says what runs", async () => {
    const status = await cluster.status();
    assert.match(status, /^Node +Ready/);
    assert.match(status, new RegExp(`https://${started.nodeAddress}:6443`));
    assert.match(status, /kube-system +coredns-\S+ +1\/1 +Running/);
  });

  it("returns the running cluster when it is started again", async () => {
    const init = cluster.init;
    assert.deepEqual(await cluster.start(), { ...started, created: false });
    assert.equal(cluster.init, init);
  });

  for (const component of ["etcd", "kube-apiserver", "containerd", "kubelet", "kube-proxy"]) {
    it(`starts ${component} again when it is killed, and pods run on`, async () => {
      const [pid] = await cluster.pidsOf(component);
      assert.ok(pid);
      process.kill(pid, "SIGKILL");
      await eventually(`another ${component}`, async () =>
        (await cluster.pidsOf(component)).find((other) => other !== pid),
      );
      await eventually("a ready node", () =>
        cluster.kubectl(["get", "nodes", "--no-headers"]).then(
          (text) => (/ Ready /.test(text) ? true : undefined),
          () => undefined,
        ),
      );
      assert.match(
        await cluster.kubectl(["get", "pods", "--all-namespaces", "--no-headers"]),
        /coredns-\S+ +1\/1 +Running +0 /,
      );
    });
  }

  it("reaps processes whose parents have ended", async () => {
    const orphan = "(sleep 0.2 &); sleep 0.6; grep --no-filename State: /proc/[0-9]*/status";
    const states = await cluster.inside("sh", "-c", orphan);
    assert.match(states, /S \(sleeping\)/);
    assert.doesNotMatch(states, /zombie/);
  });

  it("makes a new cluster after its first process was killed", async () => {
    const init = cluster.init;
    process.kill(init, "SIGKILL");
    await eventually("the end of all processes", async () =>
      (await processesNaming(cluster.nodeDir)).length === 0 ? true : undefined,
    );
    started = await cluster.start();
    assert.equal(started.created, true);
    assert.match(await cluster.kubectl(["get", "nodes", "--no-headers"]), /^yolo +Ready /);
  });

  it("keeps keys and state from other users", async () => {
    const mode = async (path: string) => ((await stat(join(cluster.state, path))).mode & 0o777).toString(8);
    assert.equal(await mode("."), "700");
    assert.equal(await mode("kubeconfig"), "600");
    for (const file of await readdir(join(cluster.nodeDir, "pki")))
      assert.equal(await mode(`node/pki/${file}`), "600", file);
  });

  it("leaves the machine as it was when it is stopped", async () => {
    assert.match(await cluster.stop(), /^Removed the embedded cluster: \d\d processes/);
    assert.deepEqual(await machineState(cluster), untouched);
    assert.deepEqual(await processesNaming(cluster.state), []);
    for (const path of ["node", "pulumi", "kubeconfig"])
      assert.equal(existsSync(join(cluster.state, path)), false, path);
    assert.equal((await readFile("/proc/self/mountinfo", "utf8")).includes(cluster.state), false);
  });

  it("has nothing to stop when nothing runs", async () => {
    assert.match(await cluster.stop(), /^Nothing to stop/);
    assert.match(await cluster.status(), /^No cluster runs/);
  });
});
