import * as pulumi from "@pulumi/pulumi";

/** The API from which autoscalers read metrics of things that are no Kubernetes objects; a cluster has it once. */
export const EXTERNAL_METRICS_API = "v1beta1.external.metrics.k8s.io";

/** Who provides the API on each cluster; a provider stands for its cluster. */
const owners = new WeakMap<pulumi.ProviderResource, string>();

/**
 * Makes a component the one that provides external metrics on its cluster (P19: KEDA and prometheus-adapter overwrite each
 * other's registration, and autoscalers then ask the wrong one). Throws a ResourceError when another one does so already.
 */
export function claimExternalMetrics(component: pulumi.Resource, owner: string): void {
  const cluster = component.getProvider("kubernetes:apiregistration.k8s.io/v1:APIService");
  if (cluster === undefined) {
    throw new pulumi.ResourceError(`Expected a kubernetes provider for ${owner} but received none`, component, true);
  }
  const other = owners.get(cluster);
  if (other !== undefined) {
    const message =
      `Expected one owner for ${EXTERNAL_METRICS_API} but received ${other} and ${owner}. ` +
      "Install one of them only: the registration of one would replace that of the other.";
    throw new pulumi.ResourceError(message, component, true);
  }
  owners.set(cluster, owner);
}
