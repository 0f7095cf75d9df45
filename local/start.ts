import { join } from "node:path";
import { Listr, type ListrTask } from "listr2";
import { applyClusterDns, type Cluster, PAUSE_IMAGE, startCluster, stopCluster } from "./cluster/index.ts";
import { requireLinux, requireRoot } from "./cluster/requirements.ts";
import { detect } from "./detect.ts";
import { runMain } from "./errors.ts";
import { binaryImage, buildDetectorImage, type Image, loadImage } from "./image/index.ts";
import { storeModel } from "./model.ts";
import { step } from "./progress.ts";
import { parseOptions, type Request, readRequest } from "./request.ts";
import { initStack, nodePort, up, withStackLock, writeStackConfig } from "./stack.ts";
import { type Answer, summary } from "./summary.ts";
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
  collected: Collected;
  toolchain: Toolchain;
  cluster: Cluster;
  images: { detector: Image; dns: Image; pause: Image };
  url: string;
  answer: Answer;
}

/**
 * Goes all the way to the service's answer. Throws the first failure, after everything that was under way has ended; a
 * cluster that was there before stays as it was then, and one that this run has started is removed.
 */
async function run(request: Request, interrupt: AbortSignal): Promise<Answer> {
  const done: Partial<Progress> = {};
  const failure = new AbortController();
  const signal = AbortSignal.any([interrupt, failure.signal]);
  const concurrent: Promise<unknown>[] = [];
  try {
    await new Listr(steps(request, done, concurrent, signal), LIST_OPTIONS).run();
  } catch (error) {
    failure.abort(error);
    await Promise.allSettled(concurrent);
    if (done.cluster?.created) await stopCluster();
    throw error;
  }
  return have(done, "answer");
}

function have<Key extends keyof Progress>(done: Partial<Progress>, key: Key): Progress[Key] {
  const value = done[key];
  if (value === undefined) throw new Error(`the step that makes ${key} has not run`);
  return value;
}

function steps(request: Request, done: Partial<Progress>, concurrent: Promise<unknown>[], signal: AbortSignal) {
  const track = <T>(promise: Promise<T>): Promise<T> => {
    concurrent.push(promise);
    return promise;
  };
  return [
    {
      title: "Tools",
      task: async (_, task) => {
        const found = await findToolchain(signal);
        done.collected = found ?? { tools: [] };
        if (found === undefined) return task.newListr(toolchainTasks(done.collected, signal));
        task.title = `Tools: all ${countTools(found)} are there`;
        return undefined;
      },
    },
    {
      title: "Cluster and images",
      task: async (_, task) => {
        done.toolchain = await layOut(have(done, "collected"));
        const { toolchain } = done;
        return task.newListr(
          [
            step("Kubernetes cluster", async (report) => {
              done.cluster = await track(startCluster({ toolchain, signal, report }));
              return `Kubernetes cluster ${done.cluster.created ? "started" : "is running"}`;
            }),
            step("Container images", async (report) => {
              done.images = await track(buildImages(toolchain, signal, report));
              return "Container images built";
            }),
          ],
          { concurrent: true },
        );
      },
    },
    step("Images on the node", async () => {
      const cluster = have(done, "cluster");
      const { pause, dns, detector } = have(done, "images");
      await loadImage(cluster, pause, { signal, name: PAUSE_IMAGE });
      for (const image of [dns, detector]) await loadImage(cluster, image, { signal });
      await applyClusterDns(cluster, dns.reference, signal);
      return "Images loaded into the node";
    }),
    step("pulumi up", async (report) => {
      const toolchain = have(done, "toolchain");
      await initStack(toolchain, signal);
      await writeStackConfig(request.config, {
        image: have(done, "images").detector.reference,
        model: await storeModel(request.modelPath, request.model),
      });
      const changes = await up(toolchain, signal, report);
      done.url = `http://${have(done, "cluster").nodeAddress}:${await nodePort(toolchain)}`;
      return `pulumi up: ${Object.entries(changes)
        .map(([what, count]) => `${count} ${what}`)
        .join(", ")}`;
    }),
    step("Detection", async () => {
      const url = have(done, "url");
      done.answer = { url, ...(await detect(url, request.photo, signal)) };
      return "Photo answered by the service";
    }),
  ] satisfies ListrTask[];
}

async function buildImages(
  toolchain: Toolchain,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Progress["images"]> {
  const binary = (name: string, user: string) =>
    binaryImage({ name, binary: join(toolchain.binDir, name), signal, user });
  return {
    pause: await binary("pause", "65535:65535"),
    // As another user CoreDNS may not open port 53.
    dns: await binary("coredns", "0:0"),
    detector: await buildDetectorImage({ signal, report }),
  };
}

await runMain(async (signal) => {
  const options = parseOptions();
  if (options === undefined) return;
  const started = performance.now();
  requireLinux();
  requireRoot("to run a Kubernetes node");
  const request = await readRequest(options);
  const onWait = () => console.log("Waiting for another command of this clone that changes the stack ...");
  const answer = await withStackLock(signal, onWait, () => run(request, signal));
  console.log(await summary(request, answer));
  console.log(`\nFrom command to detection: ${((performance.now() - started) / 1000).toFixed(1)} s`);
});
