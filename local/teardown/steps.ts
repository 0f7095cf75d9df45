import { UserError } from "../errors.ts";
import type { Aws } from "./aws.ts";
import { removeMakers, removeVolumes, takeInventory } from "./cluster.ts";
import { Kubectl } from "./kubectl.ts";
import { findLeftovers, leftoverLines } from "./leftovers.ts";
import { destroy, type Environment, readState } from "./pulumi.ts";
import { confirm, holdings } from "./show.ts";
import { hasCluster, kubeconfigOf, ownObjects, type StateResource, workloadUrns } from "./state.ts";
import type { Target } from "./target.ts";

/** What every step needs. */
export interface Context {
  target: Target;
  aws: Aws;
  env: Environment;
  signal: AbortSignal;
}

/** What the command line says. */
export interface TeardownOptions {
  yes: boolean;
  clusterGone: boolean;
}

/**
 * Shows what a stack holds, asks, and deletes it (P11): first what its controllers make in AWS, while they still run, then the
 * rest. Each step finds what an interrupted run has left of it. Throws a UserError when a step fails.
 */
export async function tearDown(
  context: Context,
  resources: readonly StateResource[],
  { yes, clusterGone }: TeardownOptions,
): Promise<void> {
  const { target, aws, env, signal } = context;
  const kubeconfig = clusterGone || !hasCluster(resources) ? undefined : kubeconfigOf(resources);
  const urns = workloadUrns(resources);
  if (kubeconfig === undefined && !clusterGone && urns.length > 0) {
    throw new UserError(
      `Expected a kubeconfig in the state of ${target.stack} but found none that can be read. ` +
        "If the cluster is gone for good, add --cluster-gone.",
    );
  }
  await using kubectl = kubeconfig === undefined ? undefined : await Kubectl.make(kubeconfig, env, signal);
  const inventory = kubectl && (await takeInventory(kubectl, ownObjects(resources)));
  for (const line of holdings(target, aws.account, resources, inventory)) console.log(line);
  if (!yes) await confirm(target, signal);

  if (kubectl !== undefined && inventory !== undefined) {
    say("1/4 Load balancers and instances of others, while their controllers run");
    await removeMakers(kubectl, inventory);
    say(`2/4 What the stack runs on the cluster: ${urns.length} objects`);
    if (urns.length > 0) await destroy(target, { urns, clusterGone }, env, signal);
    say("3/4 Volumes, while their driver runs");
    await removeVolumes(kubectl, { signal, report: (line) => console.log(`    ${line}`) });
  }
  say("4/4 The cluster, its network and everything else");
  try {
    await destroy(target, { clusterGone }, env, signal);
  } catch (error) {
    signal.throwIfAborted();
    const left = await findLeftovers(aws, target, (await readState(target, env, signal)) ?? []);
    if (left.length > 0) {
      console.log("\nThis may be in the way, because no stack knows of it:");
      for (const line of leftoverLines(left, target.region)) console.log(line);
    }
    throw error;
  }
}

function say(step: string): void {
  console.log(`\n${step}`);
}
