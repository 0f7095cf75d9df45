import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import type { Kubectl } from "./kubectl.ts";
import {
  BUILT_IN_KINDS,
  type ClusterObject,
  DEFINED_KINDS,
  describeObject,
  foreignMakers,
  keptVolumes,
  passingVolumes,
} from "./objects.ts";
import { columns } from "./summary.ts";

/** Longest time for load balancers and instances to go: Karpenter drains every node first. */
const MAKERS_TIMEOUT_S = 30 * 60;

/** Longest time for volumes to go: one that is attached to a node that does not answer is taken away after six minutes. */
const VOLUMES_TIMEOUT_S = 15 * 60;

/** How often it is looked whether volumes have gone. */
const INTERVAL_MS = 2000;

/** Workloads that may hold volumes. Pods last: what would make new ones is gone by then. */
const WORKLOADS = "statefulsets,deployments,daemonsets,cronjobs,jobs,replicasets,replicationcontrollers,pods";

/** The namespace of the drivers themselves. */
const SYSTEM_NAMESPACE = "kube-system";

/** What lies on the cluster besides the stack's own objects, and makes, or keeps, something in AWS. */
export interface Inventory {
  /** Makers of load balancers and instances that the stack does not know of. */
  makers: ClusterObject[];
  claims: ClusterObject[];
  /** Volumes that stay in AWS by their own reclaim policy. */
  kept: ClusterObject[];
}

/** Looks what there is on the cluster. Throws a UserError, which says what to do, when it cannot be reached. */
export async function takeInventory(kubectl: Kubectl, own: ReadonlySet<string>): Promise<Inventory> {
  try {
    const definitions = await kubectl.definitions();
    const kinds = [...BUILT_IN_KINDS, ...DEFINED_KINDS.filter((kind) => definitions.includes(kind))];
    const makers = foreignMakers(await kubectl.list(kinds), own);
    const claims = await kubectl.list(["persistentvolumeclaims"]);
    return { makers, claims, kept: keptVolumes(await kubectl.list(["persistentvolumes"])) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `Expected the cluster to say what is on it, but: ${error.message}\n` +
        "What its controllers made in AWS goes only while they run, so nothing was deleted. Run this where the API server can " +
        "be reached (in the VPC, or with your address in yolo:cluster.endpoint.publicCidrs), with the `aws` command on the " +
        "PATH. If the cluster is gone for good, add --cluster-gone.",
    );
  }
}

/** Deletes what makes load balancers and instances and is not the stack's, while its controllers still run. */
export async function removeMakers(kubectl: Kubectl, { makers }: Inventory): Promise<void> {
  await kubectl.remove(makers, MAKERS_TIMEOUT_S);
}

/**
 * Deletes all claims, with the workloads of their namespaces, and waits until the drivers have deleted their volumes. The stack's
 * own workloads must be gone: their StatefulSets would claim new ones. Throws a UserError when a volume does not go.
 */
export async function removeVolumes(
  kubectl: Kubectl,
  { signal, report, timeoutSeconds = VOLUMES_TIMEOUT_S }: VolumeOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  const claims = await kubectl.list(["persistentvolumeclaims"]);
  const namespaces = new Set(claims.map(({ metadata }) => metadata.namespace ?? ""));
  for (const namespace of namespaces) {
    if (namespace === SYSTEM_NAMESPACE) continue;
    const names = (await kubectl.run(["get", WORKLOADS, "--namespace", namespace, "--output=name"])).split("\n");
    const workloads = names.filter((name) => name !== "");
    if (workloads.length === 0) continue;
    report(`deleting what runs in the namespace ${namespace}, which has volumes`);
    await kubectl.run(["delete", ...workloads, "--namespace", namespace, "--ignore-not-found", "--wait=false"]);
  }
  await kubectl.remove(claims, timeoutSeconds);
  let last = -1;
  for (;;) {
    const left = passingVolumes(await kubectl.list(["persistentvolumes"]));
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new UserError(stuckVolumes(left, timeoutSeconds));
    if (left.length !== last) report(`waiting until ${left.length} volumes are deleted in AWS`);
    last = left.length;
    await sleep(INTERVAL_MS, undefined, { signal });
  }
}

/** How volumes are waited for. */
export interface VolumeOptions {
  signal: AbortSignal;
  report: (line: string) => void;
  /** Defaults to 15 minutes. */
  timeoutSeconds?: number;
}

function stuckVolumes(left: readonly ClusterObject[], seconds: number): string {
  return (
    `Expected the volumes on the cluster to be deleted in ${Math.round(seconds / 60)} minutes, but these are left:\n` +
    `${columns(left.map(describeObject)).join("\n")}\n` +
    "`kubectl describe pv NAME` says why. The cluster and its driver still run: mend it and run the same command again."
  );
}
