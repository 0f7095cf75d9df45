import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { refuseProblems } from "../problems.ts";
import type { GithubRolesArgs } from "./args.ts";
import { boundaryPolicy } from "./boundary.ts";
import { githubProblems } from "./checks.ts";
import { deployPolicy } from "./deploy-policy.ts";
import { previewPolicy } from "./preview-policy.ts";
import { boundaryName, type PipelineScope } from "./scope.ts";
import { AUDIENCE, githubTrustPolicy, ISSUER, type Subject } from "./trust.ts";

/** Seconds for which a deployment has its role: a cluster takes a quarter of an hour, and its nodes and charts as long again. */
const DEPLOY_SESSION_S = 7_200;
const PREVIEW_SESSION_S = 3_600;

/**
 * Roles that workflows of one GitHub repository take without a stored key: one for previews of pull requests, which changes
 * nothing, and one for deployments in one environment. An administrator makes them: neither role can change itself.
 */
export class GithubRoles extends pulumi.ComponentResource {
  readonly previewRoleArn: pulumi.Output<string>;
  readonly deployRoleArn: pulumi.Output<string>;
  /** Policy within which every role of the stack must be: see boundRoles. */
  readonly boundaryArn: pulumi.Output<string>;

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: GithubRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:GithubRoles", name, {}, opts);
    const problems = githubProblems(args);
    refuseProblems(problems, this);

    const { clusterName, location, repository, environment } = args;
    const parent = { parent: this };
    const scope = pulumi
      .all([location.accountId, location.partition])
      .apply(([accountId, partition]): PipelineScope => ({ ...args, region: location.region, accountId, partition }));
    const providerArn = args.makeProvider
      ? // P27: no thumbprint, so that no preview needs a way to GitHub: AWS knows the authorities that sign its certificate.
        new aws.iam.OpenIdConnectProvider(name, { url: `https://${ISSUER}`, clientIdLists: [AUDIENCE] }, parent).arn
      : scope.apply(({ accountId, partition }) => `arn:${partition}:iam::${accountId}:oidc-provider/${ISSUER}`);
    const boundary = new aws.iam.Policy(
      name,
      { name: boundaryName(clusterName), policy: scope.apply(boundaryPolicy) },
      parent,
    );

    const role = (
      kind: string,
      context: Subject["context"],
      policy: typeof previewPolicy,
      maxSessionDuration: number,
    ) => {
      const made = new aws.iam.Role(
        `${name}-${kind}`,
        {
          name: `${clusterName}-${kind}`,
          // Not the path of the roles that a deployment may change.
          path: "/",
          assumeRolePolicy: providerArn.apply((arn) => githubTrustPolicy(arn, { repository, context })),
          maxSessionDuration,
        },
        parent,
      );
      new aws.iam.RolePolicy(`${name}-${kind}`, { role: made.name, policy: scope.apply(policy) }, parent);
      return made.arn;
    };
    this.previewRoleArn = role("preview", "pull_request", previewPolicy, PREVIEW_SESSION_S);
    this.deployRoleArn = role("deploy", `environment:${environment}`, deployPolicy, DEPLOY_SESSION_S);
    this.boundaryArn = boundary.arn;
    const { previewRoleArn, deployRoleArn, boundaryArn } = this;
    this.registerOutputs({ previewRoleArn, deployRoleArn, boundaryArn });
  }
}
