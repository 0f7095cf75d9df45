import { readArguments } from "./arguments.ts";
import { runMain, UserError } from "./errors.ts";
import { connect } from "./teardown/aws.ts";
import { findLeftovers, leftoverLines } from "./teardown/leftovers.ts";
import { readState, teardownEnvironment } from "./teardown/pulumi.ts";
import { refuseProtected } from "./teardown/show.ts";
import { accountOf, hasCluster, protectedResources, type StateResource } from "./teardown/state.ts";
import { tearDown } from "./teardown/steps.ts";
import { readTarget, type Target } from "./teardown/target.ts";

const USAGE = `Usage: npm run teardown -- STACK [--yes] [--check] [--cluster-gone] [--config-file FILE]
Deletes everything of a stack on Amazon EKS, in an order in which load balancers, network interfaces and volumes go with
what made them, and then looks in AWS for what is left. Your own Pulumi login and AWS credentials are used.

  --yes               do not ask; needed where there is no terminal
  --check             delete nothing, and only look for what is left
  --cluster-gone      the cluster is gone for good: what was on it counts as deleted
  --config-file FILE  the stack's configuration, where it is not Pulumi.STACK.yaml

The exit code is 0 when nothing is left, and 1 otherwise.`;

await runMain(async (signal) => {
  const line = readArguments(USAGE, {
    options: {
      yes: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      "cluster-gone": { type: "boolean", default: false },
      "config-file": { type: "string" },
    },
    allowPositionals: true,
  });
  if (line === undefined) return;
  const [stack, ...rest] = line.positionals;
  if (stack === undefined || rest.length > 0) throw new UserError(`Expected the name of one stack\n\n${USAGE}`);
  const { yes, check, "cluster-gone": clusterGone, "config-file": configFile } = line.values;
  const target = await readTarget(stack, configFile);
  const env = await teardownEnvironment(target, signal);
  const resources = await readState(target, env, signal);
  if (!check) {
    if (resources === undefined) throw new UserError(noStack(target));
    refuseProtected(target, protectedResources(resources));
  }
  using aws = await connect(target);
  refuseOtherAccount(aws.account, resources ?? []);

  if (check) refuseLiving(target, resources ?? []);
  else if (resources?.length === 0) console.log(`The stack ${stack} holds nothing any more.`);
  else await tearDown({ target, aws, env, signal }, resources ?? [], { yes, clusterGone });

  const held = (await readState(target, env, signal)) ?? [];
  const left = await findLeftovers(aws, target, held);
  signal.throwIfAborted();
  const where = `${target.clusterName}, in ${target.region}, account ${aws.account}`;
  if (left.length > 0) {
    console.log(`\nLeft in AWS of ${where}:`);
    for (const text of leftoverLines(left, target.region)) console.log(text);
    process.exitCode = 1;
    return;
  }
  console.log(`\nAWS has no load balancer, interface, volume or instance left of ${where}.`);
  if (held.length > 0) console.log(`The stack still holds ${held.length} resources: npm run teardown -- ${stack}`);
  else if (resources !== undefined) console.log(`\`pulumi stack rm ${stack}\` forgets the stack itself.`);
});

function noStack({ stack }: Target): string {
  return (
    `Expected a stack "${stack}" where Pulumi is logged in, but there is none. \`pulumi whoami --verbose\` says where that ` +
    `is, and \`pulumi stack ls\` what is there. To look for what an earlier one has left: npm run teardown -- ${stack} --check`
  );
}

/** Throws a UserError when the credentials are not of the account that the stack is in. */
function refuseOtherAccount(account: string, resources: readonly StateResource[]): void {
  const own = accountOf(resources);
  if (own === undefined || own === account) return;
  throw new UserError(
    `Expected credentials of the account ${own}, which the stack is in, but received those of ${account}. ` +
      "Set AWS_PROFILE to another one. Nothing was deleted.",
  );
}

/** Throws a UserError while the cluster is there, which needs what would count as left. */
function refuseLiving({ stack }: Target, resources: readonly StateResource[]): void {
  if (!hasCluster(resources)) return;
  throw new UserError(
    `Expected a stack without a cluster, but that of ${stack} is still there, and what it uses is not left over. ` +
      `To delete it: npm run teardown -- ${stack}`,
  );
}
