import { z } from "zod";
import { exposedServiceProblems } from "../../infra/exposure/checks.ts";
import { modelPlaceProblems } from "../../infra/model-store/checks.ts";
import { receiverSecretProblems } from "../../infra/monitoring/checks.ts";
import { overlapProblems } from "../../infra/network/checks.ts";
import { nodesProblems } from "../../infra/nodes/checks.ts";
import { demandProblems } from "../../infra/nodes/demand.ts";
import { claimedGroupProblems } from "../../infra/nodes/sharing-checks.ts";
import { type Problem, problemsBelow } from "../../infra/problems.ts";
import { podScalerProblems, scalingProblems } from "../../infra/scaling/checks.ts";
import type { releaseSchema } from "../release.ts";
import { budgetSchema } from "./budget.ts";
import type { EksClusterConfig } from "./cluster.ts";
import type { detectorSchema } from "./detector.ts";
import { ABSOLUTE_PATH, flag, type Pattern, text } from "./expected.ts";
import { exposureSchema } from "./exposure.ts";
import { githubSchema } from "./github.ts";
import { eksModelStoreSchema, modelBucket } from "./model-store.ts";
import { monitoringSchema } from "./monitoring.ts";
import { networkSchema } from "./network.ts";
import { nodesSchema } from "./nodes.ts";
import { registrySchema } from "./registry.ts";
import { scalingSchema } from "./scaling.ts";

const CHART_REPOSITORY: Pattern = {
  what: "the address of a chart repository: oci://HOST/PATH, or https://HOST/PATH with an index",
  regex: /^(?:oci|https):\/\/[^\s/?#@]+(?:\/[^\s?#@]*)?$/,
};

const chartsSchema = z
  .discriminatedUnion("from", [
    z.strictObject({ from: z.literal("upstream").describe("Each chart from the repository of who makes it.") }),
    z.strictObject({
      from: z.literal("mirror").describe("One repository with copies of all."),
      repository: text(CHART_REPOSITORY).describe("Address of the repository."),
    }),
    z.strictObject({
      from: z.literal("directory").describe("A folder with an unpacked chart in a folder of its name each."),
      path: text(ABSOLUTE_PATH).describe("Absolute path of the folder."),
    }),
  ])
  .describe("Where Helm charts come from.");

const gpuSchema = z
  .strictObject({
    check: flag()
      .default(true)
      .describe(
        "Whether it is checked, once for each image of the service, that pods see the GPUs that they ask for and no others.",
      ),
  })
  .describe("How the GPUs of nodes become those of pods.");

/** Sections of a stack that makes its cluster, besides the cluster itself and what runs on it. */
export const platformShape = {
  network: networkSchema.prefault({}),
  nodes: nodesSchema.prefault({}),
  gpu: gpuSchema.prefault({}),
  scaling: scalingSchema.prefault({}),
  monitoring: monitoringSchema.prefault({}),
  modelStore: eksModelStoreSchema,
  exposure: exposureSchema.prefault({ via: "ingress" }),
  registry: registrySchema.optional(),
  budget: budgetSchema.optional(),
  github: githubSchema.optional(),
  charts: chartsSchema.prefault({ from: "upstream" }),
  serve: flag()
    .default(true)
    .describe(
      "Whether the service runs, by release; without it the stack makes all that it needs, such as the registry that its first image is pushed to.",
    ),
  protect: flag()
    .default(false)
    .describe("Whether Pulumi and AWS refuse to delete what cannot be made again: cluster, network, models."),
};

const platformSchema = z.object(platformShape);

/** Those sections, and the ones that they must go together with. */
export type PlatformConfig = z.infer<typeof platformSchema> & {
  cluster: EksClusterConfig;
  release?: z.infer<typeof releaseSchema> | undefined;
  detector: z.infer<typeof detectorSchema>;
  /** Secrets of the receivers of alerts, by name. */
  receivers: Record<string, string>;
};

/** What is well-formed in each section and cannot work together; paths are those of the whole configuration. */
export function platformProblems({
  cluster,
  network,
  nodes,
  scaling,
  monitoring,
  modelStore,
  exposure,
  release,
  detector,
  receivers,
}: PlatformConfig): Problem[] {
  const { replicas, rollout, resources, gpuApi } = detector;
  const { requestTimeoutMs } = detector.serving;
  return [
    ...overlapProblems(network.cidr, cluster.serviceCidr),
    ...problemsBelow(["nodes"], nodesProblems(nodes, cluster.version)),
    ...receiverSecretProblems(monitoring, Object.keys(receivers)),
    ...modelPlaceProblems({
      volume: modelStore.volume,
      efs: modelStore.efs !== undefined,
      bucket: modelBucket(modelStore),
      modelUri: release?.model.uri,
    }),
    ...(exposure.via === "none" ? [] : exposedServiceProblems(exposure, { ...detector, requestTimeoutMs })),
    ...scalingProblems(scaling, nodes, gpuApi),
    ...podScalerProblems(scaling, detector.autoscaling),
    ...claimedGroupProblems(nodes.gpu, gpuApi),
    ...demandProblems({ replicas, rollout, gpusPerPod: resources.gpus }, nodes.gpu),
  ];
}
