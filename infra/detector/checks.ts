import { DECODING, DRAWING } from "../../service/contract.ts";
import { type Problem, problem } from "../problems.ts";
import { cpuMillicores, MEBIBYTE, memoryBytes } from "../quantity.ts";
import type { DetectorSettings, Model, ModelVolume, Serving } from "./args.ts";
import { downloadsModel, workerCount } from "./environment.ts";
import { endsWithPod } from "./model-volume.ts";
import { podScalingProblems } from "./scaling-checks.ts";

/**
 * MiB of the process, and of each worker with its sessions of a small model (models/street.onnx, 4 MB), without images.
 * Measured on x64 with Node 26.10 and ONNX Runtime 1.30: the peak resident size under load with images of 25 megapixels was
 * 448, 666 and 1117 MiB with 1, 2 and 4 workers, of which 72 MiB a worker are the decoded image; these figures are what is
 * left, rounded up. A larger model takes more: its weights and buffers once more for each worker.
 */
const PROCESS_MIB = 230;
const WORKER_MIB = 160;

/**
 * Bytes that the process takes for each byte of a body: the pieces that arrive until they are joined, and both until they are
 * collected. Measured under load with one worker and 17 bodies of 20 MiB: the peak was 826 MiB with small images in them, and
 * 1361 MiB with progressive JPEGs of 50 megapixels (4:4:4), which in small bodies took 924, and 2462 MiB when every other of
 * them was drawn, for which this comes to 2474.
 */
const BODY_FACTOR = 2.2;

/** Namespaces that belong to Kubernetes: enforcing PodSecurity there would break what runs in them. */
const SYSTEM_NAMESPACE = /^(?:default|kube-.*)$/;

/**
 * MiB that a pod uses when it holds as many of the largest bodies as it takes, on their way, waiting and worked on together,
 * every worker has the largest images, and one of them is drawn. Not counted are frames of streams that are being received or
 * wait for the one before (64 streams of one such frame each in the worst case), and what 1,024 connections take by themselves.
 */
export function worstCaseMemoryMib(serving: Serving): number {
  const { queueLimit, bodyLimitMib, pixelLimitMega, maxBatch } = serving;
  const workers = workerCount(serving);
  const running = workers * maxBatch;
  const bodies = Math.round((queueLimit + running) * bodyLimitMib * BODY_FACTOR);
  return (
    PROCESS_MIB + workers * (WORKER_MIB + imagesMib(pixelLimitMega, maxBatch)) + drawingMib(pixelLimitMega) + bodies
  );
}

/** MiB of the one drawing that is made at a time: the photo is decoded again, and drawn at its own size or a smaller one. */
function drawingMib(pixelLimitMega: number): number {
  const pixels = pixelLimitMega * 1_000_000;
  const drawn = Math.min(pixels, DRAWING.mostPixels);
  return Math.ceil((pixels * DECODING.bytesPerPixel + drawn * DRAWING.bytesPerPixel) / MEBIBYTE);
}

/**
 * MiB of the images that a worker decodes at once, and of those of its batch that it has decoded before: what was measured for
 * each format stands in service/src/vision/pixel-weight.ts.
 */
function imagesMib(pixelLimitMega: number, maxBatch: number): number {
  const { bytesPerPixel, imagesAtOnce, decodedBytesPerPixel, decodedBytes } = DECODING;
  const pixels = pixelLimitMega * 1_000_000;
  const decoding = Math.min(imagesAtOnce, maxBatch);
  const decoded = Math.min((maxBatch - decoding) * pixels * decodedBytesPerPixel, decodedBytes);
  return Math.ceil((decoding * pixels * bytesPerPixel + decoded) / MEBIBYTE);
}

/** Everything in the settings that is well-formed alone but cannot work together; empty when all is well. */
export function detectorProblems(settings: DetectorSettings): Problem[] {
  return [
    ...namespaceProblems(settings),
    ...podScalingProblems(settings),
    ...resourceProblems(settings),
    ...gpuProblems(settings),
    ...serviceProblems(settings),
  ];
}

/** What does not fit together about where the model comes from and where it is kept; paths are those of a stack's configuration. */
export function modelProblems(model: Model, volume: ModelVolume): Problem[] {
  const path = ["modelStore", "volume"];
  if (endsWithPod(volume) && model.uri === undefined) {
    return [
      problem(
        ["release", "model", "uri"],
        "an address, because a volume of the pod is empty when it starts,",
        undefined,
      ),
    ];
  }
  const writable = endsWithPod(volume) || (volume.type === "storageClass" && volume.accessMode !== "ReadOnlyMany");
  if (writable || !downloadsModel(model)) return [];
  const expected =
    "a volume that pods can write to, for models from release.model.uri (pod, podClaim, or storageClass with another " +
    "accessMode than ReadOnlyMany),";
  return [problem(path, expected, volume.type === "storageClass" ? volume.accessMode : volume.type)];
}

function namespaceProblems({ namespace }: DetectorSettings): Problem[] {
  if (!SYSTEM_NAMESPACE.test(namespace)) return [];
  return [problem(["namespace"], "a namespace of its own, not one that belongs to Kubernetes", namespace)];
}

function resourceProblems({ resources: { requests, limits }, serving }: DetectorSettings): Problem[] {
  const problems: Problem[] = [];
  if (limits.cpu !== undefined && cpuMillicores(requests.cpu) > cpuMillicores(limits.cpu)) {
    problems.push(
      problem(["resources", "requests", "cpu"], `at most resources.limits.cpu (${limits.cpu})`, requests.cpu),
    );
  }
  if (limits.cpu !== undefined && serving.threads > Math.ceil(cpuMillicores(limits.cpu) / 1000)) {
    const expected = `at most resources.limits.cpu (${limits.cpu}), because threads beyond it only wait for each other,`;
    problems.push(problem(["serving", "threads"], expected, serving.threads));
  }
  if (memoryBytes(requests.memory) > memoryBytes(limits.memory)) {
    const expected = `at most resources.limits.memory (${limits.memory})`;
    problems.push(problem(["resources", "requests", "memory"], expected, requests.memory));
  }
  const needed = worstCaseMemoryMib(serving);
  if (memoryBytes(limits.memory) < needed * MEBIBYTE) {
    const expected =
      `at least ${needed}Mi, which the process needs with serving.queueLimit + serving.workers bodies of ` +
      "serving.bodyLimitMib and images of serving.pixelLimitMega in every worker,";
    problems.push(problem(["resources", "limits", "memory"], expected, limits.memory));
  }
  return problems;
}

function gpuProblems({ resources: { gpus }, serving: { executionProvider } }: DetectorSettings): Problem[] {
  if (gpus > 0 === (executionProvider !== "cpu")) return [];
  const expected =
    gpus > 0
      ? `0 for serving.executionProvider cpu, which would leave the GPU idle,`
      : `at least 1 for serving.executionProvider ${executionProvider}`;
  return [problem(["resources", "gpus"], expected, gpus)];
}

function serviceProblems({ service, allowFrom }: DetectorSettings): Problem[] {
  const problems: Problem[] = [];
  if (service.nodePort !== undefined && service.type !== "NodePort") {
    problems.push(problem(["service", "nodePort"], `none for a service of type ${service.type}`, service.nodePort));
  }
  if (service.type !== "ClusterIP" && !allowFrom.some((peer) => "cidr" in peer)) {
    const expected = `at least one cidr for a service of type ${service.type}, which nobody outside could call otherwise,`;
    problems.push(problem(["allowFrom"], expected, allowFrom));
  }
  return problems;
}
