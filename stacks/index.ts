import type * as pulumi from "@pulumi/pulumi";
import { Detector } from "../infra/detector/detector.ts";
import { SECRETS } from "../service/contract.ts";
import { existingCluster } from "./cluster.ts";
import { isEks, readStackConfig } from "./config/index.ts";
import type { PlatformOutputs } from "./platform.ts";
import type { Release } from "./release.ts";

/** What a stack exports of the service that it runs. */
interface ServiceOutputs extends Release {
  /** Namespace that holds the service. */
  namespace: pulumi.Output<string>;
  /** Name of the Service. */
  service: pulumi.Output<string>;
  /** Name of the Deployment. */
  deployment: pulumi.Output<string>;
  /** Port of the service on every node; only with a Service that has one. */
  nodePort?: pulumi.Output<number | undefined>;
}

/** What a stack exports. These names are a public contract: other stacks, promotion and tools read them. */
export type StackOutputs = PlatformOutputs & Partial<ServiceOutputs>;

/** The program: Pulumi calls it, and what it returns becomes the outputs of the stack. */
export default async function program(): Promise<StackOutputs> {
  const { config, secrets } = readStackConfig();
  const platform = isEks(config)
    ? // Loaded where it is used: AWS's SDK takes a second that other stacks need not wait.
      await (await import("./eks/index.ts")).makePlatform(config, secrets)
    : existingCluster(config.cluster);
  const { release } = config;
  if (release === undefined || (isEks(config) && !config.serve)) return platform.attach();
  const detector = new Detector(
    "detector",
    {
      ...config.detector,
      ...platform.detector,
      image: release.image,
      model: release.model,
      modelVolume: config.modelStore.volume,
      ...(secrets.apiKeys !== undefined && { secrets: { [SECRETS.apiKeys]: secrets.apiKeys } }),
    },
    { provider: platform.provider, dependsOn: platform.ready },
  );
  const outputs = platform.attach(detector);
  const { namespace, service, deployment, nodePort } = detector;
  return {
    ...release,
    ...outputs,
    namespace,
    service,
    deployment,
    ...(config.detector.service.type !== "ClusterIP" && { nodePort }),
  };
}
