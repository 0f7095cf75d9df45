import { existsSync } from "node:fs";
import { resolve } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { KubeconfigStackConfig } from "./config/index.ts";
import type { Platform } from "./platform.ts";

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
  return { provider, ready: [], detector: {}, attach: () => ({}) };
}
