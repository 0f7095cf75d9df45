import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import sharp from "sharp";
import { parse, stringify } from "yaml";
import type { ClusterStatus } from "../../local/cluster/index.ts";
import { ROOT } from "../../local/paths.ts";
import { type TestClone, testClone } from "../support/clone.ts";
import { devicesOf, processesNaming } from "../support/cluster.ts";
import { startLoad } from "../support/load.ts";

const SAMPLE = join(ROOT, "samples", "street.jpg");

/** The whole way on a real cluster. It does not prove anything about EKS, and nothing about other photos than the sample. */
describe("npm start", function () {
  this.timeout(5 * 60_000);
  let clone: TestClone;
  let url: string;
  before(async () => {
    clone = await testClone();
  });
  after(async () => {
    await clone.remove();
  });

  const pulumi = async (...args: string[]) => {
    const ended = await clone.npm("pulumi", ...args);
    assert.equal(ended.exitCode, 0, ended.output);
    return ended.output;
  };
  const pods = async () => {
    const list = JSON.parse(await clone.kubectl("get", "pods", "--namespace", "yolo", "--output", "json"));
    const items = list.items as { metadata: { name: string; uid: string; deletionTimestamp?: string } }[];
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const setLogLevel = async (logLevel: string) => {
    const file = join(clone.state, "pulumi", "Pulumi.local.yaml");
    const document = parse(await readFile(file, "utf8"));
    document.config["yolo:detector"].serving = { ...document.config["yolo:detector"].serving, logLevel };
    await writeFile(file, stringify(document));
  };
  const rolledOut = () =>
    clone.kubectl("rollout", "status", "--namespace", "yolo", "deployment/detector", "--timeout=120s");

  it("ends with the detections in the sample, a drawn photo and what to do next", async () => {
    const { exitCode, output } = await clone.npm("start");
    assert.equal(exitCode, 0, output);
    assert.match(output, /^ {2}car +0\.\d\d( +\d+){4}$/m);
    const drawn = /drawn: +(\S+\.jpg)/i.exec(output)?.[1];
    assert.ok(drawn, output);
    const [original, result] = await Promise.all([sharp(SAMPLE).metadata(), sharp(resolve(ROOT, drawn)).metadata()]);
    assert.deepEqual([result.width, result.height], [original.width, original.height]);
    const found = /(http:\/\/10\.200\.\d+\.\d+:\d+)/.exec(output)?.[1];
    assert.ok(found, output);
    url = found;
    assert.match(output, /curl .*\/predict/);
    assert.match(output, /npm stop/);
  });

  it("changes nothing when it runs again", async () => {
    const { exitCode, output } = await clone.npm("start");
    assert.equal(exitCode, 0, output);
    assert.match(output, /unchanged/);
    assert.doesNotMatch(output, /\d+ (created|updated|deleted|replaced)/);
  });

  it("previews an unchanged stack without changes", async () => {
    await pulumi("preview", "--expect-no-changes");
  });

  it("answers the printed curl command's request", async () => {
    const { stdout } = await execa("curl", [
      "--silent",
      "--fail",
      "--data-binary",
      `@${SAMPLE}`,
      "-H",
      "content-type: image/jpeg",
      `${url}/predict`,
    ]);
    assert.ok(JSON.parse(stdout).images[0].results.length > 0);
  });

  it("rolls a changed setting out under load without a failed request", async () => {
    const before = new Set((await pods()).map(({ metadata }) => metadata.uid));
    const stop = startLoad(`${url}/predict`, new Uint8Array(await readFile(SAMPLE)), 4);
    await setLogLevel("warn");
    await pulumi("up", "--yes", "--skip-preview", "--non-interactive");
    await rolledOut();
    const { statuses, failures } = await stop();
    const after = await pods();
    assert.deepEqual(failures, []);
    assert.deepEqual(Object.keys(statuses), ["200"], JSON.stringify(statuses));
    assert.ok((statuses[200] ?? 0) > 20, `only ${statuses[200]} requests were sent`);
    assert.ok(
      after.every(({ metadata }) => !before.has(metadata.uid)),
      "no pod was replaced",
    );
  });

  it("answers every request while a pod is deleted, and replaces the pod", async () => {
    const [victim] = await pods();
    assert.ok(victim);
    const stop = startLoad(`${url}/predict`, new Uint8Array(await readFile(SAMPLE)), 2);
    await clone.kubectl("delete", "pod", "--namespace", "yolo", victim.metadata.name);
    await rolledOut();
    const { statuses, failures } = await stop();
    assert.deepEqual(failures, []);
    assert.deepEqual(Object.keys(statuses), ["200"], JSON.stringify(statuses));
    assert.ok((await pods()).every(({ metadata }) => metadata.uid !== victim.metadata.uid));
  });

  it("recovers from a service process that is killed", async () => {
    const status = JSON.parse((await clone.npm("status", "--json")).output) as ClusterStatus;
    const victim = status.processes.find(({ name }) => name.startsWith("node"));
    assert.ok(victim, JSON.stringify(status.processes));
    process.kill(victim.pid, "SIGKILL");
    const deadline = Date.now() + 60_000;
    const restarts = async () => {
      const { pods } = JSON.parse((await clone.npm("status", "--json")).output) as ClusterStatus;
      return pods.filter(({ namespace }) => namespace === "yolo").reduce((sum, pod) => sum + pod.restarts, 0);
    };
    while ((await restarts()) === 0) assert.ok(Date.now() < deadline, "the killed container was not restarted");
    await rolledOut();
    const answer = await fetch(`${url}/predict`, {
      method: "POST",
      headers: { "content-type": "image/jpeg" },
      body: new Uint8Array(await readFile(SAMPLE)),
    });
    assert.equal(answer.status, 200);
  });

  it("refuses wrong configuration with every problem at once, and changes nothing", async () => {
    const file = join(clone.state, "pulumi", "Pulumi.local.yaml");
    const good = await readFile(file, "utf8");
    const document = parse(good);
    document.config["yolo:detector"].replicas = { min: 5, max: 2 };
    document.config["yolo:detektor"] = {};
    await writeFile(file, stringify(document));
    const { exitCode, output } = await clone.npm("pulumi", "up", "--yes", "--skip-preview", "--non-interactive");
    await writeFile(file, good);
    assert.notEqual(exitCode, 0);
    assert.match(output, /detektor/);
    assert.match(output, /replicas/);
    assert.doesNotMatch(output, /^ +at /m, "a stack trace");
    await pulumi("preview", "--expect-no-changes");
  });

  it("runs every pod of the service under the restricted pod security standard", async () => {
    const namespace = JSON.parse(await clone.kubectl("get", "namespace", "yolo", "--output", "json"));
    assert.equal(namespace.metadata.labels["pod-security.kubernetes.io/enforce"], "restricted");
    const [pod] = await pods();
    await assert.rejects(
      clone.kubectl("exec", "--namespace", "yolo", pod?.metadata.name ?? "", "--", "/bin/sh"),
      /no such file|not found/,
    );
  });

  it("destroys what it created, and creates it again", async () => {
    await pulumi("destroy", "--yes", "--skip-preview", "--non-interactive");
    assert.doesNotMatch(await clone.kubectl("get", "namespaces"), /^yolo /m);
    const { exitCode, output } = await clone.npm("start");
    assert.equal(exitCode, 0, output);
    assert.match(output, /created/);
  });

  it("rolls another model out to a running cluster", async () => {
    const { exitCode, output } = await clone.npm("start", "--model", join(ROOT, "models", "street-raw.onnx"));
    assert.equal(exitCode, 0, output);
    assert.match(output, /objects by street-raw /);
    assert.match(output, /replaced|updated/);
  });

  it("removes everything but results on stop, and says so when nothing runs", async () => {
    assert.equal((await devicesOf(clone.state)).length, 1);
    assert.equal((await clone.npm("stop")).exitCode, 0);
    const status = JSON.parse((await clone.npm("status", "--json")).output) as ClusterStatus;
    assert.deepEqual(status.processes, []);
    // Asking the address itself would send packets to whatever lies behind this machine's default route.
    assert.deepEqual(await devicesOf(clone.state), []);
    const again = await clone.npm("stop");
    assert.equal(again.exitCode, 0);
    assert.match(again.output, /[Nn]othing/);
  });
});

/** Waits until a command has printed a text. */
function printed(output: Readable, text: string): Promise<void> {
  let sofar = "";
  return new Promise((resolve, reject) => {
    output.on("data", (chunk: Buffer) => {
      sofar += chunk.toString();
      if (sofar.includes(text)) resolve();
    });
    output.on("end", () => reject(new Error(`it never printed "${text}":\n${sofar}`)));
  });
}

describe("npm start, interrupted", function () {
  this.timeout(180_000);

  const start = (state: string) =>
    // Not through npm, which ends itself by the signal that its script has handled.
    execa(process.execPath, [join(ROOT, "local", "bootstrap.mjs"), "local/start.ts"], {
      cwd: ROOT,
      env: { YOLO_STATE: state },
      stdin: "ignore",
      all: true,
      reject: false,
      detached: true, // a process group of its own, which gets the signal as a terminal's foreground group does
    });

  it("recovers from being killed during pulumi up", async () => {
    const clone = await testClone();
    try {
      const plugins = () => processesNaming(join(clone.state, "pulumi", "home", "plugins"));
      const run = start(clone.state);
      await printed(run.all, "❯ pulumi up");
      // From then on Pulumi has locked the stack, and is creating.
      while ((await plugins()).length === 0) await sleep(50);
      await sleep(1_000);
      assert.ok(run.pid);
      process.kill(-run.pid, "SIGKILL");
      await run;
      const { exitCode, output } = await clone.npm("start");
      assert.equal(exitCode, 0, output);
      assert.deepEqual(await plugins(), []);
    } finally {
      await clone.remove();
    }
  });

  it("ends with exit code 130 on Ctrl-C, and leaves nothing running", async () => {
    const clone = await testClone();
    try {
      const run = start(clone.state);
      await printed(run.all, "Images loaded");
      assert.ok(run.pid);
      process.kill(-run.pid, "SIGINT");
      assert.equal((await run).exitCode, 130);
      const status = JSON.parse((await clone.npm("status", "--json")).output) as ClusterStatus;
      assert.deepEqual(status.processes, []);
    } finally {
      await clone.remove();
    }
  });
});

describe("npm start with bad input", function () {
  this.timeout(60_000);
  let folder: string;
  let clone: TestClone;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "yolo-input-"));
    clone = await testClone();
  });
  after(async () => {
    await clone.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const refused = async (args: string[], expected: RegExp) => {
    const { exitCode, output } = await clone.npm("start", ...args);
    assert.notEqual(exitCode, 0);
    assert.match(output, expected);
    assert.doesNotMatch(output, /^ +at /m, "a stack trace");
  };
  const file = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };

  it("refuses a photo that is missing", () =>
    refused(["--image", "/no/such.jpg"], /Expected .*\/no\/such\.jpg.*no such file/));
  it("refuses a photo that is no image", async () =>
    refused(["--image", await file("a.jpg", "hello")], /Expected an image .*a\.jpg/));
  it("refuses a model that is missing", () => refused(["--model", "/no/such.onnx"], /no such file/));
  it("refuses a model that is no ONNX file", async () =>
    refused(["--model", await file("a.onnx", "hello")], /Expected .*ONNX/));
  it("refuses an option that it does not know", () => refused(["--modle", "x"], /--modle/));
  it("refuses to run as another user than root", async () => {
    const node = join(ROOT, "node_modules", `node-linux-${process.arch}`, "bin", "node");
    const run = await execa(node, [join(ROOT, "local", "start.ts")], {
      uid: 65534,
      reject: false,
      all: true,
      env: { YOLO_STATE: folder },
    });
    assert.equal(run.exitCode, 1);
    assert.match(run.all, /root/);
    assert.doesNotMatch(run.all, /^ +at /m);
  });
});
