import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { DetectorArgs } from "./args.ts";
import { autoscalerSpec, HANDOVER } from "./autoscaling.ts";
import { scaledObjectSpec } from "./scaled-object.ts";

/** What decides about the number of pods. */
export interface AutoscalerArgs
  extends Pick<DetectorArgs, "namespace" | "replicas" | "serving" | "autoscaling" | "prometheusUrl"> {
  deployment: k8s.apps.v1.Deployment;
  metadata: k8s.types.input.meta.v1.ObjectMeta;
}

/**
 * Makes the one owner of the number of pods: KEDA's ScaledObject, or a HorizontalPodAutoscaler. Throws a ResourceError when KEDA
 * has no Prometheus to ask.
 */
export function makeAutoscaler(
  name: string,
  { namespace, replicas, serving, autoscaling, prometheusUrl, deployment, metadata }: AutoscalerArgs,
  parent: pulumi.Resource,
): void {
  const { keda } = autoscaling;
  if (keda === undefined) {
    const target = { apiVersion: "apps/v1", kind: "Deployment", name: deployment.metadata.name };
    new k8s.autoscaling.v2.HorizontalPodAutoscaler(
      name,
      { metadata: { ...metadata, annotations: HANDOVER }, spec: autoscalerSpec(target, replicas, autoscaling) },
      { parent },
    );
    return;
  }
  if (prometheusUrl === undefined) {
    throw new pulumi.ResourceError("Expected prometheusUrl with autoscaling.keda but received nothing", parent);
  }
  const scaling = { name, namespace, replicas, serving, autoscaling: { ...autoscaling, keda }, prometheusUrl };
  new k8s.apiextensions.CustomResource(
    name,
    { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", metadata, spec: scaledObjectSpec(scaling) },
    // KEDA looks for the Deployment, which is named as text.
    { parent, dependsOn: deployment },
  );
}
