import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { refuseProblems } from "../problems.ts";
import type { RegistryArgs } from "./args.ts";
import { registryProblems } from "./checks.ts";
import { lifecyclePolicy, pullPolicy } from "./policies.ts";

/** A repository for images of the service. The cluster's nodes pull from it by the policy of their own role. */
export class Registry extends pulumi.ComponentResource {
  /** Address to push to and pull from, without a tag: `<account>.dkr.ecr.<region>.amazonaws.com/<name>`. */
  readonly repositoryUrl: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  /** Throws one ResourceError that lists every problem with the arguments. */
  constructor(name: string, args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("yolo:infra:Registry", name, {}, opts);
    const problems = registryProblems(args);
    refuseProblems(problems, this);

    const { pullAccounts = [], protect } = args;
    const repository = new aws.ecr.Repository(
      name,
      {
        name: args.name ?? `${args.clusterName}/detector`,
        // A tag that moved would be another image under the name that somebody tested.
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: args.encryption === "kms" ? "KMS" : "AES256" }],
        forceDelete: !protect,
      },
      { parent: this, protect },
    );
    const ref = { repository: repository.name };
    new aws.ecr.LifecyclePolicy(name, { ...ref, policy: JSON.stringify(lifecyclePolicy(args)) }, { parent: this });
    if (pullAccounts.length > 0) {
      const policy = pulumi.output(args.partition).apply((partition) => pullPolicy(pullAccounts, partition));
      new aws.ecr.RepositoryPolicy(name, { ...ref, policy }, { parent: this });
    }

    this.repositoryUrl = repository.repositoryUrl;
    this.arn = repository.arn;
    this.registerOutputs({ repositoryUrl: this.repositoryUrl, arn: this.arn });
  }
}
