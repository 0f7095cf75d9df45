import { typeOf } from "../plan-table.ts";

/** A resource in a stack's state, as far as it is read here. */
export interface StateResource {
  urn: string;
  type: string;
  /** Whether a provider made it; a component is only a group of others. */
  custom: boolean;
  /** Name by which its provider knows it. */
  id?: string;
  parent?: string;
  protect?: boolean;
  inputs?: Readonly<Record<string, unknown>>;
  outputs?: Readonly<Record<string, unknown>>;
}

const KUBERNETES = "kubernetes:";

/** Whether the stack's cluster is still there. */
export function hasCluster(resources: readonly StateResource[]): boolean {
  return resources.some(({ type }) => type === "aws:eks/cluster:Cluster");
}

/** Resources that Pulumi refuses to delete. */
export function protectedResources(resources: readonly StateResource[]): StateResource[] {
  return resources.filter(({ protect }) => protect === true);
}

/** The kubeconfig by which the stack reaches its cluster; undefined where the state has none that can be read. */
export function kubeconfigOf(resources: readonly StateResource[]): string | undefined {
  const provider = resources.find(
    ({ type, parent = "" }) => type === "pulumi:providers:kubernetes" && typeOf(parent) === "yolo:infra:Cluster",
  );
  const kubeconfig = provider?.inputs?.kubeconfig;
  // What is encrypted is an object.
  return typeof kubeconfig === "string" ? kubeconfig : undefined;
}

/**
 * URNs of everything that runs on the cluster: it goes while the add-ons of EKS still work. A storage class is no load, and its
 * volumes may still need it.
 */
export function workloadUrns(resources: readonly StateResource[]): string[] {
  return resources
    .filter(({ type, custom }) => custom && type.startsWith(KUBERNETES) && !type.endsWith(":StorageClass"))
    .map(({ urn }) => urn);
}

/** The objects on the cluster that the stack made, as objectKey names them. */
export function ownObjects(resources: readonly StateResource[]): Set<string> {
  return new Set(
    resources
      .filter(({ type, custom }) => custom && type.startsWith(KUBERNETES))
      .map(({ type, id = "" }) => objectKey(type.split(":").at(-1) ?? "", id)),
  );
}

/** Names an object on the cluster by its kind and its name, or `NAMESPACE/NAME`. */
export function objectKey(kind: string, id: string): string {
  return `${kind} ${id}`;
}

/** Number of the AWS account that the stack is in, by the ARNs in its state; undefined where there is none. */
export function accountOf(resources: readonly StateResource[]): string | undefined {
  return resources
    .filter(({ type }) => type.startsWith("aws:"))
    .map(({ outputs }) => String(outputs?.arn ?? "").split(":")[4])
    .find((account) => /^\d{12}$/.test(account ?? ""));
}
