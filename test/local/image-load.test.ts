import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { after, before, describe, it } from "mocha";
import type { Cluster } from "../../local/cluster/index.ts";
import type { Image } from "../../local/image/index.ts";
import type { Toolchain } from "../../local/toolchain/index.ts";

const folder = mkdtempSync(join(tmpdir(), "yolo-load-"));
const state = join(folder, "state");
// Read when local/paths.ts is first imported, hence the dynamic imports below.
process.env.YOLO_STATE = state;
const { ROOT, STATE_DIR } = await import("../../local/paths.ts");
const { PAUSE_IMAGE, startCluster, stopCluster } = await import("../../local/cluster/index.ts");
const { binaryImage, loadImage } = await import("../../local/image/index.ts");
const { ensureToolchain } = await import("../../local/toolchain/index.ts");

const signal = new AbortController().signal;

describe("loading an image into the node", () => {
  let toolchain: Toolchain;
  let cluster: Cluster;
  let image: Image;

  before(async function () {
    this.timeout(5 * 60_000);
    assert.equal(STATE_DIR, state, "this file needs a process of its own, or it would stop somebody's cluster");
    toolchain = await ensureToolchain({ signal, report: () => {} });
    const binary = join(folder, "pause");
    const cwd = join(ROOT, "local/toolchain/modules/pause");
    await execa("go", ["build", "-trimpath", "-o", binary, "."], { cwd, env: { CGO_ENABLED: "0" } });
    image = await binaryImage({ name: "pause", binary, signal, dir: join(folder, "images") });
    cluster = await startCluster({ toolchain, signal });
  });

  after(async () => {
    if (STATE_DIR === state) await stopCluster();
    rmSync(folder, { recursive: true, force: true });
  });

  async function kubectl(...args: string[]): Promise<string> {
    const { stdout } = await execa(join(toolchain.binDir, "kubectl"), ["--kubeconfig", cluster.kubeconfig, ...args]);
    return stdout;
  }

  async function imagesOnNode(): Promise<string[]> {
    const { stdout } = await cluster.run(["ctr", "--namespace=k8s.io", "images", "list"]);
    return stdout.split("\n").map((line) => line.split(/\s+/).slice(0, 3).join(" "));
  }

  it("makes it known by its digest, and by another name when one is given", async () => {
    await loadImage(cluster, image);
    const type = "application/vnd.oci.image.manifest.v1+json";
    assert.ok((await imagesOnNode()).includes(`${image.reference} ${type} ${image.digest}`));
    assert.ok(!(await imagesOnNode()).some((line) => line.startsWith(PAUSE_IMAGE)));
    await loadImage(cluster, image, { name: PAUSE_IMAGE });
    assert.ok((await imagesOnNode()).includes(`${PAUSE_IMAGE} ${type} ${image.digest}`));
  });

  it("reads nothing when the image is there already", async () => {
    await loadImage(cluster, { ...image, archive: "/nonexistent" }, { name: PAUSE_IMAGE });
    const other = {
      ...image,
      reference: image.reference.replace(/[0-9a-f]{64}/, "0".repeat(64)),
      archive: "/nonexistent",
    };
    await assert.rejects(loadImage(cluster, other), "an image that is not there is read");
  });

  it("lets a pod run it by its digest, without pulling, as the user that the image names", async () => {
    const securityContext = { runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false };
    const container = { name: "main", image: image.reference, imagePullPolicy: "Never", securityContext };
    const spec = { containers: [container], automountServiceAccountToken: false, enableServiceLinks: false };
    const overrides = `--overrides=${JSON.stringify({ spec })}`;
    await kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s");
    await kubectl("run", "main", "--image", image.reference, "--image-pull-policy=Never", overrides);
    let status = "";
    for (let tries = 0; tries < 100 && !status.includes('"running":'); tries++) {
      await sleep(200);
      status = await kubectl("get", "pod", "main", "--output=jsonpath={.status}");
    }
    assert.match(status, /"running":/);
    assert.match(status, new RegExp(`"imageID":"[^"]*${image.digest}"`));
  });
});
