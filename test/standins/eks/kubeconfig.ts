import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** What a kubeconfig is made of. */
export interface ClusterAccess {
  name: string;
  endpoint: string;
  certificateAuthority: string;
  region: string;
}

/**
 * The kubeconfig of a cluster. With a file it is that file's: the cluster that stands for EKS. Otherwise it has the form of the
 * real component's, whose command gets a token from the `aws` command line; there is nothing at its address.
 */
export function kubeconfigOf({ name, endpoint, certificateAuthority, region }: ClusterAccess, file?: string): object {
  if (file !== undefined && file !== "") return parse(readFileSync(file, "utf8")) as object;
  const server = { server: endpoint, "certificate-authority-data": certificateAuthority };
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1beta1",
    command: "aws",
    args: ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"],
    env: [{ name: "KUBERNETES_EXEC_INFO", value: '{"apiVersion":"client.authentication.k8s.io/v1beta1"}' }],
  };
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "aws",
    clusters: [{ name: "kubernetes", cluster: server }],
    contexts: [{ name: "aws", context: { cluster: "kubernetes", user: "aws" } }],
    users: [{ name: "aws", user: { exec } }],
  };
}
