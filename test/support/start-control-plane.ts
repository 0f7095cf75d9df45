import { startCluster } from "../../local/cluster/index.ts";
import { runMain } from "../../local/errors.ts";
import { ensureToolchain } from "../../local/toolchain/index.ts";

// Starts the cluster of YOLO_STATE without an image in its node, for tests whose pods run on simulated nodes.
await runMain(async (signal) => {
  const toolchain = await ensureToolchain({ signal, report: () => {} });
  await startCluster({ toolchain, signal, report: console.log });
});
