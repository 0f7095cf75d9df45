import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { clusterNameProblems, deployerProblems } from "../../infra/cluster/checks.ts";
import { exposedServiceProblems } from "../../infra/exposure/checks.ts";
import { type Problem, problem, problemText } from "../../infra/problems.ts";
import type { EksStackConfig } from "../config/index.ts";
import type { Site } from "./site.ts";

/**
 * Throws one RunError with everything in a stack's configuration that does not fit its name, its region and who deploys it:
 * what only a run can know, before any resource is made.
 */
export async function refuseSite(
  config: EksStackConfig,
  { clusterName, region }: Pick<Site, "clusterName" | "region">,
): Promise<void> {
  const { exposure, detector } = config;
  const { requestTimeoutMs } = detector.serving;
  const problems = [
    ...stackNameProblems(clusterName),
    ...(exposure.via === "none" ? [] : exposedServiceProblems(exposure, { ...detector, requestTimeoutMs }, region)),
    ...(await accessProblems(config, clusterName)),
  ];
  if (problems.length === 0) return;
  const lines = problems.map((each) => `✖ ${problemText(each)}`);
  throw new pulumi.RunError(`Invalid stack config:\n${lines.join("\n")}\nNothing was changed.`);
}

/** A cluster is called as the stack, after the project. */
function stackNameProblems(clusterName: string): Problem[] {
  return clusterNameProblems(clusterName).map(({ expected, received }) =>
    problem([`the name of the cluster (${pulumi.getProject()}-STACK)`], expected, received),
  );
}

async function accessProblems({ cluster: { access } }: EksStackConfig, clusterName: string): Promise<Problem[]> {
  if (Object.keys(access).length === 0) return [];
  const [{ names }, { arn }] = await Promise.all([aws.eks.getClusters(), aws.getCallerIdentity()]);
  // Of one that exists nobody knows here who made it.
  return names.includes(clusterName) ? [] : deployerProblems(access, arn);
}
