import type { AwsLocation } from "../aws-location.ts";

/** Values that are chosen per stack. Defaults are those of the stack's configuration (stacks/config/github.ts). */
export interface GithubSettings {
  /**
   * Repository as its tokens name it: `OWNER/NAME`, or `OWNER@ID/NAME@ID` for those made or renamed since 2026-07-15.
   * Source: https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
   */
  repository: string;
  /** Environment of the repository in which deployments run; its protection rules say who may start one. */
  environment: string;
  /** Whether the stack makes the account's identity provider for GitHub, of which an account has one. */
  makeProvider: boolean;
  /** Bucket with Pulumi's state. */
  stateBucket: string;
  /** Key of KMS that encrypts the secrets of the stack; none where a passphrase does. */
  secretsKeyArn?: string | undefined;
}

/** Arguments of the GithubRoles component. */
export interface GithubRolesArgs extends GithubSettings {
  clusterName: string;
  location: AwsLocation;
}
