import { z } from "zod";
import { ACCOUNT_ID, REPOSITORY_NAME } from "../../infra/registry/checks.ts";
import { integer, oneOf, text } from "./expected.ts";

/** A repository for images of the service. Every default of the Registry component stands here. */
export const registrySchema = z.strictObject({
  /** `<cluster>/detector` when left out. */
  name: text(REPOSITORY_NAME).optional(),
  /** Days until an image without a tag is gone. */
  untaggedDays: integer(1, 3_650).default(14),
  /** Images that are kept; the oldest beyond them go. */
  keepTagged: integer(10, 10_000).default(500),
  /** Keys of ECR, or one of KMS. A change makes a new repository. */
  encryption: oneOf("ecr", "kms").default("ecr"),
  /** Accounts besides this one whose nodes pull the images. */
  pullAccounts: z.array(text(ACCOUNT_ID)).default([]),
});

/** The registry section of a stack on Amazon EKS. */
export type RegistryConfig = z.infer<typeof registrySchema>;
