import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../../local/paths.ts";
import { eventually, machineState, processesNaming, TestCluster } from "../support/cluster.ts";

const MOMENTS = ["checking what this machine offers", "starting the control plane", "starting the node"];

describe("embedded cluster whose start is interrupted", () => {
  let cluster: TestCluster;
  let untouched: Awaited<ReturnType<typeof machineState>>;

  before(async () => {
    cluster = await TestCluster.create();
    untouched = await machineState(cluster);
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  /** Starts the cluster and returns the process at the moment when it has printed a line. */
  async function startUntil(line: string) {
    const start = cluster.spawnStart();
    let output = "";
    start.all.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await eventually(line, async () => (output.includes(line) ? true : undefined));
    return { start }; // in an object, because the process is also a promise of its end
  }

  async function assertNothingLeft(): Promise<void> {
    assert.deepEqual(await processesNaming(cluster.nodeDir), []);
    assert.deepEqual(await machineState(cluster), untouched);
    assert.deepEqual(
      (await readdir(cluster.state)).filter((name) => ["node", "kubeconfig", "pulumi"].includes(name)),
      [],
    );
  }

  for (const moment of MOMENTS) {
    it(`leaves nothing after a stop when it was killed while ${moment}`, async () => {
      const { start } = await startUntil(moment);
      start.kill("SIGKILL");
      await start;
      await cluster.stop();
      await assertNothingLeft();
    });
  }

  it("leaves nothing when it was asked to end", async () => {
    const { start } = await startUntil("starting the node");
    start.kill("SIGTERM");
    assert.equal((await start).exitCode, 143);
    await assertNothingLeft();
  });

  for (const moment of MOMENTS.slice(0, 2)) {
    it(`leaves nothing when the cluster is stopped while ${moment}, and says so`, async () => {
      const { start } = await startUntil(moment);
      await cluster.stop();
      const { exitCode, all } = await start;
      assert.equal(exitCode, 1);
      assert.match(
        all,
        /the node ended \(did `npm stop` run meanwhile\?\)|The embedded cluster was stopped meanwhile\. Run the same command again\./,
      );
      assert.equal((await readdir(cluster.state)).includes("failed-start"), false);
      await assertNothingLeft();
    });
  }

  it("starts again when it was killed half-way", async () => {
    const { start } = await startUntil("starting the control plane");
    start.kill("SIGKILL");
    await start;
    assert.equal((await cluster.start()).created, true);
    assert.match(await cluster.kubectl(["get", "nodes", "--no-headers"]), /^yolo +Ready /);
  });

  it("makes one cluster when two starts run at once", async () => {
    await cluster.stop();
    const both = await Promise.all([cluster.start(), cluster.start()]);
    assert.deepEqual(both.map(({ created }) => created).sort(), [false, true]);
  });
});

describe("embedded cluster with a component that does not start", () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.create();
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it("names the component with the end of its log, and leaves nothing", async () => {
    const binDir = join(cluster.state, "broken");
    const program = `
      import { readdirSync, symlinkSync } from "node:fs";
      const { startCluster } = await import(${JSON.stringify(join(ROOT, "local", "cluster", "index.ts"))});
      const { ensureToolchain } = await import(${JSON.stringify(join(ROOT, "local", "toolchain", "index.ts"))});
      const signal = AbortSignal.timeout(50_000);
      const toolchain = await ensureToolchain({ signal, report: () => {} });
      for (const name of readdirSync(toolchain.binDir)) {
        if (name !== "kube-apiserver") symlinkSync(toolchain.binDir + "/" + name, ${JSON.stringify(binDir)} + "/" + name);
      }
      await startCluster({ toolchain: { ...toolchain, binDir: ${JSON.stringify(binDir)} }, signal }).then(
        () => console.log("started"),
        (error) => console.log(error.name + ": " + error.message),
      );`;
    await mkdir(binDir);
    await writeFile(join(binDir, "kube-apiserver"), "#!/bin/sh\necho this binary is broken >&2\nexit 7\n", {
      mode: 0o755,
    });
    const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", program], {
      env: { YOLO_STATE: cluster.state },
    });
    assert.match(stdout, /^UserError: .*kube-apiserver ended 4 times[\s\S]*\n {2}this binary is broken/);
    assert.deepEqual(await processesNaming(cluster.nodeDir), []);
    assert.equal((await readdir(cluster.state)).includes("node"), false);
    assert.match(
      await readFile(join(cluster.state, "failed-start", "kube-apiserver.log"), "utf8"),
      /^this binary is broken/,
    );
  });
});
