import type * as aws from "@pulumi/aws";

/** Host that issues tokens to workflows. */
export const ISSUER = "token.actions.githubusercontent.com";

/** For whom a token must be: what aws-actions/configure-aws-credentials asks for. */
export const AUDIENCE = "sts.amazonaws.com";

/** Repositories as tokens name them. */
export const REPOSITORY = {
  what: "OWNER/NAME, or OWNER@ID/NAME@ID where tokens name the repository so,",
  regex: /^(?:[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[\w.-]{1,100}|[A-Za-z0-9][A-Za-z0-9-]{0,38}@\d+\/[\w.-]{1,100}@\d+)$/,
};

/** The part of a token that says which workflow it is for. */
export interface Subject {
  repository: string;
  /** A run for a pull request, or one in an environment. */
  context: "pull_request" | `environment:${string}`;
}

/**
 * Lets runs of one repository in one context take a role, each word of it compared as it stands.
 * Source: https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
 */
export function githubTrustPolicy(providerArn: string, { repository, context }: Subject): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: providerArn },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: { [`${ISSUER}:aud`]: AUDIENCE, [`${ISSUER}:sub`]: `repo:${repository}:${context}` },
        },
      },
    ],
  };
}
