import type { Model } from "../model.ts";
import { ACCESS_MODELS } from "./eks-access.ts";
import { CLUSTER_MODELS } from "./eks-cluster.ts";
import { NODE_MODELS } from "./eks-nodes.ts";
import { IAM_MODELS } from "./iam.ts";
import { INSTANCE_MODELS } from "./instances.ts";
import { ROUTING_MODELS } from "./routing.ts";
import { SERVICE_MODELS } from "./services.ts";
import { STORAGE_MODELS } from "./storage.ts";
import { VPC_MODELS } from "./vpc.ts";

/** Every type of resource that the stand-in knows more of than the SDK's types say. */
export const MODELS: Readonly<Record<string, Model>> = {
  ...VPC_MODELS,
  ...ROUTING_MODELS,
  ...INSTANCE_MODELS,
  ...CLUSTER_MODELS,
  ...NODE_MODELS,
  ...ACCESS_MODELS,
  ...IAM_MODELS,
  ...STORAGE_MODELS,
  ...SERVICE_MODELS,
};
