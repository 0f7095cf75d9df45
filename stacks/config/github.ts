import { z } from "zod";
import { ENVIRONMENT } from "../../infra/github/checks.ts";
import { REPOSITORY } from "../../infra/github/trust.ts";
import { BUCKET_NAME } from "../../infra/model-store/checks.ts";
import { flag, KEY_ARN, text } from "./expected.ts";

/** Roles for workflows of a GitHub repository. Every default of the GithubRoles component stands here. */
export const githubSchema = z
  .strictObject({
    repository: text(REPOSITORY).describe(
      "Repository as its tokens name it: `OWNER/NAME`, or `OWNER@ID/NAME@ID` for one made or renamed since 2026-07-15.",
    ),
    environment: text(ENVIRONMENT).describe(
      "Environment of the repository in which deployments run; its protection rules say who may start one.",
    ),
    makeProvider: flag()
      .default(false)
      .describe("Whether the stack makes the account's identity provider for GitHub, as one stack of an account does."),
    stateBucket: text(BUCKET_NAME).describe("Bucket with Pulumi's state."),
    secretsKeyArn: text(KEY_ARN)
      .optional()
      .describe("Key of KMS that encrypts the stack's secrets; none where a passphrase does."),
  })
  .describe("Roles for workflows of a GitHub repository: one previews, one deploys.");

/** The github section of a stack on Amazon EKS. */
export type GithubConfig = z.infer<typeof githubSchema>;
