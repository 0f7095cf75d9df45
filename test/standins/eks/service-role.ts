import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { COMPONENT_AWS_VERSION } from "./cluster.ts";

const CLUSTER_POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";

/** The role of the control plane, with the policy that it needs, in a component of its own. */
export function serviceRole(
  name: string,
  tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined,
  parent: pulumi.Resource,
): { role: aws.iam.Role; attachments: pulumi.Resource[] } {
  const component = new pulumi.ComponentResource("eks:index:ServiceRole", name, {}, { parent });
  const own = { parent: component, version: COMPONENT_AWS_VERSION };
  const role = new aws.iam.Role(
    `${name}-role`,
    {
      description: "Allows EKS to manage clusters on your behalf.",
      assumeRolePolicy: {
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: ["sts:AssumeRole", "sts:TagSession"],
            Principal: { Service: "eks.amazonaws.com" },
          },
        ],
      },
      ...(tags !== undefined && { tags }),
    },
    own,
  );
  // The real component ends the name with the policy's hash.
  const attachment = new aws.iam.RolePolicyAttachment(
    `${name}-4b490823`,
    { role: role.name, policyArn: CLUSTER_POLICY },
    own,
  );
  return { role, attachments: [attachment] };
}
