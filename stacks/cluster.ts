import { existsSync } from "node:fs";
import { resolve } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { KubeconfigStackConfig } from "./config/index.ts";

/** A cluster with what the service needs on it. */
export interface Platform {
  /** For every object on the cluster. */
  provider: k8s.Provider;
  /** What must be there before the service, and still be there when it goes. */
  ready: pulumi.Resource[];
  /** Makes what belongs to one service but needs the platform: what watches it. */
  watch(detector: pulumi.Resource): void;
}

/** A cluster that exists, whoever made it, as a stack runs on it. Throws a RunError when the kubeconfig file is missing. */
export function existingCluster(cluster: KubeconfigStackConfig["cluster"]): Platform {
  const { kubeconfig, context } = cluster;
  const path = kubeconfig === undefined ? undefined : resolve(kubeconfig);
  if (path !== undefined && !existsSync(path)) {
    throw new pulumi.RunError(
      `Expected a kubeconfig file for cluster.kubeconfig but there is none at ${path}. ` +
        "Start the cluster first (`npm start` for the local one), or name another file.",
    );
  }
  const provider = new k8s.Provider("cluster", {
    // Without it a changed kubeconfig (new credentials, another address) would replace every object on the cluster.
    clusterIdentifier: `kubeconfig:${context ?? "current-context"}`,
    // Without it a changed Secret would be replaced, and missing for a moment. No ConfigMap is ever changed.
    enableSecretMutable: true,
    ...(path !== undefined && { kubeconfig: path }),
    ...(context !== undefined && { context }),
  });
  return { provider, ready: [], watch: () => {} };
}
