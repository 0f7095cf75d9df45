import { z } from "zod";
import { ACCOUNT_ID, REPOSITORY_NAME } from "../../infra/registry/checks.ts";
import { integer, oneOf, text } from "./expected.ts";

/** A repository for images of the service. Every default of the Registry component stands here. */
export const registrySchema = z
  .strictObject({
    name: text(REPOSITORY_NAME).optional().describe("Name of the repository; `<cluster>/detector` when left out."),
    untaggedDays: integer(1, 3_650).default(14).describe("Days until an image without a tag is gone."),
    keepTagged: integer(10, 10_000)
      .default(500)
      .describe("Images with a tag that are kept; the oldest beyond them go."),
    encryption: oneOf("ecr", "kms")
      .default("ecr")
      .describe("Who encrypts: ECR with keys of its own, or a key of KMS; a change makes a new repository."),
    pullAccounts: z
      .array(text(ACCOUNT_ID))
      .default([])
      .describe("Accounts besides this one whose nodes pull the images, in quotes."),
  })
  .describe("A repository of ECR for images of the service.");

/** The registry section of a stack on Amazon EKS. */
export type RegistryConfig = z.infer<typeof registrySchema>;
