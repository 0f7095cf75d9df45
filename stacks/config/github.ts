import { z } from "zod";
import { ENVIRONMENT } from "../../infra/github/checks.ts";
import { REPOSITORY } from "../../infra/github/trust.ts";
import { BUCKET_NAME } from "../../infra/model-store/checks.ts";
import { text } from "./expected.ts";

const KEY_ARN = {
  what: "the ARN of a key of KMS",
  regex: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[a-z0-9-]+$/,
};

/** Roles for workflows of a GitHub repository. Every default of the GithubRoles component stands here. */
export const githubSchema = z.strictObject({
  /** `OWNER/NAME`, or `OWNER@ID/NAME@ID` for repositories made or renamed since 2026-07-15. */
  repository: text(REPOSITORY),
  /** Environment of the repository in which deployments run. */
  environment: text(ENVIRONMENT),
  /** Whether the stack makes the account's identity provider for GitHub; one stack of an account does. */
  makeProvider: z.boolean({ error: "true or false" }).default(false),
  /** Bucket with Pulumi's state. */
  stateBucket: text(BUCKET_NAME),
  /** Key of KMS that encrypts the stack's secrets; none where a passphrase does. */
  secretsKeyArn: text(KEY_ARN).optional(),
});

/** The github section of a stack on Amazon EKS. */
export type GithubConfig = z.infer<typeof githubSchema>;
