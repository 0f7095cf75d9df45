import { join } from "node:path";
import { applyClusterDns, PAUSE_IMAGE, startCluster } from "../../local/cluster/index.ts";
import { runMain } from "../../local/errors.ts";
import { binaryImage, loadImage } from "../../local/image/index.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";

// Starts the cluster of YOLO_STATE as `npm start` does, with cluster DNS but without Pulumi; prints its steps, and at the
// end whether it was made and the image that pods of tests can run.
await runMain(async (signal) => {
  const toolchain = await ensureToolchain({ signal, report: () => {} });
  const cluster = await startCluster({ toolchain, signal, report: console.log });
  const image = (name: string) => binaryImage({ name, binary: join(toolchain.binDir, name), signal });
  const pause = await image("pause");
  await loadImage(cluster, pause, { signal, name: PAUSE_IMAGE });
  const coredns = await image("coredns");
  await loadImage(cluster, coredns, { signal });
  await applyClusterDns(cluster, coredns.reference, signal);
  console.log(JSON.stringify({ created: cluster.created, nodeAddress: cluster.nodeAddress, image: pause.reference }));
});
