import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { GpuApi } from "../detector/args.ts";
import { contentName, objectLabels } from "../names.ts";
import { CHECK_LIMIT_S, checkSpec } from "./check-spec.ts";
import { gpuClaimSpec } from "./dra.ts";

/** Arguments of the GpuCheck component. */
export interface GpuCheckArgs {
  /** Namespace of GpuSupport. */
  namespace: pulumi.Input<string>;
  /** How pods get GPUs. */
  api: GpuApi;
  /** Image that the check runs: one with Node. */
  image: pulumi.Input<string>;
}

/**
 * Runs a pod that must see a GPU, and after it, while its node is still there, one on such a node that must see none. It waits for
 * a node: what reports GPUs and what starts nodes must be in `dependsOn`.
 */
export class GpuCheck extends pulumi.ComponentResource {
  constructor(name: string, { namespace, api, image }: GpuCheckArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:GpuCheck", name, {}, opts);
    const labels = objectLabels(name, "gpu");
    const spec = gpuClaimSpec(1);
    const claim =
      api === "dra"
        ? new k8s.resource.v1.ResourceClaimTemplate(
            name,
            { metadata: { name: contentName(name, { spec }), namespace, labels }, spec },
            { parent: this },
          )
        : undefined;
    const job = (jobName: string, asks: boolean, after: pulumi.Resource[]) =>
      new k8s.batch.v1.Job(
        jobName,
        {
          // No name of its own: a Job cannot be changed, so that another image makes another Job.
          metadata: { namespace, labels },
          spec: checkSpec({ asks, image, api, claimTemplateName: claim?.metadata.name }),
        },
        { parent: this, dependsOn: after, customTimeouts: { create: `${CHECK_LIMIT_S}s` } },
      );
    job(`${name}-none`, false, [job(name, true, [])]);
    this.registerOutputs({});
  }
}
