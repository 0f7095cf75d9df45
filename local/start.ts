import { join } from "node:path";
import { Listr } from "listr2";
import { applyClusterDns, type Cluster, PAUSE_IMAGE, startCluster, stopCluster } from "./cluster/index.ts";
import { requireLinux, requireRoot } from "./cluster/requirements.ts";
import { detect } from "./detect.ts";
import { runMain } from "./errors.ts";
import { binaryImage, buildDetectorImage, type Image, loadImage } from "./image/index.ts";
import { storeModel } from "./model.ts";
import { step } from "./progress.ts";
import { parseOptions, type Request, readRequest, USAGE } from "./request.ts";
import { type Changes, initStack, outputs, up, writeStackConfig } from "./stack.ts";
import { summary } from "./summary.ts";
import {
  type Collected,
  countTools,
  findToolchain,
  LIST_OPTIONS,
  layOut,
  type Toolchain,
  toolchainTasks,
} from "./toolchain/index.ts";

/** What the steps hand on to each other; each is there once its step has ended. */
interface Progress {
  toolchain: Toolchain;
  cluster: Cluster;
  images: { detector: Image; dns: Image; pause: Image };
  changes: Changes;
  url: string;
}

async function run(request: Request, signal: AbortSignal): Promise<Progress> {
  const done: Partial<Progress> = {};
  const have = <Key extends keyof Progress>(key: Key): Progress[Key] => {
    const value = done[key];
    if (value === undefined) throw new Error(`the step that makes ${key} has not run`);
    return value;
  };
  let collected: Collected = { tools: [] };
  const steps = new Listr(
    [
      {
        title: "Tools",
        task: async (_, task) => {
          const found = await findToolchain(signal);
          if (found === undefined) return task.newListr(toolchainTasks(collected, signal));
          collected = found;
          task.title = `Tools: all ${countTools(found)} are there`;
          return undefined;
        },
      },
      {
        title: "Cluster and images",
        task: async (_, task) => {
          const toolchain = await layOut(collected);
          done.toolchain = toolchain;
          return task.newListr(
            [
              step("Kubernetes cluster", async (report) => {
                done.cluster = await startCluster({ toolchain, signal, report });
                return `Kubernetes cluster ${done.cluster.created ? "started" : "is running"}`;
              }),
              step("Container images", async (report) => {
                const binary = (name: string, binary: string, user?: string) =>
                  binaryImage({ name, binary: join(toolchain.binDir, binary), signal, ...(user && { user }) });
                done.images = {
                  pause: await binary("pause", "pause", "65535:65535"),
                  dns: await binary("coredns", "coredns", "0:0"),
                  detector: await buildDetectorImage({ signal, report }),
                };
                return "Container images built";
              }),
            ],
            { concurrent: true },
          );
        },
      },
      step("Images on the node", async () => {
        const { pause, dns, detector } = have("images");
        await loadImage(have("cluster"), pause, { signal, name: PAUSE_IMAGE });
        for (const image of [dns, detector]) await loadImage(have("cluster"), image, { signal });
        await applyClusterDns(have("cluster"), dns.reference, signal);
        return "Images loaded into the node";
      }),
      step("pulumi up", async (report) => {
        const toolchain = have("toolchain");
        await initStack(toolchain, signal);
        await writeStackConfig({
          image: have("images").detector.reference,
          model: await storeModel(request.modelPath, request.model),
        });
        done.changes = await up(toolchain, signal, report);
        const { nodePort } = await outputs(toolchain);
        done.url = `http://${have("cluster").nodeAddress}:${nodePort}`;
        return `pulumi up: ${Object.entries(done.changes)
          .map(([what, count]) => `${count} ${what}`)
          .join(", ")}`;
      }),
    ],
    LIST_OPTIONS,
  );
  try {
    await steps.run();
  } catch (error) {
    // A cluster that was there before stays as it was; one that this command started goes with the failure.
    if (done.cluster?.created) await stopCluster();
    throw error;
  }
  return done as Progress;
}

await runMain(async (signal) => {
  const options = parseOptions();
  if (options === undefined) {
    console.log(USAGE);
    return;
  }
  const started = performance.now();
  requireLinux();
  requireRoot("to run a Kubernetes node");
  const request = await readRequest(options);
  const { url } = await run(request, signal);
  const { response, milliseconds } = await detect(url, request.photo, signal);
  console.log(await summary(request, { url, response, milliseconds }));
  console.log(`\nFrom command to detection: ${((performance.now() - started) / 1000).toFixed(1)} s`);
});
